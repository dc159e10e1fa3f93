"""Kernels of a few lines for the tests: their text, and running them."""

import struct
from dataclasses import dataclass

from interpreter.compiler import Program
from interpreter.machine import Launch
from interpreter.memory import GlobalMemory
from interpreter.parser import parse

INPUT, OUTPUT = 0x100000, 0x900000

_REGISTER = {"b16": "%h", "b32": "%r", "b64": "%d", "b128": "%q"}
_CODE = {"b16": "H", "b32": "I", "b64": "Q"}


def kernel_text(body, outside="", name="tiny", declarations="", parameters=2):
    """A kernel of 64-bit parameters p0, p1 ..., with registers of every width declared: %p, %h, %r, %d, %q."""
    formal = ",\n".join(f"  .param .u64 p{number}" for number in range(parameters))
    return f"""
.version 9.0
.target sm_80
.address_size 64
{outside}
.visible .entry {name}(
{formal}
)
{{
  .reg .pred %p<20>;
  .reg .b16 %h<40>;
  .reg .b32 %r<80>;
  .reg .b64 %d<40>;
  .reg .b128 %q<4>;
  {declarations}
{body}
}}
"""


@dataclass
class Run:
    output: bytearray

    def words(self, code="I"):
        return [value for (value,) in struct.iter_unpack("<" + code, self.output)]


def run(text, data=b"", output=4, threads=1, blocks=1, shared_bytes=0, name="tiny"):
    """Launches the kernel with p0 = the address of `data`, p1 = that of `output` bytes (or of a bytearray)."""
    module = parse(text, "tiny.ptx")
    kernel = Program(module).kernel(name)
    memory = GlobalMemory()
    result = output if isinstance(output, bytearray) else bytearray(output)
    if data:
        memory.add(INPUT, bytearray(data))
    memory.add(OUTPUT, result)
    block = threads if isinstance(threads, tuple) else (threads, 1, 1)
    grid = blocks if isinstance(blocks, tuple) else (blocks, 1, 1)
    parameters = [struct.pack("<Q", INPUT), struct.pack("<Q", OUTPUT)][: len(module.functions[name].parameters)]
    Launch(kernel, grid, block, parameters, memory, shared_bytes).run()
    return Run(result)


def run_body(body, data=b"", output=4, threads=1, blocks=1, shared_bytes=0, **text):
    """run() of a kernel with this body, in which %d0 and %d1 are the addresses of input and output, %r0 is tid.x."""
    prologue = """
  ld.param.u64 %d0, [p0];
  ld.param.u64 %d1, [p1];
  mov.u32 %r0, %tid.x;
"""
    return run(kernel_text(prologue + body, **text), data, output, threads, blocks, shared_bytes)


def apply(instruction, sources, target, cases):
    """The results of one instruction for many cases, one thread each. `instruction` names its operands {d}, {a}, {b},
    {c}, {e}; sources and target are b16, b32, b64 or pred (1 or 0)."""
    data = b"".join(struct.pack("<" + "Q" * len(case), *case) for case in cases)
    names, lines = {}, []
    for place, (letter, type_name) in enumerate(zip("abce", sources)):
        lines.append(f"ld.global.u64 %d{10 + place}, [%d2+{8 * place}];")
        if type_name == "pred":
            names[letter] = f"%p{1 + place}"
            lines.append(f"setp.ne.u64 {names[letter]}, %d{10 + place}, 0;")
        elif type_name == "b64":
            names[letter] = f"%d{10 + place}"
        else:
            names[letter] = f"{_REGISTER[type_name]}{10 + place}"
            lines.append(f"cvt.u{type_name[1:]}.u64 {names[letter]}, %d{10 + place};")
    if target == "pred":
        names["d"] = "%p0"
        ending = "selp.b64 %d30, 1, 0, %p0;"
    elif target == "b64":
        names["d"], ending = "%d30", ""
    else:
        names["d"] = f"{_REGISTER[target]}30"
        ending = f"cvt.u64.u{target[1:]} %d30, {names['d']};"
    size = 8 * len(sources)
    body = f"""
  mad.wide.u32 %d2, %r0, {size}, %d0;
  mad.wide.u32 %d3, %r0, 8, %d1;
  {" ".join(lines)}
  {instruction.format(**names)}
  {ending}
  st.global.u64 [%d3], %d30;
  ret;
"""
    results = []
    for first in range(0, len(cases), 1024):
        part = min(1024, len(cases) - first)
        outcome = run_body(body, data[first * size : (first + part) * size], 8 * part, threads=part)
        results += outcome.words("Q")
    return results
