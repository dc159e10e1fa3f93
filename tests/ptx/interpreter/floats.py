"""Exact floating point on bit patterns, with integers: every result is the exact value, rounded once.

A format is a Format; a number in it is an int that holds its bits. A NaN result is the canonical NaN of PTX; binary64
has none (PTX leaves its payload open), so that a NaN result there is refused. Subnormals are always kept: nvcc flushes
them only under -ftz=true, whose modifier .ftz the instruction tables refuse.
"""

from dataclasses import dataclass
from math import isqrt

from .errors import Unsupported


@dataclass(frozen=True)
class Format:
    name: str
    width: int
    fraction_bits: int
    canonical_nan: int | None

    @property
    def exponent_bits(self):
        return self.width - 1 - self.fraction_bits

    @property
    def bias(self):
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def infinity(self):
        return ((1 << self.exponent_bits) - 1) << self.fraction_bits

    @property
    def sign_bit(self):
        return 1 << (self.width - 1)

    @property
    def largest(self):
        return self.infinity - 1

    @property
    def one(self):
        return self.bias << self.fraction_bits

    def nan(self):
        if self.canonical_nan is None:
            raise Unsupported(f"a NaN result in .{self.name}: PTX leaves its bits open")
        return self.canonical_nan


F16 = Format("f16", 16, 10, 0x7FFF)
BF16 = Format("bf16", 16, 7, 0x7FFF)
F32 = Format("f32", 32, 23, 0x7FFFFFFF)
F64 = Format("f64", 64, 52, None)
FORMATS = {format.name: format for format in (F16, BF16, F32, F64)}


def is_nan(bits, format):
    return bits & (format.sign_bit - 1) > format.infinity


def is_infinite(bits, format):
    return bits & (format.sign_bit - 1) == format.infinity


def decode(bits, format):
    """(mantissa, exponent): the finite number is mantissa * 2^exponent; the mantissa carries the sign."""
    magnitude = bits & (format.sign_bit - 1)
    fraction = magnitude & ((1 << format.fraction_bits) - 1)
    exponent = magnitude >> format.fraction_bits
    if exponent:
        fraction |= 1 << format.fraction_bits
    else:
        exponent = 1
    return (-fraction if bits & format.sign_bit else fraction), exponent - format.bias - format.fraction_bits


def round_to(negative, magnitude, exponent, format, rounding="rn", sticky=False):
    """The bits of +-magnitude * 2^exponent (plus something less than one unit of it when sticky), rounded to `format`.

    rounding is PTX's: rn to nearest even, rz to zero, rm down, rp up. When sticky, magnitude must have at least two bits
    more than the format's precision.
    """
    sign = format.sign_bit if negative else 0
    if not magnitude and not sticky:
        return sign
    smallest_exponent = 1 - format.bias - format.fraction_bits
    unit = max(magnitude.bit_length() + exponent - format.fraction_bits - 1, smallest_exponent)
    shift = unit - exponent
    if shift <= 0:
        if sticky:
            raise ValueError("a sticky value needs bits to spare")
        kept, half, rest = magnitude << -shift, 0, 0
    else:
        kept = magnitude >> shift
        half = magnitude >> (shift - 1) & 1
        rest = int(magnitude & ((1 << (shift - 1)) - 1) != 0 or sticky)
    away = {
        "rn": half and (rest or kept & 1),
        "rz": False,
        "rm": negative and (half or rest),
        "rp": not negative and (half or rest),
    }[rounding]
    kept += bool(away)
    # A carry out of the fraction lands in the exponent field, where it belongs; so does the first normal number.
    bits = kept + ((unit - smallest_exponent) << format.fraction_bits)
    if bits >= format.infinity:
        towards_zero = rounding == "rz" or (rounding == "rm" and not negative) or (rounding == "rp" and negative)
        bits = format.largest if towards_zero else format.infinity
    return sign | bits


def _zero_of_sum(first_negative, second_negative, rounding):
    """Whether an exact zero sum of two numbers is negative."""
    if first_negative == second_negative:
        return first_negative
    return rounding == "rm"


def fma(a, b, c, format, rounding="rn"):
    """a * b + c with one rounding."""
    if is_nan(a, format) or is_nan(b, format) or is_nan(c, format):
        return format.nan()
    product_negative = bool((a ^ b) & format.sign_bit)
    if is_infinite(a, format) or is_infinite(b, format):
        magnitude = format.sign_bit - 1
        if not a & magnitude or not b & magnitude:
            return format.nan()
        if is_infinite(c, format) and bool(c & format.sign_bit) != product_negative:
            return format.nan()
        return format.infinity | (format.sign_bit if product_negative else 0)
    if is_infinite(c, format):
        return c
    a_mantissa, a_exponent = decode(a, format)
    b_mantissa, b_exponent = decode(b, format)
    c_mantissa, c_exponent = decode(c, format)
    product, product_exponent = a_mantissa * b_mantissa, a_exponent + b_exponent
    exponent = min(product_exponent, c_exponent)
    total = (product << (product_exponent - exponent)) + (c_mantissa << (c_exponent - exponent))
    if total == 0:
        negative = _zero_of_sum(product_negative, bool(c & format.sign_bit), rounding)
        return format.sign_bit if negative else 0
    return round_to(total < 0, abs(total), exponent, format, rounding)


def add(a, b, format, rounding="rn"):
    if is_nan(a, format) or is_nan(b, format):
        return format.nan()
    if is_infinite(a, format) or is_infinite(b, format):
        if is_infinite(a, format) and is_infinite(b, format) and a != b:
            return format.nan()
        return a if is_infinite(a, format) else b
    a_mantissa, a_exponent = decode(a, format)
    b_mantissa, b_exponent = decode(b, format)
    exponent = min(a_exponent, b_exponent)
    total = (a_mantissa << (a_exponent - exponent)) + (b_mantissa << (b_exponent - exponent))
    if total == 0:
        negative = _zero_of_sum(bool(a & format.sign_bit), bool(b & format.sign_bit), rounding)
        return format.sign_bit if negative else 0
    return round_to(total < 0, abs(total), exponent, format, rounding)


def sub(a, b, format, rounding="rn"):
    return add(a, b ^ format.sign_bit, format, rounding)


def mul(a, b, format, rounding="rn"):
    if is_nan(a, format) or is_nan(b, format):
        return format.nan()
    negative = bool((a ^ b) & format.sign_bit)
    if is_infinite(a, format) or is_infinite(b, format):
        magnitude = format.sign_bit - 1
        if not a & magnitude or not b & magnitude:
            return format.nan()
        return format.infinity | (format.sign_bit if negative else 0)
    a_mantissa, a_exponent = decode(a, format)
    b_mantissa, b_exponent = decode(b, format)
    return round_to(negative, abs(a_mantissa * b_mantissa), a_exponent + b_exponent, format, rounding)


def div(a, b, format, rounding="rn"):
    if is_nan(a, format) or is_nan(b, format):
        return format.nan()
    sign = (a ^ b) & format.sign_bit
    a_infinite, b_infinite = is_infinite(a, format), is_infinite(b, format)
    if a_infinite and b_infinite:
        return format.nan()
    a_mantissa, a_exponent = decode(a, format)
    b_mantissa, b_exponent = decode(b, format)
    if a_infinite or (b_mantissa == 0 and a_mantissa != 0):
        return format.infinity | sign
    if b_infinite or a_mantissa == 0:
        return format.nan() if b_mantissa == 0 and not b_infinite else sign
    extra = 2 * format.fraction_bits + 8
    quotient, remainder = divmod(abs(a_mantissa) << extra, abs(b_mantissa))
    return round_to(bool(sign), quotient, a_exponent - b_exponent - extra, format, rounding, remainder != 0)


def sqrt(a, format, rounding="rn"):
    if is_nan(a, format):
        return format.nan()
    mantissa, exponent = decode(a, format)
    if is_infinite(a, format) or mantissa <= 0:
        if mantissa == 0 or a == format.infinity:
            return a
        return format.nan()
    extra = 2 * format.fraction_bits + 8 + (exponent & 1)
    scaled = mantissa << extra
    root = isqrt(scaled)
    return round_to(False, root, (exponent - extra) // 2, format, rounding, root * root != scaled)


def minimum(a, b, format, nan_wins=False):
    """min: a NaN operand gives the other one, or the canonical NaN when nan_wins (.NaN); -0 < +0."""
    return _extreme(a, b, format, nan_wins, False)


def maximum(a, b, format, nan_wins=False):
    return _extreme(a, b, format, nan_wins, True)


def _extreme(a, b, format, nan_wins, largest):
    a_nan, b_nan = is_nan(a, format), is_nan(b, format)
    if a_nan or b_nan:
        if nan_wins or (a_nan and b_nan):
            return format.nan()
        return b if a_nan else a
    a_key = -(a ^ format.sign_bit) - 1 if a & format.sign_bit else a
    b_key = -(b ^ format.sign_bit) - 1 if b & format.sign_bit else b
    return a if (a_key > b_key) == largest else b


def compare(a, b, format):
    """-1, 0 or 1, or None when a or b is NaN."""
    if is_nan(a, format) or is_nan(b, format):
        return None
    magnitude = format.sign_bit - 1
    a_key = -(a & magnitude) if a & format.sign_bit else a
    b_key = -(b & magnitude) if b & format.sign_bit else b
    return (a_key > b_key) - (a_key < b_key)


def convert(a, source, target, rounding="rn"):
    """A number of one format in another."""
    if is_nan(a, source):
        return target.nan()
    negative = bool(a & source.sign_bit)
    if is_infinite(a, source):
        return target.infinity | (target.sign_bit if negative else 0)
    mantissa, exponent = decode(a, source)
    return round_to(negative, abs(mantissa), exponent, target, rounding)


def from_integer(value, format, rounding="rn"):
    return round_to(value < 0, abs(value), 0, format, rounding)


def round_integer(mantissa, exponent, rounding):
    """mantissa * 2^exponent as an integer, rounded as rni, rzi, rmi or rpi say."""
    if exponent >= 0:
        return mantissa << exponent
    floor = mantissa >> -exponent
    rest = mantissa - (floor << -exponent)
    if rounding == "rmi" or not rest:
        return floor
    if rounding == "rpi":
        return floor + 1
    if rounding == "rzi":
        return floor + (mantissa < 0)
    half = 1 << (-exponent - 1)
    return floor + (rest > half or (rest == half and floor & 1))


def to_integer(a, format, width, signed, rounding):
    """A float as the bits of an integer; out of range clamps, NaN as PTX says (ISA, cvt, "integer notes")."""
    if is_nan(a, format):
        return 1 << (width - 1) if format is F64 or width == 64 else 0
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    if is_infinite(a, format):
        value = low if a & format.sign_bit else high
    else:
        value = round_integer(*decode(a, format), rounding)
    return min(max(value, low), high) & ((1 << width) - 1)


def round_to_integral(a, format, rounding):
    """A float rounded to an integer in its own format; the sign of zero stays."""
    if is_nan(a, format):
        return format.nan()
    mantissa, exponent = decode(a, format)
    if is_infinite(a, format) or exponent >= 0:
        return a
    return round_to(bool(a & format.sign_bit), abs(round_integer(mantissa, exponent, rounding)), 0, format)


def saturate(a, format):
    """.sat: clamps to [0, 1]; NaN gives +0."""
    if is_nan(a, format) or a & format.sign_bit:
        return 0
    return min(a, format.one)


def relu(a, format):
    """.relu: a negative number gives +0; NaN the canonical NaN."""
    if is_nan(a, format):
        return format.nan()
    return 0 if a & format.sign_bit else a


def halves(function, *operands):
    """Applies a function of 16-bit operands to both halves of packed operands."""
    low = function(*(operand & 0xFFFF for operand in operands))
    high = function(*(operand >> 16 for operand in operands))
    return low | high << 16
