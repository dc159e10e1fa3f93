"""What the units of hardware/units must give, from their definitions: products of integers, floors, IEEE rounding.

Nothing here shifts or adds as the units do. Codes are decoded as docs/package-format.md says.
"""

import fractions
import math
import struct


def signed(bits, width):
    """The integer that `width` bits are in two's complement."""
    return bits - (1 << width) if bits >> (width - 1) else bits


def k_ones(code, terms, shift_bits=3):
    """(sign, [m1, ..., mk]) of a k-ones code; the sign is -1 or 1."""
    shifts = [code >> (shift_bits * (terms - 1 - i)) & ((1 << shift_bits) - 1) for i in range(terms)]
    return (-1 if code >> (shift_bits * terms) else 1), shifts


def level(code, terms, shift_bits=3):
    """The weight in units of 2^-(2^shift_bits - 1)."""
    sign, shifts = k_ones(code, terms, shift_bits)
    return sign * sum(2 ** ((1 << shift_bits) - 1 - m) for m in shifts)


def k_ones_multiply(x, code, terms, exact):
    if exact:
        return x * level(code, terms)
    sign, shifts = k_ones(code, terms)
    return sign * sum(math.floor(x / 2**m) for m in shifts)  # x has at most 32 bits: float64 is exact


def power_of_two_multiply(x, code, largest_shift, exact):
    shift_bits = largest_shift.bit_length()
    if 1 << shift_bits < largest_shift + 2:
        shift_bits += 1
    m = code % (1 << shift_bits)
    if m > largest_shift:
        return 0
    sign = -1 if code >> shift_bits else 1
    return sign * (x * 2 ** (largest_shift - m) if exact else math.floor(x / 2**m))


def ternary_multiply(x, code):
    return (0, 1, 0, -1)[code] * x


def requantize(total, multiplier, addend, shift, y_bits, is_signed):
    rounded = (total * multiplier + addend) // 2**shift
    lowest, highest = (-(2 ** (y_bits - 1)), 2 ** (y_bits - 1) - 1) if is_signed else (0, 2**y_bits - 1)
    return min(max(rounded, lowest), highest)


def threshold(total, limit, rising):
    """A package's sign: 0 is +1, 1 is -1."""
    return 0 if (total >= limit if rising else total <= limit) else 1


# binary32. Operands are no NaN and no infinity; subnormal ones count as zeros.


def _value(bits):
    """(sign bit, magnitude) of a number."""
    exponent = bits >> 23 & 0xFF
    if exponent == 0:
        return bits >> 31, fractions.Fraction(0)
    scale = fractions.Fraction(2) ** (exponent - 150)
    return bits >> 31, (0x800000 | bits & 0x7FFFFF) * scale


def round_fp32(sign, magnitude):
    """Rounded to 24 bits, to nearest even, with any exponent; then below 2^-126 zero, and from 2^128 on infinity."""
    if magnitude == 0:
        return sign << 31
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if magnitude < fractions.Fraction(2) ** exponent:
        exponent -= 1
    significand = round(magnitude / fractions.Fraction(2) ** (exponent - 23))  # Fraction rounds halves to even
    if significand == 1 << 24:
        significand, exponent = 1 << 23, exponent + 1
    if exponent < -126:
        return sign << 31
    if exponent > 127:
        return sign << 31 | 0x7F800000
    return sign << 31 | (exponent + 127) << 23 | significand & 0x7FFFFF


def fp32_multiply(a, b):
    (a_sign, a_magnitude), (b_sign, b_magnitude) = _value(a), _value(b)
    return round_fp32(a_sign ^ b_sign, a_magnitude * b_magnitude)


def fp32_add(a, b):
    (a_sign, a_magnitude), (b_sign, b_magnitude) = _value(a), _value(b)
    total = (-a_magnitude if a_sign else a_magnitude) + (-b_magnitude if b_sign else b_magnitude)
    if total == 0:
        return (a_sign & b_sign if a_magnitude == 0 else 0) << 31
    return round_fp32(int(total < 0), abs(total))


def fp32_k_ones(x, code, terms):
    """The exact product, rounded once."""
    sign, magnitude = _value(x)
    weight = level(code, terms)
    return round_fp32(sign ^ int(weight < 0), magnitude * abs(weight) / 128)


def fp32_k_ones_2_in_two(x, code):
    """Two products with powers of two, each rounded (it may become zero), and their sum."""
    sign = code >> 6 << 3
    return fp32_add(fp32_k_ones(x, sign | code >> 3 & 7, 1), fp32_k_ones(x, sign | code & 7, 1))


def machine_fp32(operation, a, b):
    """a + b or a * b, rounded to float64, then to float32: the same as one rounding, as 53 >= 2 * 24 + 2.

    None where a subnormal number or an infinity plays a part.
    """
    first, second = (struct.unpack("<f", struct.pack("<I", bits))[0] for bits in (a, b))
    result = first + second if operation == "add" else first * second
    try:
        bits = struct.unpack("<I", struct.pack("<f", result))[0]
    except OverflowError:
        return None
    usual = all((each >> 23 & 0xFF) not in (0, 0xFF) for each in (a, b)) and abs(result) >= 2.0**-125
    return bits if usual else None
