"""The arithmetic units of hardware/units that are synthesized and simulated: modules with their parameters."""

import dataclasses
import pathlib

VERILOG = pathlib.Path(__file__).resolve().parent.parent.parent / "hardware/units"


@dataclasses.dataclass(frozen=True)
class Unit:
    family: str  # baugh-wooley
    size: str  # 12x8, or nothing where a family has one size
    widths: tuple  # of the operands in bits, for --widths
    module: str
    parameters: dict = dataclasses.field(hash=False)

    @property
    def name(self):
        return f"{self.family}-{self.size}" if self.size else self.family


# What the reports call the families, in their order.
FAMILIES = {
    "baugh-wooley": "signed multiplier, Baugh-Wooley",
    "booth": "signed multiplier, Booth radix 4",
    "lightnn-1-exact": "LightNN-1, 7 more fraction bits",
    "lightnn-1-truncated": "LightNN-1, truncated",
    "lightnn-1-carry": "LightNN-1 exact, +1 left to the accumulator",
    "lightnn-2-exact": "LightNN-2, 7 more fraction bits",
    "lightnn-2-truncated": "LightNN-2, truncated",
    "lightnn-2-carry": "LightNN-2 exact, +1 left to the accumulator",
    "3-ones-exact": "k-ones, k = 3, exact",
    "4-ones-exact": "k-ones, k = 4, exact",
    "power-of-two-exact": "0 or ±2^-m, m = 0..6, exact",
    "power-of-two-truncated": "0 or ±2^-m, m = 0..6, truncated",
    "ternary": "-1, 0 or +1 times x",
    "binary-multiply": "±x",
    "binary-add-subtract": "sum ± x (BinaryConnect)",
    "binary-xnor": "sign times sign (BinaryNet)",
    "lightnn-1-signs": "LightNN-1 weight times sign",
    "lightnn-2-signs": "LightNN-2 weight times sign",
    "add": "adder",
    "popcount": "population count",
    "accumulate": "accumulator register",
    "requantize": "multiply, shift, saturate",
    "threshold": "threshold of a sign",
    "fp32-multiply": "fp32 multiplier",
    "fp32-add": "fp32 adder",
    "fp32-lightnn-1": "fp32 LightNN-1, exponent subtraction",
    "fp32-lightnn-2": "fp32 LightNN-2, two of them and an adder",
    "fp32-lightnn-2-fused": "fp32 LightNN-2, one exponent (m1 <= m2)",
}


def _units():
    for module, family, sizes in (
        ("multiply_baugh_wooley", "baugh-wooley", [(4, 4), (8, 4), (12, 4), (16, 4), (8, 8), (12, 8), (16, 8),
                                                    (12, 12), (16, 16), (32, 32)]),
        ("multiply_booth", "booth", [(8, 8), (12, 12), (16, 16), (32, 32)]),
    ):
        for a, b in sizes:
            yield Unit(family, f"{a}x{b}", (a, b), module, {"A_BITS": a, "B_BITS": b})

    for x in (8, 12, 16, 32):
        for terms in (1, 2):
            shape = {"X_BITS": x, "TERMS": terms}
            yield Unit(f"lightnn-{terms}-exact", f"{x}", (x,), "k_ones_multiply", shape | {"EXACT": 1})
            yield Unit(f"lightnn-{terms}-truncated", f"{x}", (x,), "k_ones_multiply", shape | {"EXACT": 0})
            yield Unit(f"lightnn-{terms}-carry", f"{x}", (x,), "k_ones_multiply_carry", shape | {"EXACT": 1})
    for x in (8, 12, 16):
        for terms in (3, 4):
            yield Unit(f"{terms}-ones-exact", f"{x}", (x,), "k_ones_multiply",
                       {"X_BITS": x, "TERMS": terms, "EXACT": 1})
        for exact, label in ((1, "exact"), (0, "truncated")):
            yield Unit(f"power-of-two-{label}", f"{x}", (x,), "power_of_two_multiply",
                       {"X_BITS": x, "LARGEST_SHIFT": 6, "EXACT": exact})
        yield Unit("ternary", f"{x}", (x,), "ternary_multiply", {"X_BITS": x})
        yield Unit("binary-multiply", f"{x}", (x,), "binary_multiply", {"X_BITS": x})
    for x, total in ((8, 20), (12, 24), (16, 32)):
        yield Unit("binary-add-subtract", f"{x}-{total}", (x, total), "binary_add_subtract",
                   {"X_BITS": x, "SUM_BITS": total})
    yield Unit("binary-xnor", "", (1,), "binary_xnor", {})
    for terms in (1, 2):
        yield Unit(f"lightnn-{terms}-signs", "", (1,), "k_ones_binary", {"TERMS": terms})

    for bits in (8, 12, 16, 20, 24, 32):
        yield Unit("add", f"{bits}", (bits,), "add", {"BITS": bits})
    for bits in (16, 64, 256):
        yield Unit("popcount", f"{bits}", (bits,), "popcount", {"BITS": bits})
    for term, total in ((17, 24), (21, 32)):
        yield Unit("accumulate", f"{term}-{total}", (term, total), "accumulate", {"TERM_BITS": term, "SUM_BITS": total})
    for total, wide, y, signed in ((24, 40, 8, 0), (32, 48, 8, 0), (32, 48, 16, 1)):
        yield Unit("requantize", f"{total}-{'s' if signed else 'u'}{y}", (total, y), "requantize",
                   {"SUM_BITS": total, "MULTIPLIER_BITS": 16, "WIDE_BITS": wide, "Y_BITS": y, "SIGNED": signed})
    for bits in (24, 32):
        yield Unit("threshold", f"{bits}", (bits,), "threshold", {"SUM_BITS": bits})

    for family, module in (("fp32-multiply", "fp32_multiply"), ("fp32-add", "fp32_add"),
                           ("fp32-lightnn-1", "fp32_k_ones_1"), ("fp32-lightnn-2", "fp32_k_ones_2"),
                           ("fp32-lightnn-2-fused", "fp32_k_ones_2_fused")):
        yield Unit(family, "", (32,), module, {})


_ORDER = list(FAMILIES)
UNITS = sorted(_units(), key=lambda unit: _ORDER.index(unit.family))  # a stable sort: sizes stay in their order


def files(folder=VERILOG):
    return sorted(folder.glob("*.v"))
