"""What the parser makes of PTX text.

Seen to fail on: names of an inner scope that hide nothing; a label of an inner scope taken for the outer one; braces in
a comment counted; the sign of an offset lost; a line number that a comment shifts.
"""

import unittest

from interpreter.errors import Unsupported
from interpreter.parser import Address, FloatBits, Group, Integer, Label, Name, Pair, parse
from interpreter.records import normalised
from tiny_kernel import kernel_text, run_body


def instructions(body, **text):
    function = parse(kernel_text(body, **text), "x.ptx").functions["tiny"]
    return [item for item in function.body.items if not isinstance(item, Label)]


class Parser(unittest.TestCase):
    def test_operands(self):
        (first,) = instructions("@!%p1 shfl.sync.idx.b32 %r1|%p2, %r2, -3, 0x1fU, {%r3, _};")
        self.assertEqual(first.guard, Name("%p1", 0, True))
        self.assertEqual(first.opcode, "shfl.sync.idx.b32")
        self.assertEqual(
            first.operands,
            (Pair(Name("%r1"), Name("%p2")), Name("%r2"), Integer(-3), Integer(31), Group((Name("%r3"), Name("_")))),
        )
        first, second, third = instructions(
            "ld.global.nc.L1::no_allocate.v2.f32 {%r1, %r2}, [%d1+-8];"
            "mov.f32 %r3, 0f3F800000; ld.shared.u32 %r1, [tile-4];"
        )
        self.assertEqual(first.opcode, "ld.global.nc.L1::no_allocate.v2.f32")
        self.assertEqual(first.operands[1], Address(Name("%d1"), -8))
        self.assertEqual(second.operands[1], FloatBits(0x3F800000, 32))
        self.assertEqual(third.operands[1], Address(Name("tile"), -4))

    def test_lines_and_locations(self):
        text = (
            kernel_text("""// a brace } in a comment
  /* and { one
     here */ mov.u32 %r1, 0;
  .loc 1 7 3, function_name $L__info_string0, inlined_at 1 20 5
  mov.u32 %r2, 1;""")
            + '\n.file 1 "a.cu"\n'
        )
        items = parse(text, "x.ptx").functions["tiny"].body.items
        lines = text.split("\n")
        self.assertEqual([lines[item.line - 1][-15:] for item in items], ["mov.u32 %r1, 0;", "mov.u32 %r2, 1;"])
        self.assertEqual([item.location for item in items], ["", "a.cu:7"])

    def test_inner_scopes(self):
        body = """
  mov.u32 %r1, 5;
  { .reg.b32 %r1; .reg .pred p; mov.u32 %r1, 7; setp.eq.u32 p, %r1, 7; @p bra L; mov.u32 %r1, 50; L: }
  mov.u32 %r2, 7;
  { .reg .pred p; setp.eq.u32 p, %r1, 5; @p bra L; mov.u32 %r2, 99; L: }
  st.global.v2.u32 [%d1], {%r1, %r2};
  ret;
"""
        self.assertEqual(run_body(body, output=8).words(), [5, 7])

    def test_module_variables(self):
        text = kernel_text(
            "ret;",
            outside="""
.const .align 4 .f32 half[2] = {0f3F000000, 0fBF000000};
.visible .global .align 8 .b8 words[12] = {1, 0, 0, 0, 2};
.extern .shared .align 16 .b8 dynamic[];
.global .align 4 .u32 count;
""",
        )
        variables = parse(text).variables
        self.assertEqual(variables["half"].data.hex(), "0000003f000000bf")
        self.assertEqual((variables["words"].size, variables["words"].data), (12, b"\1\0\0\0\2"))
        self.assertIsNone(variables["dynamic"].count)
        self.assertEqual((variables["count"].size, variables["count"].align), (4, 4))

    def test_headers(self):
        text = """
.version 9.0
.target sm_90a
.address_size 64
.extern .func elsewhere(.param .b32 x);
.func (.param .b32 result) helper(.param .b32 a, .param .align 8 .b8 b[24])
{ ret; }
.weak .entry kernel(.param .u64 .ptr .align 1 p, .param .u8 q)
.maxntid 256, 1, 1
.minnctapersm 2
{ ret; }
.section .debug_str { info: .b8 95 }
"""
        module = parse(text)
        self.assertEqual(module.target, "sm_90a")
        self.assertEqual(list(module.kernels), ["kernel"])
        self.assertEqual([v.size for v in module.functions["kernel"].parameters], [8, 1])
        self.assertEqual(module.functions["kernel"].directives, {"maxntid": (256, 1, 1)})
        self.assertEqual([v.size for v in module.functions["helper"].parameters], [4, 24])
        self.assertEqual([v.size for v in module.functions["helper"].results], [4])

    def test_what_it_does_not_know_is_named_with_its_line(self):
        for body, words in (
            ("ret;\n .strange 5;", r"x\.ptx:\d+: \.strange"),
            ("mov.u32 %r1, <;", r"x\.ptx:\d+: an operand"),
            ("bra nowhere;", r"x\.ptx:\d+: no label nowhere"),
            ("mov.u32 %r1, ~3;", r"x\.ptx:\d+: cannot read"),
        ):
            with self.assertRaisesRegex(Unsupported, words):
                instructions(body)

    def test_anonymous_namespaces(self):
        host = "_ZN5kones4cuda6kernelINS0_12_GLOBAL__N_17NearestILi1EEENS0_12_GLOBAL__N_13RowEEEvT_"
        nvcc = (
            "_ZN5kones4cuda6kernelINS0_47_GLOBAL__N__db489d90_9_k_ones_cu_eb9aefe1_111617NearestILi1EEE"
            "NS0_47_GLOBAL__N__db489d90_9_k_ones_cu_eb9aefe1_111613RowEEEvT_"
        )
        self.assertEqual(normalised(nvcc), host)
        self.assertEqual(normalised(host), host)
        self.assertNotEqual(normalised(nvcc.replace("Nearest", "Neatest")), host)


if __name__ == "__main__":
    unittest.main()
