"""The parts of scripts/check_sass on small inputs with answers known by hand.

Seen to fail on: a jump to a label taken for a call; modifiers taken for another opcode (test_widths); an unconditional
jump that falls through (test_both_ways_are_never_in_one_turn); steps not counted (ShortestTurn); registers not rounded
up to 8 (test_registers).
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"))

from sass import checks, control_flow, disassembly, library, occupancy  # noqa: E402

# A loop of four instructions around two ways: a narrow one of 5 and a wide one of 4.
LISTING = """
\t.section\t.text.kernel,"ax",@progbits
.text.kernel:
        .type           kernel,@function
kernel:
        /*0000*/                   MOV R1, c[0x0][0x28] ;
        /*0010*/               @P0 EXIT ;
.L_x_3:
        /*0020*/                   ISETP.NE.AND P2, PT, R4, 0x4, PT ;
        /*0030*/              @!P2 BRA `(.L_x_1) ;
        /*0040*/                   LDG.E.U16.SYS R5, [R10+0x2] ;
        /*0050*/              @!P3 LDG.E.U16.SYS R6, [R10] ;
        /*0060*/                   NOP ;
        /*0070*/                   STG.E.U16 desc[UR8][R8.64], R5 ;
        /*0080*/                   BRA `(.L_x_2) ;
.L_x_1:
        /*0090*/                   LDG.E.64 R4, desc[UR8][R10.64] ;
        /*00a0*/                   FCHK P0, R5, R6 ;
        /*00b0*/                   CALL.REL.NOINC `($__internal_0_$__cuda_divide) ;
        /*00c0*/                   STG.E.64 desc[UR8][R8.64], R4 ;
.L_x_2:
        /*00d0*/                   IADD3 R14, P0, R2.reuse, R14, RZ ;
        /*00e0*/              @!P0 BRA `(.L_x_3) ;
        /*00f0*/               @P1 CALL.REL.NOINC `(.L_x_4) ;
        /*0100*/                   HFMA2 R13, -RZ, RZ, 0, 0 ;
.L_x_4:
        /*0110*/                   EXIT ;
        .weak           $__internal_0_$__cuda_divide
$__internal_0_$__cuda_divide:
        /*0120*/                   FFMA R1, R2, R3, R4 ;
        /*0130*/                   RET.REL.NODEC R24 `(kernel) ;
.L_x_5:
        /*0140*/                   BRA `(.L_x_5);
        /*0150*/                   NOP;
"""


class Disassembly(unittest.TestCase):
    def setUp(self):
        self.function = disassembly.parse(LISTING)["kernel"]

    def test_instructions_belong_to_the_kernel_or_to_its_routine(self):
        self.assertEqual(len(self.function.instructions), 18)
        self.assertEqual([one.opcode for one in self.function.routines["__cuda_divide"]],
                         ["FFMA", "RET.REL.NODEC", "BRA", "NOP"])
        self.assertEqual(self.function.count("FFMA"), 0)

    def test_predicates_and_operands(self):
        self.assertEqual(self.function.instructions[3],
                         disassembly.Instruction(0x30, "!P2", "BRA", "`(.L_x_1)"))

    def test_a_call_of_a_label_is_no_call(self):
        self.assertEqual(self.function.calls(), {"__cuda_divide"})

    def test_widths(self):
        self.assertEqual(self.function.widths("LDG"), [64, 16])
        self.assertEqual(self.function.widths("STG"), [64, 16])

    def test_a_constant_is_not_fused(self):
        self.assertEqual(checks.fused_multiply_adds(self.function), 0)

    def test_what_is_not_understood_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "not understood: .*mov r1"):
            disassembly.parse(LISTING.replace("MOV R1", "mov r1"))


class ShortestTurn(unittest.TestCase):
    def setUp(self):
        self.function = disassembly.parse(LISTING)["kernel"]

    def test_wide_way(self):
        self.assertEqual(control_flow.shortest_turn(self.function, [r"LDG\.E\.64", r"STG\.E\.64"]), 8)

    def test_narrow_way(self):
        self.assertEqual(control_flow.shortest_turn(self.function, [r"LDG\.E\.U16", r"STG\.E\.U16"]), 9)

    def test_one_stop(self):
        self.assertEqual(control_flow.shortest_turn(self.function, ["IADD3"]), 8)

    def test_both_ways_are_never_in_one_turn(self):
        # Two turns of the loop, then: 8 and 9.
        self.assertEqual(control_flow.shortest_turn(self.function, [r"LDG\.E\.64", r"STG\.E\.U16"]), 17)

    def test_no_loop(self):
        self.assertIsNone(control_flow.shortest_turn(self.function, ["EXIT"]))
        self.assertIsNone(control_flow.shortest_turn(self.function, ["POPC"]))


class Occupancy(unittest.TestCase):
    def test_registers(self):
        for architecture, registers, percent in (
                ("sm_75", 64, 100), ("sm_75", 65, 75), ("sm_80", 32, 100), ("sm_80", 33, 75), ("sm_80", 48, 62),
                ("sm_86", 40, 100), ("sm_86", 41, 83), ("sm_89", 33, 100), ("sm_90a", 64, 50), ("sm_120a", 48, 83)):
            with self.subTest(f"{architecture}, {registers} registers"):
                self.assertEqual(occupancy.occupancy_percent(architecture, 256, registers, 0), percent)

    def test_shared_memory(self):
        # 164 KB, 1 KB of which goes with each block: 5 blocks of 31 KB, and 2 that are one byte too large for a third.
        self.assertEqual(occupancy.occupancy_percent("sm_80", 256, 32, 31 * 1024), 62)
        self.assertEqual(occupancy.occupancy_percent("sm_80", 256, 32, 164 * 1024 // 3 - 1024 + 1), 25)
        self.assertEqual(occupancy.occupancy_percent("sm_75", 256, 32, 32 * 1024), 50)

    def test_blocks(self):
        self.assertEqual(occupancy.occupancy_percent("sm_75", 32, 16, 0), 50)


class Names(unittest.TestCase):
    def test_unnamed_namespaces_are_called_after_their_file(self):
        symbol = ("_ZN5kones4cuda19map_elements_kernelILb0ENS_8BFloat16ENS0_46_GLOBAL__N__db489d90_9_k_ones_cu_36a83174"
                  "_50888TruncateILi4EEEEEvPKT0_PS6_lbNS_12RandomStreamET1_")
        self.assertEqual(library.short_names([symbol])[symbol],
                         "map_elements_kernel<false, BFloat16, k_ones.cu::Truncate<4>>")


if __name__ == "__main__":
    unittest.main()
