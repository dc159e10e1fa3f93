"""Holds kernels against the table of limits. Every failure is one line of words that tests rely on."""

import collections
import dataclasses
import re

from sass import control_flow
from sass.limits import for_architecture

# nvcc's exact float32 division: a reciprocal, five fused multiply-adds that make it exact, and one FCHK that sends the
# rest (subnormal or huge operands) to a routine.
FUSED_PER_DIVISION = 5
_FUSED = {"FFMA", "FFMA2", "FFMA32I", "UFFMA", "DFMA", "HFMA2", "HFMA2_32I"}


@dataclasses.dataclass
class Result:
    kernel: object
    row: object  # None where no row, or several, match
    instructions_per_unit: float  # None where the row asks for none
    failures: list


def fused_multiply_adds(code):
    """Fused multiply-adds of the kernel's own. -0 * 0 + constant is how constants are loaded on some architectures."""
    return sum(1 for one in code.instructions if one.mnemonic in _FUSED and "-RZ, RZ," not in one.operands)


def _local_memory(code):
    accesses = [one for one in code.everything() if one.mnemonic in ("LDL", "STL")]
    if not accesses:
        return []
    loads = sum(1 for one in accesses if one.mnemonic == "LDL")
    counts = f"{loads} LDL, {len(accesses) - loads} STL"
    # Spilled registers lie at fixed places of the stack; an indexed array has addresses computed at run time.
    computed = [one for one in accesses if not re.search(r"\[R1(\+-?0x[0-9a-f]+)?\]", one.operands)]
    if computed:
        return [f"local array in local memory: {counts}, {len(computed)} at addresses computed at run time"]
    return [f"spilled registers in local memory: {counts}, all at fixed places of the stack"]


def _calls(code, allowed):
    found = code.calls()
    return ([f"CALL of {name}, which the table does not allow" for name in sorted(found - set(allowed))] +
            [f"no CALL of {name}, which the table expects: remove it there" for name in sorted(set(allowed) - found)])


def _widths(code, mnemonic, what, wanted):
    found = code.widths(mnemonic)
    if wanted is None or found == wanted:
        return []
    words = [" and ".join(map(str, widths)) or "no" for widths in (found, wanted)]
    return [f"global {what} of {words[0]} bits, expected {words[1]}"]


def _fused(code, row):
    if row.fused == "any":
        return []
    allowed = FUSED_PER_DIVISION * code.count("FCHK") if row.fused == "division" else 0
    found = fused_multiply_adds(code)
    if found == allowed:
        return []
    return [f"fused multiply-adds: {found}, of which divisions account for {allowed}; contraction must be off"]


def _turn(kernel, row):
    """The instructions per unit of the main loop, and what is wrong with them."""
    if row.turn is None:
        return None, []
    turn = control_flow.shortest_turn(kernel.code, row.turn["through"])
    if turn is None:
        return None, [f"no loop through {' and '.join(row.turn['through'])}"]
    per_unit = turn / row.turn["amount"]
    limit = row.turn_limit(kernel.name, kernel.architecture)
    if per_unit <= limit:
        return per_unit, []
    return per_unit, [f"{per_unit:g} instructions per {row.turn['unit']}, limit {limit:g}"]


def check_kernel(kernel, row):
    architecture, code = kernel.architecture, kernel.code
    failures = []
    if kernel.stack_bytes:
        failures.append(f"stack frame of {kernel.stack_bytes} bytes")
    failures += _local_memory(code)
    failures += _calls(code, for_architecture(row.calls, architecture))
    for name, found, limit in (("registers", kernel.registers, row.registers),
                               ("bytes of shared memory", kernel.shared_bytes, row.shared_bytes)):
        limit = for_architecture(limit, architecture)
        if found > limit:
            failures.append(f"{found} {name}, limit {limit}")
    for pattern in for_architecture(row.expected, architecture):
        if not code.count(pattern):
            failures.append(f"expected instruction {pattern} is missing")
    for pattern in for_architecture(row.forbidden, architecture):
        if code.count(pattern):
            failures.append(f"forbidden instruction {pattern} occurs")
    failures += _widths(code, "LDG", "loads", for_architecture(row.loads, architecture))
    failures += _widths(code, "STG", "stores", for_architecture(row.stores, architecture))
    failures += _fused(code, row)
    per_unit, wrong = _turn(kernel, row)
    return Result(kernel, row, per_unit, failures + wrong)


def check(kernels, table):
    """A result for every kernel, and the failures that belong to none: lists of lines."""
    results, others = [], []
    matched = collections.Counter()
    for kernel in kernels:
        rows = [row for row in table.rows if row.match.search(kernel.name)]
        if kernel.architecture not in table.architectures:
            results.append(Result(kernel, None, None, ["the table has no limits for this architecture"]))
        elif len(rows) == 1:
            matched[rows[0].name, kernel.architecture] += 1
            results.append(check_kernel(kernel, rows[0]))
        elif rows:
            names = " and ".join(f"'{row.name}'" for row in rows)
            results.append(Result(kernel, None, None, [f"matches several rows of the table: {names}"]))
        else:
            results.append(Result(kernel, None, None, ["matches no row of the table"]))
    present = {kernel.architecture for kernel in kernels}
    for architecture in table.architectures:
        if architecture not in present:
            others.append(f"{architecture}: no machine code")
            continue
        for row in table.rows:
            found = matched[row.name, architecture]
            if found != row.kernels:
                others.append(f"{architecture} row '{row.name}': {found} kernels match, expected {row.kernels}")
    return results, others
