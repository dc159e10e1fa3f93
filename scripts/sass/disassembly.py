"""Reads the listing that `nvdisasm -c` prints: the kernels of one cubin and their instructions."""

import dataclasses
import re

_SECTION = re.compile(r"^\s*\.section\s+\.text\.([^,\s]+)")
_LABEL = re.compile(r"^([^\s:]+):\s*$")
_INSTRUCTION = re.compile(
    r"^\s+/\*([0-9a-f]{4,})\*/\s+\{?\s*(?:@(!?U?P\w+)\s+)?([A-Z][A-Z0-9_]*(?:\.\w+)*)\s*(.*?)\s*;")
_TARGET = re.compile(r"`\(([^)]*)\)")
_OF_KERNEL = re.compile(r"^\$.*\$")
_WIDTH = re.compile(r"\.(128|64|U16|S16|U8|S8)\b")
_BITS = {"128": 128, "64": 64, "U16": 16, "S16": 16, "U8": 8, "S8": 8}


@dataclasses.dataclass(frozen=True)
class Instruction:
    address: int
    predicate: str  # "P0", "!UP1"; empty where the instruction is executed always
    opcode: str  # with its modifiers: "LDG.E.128"
    operands: str

    @property
    def mnemonic(self):
        return self.opcode.split(".")[0]

    @property
    def target(self):
        """The label or function that a jump or a call names; empty where it names none."""
        found = _TARGET.search(self.operands)
        return found.group(1) if found else ""

    @property
    def access_bits(self):
        """Bits that one thread moves, of a load or store."""
        found = _WIDTH.search(self.opcode)
        return _BITS[found.group(1)] if found else 32


@dataclasses.dataclass
class Function:
    """A kernel: the instructions of its own, and apart from them those of routines that the compiler put behind it."""

    symbol: str
    instructions: list = dataclasses.field(default_factory=list)
    labels: dict = dataclasses.field(default_factory=dict)  # label -> index in instructions
    routines: dict = dataclasses.field(default_factory=dict)  # name -> its instructions

    def count(self, pattern):
        """Instructions of the kernel's own whose opcode begins with the regular expression."""
        expression = re.compile(pattern)
        return sum(1 for one in self.instructions if expression.match(one.opcode))

    def everything(self):
        yield from self.instructions
        for instructions in self.routines.values():
            yield from instructions

    def calls(self):
        """Names of what is called. A call of a label of the kernel's own is a jump: ptxas writes some exits so."""
        names = set()
        for one in self.everything():
            if one.mnemonic == "CALL" and one.target not in self.labels:
                # With a register before it, the name is only what the address is relative to.
                named = one.operands.startswith("`(")
                names.add(routine_name(one.target) if named else "an address in a register")
        return names

    def widths(self, mnemonic):
        """Bits of the global loads (LDG) or stores (STG), widest first."""
        return sorted({one.access_bits for one in self.instructions if one.mnemonic == mnemonic}, reverse=True)


def routine_name(symbol):
    """The name without what sets each kernel's copy apart: __cuda_x for $__internal_3_$__cuda_x."""
    return _OF_KERNEL.sub("", symbol)


def parse(listing):
    """The functions of a listing, by symbol."""
    functions = {}
    function = instructions = None
    for line in listing.splitlines():
        section = _SECTION.match(line)
        if section:
            function = functions.setdefault(section.group(1), Function(section.group(1)))
            instructions = function.instructions
            continue
        if function is None:
            continue
        label = _LABEL.match(line)
        if label:
            name = label.group(1)
            if not name.startswith("."):
                # A symbol: the kernel's own at its start, and a routine's after it.
                instructions = (function.instructions if name == function.symbol
                                else function.routines.setdefault(routine_name(name), []))
            elif instructions is function.instructions:
                function.labels[name] = len(instructions)
            continue
        found = _INSTRUCTION.match(line)
        if found:
            address, predicate, opcode, operands = found.groups()
            instructions.append(Instruction(int(address, 16), predicate or "", opcode, operands))
        elif re.match(r"^\s+/\*[0-9a-f]{4,}\*/\s+\S", line):
            # Left out of the counts, it could hide anything.
            raise ValueError(f"this line of nvdisasm's listing is not understood: {line.strip()}")
    return functions
