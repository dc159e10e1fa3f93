"""Every unit of scripts/synthesize_units, simulated from its Verilog, gives what its definition says.

What a unit must give is computed in models.py from its definition: integers, and fractions rounded as IEEE 754 says.
Operands of up to 17 bits together are tried in every combination, larger ones at corners and at random, the same ones
each time. --exhaustive-bits and --samples try more: 19 bits have LightNN-2 with 12-bit numbers, 21 k = 4 with 8 bits.

Seen to fail on: each fault of PLANTED, which the test plants itself; in the models, quotients cut off toward zero,
ties away from zero, subnormal results kept.
"""

import argparse
import pathlib
import struct
import sys
import tempfile
import unittest
import unittest.mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent.parent / "scripts"))

import cases  # noqa: E402
import models  # noqa: E402
import simulator  # noqa: E402
from units import catalogue  # noqa: E402

# File, module and parameters, a line of it, and a fault in its place that the vectors must find.
PLANTED = [
    ("multiply_baugh_wooley", "multiply_baugh_wooley", {"A_BITS": 12, "B_BITS": 12},
     "(ONE << (A_BITS - 1)) + (ONE << (B_BITS - 1))", "(ONE << (A_BITS - 1))"),
    ("multiply_booth", "multiply_booth", {"A_BITS": 16, "B_BITS": 16},
     "padded[2*i+2] & ~(padded[2*i+1] & padded[2*i])", "padded[2*i+2] & ~padded[2*i+1]"),
    ("k_ones", "k_ones_multiply", {"X_BITS": 12, "TERMS": 2, "EXACT": 1}, "widened >>> shifts", "widened >> shifts"),
    ("k_ones", "k_ones_multiply", {"X_BITS": 12, "TERMS": 2, "EXACT": 1},
     "{sum[SUM_BITS-1], sum} ^", "{1'b0, sum} ^"),
    ("k_ones", "k_ones_multiply", {"X_BITS": 16, "TERMS": 2, "EXACT": 0},  # truncates toward zero
     "term = widened >>> shifts[i*SHIFT_BITS+:SHIFT_BITS];",
     "term = x[X_BITS-1] ? -(-widened >>> shifts[i*SHIFT_BITS+:SHIFT_BITS])"
     " : widened >>> shifts[i*SHIFT_BITS+:SHIFT_BITS];"),
    ("k_ones", "k_ones_multiply_carry", {"X_BITS": 16, "TERMS": 1, "EXACT": 1}, "assign carry = ", "assign carry = ~"),
    ("k_ones_binary", "k_ones_binary", {"TERMS": 2}, "a ^ code", "a | code"),
    ("power_of_two", "power_of_two_multiply", {"X_BITS": 16, "LARGEST_SHIFT": 6, "EXACT": 1},
     "shift <= LARGEST_SHIFT", "shift < LARGEST_SHIFT"),
    ("ternary", "ternary_multiply", {"X_BITS": 8}, "{X_BITS{code[0]}}", "{X_BITS{code[0] | code[1]}}"),
    ("binary", "binary_add_subtract", {"X_BITS": 12, "SUM_BITS": 24},
     "input  signed [X_BITS-1:0] x", "input  [X_BITS-1:0] x"),
    ("popcount", "popcount", {"BITS": 64}, "i < BITS", "i < BITS - 1"),
    ("accumulate", "accumulate", {"TERM_BITS": 17, "SUM_BITS": 24}, "+ carry", ""),
    ("requantize", "requantize",
     {"SUM_BITS": 24, "MULTIPLIER_BITS": 16, "WIDE_BITS": 40, "Y_BITS": 8, "SIGNED": 0},
     "|differs[WIDE_BITS-2:Y_BITS];", "|differs[WIDE_BITS-2:Y_BITS+1];"),
    ("requantize", "requantize",
     {"SUM_BITS": 32, "MULTIPLIER_BITS": 16, "WIDE_BITS": 48, "Y_BITS": 16, "SIGNED": 1},
     "differs[WIDE_BITS-2:Y_BITS-1]", "differs[WIDE_BITS-2:Y_BITS]"),
    ("requantize", "requantize",
     {"SUM_BITS": 32, "MULTIPLIER_BITS": 16, "WIDE_BITS": 48, "Y_BITS": 8, "SIGNED": 0}, ">>> shift", ">> shift"),
    ("requantize", "threshold", {"SUM_BITS": 24}, "~(below | equal)", "~below"),
    ("fp32_multiply", "fp32_multiply", {}, "(below | kept[0])", "1'b1"),  # ties away from zero
    ("fp32_multiply", "fp32_multiply", {}, "exponent >= 255", "exponent > 255"),
    ("fp32_multiply", "fp32_multiply", {}, "+ $signed({9'b0, rounded[24]})", ""),
    ("fp32_add", "fp32_add", {}, "near_bits, sticky", "near_bits, 1'b0"),
    ("fp32_add", "fp32_add", {}, "total[1] | total[0]", "total[1]"),
    ("fp32_add", "fp32_add", {}, "|distance[7:5]", "|distance[7:6]"),
    ("fp32_add", "fp32_add", {}, "x[31] & z[31] : x[31]", "x[31] : x[31]"),
    ("fp32_k_ones", "fp32_k_ones_1", {}, "~exponent[8] &", ""),
    ("fp32_k_ones", "fp32_k_ones_2_fused", {}, "(carry && total[6])", "1'b0"),
    ("fp32_k_ones", "fp32_k_ones_2_fused", {}, "exponent >= 255", "1'b0"),
]


class UnitsTest(unittest.TestCase):
    def test_every_unit(self):
        vectors = exhaustive = 0
        for unit in catalogue.UNITS:
            with self.subTest(unit=unit.name):
                case = cases.case(unit.module, unit.parameters)
                outcome = simulator.simulate(case, catalogue.files())
                self.assertEqual(outcome.vectors, len(case.vectors))
                self.assertEqual(outcome.mismatches, 0, outcome.shown)
                print(f"{unit.name:28} {outcome.vectors:9} vectors{' (all)' if case.exhaustive else '      '} "
                      f"{outcome.mismatches} mismatches")
                vectors += outcome.vectors
                exhaustive += case.exhaustive
        print(f"{len(catalogue.UNITS)} units, {exhaustive} of them with all operands: {vectors} vectors")

    def test_every_module_is_simulated(self):
        modules = set()
        for file in catalogue.files():
            modules |= {line.split()[1] for line in file.read_text().splitlines() if line.startswith("module ")}
        self.assertEqual(modules, {unit.module for unit in catalogue.UNITS} | {"k_ones_sum"})

    @unittest.mock.patch.multiple(cases, samples=3000, exhaustive_bits=11)
    def test_planted_faults_are_found(self):
        for name, module, parameters, line, fault in PLANTED:
            with self.subTest(file=name, fault=fault), tempfile.TemporaryDirectory() as folder:
                right = (catalogue.VERILOG / f"{name}.v").read_text()
                self.assertIn(line, right)
                file = pathlib.Path(folder) / f"{name}.v"
                file.write_text(right.replace(line, fault))
                sources = [file] + [each for each in catalogue.files() if each.name != file.name]
                outcome = simulator.simulate(cases.case(module, parameters), sources)
                self.assertGreater(outcome.mismatches, 0)


class ModelsTest(unittest.TestCase):
    """The models against examples of docs/package-format.md, and against this machine's arithmetic."""

    def test_codes(self):
        for code, level in ((0x00, 256), (0x01, 192), (0x09, 128), (0x0A, 96), (0x4A, -96), (0x37, 3), (0x3F, 2),
                            (0x7F, -2)):
            self.assertEqual(models.level(code, 2), level)
        self.assertEqual([models.level(code, 1) for code in (0, 7, 8, 15)], [128, 1, -128, -1])
        self.assertEqual(models.level(0x01B, 3), 160)
        self.assertEqual([models.power_of_two_multiply(5, code, 6, True) for code in (0, 6, 7, 8, 14, 15)],
                         [320, 5, 0, -320, -5, 0])

    def test_truncation(self):
        self.assertEqual(models.k_ones_multiply(-5, 0x0A, 2, False), -5)  # floor(-2.5) + floor(-1.25)
        self.assertEqual(models.k_ones_multiply(-5, 0x4A, 2, False), 5)

    def test_requantize(self):
        given = (1, 2, -1, -2, 400, -400)
        self.assertEqual([models.requantize(each, 3, 2, 2, 8, False) for each in given], [1, 2, 0, 0, 255, 0])
        self.assertEqual([models.requantize(each, 3, 2, 2, 8, True) for each in given], [1, 2, -1, -1, 127, -128])

    def test_threshold(self):
        self.assertEqual([models.threshold(total, 5, True) for total in (4, 5, 6)], [1, 0, 0])
        self.assertEqual([models.threshold(total, 5, False) for total in (4, 5, 6)], [0, 0, 1])

    def test_fp32(self):
        compared = 0
        for module, operation, model in (("fp32_add", "add", models.fp32_add),
                                         ("fp32_multiply", "multiply", models.fp32_multiply)):
            for (a, b), _ in cases.case(module, {}, seed=2).vectors:
                expected = models.machine_fp32(operation, a, b)
                if expected is not None:
                    self.assertEqual(model(a, b), expected, f"{operation} {a:08x} {b:08x}")
                    compared += 1
        self.assertGreater(compared, 15000)

    def test_fp32_ends(self):
        one, smallest = struct.unpack("<II", struct.pack("<ff", 1.0, 2.0**-126))
        self.assertEqual(models.fp32_multiply(smallest, one - 1), 0)  # exact below 2^-126, though IEEE rounds it up
        self.assertEqual(models.fp32_multiply(smallest | 1, one - 1), smallest)  # rounds up to 2^-126
        self.assertEqual(models.fp32_add(0x7F7FFFFF, 0x73000000), 0x7F800000)
        self.assertEqual(models.fp32_add(0x80000001, 0x80000000), 0x80000000)  # subnormal: -0 + -0
        self.assertEqual(models.fp32_add(one, one | 1 << 31), 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exhaustive-bits", type=int, default=cases.exhaustive_bits)
    parser.add_argument("--samples", type=int, default=cases.samples)
    options, rest = parser.parse_known_args()
    cases.exhaustive_bits, cases.samples = options.exhaustive_bits, options.samples
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
