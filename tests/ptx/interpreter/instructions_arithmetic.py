"""What integer, logical, comparing and floating-point instructions become."""

import math
from struct import pack, unpack

from . import floats, integers
from .compiler import F64, U64, instruction
from .floats import FORMATS
from .parser import TYPES, Group, Pair

ROUNDINGS = ("rn", "rz", "rm", "rp")
FLOAT_TYPES = ("f16", "bf16", "f32", "f64")
PACKED_FLOAT_TYPES = ("f16x2", "bf16x2")


def mask(width):
    return hex((1 << width) - 1)


# ---- integers -----------------------------------------------------------------------------------------------------


@instruction("add", "sub")
def add_or_subtract(c, operands, m):
    type_name = m.type()
    if type_name in FLOAT_TYPES + PACKED_FLOAT_TYPES:
        return float_arithmetic(c, operands, m, type_name)
    d, a, b = c.operands(operands, 3)
    sign = "+" if m.base == "add" else "-"
    width, kind = TYPES[type_name]
    if kind == "x":
        x, y = c.bits(a, 32), c.bits(b, 32)
        low = f"(({x} & 0xffff) {sign} ({y} & 0xffff)) & 0xffff"
        high = f"((({x} >> 16) {sign} ({y} >> 16)) & 0xffff) << 16"
        return c.set(d, 32, f"({low}) | ({high})")
    if m.take("sat"):
        if type_name != "s32":
            c.refuse(".sat on this type")
        clamp = c.use(integers.clamp)
        return c.set(d, 32, f"{clamp}({c.signed(a, 32)} {sign} {c.signed(b, 32)}, 32, True)")
    expression = f"{c.bits(a, width)} {sign} {c.bits(b, width)}"
    if m.take("cc"):
        return set_with_carry(c, d, width, expression)
    c.set(d, width, f"({expression}) & {mask(width)}")


@instruction("addc", "subc")
def add_with_carry(c, operands, m):
    width, _ = TYPES[m.type()]
    d, a, b = c.operands(operands, 3)
    sign = "+" if m.base == "addc" else "-"
    expression = f"{c.bits(a, width)} {sign} {c.bits(b, width)} {sign} carry"
    if m.take("cc"):
        return set_with_carry(c, d, width, expression)
    c.set(d, width, f"({expression}) & {mask(width)}")


def set_with_carry(c, d, width, expression):
    """The condition code: the carry of a sum, the borrow of a difference; either is 0 or 1."""
    total = c.temporary()
    c.line(f"{total} = {expression}")
    c.line(f"carry = {total} >> {width} & 1")
    c.set(d, width, f"{total} & {mask(width)}")


def product(c, a, b, width, kind, half):
    """An expression of the whole product, or of the half of it that is asked for, before masking."""
    if half == "lo":
        return f"{c.bits(a, width)} * {c.bits(b, width)}"
    whole = f"{c.integer(a, width, kind)} * {c.integer(b, width, kind)}"
    return f"({whole} >> {width})" if half == "hi" else whole


@instruction("mul")
def multiply(c, operands, m):
    type_name = m.type()
    if type_name in FLOAT_TYPES + PACKED_FLOAT_TYPES:
        return float_arithmetic(c, operands, m, type_name)
    width, kind = TYPES[type_name]
    d, a, b = c.operands(operands, 3)
    half = m.take("lo", "hi", "wide") or c.refuse("mul without .lo, .hi or .wide")
    result_width = 2 * width if half == "wide" else width
    c.set(d, result_width, f"({product(c, a, b, width, kind, half)}) & {mask(result_width)}")


@instruction("mad", "madc")
def multiply_add(c, operands, m):
    type_name = m.type()
    width, kind = TYPES[type_name]
    if kind == "f":
        c.refuse("mad on floating point: its rounding depends on the architecture")
    d, a, b, e = c.operands(operands, 4)
    half = m.take("lo", "hi", "wide") or c.refuse("mad without .lo, .hi or .wide")
    result_width = 2 * width if half == "wide" else width
    expression = f"({product(c, a, b, width, kind, half)} & {mask(result_width)}) + {c.bits(e, result_width)}"
    if m.base == "madc":
        expression += " + carry"
    if m.take("cc"):
        return set_with_carry(c, d, result_width, expression)
    if m.take("sat"):
        if half != "hi" or type_name != "s32":
            c.refuse(".sat on this mad")
        clamp = c.use(integers.clamp)
        return c.set(d, 32, f"{clamp}({product(c, a, b, 32, 's', 'hi')} + {c.signed(e, 32)}, 32, True)")
    c.set(d, result_width, f"({expression}) & {mask(result_width)}")


@instruction("mul24", "mad24")
def multiply_24(c, operands, m):
    type_name = m.type()
    if type_name not in ("u32", "s32"):
        c.refuse("this type")
    half = m.take("lo", "hi") or c.refuse(f"{m.base} without .lo or .hi")

    def low_24(operand):
        value = f"({c.bits(operand, 32)} & 0xffffff)"
        return f"(({value} ^ 0x800000) - 0x800000)" if type_name == "s32" else value

    d, a, b, *addend = c.operands(operands, 3 if m.base == "mul24" else 4)
    expression = f"({low_24(a)} * {low_24(b)} >> {0 if half == 'lo' else 16})"
    if addend:
        expression += f" + {c.bits(addend[0], 32)}"
    c.set(d, 32, f"({expression}) & 0xffffffff")


@instruction("div", "rem")
def divide(c, operands, m):
    type_name = m.type()
    if type_name in FLOAT_TYPES:
        return float_arithmetic(c, operands, m, type_name)
    width, kind = TYPES[type_name]
    d, a, b = c.operands(operands, 3)
    function = c.use(integers.divide if m.base == "div" else integers.remainder)
    c.set(d, width, f"{function}({c.bits(a, width)}, {c.bits(b, width)}, {width}, {kind == 's'})")


@instruction("min", "max")
def extreme(c, operands, m):
    type_name = m.type()
    if type_name in FLOAT_TYPES + PACKED_FLOAT_TYPES:
        return float_extreme(c, operands, m, type_name)
    d, a, b = c.operands(operands, 3)
    width, kind = TYPES[type_name]
    sign = "<" if m.base == "min" else ">"
    if kind == "x":
        function = c.use(packed_extreme)
        return c.set(d, 32, f"{function}({c.bits(a, 32)}, {c.bits(b, 32)}, {type_name[0] == 's'}, {sign == '>'})")
    if m.take("relu"):
        if type_name != "s32":
            c.refuse(".relu on this type")
        which = m.base
        return c.set(d, 32, f"max({which}({c.signed(a, 32)}, {c.signed(b, 32)}), 0)")
    x, y = c.bits(a, width), c.bits(b, width)
    if kind == "s":
        c.set(d, width, f"{x} if {c.biased(a, width)} {sign} {c.biased(b, width)} else {y}")
    else:
        c.set(d, width, f"{x} if {x} {sign} {y} else {y}")


def packed_extreme(a, b, is_signed, largest):
    pick = max if largest else min

    def one(x, y):
        return pick(integers.signed(x, 16), integers.signed(y, 16)) & 0xFFFF if is_signed else pick(x, y)

    return floats.halves(one, a, b)


@instruction("abs", "neg")
def absolute_or_negated(c, operands, m):
    type_name = m.type()
    d, a = c.operands(operands, 2)
    width, kind = TYPES[type_name]
    if kind == "s":
        expression = f"abs({c.signed(a, width)})" if m.base == "abs" else f"-{c.bits(a, width)}"
        return c.set(d, width, f"{expression} & {mask(width)}")
    # Of a NaN, PTX promises some NaN; the hardware changes the sign bit alone, and so does this.
    sign = {16: 0x8000, 32: 0x80008000 if kind == "x" else 1 << 31, 64: 1 << 63}[width]
    if m.base == "abs":
        c.copy(d, width, [a], "{} & " + hex(((1 << width) - 1) ^ sign), "abs({})")
    else:
        c.copy(d, width, [a], "{} ^ " + hex(sign), "-{}")


@instruction("sad")
def sum_of_difference(c, operands, m):
    width, kind = TYPES[m.type()]
    d, a, b, e = c.operands(operands, 4)
    difference = f"abs({c.integer(a, width, kind)} - {c.integer(b, width, kind)})"
    c.set(d, width, f"({c.bits(e, width)} + {difference}) & {mask(width)}")


@instruction("popc", "clz", "brev")
def count_bits(c, operands, m):
    width, _ = TYPES[m.type()]
    d, a = c.operands(operands, 2)
    x = c.bits(a, width)
    if m.base == "popc":
        c.set(d, 32, f"({x}).bit_count()")
    elif m.base == "clz":
        c.set(d, 32, f"{width} - ({x}).bit_length()")
    else:
        c.set(d, width, f"{c.use(integers.reverse_bits)}({x}, {width})")


@instruction("bfind")
def find_bit(c, operands, m):
    width, kind = TYPES[m.type()]
    d, a = c.operands(operands, 2)
    shift_amount = m.take("shiftamt") is not None
    c.set(d, 32, f"{c.use(integers.find_leading)}({c.bits(a, width)}, {width}, {kind == 's'}, {shift_amount})")


@instruction("bfe")
def extract(c, operands, m):
    width, kind = TYPES[m.type()]
    d, a, position, length = c.operands(operands, 4)
    fields = f"{c.bits(position, 32)}, {c.bits(length, 32)}, {width}, {kind == 's'}"
    c.set(d, width, f"{c.use(integers.extract_field)}({c.bits(a, width)}, {fields})")


@instruction("bfi")
def insert(c, operands, m):
    width, _ = TYPES[m.type()]
    d, a, b, position, length = c.operands(operands, 5)
    values = f"{c.bits(a, width)}, {c.bits(b, width)}, {c.bits(position, 32)}, {c.bits(length, 32)}"
    c.set(d, width, f"{c.use(integers.insert_field)}({values}, {width})")


@instruction("prmt")
def permute(c, operands, m):
    if m.type() != "b32":
        c.refuse("this type")
    d, a, b, selector = c.operands(operands, 4)
    mode = m.take("f4e", "b4e", "rc8", "ecl", "ecr", "rc16")
    words = f"{c.bits(a, 32)}, {c.bits(b, 32)}, {c.bits(selector, 32)}"
    c.set(d, 32, f"{c.use(integers.permute_bytes)}({words}, {mode!r})")


@instruction("lop3")
def logic_of_three(c, operands, m):
    if m.type() != "b32":
        c.refuse("this type")
    d, a, b, e, table = c.operands(operands, 5)
    x, y, z = (c.bits(operand, 32) for operand in (a, b, e))
    terms = []
    for row in range(8):  # bit `row` of the table is the result for a = row bit 2, b = bit 1, c = bit 0
        if table.value >> row & 1:
            literals = [v if row >> place & 1 else f"~{v}" for v, place in ((x, 2), (y, 1), (z, 0))]
            terms.append("(" + " & ".join(literals) + ")")
    c.set(d, 32, f"({' | '.join(terms) or '0'}) & 0xffffffff")


@instruction("shf")
def funnel_shift(c, operands, m):
    if m.type() != "b32":
        c.refuse("this type")
    d, a, b, amount = c.operands(operands, 4)
    direction = m.take("l", "r") or c.refuse("shf without a direction")
    mode = m.take("wrap", "clamp") or c.refuse("shf without .wrap or .clamp")
    words = f"{c.bits(a, 32)}, {c.bits(b, 32)}, {c.bits(amount, 32)}"
    c.set(d, 32, f"{c.use(integers.funnel_shift)}({words}, {direction == 'l'}, {mode == 'clamp'})")


@instruction("dp4a", "dp2a")
def dot_product(c, operands, m):
    b_type, a_type = m.type(), m.type()
    if a_type not in ("u32", "s32") or b_type not in ("u32", "s32"):
        c.refuse("these types")
    d, a, b, e = c.operands(operands, 4)
    words = f"{c.bits(a, 32)}, {c.bits(b, 32)}, {c.bits(e, 32)}, {a_type == 's32'}, {b_type == 's32'}"
    if m.base == "dp4a":
        return c.set(d, 32, f"{c.use(integers.dot_bytes)}({words})")
    half = m.take("lo", "hi") or c.refuse("dp2a without .lo or .hi")
    c.set(d, 32, f"{c.use(integers.dot_halves)}({words}, {half == 'hi'})")


# ---- logic and shifts ---------------------------------------------------------------------------------------------


@instruction("and", "or", "xor")
def logic(c, operands, m):
    type_name = m.type()
    d, a, b = c.operands(operands, 3)
    if type_name == "pred":
        operator = {"and": "and", "or": "or", "xor": "!="}[m.base]
        return c.set_predicate(d, f"{c.predicate(a)} {operator} {c.predicate(b)}")
    width, _ = TYPES[type_name]
    operator = {"and": "&", "or": "|", "xor": "^"}[m.base]
    c.set(d, width, f"{c.bits(a, width)} {operator} {c.bits(b, width)}")


@instruction("not", "cnot")
def negation(c, operands, m):
    type_name = m.type()
    d, a = c.operands(operands, 2)
    if type_name == "pred":
        return c.set_predicate(d, f"not {c.predicate(a)}")
    width, _ = TYPES[type_name]
    if m.base == "cnot":
        return c.set(d, width, f"0 if {c.bits(a, width)} else 1")
    c.set(d, width, f"{c.bits(a, width)} ^ {mask(width)}")


@instruction("shl", "shr")
def shift(c, operands, m):
    """Shifts by the width or more give zeros, or sign bits."""
    width, kind = TYPES[m.type()]
    d, a, b = c.operands(operands, 3)
    amount = c.bits(b, 32)
    known = int(amount, 0) if amount[0].isdigit() else None
    if m.base == "shr" and kind == "s":
        amount = (
            str(min(known, width - 1)) if known is not None else f"({amount} if {amount} < {width} else {width - 1})"
        )
        return c.set(d, width, f"({c.signed(a, width)} >> {amount}) & {mask(width)}")
    x = c.bits(a, width)
    if known is not None and known >= width:
        expression = "0"
    elif m.base == "shr":
        expression = f"{x} >> {amount}"
    elif known is not None:
        expression = f"({x} << {amount}) & {mask(width)}"
    else:
        expression = f"({x} << {amount}) & {mask(width)} if {amount} < {width} else 0"
    c.set(d, width, expression)


# ---- comparing and choosing ---------------------------------------------------------------------------------------

_ORDER = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "lo": "<",
    "ls": "<=",
    "hi": ">",
    "hs": ">=",
}
_UNORDERED = {"equ": "ne", "neu": "eq", "ltu": "ge", "leu": "gt", "gtu": "le", "geu": "lt"}  # each is not its opposite
_COMPARISONS = (*_ORDER, *_UNORDERED, "num", "nan")


def float_operand(c, operand, type_name):
    """An expression of a floating-point operand as a Python float."""
    if type_name in ("f32", "f64"):
        return c.number(operand, TYPES[type_name][0])
    return f"{c.use(f16_number if type_name == 'f16' else bf16_number)}({c.bits(operand, 16)})"


def f16_number(bits):
    return unpack("<e", pack("<H", bits))[0]


def bf16_number(bits):
    return unpack("<f", pack("<I", bits << 16))[0]


def comparison(c, m, type_name, a, b):
    """An expression of `a operator b`, a bool."""
    operator = m.take(*_COMPARISONS) or c.refuse("a comparison of this kind")
    width, kind = TYPES[type_name]
    if kind == "f":
        x, y = float_operand(c, a, type_name), float_operand(c, b, type_name)
        if operator == "num":
            return f"({x} == {x} and {y} == {y})"
        if operator == "nan":
            return f"({x} != {x} or {y} != {y})"
        if operator in _UNORDERED:
            opposite = _UNORDERED[operator]
            return f"({x} != {y})" if opposite == "eq" else f"(not {ordered(x, opposite, y)})"
        if operator in ("lo", "ls", "hi", "hs"):
            c.refuse("an unsigned comparison of floating point")
        return ordered(x, operator, y)
    if kind == "x" or operator in _UNORDERED or operator in ("num", "nan"):
        c.refuse(f"the comparison .{operator} of .{type_name}")
    if kind == "s" and operator not in ("eq", "ne"):
        return f"({c.biased(a, width)} {_ORDER[operator]} {c.biased(b, width)})"
    return f"({c.bits(a, width)} {_ORDER[operator]} {c.bits(b, width)})"


def ordered(x, operator, y):
    """A comparison that is false when either is NaN."""
    return f"({x} < {y} or {x} > {y})" if operator == "ne" else f"({x} {_ORDER[operator]} {y})"


def combined(c, m, truth, others):
    """setp.CmpOp.BoolOp: the comparison, or its opposite, with the predicate c."""
    bool_op = m.take("and", "or", "xor")
    if bool_op is None:
        if others:
            c.refuse("a fourth operand without a boolean operation")
        return truth
    if len(others) != 1:
        c.refuse("a boolean operation without its predicate")
    operator = {"and": "and", "or": "or", "xor": "!="}[bool_op]
    return f"({truth} {operator} {c.predicate(others[0])})"


@instruction("setp")
def set_predicate(c, operands, m):
    type_name = m.type()
    d, a, b, *others = c.operands(operands, 3, 4)
    truth = comparison(c, m, type_name, a, b)
    if not isinstance(d, Pair):
        return c.set_predicate(d, combined(c, m, truth, others))
    known = c.temporary()
    c.line(f"{known} = {truth}")
    bool_op = m.take("and", "or", "xor")
    for destination, value in ((d.first, known), (d.second, f"(not {known})")):
        if bool_op:
            m.left.append(bool_op)
        result = c.temporary()
        c.line(f"{result} = {combined(c, m, value, others)}")
        c.set_predicate(destination, result)


@instruction("set")
def set_word(c, operands, m):
    source, target = m.type(), m.type()
    if target not in ("u32", "s32", "f32"):
        c.refuse("this result type")
    d, a, b, *others = c.operands(operands, 3, 4)
    truth = combined(c, m, comparison(c, m, source, a, b), others)
    c.set(d, 32, f"{hex(floats.F32.one) if target == 'f32' else '0xffffffff'} if {truth} else 0")


@instruction("selp")
def select(c, operands, m):
    width, _ = TYPES[m.type()]
    d, a, b, p = c.operands(operands, 4)
    truth = c.predicate(p)
    c.copy(d, width, [a, b], f"{{}} if {truth} else {{}}", f"{{}} if {truth} else {{}}")


@instruction("slct")
def select_by_sign(c, operands, m):
    chooser, type_name = m.type(), m.type()
    if chooser not in ("s32", "f32"):
        c.refuse("this type of the third operand")
    width, _ = TYPES[type_name]
    d, a, b, e = c.operands(operands, 4)
    truth = f"{c.biased(e, 32)} >= 0x80000000" if chooser == "s32" else f"{c.number(e, 32)} >= 0.0"
    c.copy(d, width, [a, b], f"{{}} if {truth} else {{}}", f"{{}} if {truth} else {{}}")


@instruction("mov")
def move(c, operands, m):
    type_name = m.type()
    d, a = c.operands(operands, 2)
    if type_name == "pred":
        return c.set_predicate(d, c.predicate(a))
    width, _ = TYPES[type_name]
    if isinstance(d, Group):  # unpack
        part = width // len(d.items)
        value = c.temporary()
        c.line(f"{value} = {c.bits(a, width)}")
        for place, item in enumerate(d.items):
            if getattr(item, "name", "") != "_":
                c.set(item, part, f"{value} >> {part * place} & {mask(part)}")
    elif isinstance(a, Group):  # pack
        part = width // len(a.items)
        c.set(d, width, " | ".join(f"{c.bits(item, part)} << {part * n}" for n, item in enumerate(a.items)))
    else:
        c.copy(d, width, [a])


# ---- floating point -----------------------------------------------------------------------------------------------


def take_rounding(c, m, type_name):
    """The rounding of add, sub or mul. In f32 and f64 it must be written: without one, ptxas may fuse the instruction
    with the next, so that the result is open (nvcc writes it under -fmad=false). The half types
    have no other spelling."""
    rounding = m.take(*ROUNDINGS)
    if rounding is None and type_name in ("f32", "f64"):
        c.refuse("no .rn: ptxas may fuse it (build with -fmad=false); a result")
    return rounding or "rn"


def float_arithmetic(c, operands, m, type_name):
    """add, sub, mul and div."""
    d, a, b = c.operands(operands, 3)
    if m.base == "div":
        rounding = m.take(*ROUNDINGS) or c.refuse("an approximate division")
        if type_name not in ("f32", "f64"):
            c.refuse("this type")
    else:
        rounding = take_rounding(c, m, type_name)
    saturating = m.take("sat")
    if type_name in ("f32", "f64") and rounding == "rn" and not saturating:
        x, y = c.number(a, TYPES[type_name][0]), c.number(b, TYPES[type_name][0])
        if m.base == "div":
            expression = f"{c.use(divide_numbers)}({x}, {y})"
        else:
            expression = f"{x} {dict(add='+', sub='-', mul='*')[m.base]} {y}"
        # A binary64 result of two binary32 numbers, rounded again to binary32, is as if rounded once: 53 >= 2 * 24 + 2.
        return c.set_number(d, TYPES[type_name][0], expression)
    float_call(c, d, type_name, getattr(floats, m.base), [a, b], rounding, saturating)


def float_call(c, d, type_name, function, sources, rounding, saturating=False, relu=False):
    """Sets d to function(*bits, format, rounding) of floats.py, half by half for a packed type."""
    packed = type_name in PACKED_FLOAT_TYPES
    format = FORMATS[type_name.removesuffix("x2")]
    width = 32 if packed else format.width
    bits = [c.bits(source, width) for source in sources]
    format_name = c.use(format, f"FORMAT_{format.name}")
    name = c.use(function, f"float_{function.__name__}")
    after = "saturate" if saturating else "relu" if relu else None
    arguments = [f"x{place}" for place in range(len(sources))]
    inner = f"{name}({', '.join(arguments if packed else bits)}, {format_name}, {rounding!r})"
    if after:
        inner = f"{c.use(getattr(floats, after))}({inner}, {format_name})"
    if packed:
        inner = f"{c.use(floats.halves)}(lambda {', '.join(arguments)}: {inner}, {', '.join(bits)})"
    c.set(d, width, inner)


def divide_numbers(a, b):
    """IEEE division of Python floats."""
    try:
        return a / b
    except ZeroDivisionError:
        if a == 0.0 or a != a:
            return math.nan
        return math.copysign(math.inf, a) * math.copysign(1.0, b)


def fused_multiply_add(a, b, c):
    """a * b + c of three binary32 numbers, as a binary64 number that rounds to binary32 as the exact value does.

    The product is exact in binary64. The sum is rounded to odd: where it is inexact (two-sum gives the error; Knuth)
    and its last bit is 0, the neighbour on the error's side, whose last bit is 1, takes its place; rounding that to
    binary32 cannot see a tie that is none (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums").
    """
    product = a * b
    total = product + c
    if total - total != 0.0:
        return total
    rest = total - product
    error = (product - (total - rest)) + (c - rest)
    if error:
        F64[0] = total
        word = U64[0]
        if not word & 1:
            U64[0] = word + 1 if (error > 0.0) == (total > 0.0) else word - 1
            return F64[0]
    return total


def square_root(a):
    if a != a or a < 0.0:
        return math.nan
    return math.sqrt(a)


@instruction("fma")
def fma(c, operands, m):
    type_name = m.type()
    if type_name not in FLOAT_TYPES + PACKED_FLOAT_TYPES:
        c.refuse("this type")
    d, a, b, e = c.operands(operands, 4)
    rounding = m.take(*ROUNDINGS) or c.refuse("fma without a rounding")
    saturating, relu = m.take("sat"), m.take("relu")
    if type_name == "f32" and rounding == "rn" and not saturating and not relu:
        numbers = ", ".join(c.number(operand, 32) for operand in (a, b, e))
        return c.set_number(d, 32, f"{c.use(fused_multiply_add)}({numbers})")
    float_call(c, d, type_name, floats.fma, [a, b, e], rounding, saturating, relu)


@instruction("sqrt", "rcp")
def root_or_reciprocal(c, operands, m):
    type_name = m.type()
    if type_name not in ("f32", "f64"):
        c.refuse("this type")
    d, a = c.operands(operands, 2)
    rounding = m.take(*ROUNDINGS) or c.refuse("an approximate result, whose bits PTX leaves open: one")
    if rounding == "rn":
        x = c.number(a, TYPES[type_name][0])
        expression = f"{c.use(square_root)}({x})" if m.base == "sqrt" else f"{c.use(divide_numbers)}(1.0, {x})"
        return c.set_number(d, TYPES[type_name][0], expression)
    float_call(c, d, type_name, floats.sqrt if m.base == "sqrt" else reciprocal, [a], rounding)


def reciprocal(a, format, rounding):
    return floats.div(format.one, a, format, rounding)


@instruction("ex2", "lg2", "sin", "cos", "rsqrt", "tanh")
def approximate(c, operands, m):
    c.refuse(f"{m.base}: an approximate instruction, whose bits PTX leaves open")


def float_extreme(c, operands, m, type_name):
    d, a, b, *others = c.operands(operands, 3)
    nan_wins = m.take("NaN") is not None
    if type_name == "f32" and not nan_wins and not m.left:
        function = c.use(least if m.base == "min" else greatest)
        return c.set_number(d, 32, f"{function}({c.number(a, 32)}, {c.number(b, 32)})", exact=True)
    function = {
        ("min", False): plain_minimum,
        ("max", False): plain_maximum,
        ("min", True): nan_minimum,
        ("max", True): nan_maximum,
    }[m.base, nan_wins]
    float_call(c, d, type_name, function, [a, b], "rn")


def least(a, b):
    """min of Python floats: the other one for a NaN; -0 < +0."""
    if a < b:
        return a
    if b < a:
        return b
    if a == b:
        return a if math.copysign(1.0, a) < 0.0 else b
    return b if a != a else a


def greatest(a, b):
    if a > b:
        return a
    if b > a:
        return b
    if a == b:
        return b if math.copysign(1.0, a) < 0.0 else a
    return b if a != a else a


def plain_minimum(a, b, format, rounding):
    return floats.minimum(a, b, format)


def plain_maximum(a, b, format, rounding):
    return floats.maximum(a, b, format)


def nan_minimum(a, b, format, rounding):
    return floats.minimum(a, b, format, nan_wins=True)


def nan_maximum(a, b, format, rounding):
    return floats.maximum(a, b, format, nan_wins=True)


@instruction("copysign")
def copy_sign(c, operands, m):
    width, _ = TYPES[m.type()]
    d, a, b = c.operands(operands, 3)
    sign = 1 << (width - 1)
    c.set(d, width, f"({c.bits(a, width)} & {sign:#x}) | ({c.bits(b, width)} & {sign - 1:#x})")


@instruction("testp")
def test_property(c, operands, m):
    type_name = m.type()
    if type_name not in ("f32", "f64"):
        c.refuse("this type")
    p, a = c.operands(operands, 2)
    width = TYPES[type_name][0]
    kind = m.take("finite", "infinite", "number", "notanumber", "normal", "subnormal") or c.refuse("this property")
    c.set_predicate(
        p, f"{c.use(has_property)}({c.bits(a, width)}, {c.use(FORMATS[type_name], f'FORMAT_{type_name}')}, {kind!r})"
    )


def has_property(bits, format, kind):
    magnitude = bits & (format.sign_bit - 1)
    smallest_normal = 1 << format.fraction_bits
    return {
        "finite": magnitude < format.infinity,
        "infinite": magnitude == format.infinity,
        "number": magnitude <= format.infinity,
        "notanumber": magnitude > format.infinity,
        "normal": smallest_normal <= magnitude < format.infinity,
        "subnormal": 0 < magnitude < smallest_normal,
    }[kind]
