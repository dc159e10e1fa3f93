"""Integer instructions that are more than one Python expression. Operands and results are unsigned bit patterns."""

from .errors import Fault


def signed(value, width):
    half = 1 << (width - 1)
    return (value ^ half) - half


def divide(a, b, width, is_signed):
    if b == 0:
        raise Fault("DIVISION BY ZERO")
    if is_signed:
        a, b = signed(a, width), signed(b, width)
    quotient = abs(a) // abs(b)
    return (-quotient if (a < 0) != (b < 0) else quotient) & ((1 << width) - 1)


def remainder(a, b, width, is_signed):
    if b == 0:
        raise Fault("DIVISION BY ZERO")
    if is_signed:
        a, b = signed(a, width), signed(b, width)
    rest = abs(a) % abs(b)
    return (-rest if a < 0 else rest) & ((1 << width) - 1)


def reverse_bits(a, width):
    return int(f"{a:0{width}b}"[::-1], 2)


def find_leading(a, width, is_signed, shift_amount):
    """bfind: the place of the most significant bit that is not a sign bit; 0xffffffff when there is none."""
    if is_signed and a >> (width - 1):
        a ^= (1 << width) - 1
    if not a:
        return 0xFFFFFFFF
    place = a.bit_length() - 1
    return width - 1 - place if shift_amount else place


def extract_field(a, position, length, width, is_signed):
    """bfe: position and length are taken modulo 256; bits past the top repeat the sign (signed) or are 0."""
    position &= 0xFF
    length &= 0xFF
    if length == 0:
        return 0
    value = a >> position & ((1 << length) - 1)
    if is_signed:
        top = a >> min(position + length - 1, width - 1) & 1
        if top:
            filled = max(min(length, width - position), 0)
            value |= ((1 << width) - 1) ^ ((1 << filled) - 1)
    return value & ((1 << width) - 1)


def insert_field(a, b, position, length, width):
    """bfi: the low `length` bits of a, put into b at `position`."""
    position &= 0xFF
    length &= 0xFF
    mask = (((1 << length) - 1) << position) & ((1 << width) - 1)
    return (b & ~mask) | (a << position & mask)


def permute_bytes(a, b, selector, mode):
    """prmt: bytes 0..3 are those of a, 4..7 those of b."""
    source = a | b << 32
    if mode is None:
        picks = [selector >> (4 * i) & 0xF for i in range(4)]
    else:
        s = selector & 3
        picks = {
            "f4e": [s, s + 1, s + 2, s + 3],
            "b4e": [s, (s - 1) & 7, (s - 2) & 7, (s - 3) & 7],
            "rc8": [s] * 4,
            "ecl": [s, max(s, 1), max(s, 2), 3],
            "ecr": [0, min(s, 1), min(s, 2), s],
            "rc16": [2 * (s & 1), 2 * (s & 1) + 1] * 2,
        }[mode]
    result = 0
    for place, pick in enumerate(picks):
        byte = source >> (8 * (pick & 7)) & 0xFF
        if pick & 8:
            byte = 0xFF if byte & 0x80 else 0
        result |= byte << (8 * place)
    return result


def funnel_shift(low, high, amount, left, clamp):
    """shf: shifts the 64 bits high:low and keeps the high word (left) or the low word (right)."""
    amount = min(amount, 32) if clamp else amount & 31
    both = high << 32 | low
    return (both << amount >> 32 if left else both >> amount) & 0xFFFFFFFF


def dot_bytes(a, b, c, a_signed, b_signed):
    """dp4a."""
    total = c
    for shift in (0, 8, 16, 24):
        x, y = a >> shift & 0xFF, b >> shift & 0xFF
        total += (signed(x, 8) if a_signed else x) * (signed(y, 8) if b_signed else y)
    return total & 0xFFFFFFFF


def dot_halves(a, b, c, a_signed, b_signed, high):
    """dp2a: the two halves of a with two bytes of b, the upper ones when `high`."""
    total = c
    for place in (0, 1):
        x, y = a >> (16 * place) & 0xFFFF, b >> (8 * (place + 2 * high)) & 0xFF
        total += (signed(x, 16) if a_signed else x) * (signed(y, 8) if b_signed else y)
    return total & 0xFFFFFFFF


def clamp(value, width, is_signed):
    """The bits of an integer, clamped to the type's range."""
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if is_signed else (0, (1 << width) - 1)
    return min(max(value, low), high) & ((1 << width) - 1)
