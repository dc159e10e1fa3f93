"""What barriers and the instructions of a whole warp become: a yield of a request (machine.py), whose answer is the
result."""

from . import collectives, matrix
from .compiler import instruction
from .parser import TYPES, Group, Pair

_FULL_MASK = "0xffffffff"


def together(c, handler, name, mask, value, key=None):
    """An expression of what the lanes of `mask` get from handler; lanes with equal keys meet."""
    function = c.use(handler, name)
    return f"(yield ({function}, {key or c.current.opcode!r}, {mask}, {value}))"


# ---- barriers -----------------------------------------------------------------------------------------------------


@instruction("bar", "barrier")
def barrier(c, operands, m):
    if m.base == "bar" and m.take("warp"):
        if not m.take("sync"):
            c.refuse("bar.warp of this form")
        (mask,) = c.operands(operands, 1)
        return c.line(together(c, collectives.synchronize, "synchronize", c.bits(mask, 32), "None"))
    m.take("cta")
    aligned = m.base == "bar" or m.take("aligned") is not None
    kind = m.take("sync", "arrive", "red") or c.refuse("a barrier of this form")
    if kind != "red":
        number, *count = c.operands(operands, 1, 2)
        if kind == "arrive" and not count:
            c.refuse("bar.arrive without a number of threads")
        return c.line(request(c, number, count, kind, "None", aligned))
    operation = m.take("popc", "and", "or") or c.refuse("bar.red of this form")
    if m.type() != ("u32" if operation == "popc" else "pred"):
        c.refuse("this type")
    d, number, *count, p = c.operands(operands, 3, 4)
    result = request(c, number, count, operation, c.predicate(p), aligned)
    if operation == "popc":
        c.set(d, 32, result)
    else:
        c.set_predicate(d, result)


def request(c, number, count, kind, value, aligned):
    """The yield of a barrier: (None, number, threads or None, kind, value, the instruction's line or None)."""
    threads = c.bits(count[0], 32) if count else "None"
    return f"(yield (None, {c.bits(number, 32)}, {threads}, {kind!r}, {value}, {c.current.line if aligned else None}))"


# ---- votes, matches, shuffles, reductions --------------------------------------------------------------------------


@instruction("vote")
def vote(c, operands, m):
    if not m.take("sync"):
        c.refuse("vote without .sync")
    kind = m.take("ballot", "any", "all", "uni") or c.refuse("a vote of this kind")
    type_name = m.type()
    d, p, mask = c.operands(operands, 3)
    handler = {
        "ballot": collectives.vote_ballot,
        "any": collectives.vote_any,
        "all": collectives.vote_all,
        "uni": collectives.vote_uniform,
    }[kind]
    result = together(c, handler, handler.__name__, c.bits(mask, 32), c.predicate(p))
    if kind == "ballot" and type_name == "b32":
        return c.set(d, 32, result)
    if kind == "ballot" or type_name != "pred":
        c.refuse("this type")
    c.set_predicate(d, result)


@instruction("match")
def match(c, operands, m):
    width, kind = TYPES[m.type()]
    everyone = m.take("any", "all") or c.refuse("a match of this kind")
    if not m.take("sync") or kind != "b" or width not in (32, 64):
        c.refuse("a match of this form")
    d, a, mask = c.operands(operands, 3)
    if everyone == "any":
        return c.set(d, 32, together(c, collectives.match_any, "match_any", c.bits(mask, 32), c.bits(a, width)))
    two_results(c, d, together(c, collectives.match_all, "match_all", c.bits(mask, 32), c.bits(a, width)))


def two_results(c, destination, expression):
    """d, or d|p, from an expression of a tuple."""
    word, truth = c.temporary(), c.temporary()
    c.line(f"{word}, {truth} = {expression}")
    if isinstance(destination, Pair):
        c.set(destination.first, 32, word)
        c.set_predicate(destination.second, truth)
    else:
        c.set(destination, 32, word)


@instruction("shfl")
def shuffle(c, operands, m):
    if not m.take("sync") or m.type() != "b32":
        c.refuse("a shuffle of this form")
    mode = m.take("up", "down", "bfly", "idx") or c.refuse("a shuffle of this mode")
    handler = {
        "up": collectives.shuffle_up,
        "down": collectives.shuffle_down,
        "bfly": collectives.shuffle_butterfly,
        "idx": collectives.shuffle_index,
    }[mode]
    d, a, b, e, mask = c.operands(operands, 5)
    values = f"({c.bits(a, 32)}, {c.bits(b, 32)}, {c.bits(e, 32)})"
    two_results(c, d, together(c, handler, f"shuffle_{mode}", c.bits(mask, 32), values))


@instruction("redux")
def reduce(c, operands, m):
    type_name = m.type()
    operation = m.take("add", "min", "max", "and", "or", "xor")
    if not m.take("sync") or operation is None or type_name not in ("u32", "s32", "b32"):
        c.refuse("a reduction of this form")
    if operation in ("min", "max"):
        operation += "_signed" if type_name == "s32" else "_unsigned"
    d, a, mask = c.operands(operands, 3)
    handler = getattr(collectives, f"reduce_{operation}")
    c.set(d, 32, together(c, handler, f"reduce_{operation}", c.bits(mask, 32), c.bits(a, 32)))


@instruction("activemask")
def active_mask(c, operands, m):
    """PTX leaves open which lanes run together. Here it is all that come to this instruction: the lanes that are at it
    when no lane of the warp can go on otherwise."""
    if m.type() != "b32":
        c.refuse("this type")
    (d,) = c.operands(operands, 1)
    c.set(d, 32, together(c, collectives.vote_ballot, "vote_ballot", "None", "True", aligned_key(c)))


# ---- matrices -----------------------------------------------------------------------------------------------------


@instruction("mma")
def multiply_matrices(c, operands, m):
    counting = m.take("popc")  # comes, with the operation on bits, after the types
    operation = m.take("xor", "and")
    c_type, b_type, a_type, d_type = m.type(), operand_type(c, m), operand_type(c, m), m.type()
    if not m.take("sync") or not m.take("aligned"):
        c.refuse("mma without .sync.aligned")
    if not m.take("row") or not m.take("col") or c_type != "s32" or d_type != "s32":
        c.refuse("mma of these layouts or types")
    name = next((part for part in m.left if part.startswith("m") and part[1:2].isdigit()), None)
    if name is None:
        c.refuse("mma without a shape")
    m.left.remove(name)
    sizes = [int(size) for size in name[1:].replace("n", " ").replace("k", " ").split()]
    width = 1 if a_type == "b1" else 8
    shape = matrix.shape_of(*sizes, width)
    if shape is None or (a_type == "b1") != (b_type == "b1"):
        c.refuse(f"mma {name} of .{a_type} and .{b_type}")
    if width == 1:
        if not counting or not operation:
            c.refuse("mma of bits without an operation")
        handler = matrix.multiply_bits(shape, operation == "xor")
        handler_name = f"mma_{name}_{operation}"
    else:
        if counting or operation:
            c.refuse("an operation on bits")
        saturating = m.take("satfinite") is not None
        handler = matrix.multiply_bytes(shape, a_type == "s8", b_type == "s8", saturating)
        handler_name = f"mma_{name}_{a_type}_{b_type}_{saturating}"
    if handler_name in c.namespace:
        handler = c.namespace[handler_name]
    groups = [operand.items if isinstance(operand, Group) else (operand,) for operand in c.operands(operands, 4)]
    counts = [shape.c_words, shape.a_words, shape.b_words, shape.c_words]
    if [len(group) for group in groups] != counts:
        c.refuse("fragments of other sizes than the shape's")
    d, a, b, e = groups
    fragments = ", ".join(f"({', '.join(c.bits(item, 32) for item in group)},)" for group in (a, b, e))
    words_to(c, d, together(c, handler, handler_name, _FULL_MASK, f"({fragments})", aligned_key(c)))


def operand_type(c, m):
    """The type of A or B, which is the last modifier."""
    if not m.left or m.left[-1] not in ("b1", "s8", "u8"):
        c.refuse("mma of these types")
    return m.left.pop()


def aligned_key(c):
    """All lanes must be at the very same instruction."""
    return f"{c.current.opcode} of line {c.current.line}"


def words_to(c, registers, expression):
    words = [c.temporary() for _ in registers]
    c.line(f"{', '.join(words)}, = {expression}")
    for register, word in zip(registers, words):
        c.set(register, 32, word)


@instruction("ldmatrix")
def load_matrices(c, operands, m):
    if m.type() != "b16" or not m.take("sync") or not m.take("aligned") or not m.take("m8n8"):
        c.refuse("ldmatrix of this form")
    if not m.take("shared", "shared::cta"):
        c.refuse("ldmatrix outside .shared")
    count = int((m.take("x1", "x2", "x4") or c.refuse("ldmatrix without a count"))[1:])
    transposed = m.take("trans") is not None
    name = f"ldmatrix_x{count}{'_trans' if transposed else ''}"
    handler = c.namespace.get(name) or matrix.load_matrices(count, transposed)
    d, a = c.operands(operands, 2)
    registers = d.items if isinstance(d, Group) else (d,)
    if len(registers) != count:
        c.refuse("another number of registers than matrices")
    value = f"({c.address(a, 'shared')}, {c.accessor('shared', 'load', '<4I')})"
    words_to(c, registers, together(c, handler, name, _FULL_MASK, value, aligned_key(c)))
