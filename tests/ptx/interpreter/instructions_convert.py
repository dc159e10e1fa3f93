"""What cvt and cvta become."""

import math
from functools import lru_cache

from . import floats, integers
from .compiler import instruction
from .floats import FORMATS
from .parser import TYPES

_INTEGER_ROUNDINGS = ("rni", "rzi", "rmi", "rpi")
_NUMBER_ROUNDINGS = {"rni": round, "rzi": math.trunc, "rmi": math.floor, "rpi": math.ceil}


@instruction("cvt")
def convert(c, operands, m):
    source, target = m.type(), m.type()
    if target in ("f16x2", "bf16x2"):
        return pack_floats(c, operands, m, source, target)
    d, a = c.operands(operands, 2)
    source_kind, target_kind = TYPES[source][1], TYPES[target][1]
    if source_kind in "us" and target_kind in "us":
        between_integers(c, d, a, m, source, target)
    elif source_kind in "us" and target_kind == "f":
        integer_to_float(c, d, a, m, source, target)
    elif source_kind == "f" and target_kind in "us":
        float_to_integer(c, d, a, m, source, target)
    elif source_kind == "f" and target_kind == "f":
        between_floats(c, d, a, m, source, target)
    else:
        c.refuse("a conversion between these types")


def between_integers(c, d, a, m, source, target):
    source_width, source_kind = TYPES[source]
    target_width, target_kind = TYPES[target]
    value = c.integer(a, source_width, source_kind)
    if m.take("sat"):
        value = f"{c.use(integers.clamp)}({value}, {target_width}, {target_kind == 's'})"
    elif source_kind == "s" and target_width > source_width:
        value = f"{value} & {(1 << target_width) - 1:#x}"
    elif target_width < source_width:
        value = f"{c.bits(a, source_width)} & {(1 << target_width) - 1:#x}"
    else:
        value = c.bits(a, source_width)
    c.set_extended(d, target_width, value, target_kind == "s")


def integer_to_float(c, d, a, m, source, target):
    source_width, source_kind = TYPES[source]
    rounding = m.take("rn", "rz", "rm", "rp") or c.refuse("a conversion to floating point without a rounding")
    value = c.integer(a, source_width, source_kind)
    saturating = m.take("sat")
    if target == "f32" and rounding == "rn" and source_width <= 32 and not saturating:
        return c.set_number(d, 32, f"float({value})")
    format = FORMATS[target]
    format_name = c.use(format, f"FORMAT_{target}")
    bits = f"{c.use(floats.from_integer)}({value}, {format_name}, {rounding!r})"
    if saturating:
        bits = f"{c.use(floats.saturate)}({bits}, {format_name})"
    c.set(d, format.width, bits)


def float_to_integer(c, d, a, m, source, target):
    """Clamps to the target's range, with or without .sat."""
    target_width, target_kind = TYPES[target]
    rounding = m.take(*_INTEGER_ROUNDINGS) or c.refuse("a conversion to an integer without a rounding")
    m.take("sat")
    if source == "f32":
        low, high = (
            (-(1 << (target_width - 1)), (1 << (target_width - 1)) - 1)
            if target_kind == "s"
            else (0, (1 << target_width) - 1)
        )
        nan = -(1 << 63) if target_width == 64 else 0
        function = c.use(_NUMBER_ROUNDINGS[rounding], f"integer_{rounding}")
        arguments = f"{c.number(a, 32)}, {function}, {low}, {high}, {nan}"
        value = f"{c.use(number_to_integer)}({arguments}) & {(1 << target_width) - 1:#x}"
    else:
        format = FORMATS[source]
        arguments = f"{c.use(format, f'FORMAT_{source}')}, {target_width}, {target_kind == 's'}, {rounding!r}"
        value = f"{c.use(floats.to_integer)}({c.bits(a, format.width)}, {arguments})"
    c.set_extended(d, target_width, value, target_kind == "s")


def number_to_integer(x, rounding, low, high, nan):
    if x != x:
        return nan
    if x - x != 0.0:
        return low if x < 0.0 else high
    return min(max(rounding(x), low), high)


@lru_cache(maxsize=1 << 17)
def convert_bits(bits, source, target, rounding):
    return floats.convert(bits, source, target, rounding)


def between_floats(c, d, a, m, source, target):
    source_format, target_format = FORMATS[source], FORMATS[target]
    source_name = c.use(source_format, f"FORMAT_{source}")
    target_name = c.use(target_format, f"FORMAT_{target}")
    saturating, relu = m.take("sat"), m.take("relu")
    if source == target:
        rounding = m.take(*_INTEGER_ROUNDINGS)
        if source == "f32" and rounding and not saturating and not relu:
            function = c.use(_NUMBER_ROUNDINGS[rounding], f"integer_{rounding}")
            return c.set_number(d, 32, f"{c.use(round_number)}({c.number(a, 32)}, {function})", exact=True)
        value = c.bits(a, source_format.width)
        if rounding:
            value = f"{c.use(floats.round_to_integral)}({value}, {source_name}, {rounding!r})"
        elif not saturating and not relu:
            c.refuse("a conversion that changes nothing")
    else:
        rounding = m.take("rn", "rz", "rm", "rp")
        exact = target_format.fraction_bits >= source_format.fraction_bits and (
            target_format.exponent_bits >= source_format.exponent_bits
        )
        if rounding is None and not exact:
            c.refuse("a narrowing conversion without a rounding")
        if {source, target} == {"f16", "bf16"}:
            c.refuse("a conversion between these types")
        formats = f"{source_name}, {target_name}, {rounding or 'rn'!r}"
        value = f"{c.use(convert_bits)}({c.bits(a, source_format.width)}, {formats})"
    if saturating:
        value = f"{c.use(floats.saturate)}({value}, {target_name})"
    if relu:
        value = f"{c.use(floats.relu)}({value}, {target_name})"
    c.set_extended(d, target_format.width, value, False)


def round_number(x, rounding):
    """A Python float rounded to an integer; the sign of zero stays."""
    if x - x != 0.0:
        return x
    return math.copysign(float(rounding(x)), x)


def pack_floats(c, operands, m, source, target):
    """cvt.rn.f16x2.f32 d, a, b: a becomes the upper half, b the lower one."""
    if source != "f32":
        c.refuse("a conversion between these types")
    d, a, b = c.operands(operands, 3)
    rounding = m.take("rn", "rz") or c.refuse("a narrowing conversion without a rounding")
    relu = m.take("relu")
    format = FORMATS[target.removesuffix("x2")]
    source_name = c.use(FORMATS["f32"], "FORMAT_f32")
    format_name = c.use(format, f"FORMAT_{format.name}")

    def half(operand):
        value = f"{c.use(convert_bits)}({c.bits(operand, 32)}, {source_name}, {format_name}, {rounding!r})"
        return f"{c.use(floats.relu)}({value}, {format_name})" if relu else value

    c.set(d, 32, f"{half(a)} << 16 | {half(b)}")


@instruction("cvta")
def convert_address(c, operands, m):
    width, _ = TYPES[m.type()]
    if width != 64:
        c.refuse("a generic address of 32 bits")
    to_space = m.take("to")
    space = m.take("global", "shared", "local", "const", "param", "shared::cta") or c.refuse("cvta of this space")
    space = space.removesuffix("::cta")
    d, a = c.operands(operands, 2)
    window = c.window(space)
    if window == 0:
        return c.copy(d, 64, [a])
    sign = "-" if to_space else "+"
    c.set(d, 64, f"({c.bits(a, 64)} {sign} {window:#x}) & 0xffffffffffffffff")
