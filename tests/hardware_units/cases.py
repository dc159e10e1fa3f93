"""For each unit its ports, the vectors that it is simulated with, and what they must give."""

import dataclasses
import itertools
import random

import models

exhaustive_bits = 17  # as many bits of input are tried in every combination
samples = 8000  # else so many random vectors, besides the corners


@dataclasses.dataclass
class Case:
    """Inputs and expected outputs are integers whose bits count, so negative ones are two's complement."""
    module: str
    parameters: dict
    inputs: list  # (port, bits)
    outputs: list  # (port, bits)
    vectors: list  # (inputs, outputs), in the ports' order
    exhaustive: bool
    clock: str = None  # a port: each vector is a cycle


def _corners(width):
    top = 1 << (width - 1)
    found = {0, 1, 2, 3, top, top - 1, top + 1, 2 * top - 1, 2 * top - 2, 2 * top // 3, top // 3}
    found |= {1 << i for i in range(0, width, 3)}
    return sorted(value % (2 * top) for value in found)


def integer_inputs(widths, generator):
    """Every combination, or all corners with each other (at most `samples`) and random ones.

    Random numbers have random lengths, so that small ones are as usual as large ones.
    """
    if sum(widths) <= exhaustive_bits:
        return list(itertools.product(*(range(1 << width) for width in widths))), True
    corners = list(itertools.product(*map(_corners, widths)))
    if len(corners) > samples:
        corners = generator.sample(corners, samples)

    def number(width):
        value = generator.getrandbits(width) >> generator.choice((0, 0, generator.randrange(width)))
        return value ^ (((1 << width) - 1) * generator.getrandbits(1))

    return corners + [tuple(map(number, widths)) for _ in range(samples)], False


def _case(module, parameters, inputs, outputs, model, generator):
    """A unit without state whose model takes unsigned integers; what it returns may be one integer."""
    values, exhaustive = integer_inputs([width for _, width in inputs], generator)
    vectors = []
    for each in values:
        result = model(*each)
        vectors.append((each, result if isinstance(result, tuple) else (result,)))
    return Case(module, parameters, inputs, outputs, vectors, exhaustive)


def _bits_of(largest):
    """Bits that hold -largest to largest."""
    return largest.bit_length() + 1


def multiplier(module, parameters, generator):
    a_bits, b_bits = parameters["A_BITS"], parameters["B_BITS"]
    return _case(module, parameters, [("a", a_bits), ("b", b_bits)], [("product", a_bits + b_bits)],
                 lambda a, b: models.signed(a, a_bits) * models.signed(b, b_bits), generator)


def k_ones(module, parameters, generator):
    x_bits, terms, exact = parameters["X_BITS"], parameters["TERMS"], parameters["EXACT"]
    largest = terms * 2 ** (x_bits - 1) * (128 if exact else 1)
    y_bits = _bits_of(largest)
    inputs = [("x", x_bits), ("code", 1 + 3 * terms)]

    def model(x, code):
        return models.k_ones_multiply(models.signed(x, x_bits), code, terms, exact)

    def model_with_carry(x, code):  # y + carry is the product
        carry = code >> (3 * terms)
        return model(x, code) - carry, carry

    if module == "k_ones_multiply_carry":
        return _case(module, parameters, inputs, [("y", y_bits - 1), ("carry", 1)], model_with_carry, generator)
    case = _case(module, parameters, inputs, [("y", y_bits)], model, generator)
    if x_bits == 8 and not case.exhaustive:  # at least every code, each with many numbers
        case.vectors += [((x, code), (model(x, code),)) for x in _corners(8) for code in range(2 << 3 * terms)]
    return case


def power_of_two(module, parameters, generator):
    x_bits, largest, exact = parameters["X_BITS"], parameters["LARGEST_SHIFT"], parameters["EXACT"]
    y_bits = _bits_of(2 ** (x_bits - 1 + (largest if exact else 0)))
    code_bits = 1 + (largest + 1).bit_length()  # m = 0 .. largest + 1
    return _case(module, parameters, [("x", x_bits), ("code", code_bits)], [("y", y_bits)],
                 lambda x, code: models.power_of_two_multiply(models.signed(x, x_bits), code, largest, exact),
                 generator)


def ternary(module, parameters, generator):
    bits = parameters["X_BITS"]
    return _case(module, parameters, [("x", bits), ("code", 2)], [("y", bits + 1)],
                 lambda x, code: models.ternary_multiply(models.signed(x, bits), code), generator)


def binary_multiply(module, parameters, generator):
    bits = parameters["X_BITS"]
    return _case(module, parameters, [("x", bits), ("code", 1)], [("y", bits + 1)],
                 lambda x, code: (1, -1)[code] * models.signed(x, bits), generator)


def binary_add_subtract(module, parameters, generator):
    x_bits, sum_bits = parameters["X_BITS"], parameters["SUM_BITS"]
    return _case(module, parameters, [("sum", sum_bits), ("x", x_bits), ("code", 1)], [("y", sum_bits)],
                 lambda total, x, code: total + (1, -1)[code] * models.signed(x, x_bits), generator)


def binary_xnor(module, parameters, generator):
    return _case(module, parameters, [("a", 1), ("code", 1)], [("y", 1)],
                 lambda a, code: int((1, -1)[a] * (1, -1)[code] == 1), generator)


def k_ones_binary(module, parameters, generator):
    terms = parameters["TERMS"]
    return _case(module, parameters, [("a", 1), ("code", 1 + 3 * terms)], [("y", _bits_of(128 * terms))],
                 lambda a, code: (1, -1)[a] * models.level(code, terms), generator)


def add(module, parameters, generator):
    bits = parameters["BITS"]
    return _case(module, parameters, [("a", bits), ("b", bits)], [("y", bits)], lambda a, b: a + b, generator)


def popcount(module, parameters, generator):
    bits = parameters["BITS"]
    case = _case(module, parameters, [("bits", bits)], [("count", bits.bit_length())],
                 lambda each: each.bit_count(), generator)
    if not case.exhaustive:  # random words have about half of the bits: all counts, from both ends
        for i in range(bits + 1):
            case.vectors += [(((1 << i) - 1,), (i,)), ((((1 << i) - 1) << (bits - i),), (i,))]
    return case


def accumulate(module, parameters, generator):
    term_bits, sum_bits = parameters["TERM_BITS"], parameters["SUM_BITS"]
    widths = [1, sum_bits, term_bits, 1]
    cycles, _ = integer_inputs(widths, generator)
    generator.shuffle(cycles)
    cycles[0] = (1,) + cycles[0][1:]
    total = 0
    vectors = []
    for first, start, term, carry in cycles:
        first = first if len(vectors) == 0 else int(generator.random() < 1 / 16)  # sums of some 16 terms
        total = ((start if first else total) + models.signed(term, term_bits) + carry) % (1 << sum_bits)
        vectors.append(((first, start, term, carry), (total,)))
    inputs = list(zip(("first", "start", "term", "carry"), widths))
    return Case(module, parameters, inputs, [("sum", sum_bits)], vectors, False, "clock")


def requantize(module, parameters, generator):
    sum_bits, multiplier_bits = parameters["SUM_BITS"], parameters["MULTIPLIER_BITS"]
    wide, y_bits, is_signed = parameters["WIDE_BITS"], parameters["Y_BITS"], parameters["SIGNED"]
    values, _ = integer_inputs([sum_bits, multiplier_bits], generator)
    vectors = []
    for total_bits, factor_bits in values:
        total, factor = models.signed(total_bits, sum_bits), models.signed(factor_bits, multiplier_bits)
        # Mostly shifts that bring the result near the range of y, and addends that round half up.
        length = (total * factor).bit_length()
        shift = generator.choice((generator.randrange(64), max(0, length - y_bits + generator.randrange(-2, 3))))
        half = 2 ** (shift - 1) if shift else 0
        addend = generator.choice((half, half + generator.randrange(-(2**20), 2**20) * 2**8,
                                   generator.randrange(-(2 ** (wide - 1)), 2 ** (wide - 1))))
        addend = max(-(2 ** (wide - 1)) - min(total * factor, 0), addend)
        addend = min(2 ** (wide - 1) - 1 - max(total * factor, 0), addend)
        vectors.append(((total_bits, factor_bits, addend % 2**wide, shift),
                        (models.requantize(total, factor, addend, shift, y_bits, is_signed),)))
    return Case(module, parameters,
                [("sum", sum_bits), ("multiplier", multiplier_bits), ("addend", wide), ("shift", 6)], [("y", y_bits)],
                vectors, False)


def threshold(module, parameters, generator):
    bits = parameters["SUM_BITS"]
    case = _case(module, parameters, [("sum", bits), ("threshold", bits), ("rising", 1)], [("y", 1)],
                 lambda total, limit, rising: models.threshold(models.signed(total, bits), models.signed(limit, bits),
                                                               rising), generator)
    for total in _corners(bits) + [generator.getrandbits(bits) for _ in range(1000)]:  # near the threshold
        for difference, rising in itertools.product((-1, 0, 1), (0, 1)):
            limit = (total + difference) % 2**bits
            result = models.threshold(models.signed(total, bits), models.signed(limit, bits), rising)
            case.vectors.append(((total, limit, rising), (result,)))
    return case


# Zeros, subnormal and smallest normal numbers, 1, 1.5 and their neighbours, largest numbers; both signs.
_FP32_CORNERS = [sign << 31 | magnitude for sign in (0, 1) for magnitude in (
    0x00000000, 0x00000001, 0x007FFFFF, 0x00800000, 0x00800001, 0x00FFFFFF, 0x01000000, 0x03FFFFFF, 0x04000000,
    0x0B800000, 0x1FFFFFFF, 0x33800000, 0x33800001, 0x34000000, 0x3F000000, 0x3F7FFFFF, 0x3F800000, 0x3F800001,
    0x3FBFFFFF, 0x3FC00000, 0x3FC00001, 0x3FFFFFFF, 0x40000000, 0x4B000000, 0x4B800001, 0x7EFFFFFF, 0x7F000000,
    0x7F7FFFFE, 0x7F7FFFFF)]


def fp32_number(generator):
    """Any exponent but that of infinity; significands of random bits, or of few: they make ties, and almost ties."""
    fraction = generator.getrandbits(23)
    kind = generator.randrange(4)
    if kind <= 1:
        fraction = fraction & -1 << generator.randrange(23) | kind
    elif kind == 2:
        fraction |= (1 << generator.randrange(23)) - 1
    return generator.getrandbits(1) << 31 | generator.randrange(255) << 23 | fraction


def _with_exponent(bits, exponent):
    return bits & 0x807FFFFF | min(max(exponent, 0), 254) << 23


def fp32_pair(module, parameters, generator):
    pairs = list(itertools.product(_FP32_CORNERS, repeat=2))
    model = models.fp32_add if module == "fp32_add" else models.fp32_multiply
    for _ in range(samples):
        a, b = fp32_number(generator), fp32_number(generator)
        pairs.append((a, b))
        exponent = a >> 23 & 0xFF
        if module == "fp32_add":  # near exponents: alignment, cancellation, ties
            pairs.append((a, _with_exponent(b, exponent + generator.randrange(-27, 28))))
            pairs.append((a, _with_exponent(a ^ 1 << 31 ^ 1 << generator.randrange(23),
                                            exponent + generator.randrange(-1, 2))))
        else:  # results near the ends of the exponents
            near = generator.choice((1, 254)) + generator.randrange(-2, 3)
            pairs.append((a, _with_exponent(b, near + 127 - exponent)))
    return Case(module, parameters, [("a", 32), ("b", 32)], [("y", 32)],
                [(pair, (model(*pair),)) for pair in pairs], False)


def fp32_k_ones(module, parameters, generator):
    terms = 1 if module == "fp32_k_ones_1" else 2
    code_bits = 1 + 3 * terms
    codes = list(range(1 << code_bits))
    if module == "fp32_k_ones_2_fused":
        codes = [code for code in codes if (code >> 3 & 7) <= (code & 7)]
    numbers = _FP32_CORNERS + [fp32_number(generator) for _ in range(samples // len(codes))]
    for _ in range(samples // len(codes)):  # results near the ends of the exponents
        numbers.append(_with_exponent(fp32_number(generator), generator.choice((0, 254)) + generator.randrange(-9, 10)))
    model = (models.fp32_k_ones_2_in_two if module == "fp32_k_ones_2" else
             lambda x, code: models.fp32_k_ones(x, code, terms))
    return Case(module, parameters, [("x", 32), ("code", code_bits)], [("y", 32)],
                [((x, code), (model(x, code),)) for x in numbers for code in codes], False)


_MAKERS = {
    "multiply_baugh_wooley": multiplier,
    "multiply_booth": multiplier,
    "k_ones_multiply": k_ones,
    "k_ones_multiply_carry": k_ones,
    "power_of_two_multiply": power_of_two,
    "ternary_multiply": ternary,
    "binary_multiply": binary_multiply,
    "binary_add_subtract": binary_add_subtract,
    "binary_xnor": binary_xnor,
    "k_ones_binary": k_ones_binary,
    "add": add,
    "popcount": popcount,
    "accumulate": accumulate,
    "requantize": requantize,
    "threshold": threshold,
    "fp32_multiply": fp32_pair,
    "fp32_add": fp32_pair,
    "fp32_k_ones_1": fp32_k_ones,
    "fp32_k_ones_2": fp32_k_ones,
    "fp32_k_ones_2_fused": fp32_k_ones,
}


def case(module, parameters, seed=1):
    """The case of a unit; the same vectors for the same seed."""
    return _MAKERS[module](module, parameters, random.Random(f"{seed} {module} {sorted(parameters.items())}"))
