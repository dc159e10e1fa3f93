"""What loads, stores, atomics and asynchronous copies become."""

from . import floats
from .compiler import instruction
from .floats import F32, FORMATS
from .memory import SHARED_WINDOW
from .parser import TYPES, Address, Group, Integer

_UNSIGNED_CODES = {8: "B", 16: "H", 32: "I", 64: "Q"}
_CACHING = (
    "ca",
    "cg",
    "cs",
    "lu",
    "cv",
    "wb",
    "wt",
    "nc",
    "volatile",
    "relaxed",
    "acquire",
    "release",
    "acq_rel",
    "weak",
    "cta",
    "gpu",
    "sys",
    "cluster",
    "L1::evict_normal",
    "L1::evict_unchanged",
    "L1::evict_first",
    "L1::evict_last",
    "L1::no_allocate",
    "L2::64B",
    "L2::128B",
    "L2::256B",
)  # what changes time or order, never one thread's values
_SPACES = ("global", "shared", "local", "param", "const")


def take_space(m):
    """The state space; "" for generic."""
    if m.take("shared::cta"):
        return "shared"
    return m.take(*_SPACES) or ""


def elements(c, m, operand, type_name):
    """The registers of a scalar or vector operand, and the bits of one element."""
    count = {None: 1, "v2": 2, "v4": 4, "v8": 8}[m.take("v2", "v4", "v8")]
    items = operand.items if isinstance(operand, Group) else (operand,)
    if len(items) != count or (count > 1) != isinstance(operand, Group):
        c.refuse(f"a vector of {len(items)}")
    width, kind = TYPES[type_name]
    if kind in "px":
        c.refuse("this type")
    return items, width


@instruction("ld", "ldu")
def load(c, operands, m):
    type_name = m.type()
    d, a = c.operands(operands, 2)
    items, width = elements(c, m, d, type_name)
    m.take_all(*_CACHING)
    space = take_space(m)
    words = 2 if width == 128 else 1
    if c.current.used_bytes is not None:
        return load_used(c, a, items, width, space, TYPES[type_name][1] == "s")
    accessor = c.accessor(space, "load", f"<{len(items) * words}{_UNSIGNED_CODES[width // words]}")
    targets = [c.temporary() for _ in range(len(items) * words)]
    direct = len(items) * words == 1 and c.is_register(items[0]) and c.register_width(items[0].name) == width
    if direct:
        name = c.destination(items[0], width)
        c.line(f"{name}, = {accessor}({c.address(a, space)})")
        return c.loaded(items[0], width)
    c.line(f"{', '.join(targets)}, = {accessor}({c.address(a, space)})")
    for place, item in enumerate(items):
        if words == 2:
            c.set(item, 128, f"{targets[2 * place]} | {targets[2 * place + 1]} << 64")
        else:
            c.set_extended(item, width, targets[place], TYPES[type_name][1] == "s")


def load_used(c, a, items, width, space, sign_extend):
    """A load of which some bytes do not matter, and may lie past the end of a variable: only elements with bytes that
    do matter are read, the registers of the others stay as they are."""
    size = width // 8
    if width == 128:
        c.refuse("used_bytes_mask with .b128")
    accessor = c.accessor(space, "load", f"<1{_UNSIGNED_CODES[width]}")
    address = c.temporary()
    c.line(f"{address} = {c.address(a, space)}")
    whole = size * len(items)
    c.line(f"if {address} % {whole}: raise Fault(f'MISALIGNED read of {whole} bytes at {{{address}:#x}}')")
    for place, item in enumerate(items):
        if c.current.used_bytes >> (place * size) & ((1 << size) - 1):
            value = c.temporary()
            c.line(f"{value}, = {accessor}({address} + {place * size})")
            c.set_extended(item, width, value, sign_extend)


@instruction("st")
def store(c, operands, m):
    type_name = m.type()
    a, s = c.operands(operands, 2)
    items, width = elements(c, m, s, type_name)
    m.take_all(*_CACHING)
    space = take_space(m)
    if space == "const":
        c.refuse("a store to .const")
    words = 2 if width == 128 else 1
    accessor = c.accessor(space, "store", f"<{len(items) * words}{_UNSIGNED_CODES[width // words]}")
    values = []
    for item in items:
        bits = c.bits(item, width)
        values += [f"{bits} & 0xffffffffffffffff", f"{bits} >> 64"] if words == 2 else [bits]
    c.line(f"{accessor}({c.address(a, space)}, {', '.join(values)})")


# ---- atomics ------------------------------------------------------------------------------------------------------


def flushed(bits):
    """A subnormal binary32 as a zero of its sign."""
    return bits & 0x80000000 if bits & 0x7F800000 == 0 else bits


def add_atomically(address, old, value, space):
    """atom.add.f32. In global memory it flushes subnormals, in shared memory it does not (ISA, atom)."""
    if space == "shared" or (space == "" and address >= SHARED_WINDOW):
        return floats.add(old, value, F32)
    return flushed(floats.add(flushed(old), flushed(value), F32))


@instruction("atom", "red")
def atomic(c, operands, m):
    type_name = m.type()
    width, kind = TYPES[type_name]
    returns = m.base == "atom"
    d = operands[0] if returns else None
    a, *values = operands[1:] if returns else operands
    m.take_all("relaxed", "acquire", "release", "acq_rel", "cta", "gpu", "sys", "cluster")
    space = take_space(m)
    if space not in ("", "global", "shared"):
        c.refuse("an atomic on this space")
    operation = m.take("add", "min", "max", "exch", "cas", "and", "or", "xor", "inc", "dec")
    if operation is None or len(values) != (2 if operation == "cas" else 1):
        c.refuse("an atomic of this form")
    code = _UNSIGNED_CODES.get(width) or c.refuse("this type")
    address, old = c.temporary(), c.temporary()
    c.line(f"{address} = {c.address(a, space)}")
    c.line(f"{old}, = {c.accessor(space, 'load', f'<1{code}')}({address})")
    value = c.bits(values[0], width)
    everything = hex((1 << width) - 1)
    if operation == "add" and type_name == "f32":
        new = f"{c.use(add_atomically)}({address}, {old}, {value}, {space!r})"
    elif operation == "add" and kind in "fx" and type_name not in ("u16x2", "s16x2"):
        if type_name != "f64" and not m.take("noftz"):
            c.refuse("this atomic without .noftz")
        format_name = type_name.removesuffix("x2")
        name = c.use(FORMATS[format_name], f"FORMAT_{format_name}")
        add = c.use(floats.add, "float_add")
        new = f"{add}({old}, {value}, {name})"
        if kind == "x":
            new = f"{c.use(floats.halves)}(lambda x, y: {add}(x, y, {name}), {old}, {value})"
    elif kind in "fx" or (kind == "b" and operation in ("add", "min", "max", "inc", "dec")):
        c.refuse(f"atomic {operation} on this type")
    elif operation == "add":
        new = f"({old} + {value}) & {everything}"
    elif operation in ("min", "max"):
        half = 1 << (width - 1)
        sign = "<" if operation == "min" else ">"
        if kind == "s":
            new = f"{old} if ({old} ^ {half:#x}) {sign} ({c.biased(values[0], width)}) else {value}"
        else:
            new = f"{operation}({old}, {value})"
    elif operation == "exch":
        new = value
    elif operation == "cas":
        new = f"{c.bits(values[1], width)} if {old} == {value} else {old}"
    elif operation == "inc":
        new = f"0 if {old} >= {value} else {old} + 1"
    elif operation == "dec":
        new = f"{value} if {old} == 0 or {old} > {value} else {old} - 1"
    else:
        new = f"{old} {dict([('and', '&'), ('or', '|'), ('xor', '^')])[operation]} {value}"
    c.line(f"{c.accessor(space, 'store', f'<1{code}')}({address}, {new})")
    if returns:
        c.set_extended(d, width, old, kind == "s")


# ---- asynchronous copies ------------------------------------------------------------------------------------------


@instruction("cp")
def copy_asynchronously(c, operands, m):
    if not m.take("async"):
        c.refuse("cp without .async")
    if m.take("commit_group"):
        c.operands(operands, 0)
        return c.line("T.commit_copies()")
    if m.take("wait_all"):
        c.operands(operands, 0)
        c.line("T.commit_copies()")
        return c.line("T.wait_copies(0)")
    if m.take("wait_group"):
        (count,) = c.operands(operands, 1)
        if not isinstance(count, Integer):
            c.refuse("a count that is no constant")
        return c.line(f"T.wait_copies({count.value})")
    cache = m.take("ca", "cg") or c.refuse("cp.async of this form")
    if not m.take("shared", "shared::cta") or not m.take("global"):
        c.refuse("cp.async between these spaces")
    m.take_all("L2::64B", "L2::128B", "L2::256B")
    target, source, size, *rest = c.operands(operands, 3, 4)
    if not isinstance(size, Integer) or size.value not in ((16,) if cache == "cg" else (4, 8, 16)):
        c.refuse("cp.async of this size")
    if not isinstance(target, Address) or not isinstance(source, Address):
        c.refuse("cp.async with these operands")
    read = c.bits(rest[0], 32) if rest else str(size.value)
    c.line(f"T.copy_later({c.address(target, 'shared')}, {c.address(source, 'global')}, {size.value}, {read})")


@instruction("membar", "fence", "nanosleep", "prefetch", "prefetchu")
def order_only(c, operands, m):
    """What orders or hastens memory accesses: one thread runs at a time here, in the order of its program."""
    m.take_all(
        "gl",
        "cta",
        "sys",
        "gpu",
        "sc",
        "acq_rel",
        "acquire",
        "release",
        "cluster",
        "u32",
        "global",
        "local",
        "L1",
        "L2",
    )


@instruction("isspacep")
def is_in_space(c, operands, m):
    p, a = c.operands(operands, 2)
    space = m.take("global", "shared", "local", "shared::cta") or c.refuse("this space")
    address = c.bits(a, 64)
    if space == "global":
        return c.set_predicate(p, f"{address} < {SHARED_WINDOW:#x}")
    window = c.window(space.removesuffix("::cta"))
    c.set_predicate(p, f"{address} >> 32 == {window >> 32:#x}")


@instruction("call")
def call(c, operands, m):
    m.take("uni")
    groups = [operand for operand in operands if isinstance(operand, Group)]
    names = [operand for operand in operands if not isinstance(operand, Group)]
    if len(names) != 1 or c.is_register(names[0]):
        c.refuse("a call of this form")
    results = list(groups[0].items) if isinstance(operands[0], Group) else []
    arguments = list(operands[-1].items) if isinstance(operands[-1], Group) and operands[-1] is not operands[0] else []
    c.call(results, names[0].name, arguments)
