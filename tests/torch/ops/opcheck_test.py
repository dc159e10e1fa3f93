"""The elementwise quantizers from Python: schemas, torch.library.opcheck, tracing, and their values against an
oracle that knows the definitions alone and computes with integers and fractions.

Usage: opcheck_test.py LIBRARY KEYS [unittest's own arguments]
LIBRARY is libkones_torch.so; KEYS are the dispatch keys that it was built with kernels for: CPU,CUDA,Meta,Autograd
"""

import itertools
import random
import sys
import unittest
from bisect import bisect_right
from fractions import Fraction

import torch

TYPES = (torch.float32, torch.float16, torch.bfloat16)
ROUNDINGS = ("nearest", "stochastic", "truncate")
ELEMENTWISE = ("k_ones", "power_of_two", "fixed_point", "binarize", "ternarize")


# The oracle.


def philox_words(seed, offset, block):
    """Philox4x32-10 (Salmon et al., SC 2011): the four words of a block."""
    counter = [block & 0xFFFFFFFF, block >> 32, offset & 0xFFFFFFFF, (offset >> 32) & 0xFFFFFFFF]
    key = [seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF]
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [
            (second >> 32) ^ counter[1] ^ key[0],
            second & 0xFFFFFFFF,
            (first >> 32) ^ counter[3] ^ key[1],
            first & 0xFFFFFFFF,
        ]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return counter


def uniform(seed, offset, element):
    return Fraction(philox_words(seed, offset, element // 4)[element % 4] >> 8, 1 << 24)


def rounded(value, significand_bits, lowest_exponent):
    """The fraction `value`, rounded to nearest even in a binary floating-point format (overflow aside)."""
    if value == 0:
        return value
    exponent = lowest_exponent
    while abs(value) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    unit = Fraction(2) ** (exponent - significand_bits + 1)
    return round(value / unit) * unit


FORMATS = {torch.float32: (24, -126), torch.float16: (11, -14), torch.bfloat16: (8, -126)}


def k_ones_levels(k, max_shift):
    sums = itertools.combinations_with_replacement([1 << shift for shift in range(max_shift + 1)], k)
    magnitudes = {Fraction(sum(terms), 1 << max_shift) for terms in sums}
    return sorted(magnitudes | {-magnitude for magnitude in magnitudes})


def power_of_two_levels(low, high, zero):
    magnitudes = {Fraction(2) ** exponent for exponent in range(low, high + 1)}
    return sorted(magnitudes | {-magnitude for magnitude in magnitudes} | ({Fraction(0)} if zero else set()))


def fixed_point_levels(integer_bits, fraction_bits, signed):
    bits = integer_bits + fraction_bits
    codes = range(-(1 << (bits - 1)), 1 << (bits - 1)) if signed else range(1 << bits)
    return [code * Fraction(2) ** -fraction_bits for code in codes]


def nearest_log(x, low, high, zero):
    """2^round(log2 |x|): the exponent e with 2^(2e - 1) < x^2 < 2^(2e + 1); none is halfway."""
    if abs(x) == float("inf"):
        return Fraction(2) ** high * (1 if x > 0 else -1)
    exponent = low - 1
    while exponent < high and x * x > Fraction(2) ** (2 * exponent + 1):
        exponent += 1
    if exponent < low:
        return Fraction(0) if zero else Fraction(2) ** low * (-1 if x < 0 else 1)
    return Fraction(2) ** exponent * (-1 if x < 0 else 1)


def level_of(x, levels, rounding, u, twos_complement=False):
    """The level that `x` (a fraction or an infinity) rounds to; `u` is called for its random number."""
    if x <= levels[0]:
        return levels[0]
    if x >= levels[-1]:
        return levels[-1]
    above = bisect_right(levels, x)
    low, high = levels[above - 1], levels[above]
    if rounding == "stochastic":
        probability = rounded(rounded(x - low, 24, -126) / rounded(high - low, 24, -126), 24, -126)
        return high if u() < probability else low
    if twos_complement:
        return low if rounding == "truncate" or x - low < high - x else high
    if low < 0 < high:
        return high if x >= 0 else low
    if x == low:
        return low
    inner, outer = (low, high) if low >= 0 else (high, low)
    if rounding == "truncate":
        return inner
    return inner if abs(x - inner) < abs(x - outer) else outer


def binarize_level(x, rounding, u):
    if rounding != "stochastic":
        return Fraction(1 if x >= 0 else -1)
    if x in (float("inf"), float("-inf")):
        return Fraction(1 if x > 0 else -1)
    probability = rounded(x + 1, 24, -126) / 2
    return Fraction(1 if u() < min(max(probability, 0), 1) else -1)


def expected(x, quantize):
    """What `quantize(value, element)` makes of the elements of `x` in row-major order, in the type of `x`."""
    values = []
    for element, value in enumerate(x.detach().to(torch.float64).flatten().tolist()):
        if value != value:
            values.append(value)
            continue
        exact = value if abs(value) == float("inf") else Fraction(value)
        values.append(float(rounded(quantize(exact, element), *FORMATS[x.dtype])))
    return torch.tensor(values, dtype=torch.float64).to(x.dtype).reshape(x.shape)


def equal(a, b):
    """Equal values, NaN to NaN, and every zero +0."""
    same = torch.equal(torch.nan_to_num(a, nan=99.0), torch.nan_to_num(b, nan=99.0))
    return a.dtype == b.dtype and same and not torch.signbit(a[a == 0]).any()


def sample(count, dtype, generator):
    """Levels, ties, their neighbours, special values, and random values of all magnitudes."""
    notable = [0.0, -0.0, 1e-45, -1e-45, float("inf"), float("-inf"), float("nan"), 1e30, -1e30]
    for shift in range(-3, 17):
        for point in (1.0, 1.25, 1.5, 1.75):
            value = point * 2.0**-shift
            notable += [value, value * (1 - 2**-24), value * (1 + 2**-23)]
    values = []
    for _ in range(count):
        sign = generator.choice((-1, 1))
        values.append(
            sign
            * generator.choice(
                (
                    generator.choice(notable),
                    generator.uniform(0, 1.5),
                    generator.uniform(1, 2) * 2.0 ** generator.randint(-20, 3),
                )
            )
        )
    return torch.tensor(values, dtype=torch.float32).to(dtype)


def layouts(dtype):
    """Named tensors of every layout, built on the same values for every call."""
    generator = random.Random(3)

    def values(*shape):
        return sample(torch.Size(shape).numel(), dtype, generator).reshape(shape)

    return {
        "contiguous": values(2, 3, 5, 7),
        "channels last": values(2, 3, 5, 7).contiguous(memory_format=torch.channels_last),
        "transposed": values(6, 11).t(),
        "permuted": values(3, 4, 5).permute(2, 0, 1),
        "with steps": values(20, 9)[1::3, ::2],
        "expanded": values(5, 1, 7).expand(5, 6, 7),
        "overlapping": values(44).as_strided((12, 8), (2, 3)),
        "no dimensions": values(1).reshape(()),
        "empty": values(0),
        "empty, more dimensions": values(2, 0, 3),
    }


class Oracle(unittest.TestCase):
    """The oracle itself, against values worked out by hand or published."""

    def test_philox(self):
        # Random123, kat_vectors, philox4x32 10: zeros; all ones; the digits of pi.
        self.assertEqual(philox_words(0, 0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8])
        ones = (1 << 64) - 1
        self.assertEqual(philox_words(ones, ones, ones), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD])
        self.assertEqual(philox_words(-1, -1, ones), philox_words(ones, ones, ones))
        self.assertEqual(
            philox_words(0x299F31D0A4093822, 0x0370734413198A2E, 0x85A308D3243F6A88),
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        )

    def test_levels(self):
        self.assertEqual([str(level) for level in k_ones_levels(1, 2)], ["-1", "-1/2", "-1/4", "1/4", "1/2", "1"])
        self.assertEqual(len(k_ones_levels(1, 7)), 16)
        self.assertEqual(len(k_ones_levels(2, 7)), 72)

    def test_rounding_of_fractions(self):
        self.assertEqual(rounded(Fraction(1, 3), 24, -126), Fraction(torch.tensor(1 / 3).item()))
        self.assertEqual(rounded(Fraction(257, 256), 8, -126), 1)
        self.assertEqual(rounded(Fraction(3, 2**25), 11, -14), Fraction(2, 2**24))


# Seen to fail on: a tie toward zero, truncation away from zero, the upper neighbour by magnitude for negative values,
# u <= p, the next word of a block, the offset's high word dropped, -1 for the sign of 0.
class Values(unittest.TestCase):
    def test_k_ones(self):
        generator = random.Random(1)
        for dtype, rounding in itertools.product(TYPES, ROUNDINGS):
            for k, max_shift in ((1, 7), (2, 7), (1, 0), (3, 4), (4, 15)):
                with self.subTest(dtype=dtype, rounding=rounding, k=k, max_shift=max_shift):
                    x = sample(330, dtype, generator)
                    levels = k_ones_levels(k, max_shift)
                    seed, offset = generator.getrandbits(64) - 2**63, generator.getrandbits(64) - 2**63
                    y = torch.ops.kones.k_ones(x, k, max_shift, rounding, seed, offset)
                    wanted = expected(x, lambda v, i: level_of(v, levels, rounding, lambda: uniform(seed, offset, i)))
                    self.assertTrue(equal(y, wanted), msg=list(zip(x.tolist(), y.tolist(), wanted.tolist())))

    def test_power_of_two(self):
        generator = random.Random(6)
        for dtype, rounding in itertools.product(TYPES, (*ROUNDINGS, "nearest_log")):
            for low, high, zero in ((-7, 0, False), (-6, 1, True), (0, 0, True), (-126, 126, True), (-20, -16, False)):
                with self.subTest(dtype=dtype, rounding=rounding, low=low, high=high, zero=zero):
                    x = sample(330, dtype, generator)
                    levels = power_of_two_levels(low, high, zero)
                    seed, offset = generator.getrandbits(64) - 2**63, generator.getrandbits(64) - 2**63
                    y = torch.ops.kones.power_of_two(x, low, high, zero, rounding, seed, offset)

                    def wanted_level(v, i):
                        if rounding == "nearest_log":
                            return nearest_log(v, low, high, zero)
                        return level_of(v, levels, rounding, lambda: uniform(seed, offset, i))

                    wanted = expected(x, wanted_level)
                    self.assertTrue(equal(y, wanted), msg=list(zip(x.tolist(), y.tolist(), wanted.tolist())))

    def test_fixed_point(self):
        generator = random.Random(7)
        for dtype, rounding, signed in itertools.product(TYPES, ROUNDINGS, (True, False)):
            for before, after in ((2, 6), (1, 0), (8, 0), (-2, 9), (6, -2), (-10, 12)):
                with self.subTest(dtype=dtype, rounding=rounding, before=before, after=after, signed=signed):
                    x = sample(330, dtype, generator)
                    levels = fixed_point_levels(before, after, signed)
                    seed, offset = generator.getrandbits(64) - 2**63, generator.getrandbits(64) - 2**63
                    y = torch.ops.kones.fixed_point(x, before, after, signed, rounding, seed, offset)
                    wanted = expected(
                        x, lambda v, i: level_of(v, levels, rounding, lambda: uniform(seed, offset, i), True)
                    )
                    self.assertTrue(equal(y, wanted), msg=list(zip(x.tolist(), y.tolist(), wanted.tolist())))

    def test_ternarize(self):
        generator = random.Random(8)
        for dtype in TYPES:
            for threshold, positive, negative in ((0.5, 1.0, 1.0), (0.0, 0.25, 3.0), (0.1, 0.0, 0.0), (0.3, 0.7, 0.2)):
                with self.subTest(dtype=dtype, threshold=threshold):
                    x = sample(330, dtype, generator)
                    t, p, n = (Fraction(torch.tensor(v).item()) for v in (threshold, positive, negative))
                    wanted = expected(x, lambda v, i: p if v > t else -n if v < -t else Fraction(0))
                    y = torch.ops.kones.ternarize(x, threshold, positive, negative)
                    self.assertTrue(equal(y, wanted), msg=list(zip(x.tolist(), y.tolist(), wanted.tolist())))

    def test_binarize(self):
        generator = random.Random(2)
        for dtype, rounding in itertools.product(TYPES, ROUNDINGS):
            with self.subTest(dtype=dtype, rounding=rounding):
                x = sample(1001, dtype, generator)
                seed, offset = generator.getrandbits(64) - 2**63, generator.getrandbits(64) - 2**63
                y = torch.ops.kones.binarize(x, rounding, seed, offset)
                wanted = expected(x, lambda v, i: binarize_level(v, rounding, lambda: uniform(seed, offset, i)))
                self.assertTrue(equal(y, wanted), msg=list(zip(x.tolist(), y.tolist(), wanted.tolist())))

    def test_the_lower_level_wins_where_the_random_number_is_the_probability(self):
        # Operands made for their random numbers u: p = u for each, exactly.
        u = [uniform(8, 9, element) for element in range(200)]
        x = torch.tensor([float(2 * value - 1) for value in u])
        self.assertEqual(set(torch.ops.kones.binarize(x, "stochastic", 8, 9).tolist()), {-1.0})
        x = torch.tensor([float((1 + value) / 2) for value in u])
        y = torch.ops.kones.k_ones(x, 1, 7, "stochastic", 8, 9)
        exact = [level for value, level in zip(u, y.tolist()) if value * 2**24 % 2 == 0]
        self.assertGreater(len(exact), 50)
        self.assertEqual(set(exact), {0.5})

    def test_random_numbers_are_counted_in_row_major_order(self):
        for name, x in layouts(torch.float32).items():
            with self.subTest(layout=name):
                levels = k_ones_levels(1, 7)
                wanted = expected(x, lambda v, i: level_of(v, levels, "stochastic", lambda: uniform(5, -6, i)))
                self.assertTrue(equal(torch.ops.kones.k_ones(x, 1, 7, "stochastic", 5, -6), wanted))

    def test_views_that_negate_lazily(self):
        # The imaginary part of a conjugate is a float32 view whose values are the negatives of its memory.
        z = torch.complex(torch.zeros(4), torch.tensor([0.3, -0.3, 2.0, -0.01]))
        x = z.conj().imag
        self.assertTrue(x.is_neg())
        self.assertEqual(torch.ops.kones.binarize(x).tolist(), [-1, 1, -1, 1])
        self.assertEqual(torch.ops.kones.k_ones(x, 1).tolist(), [-0.25, 0.25, -1, 2**-7])


class Schemas(unittest.TestCase):
    keys = ()

    CONTRACT = (
        'k_ones(Tensor x, int k, int max_shift=7, str rounding="nearest", SymInt seed=0, SymInt offset=0) -> Tensor',
        "power_of_two(Tensor x, int min_exponent, int max_exponent, bool zero=False, "
        'str rounding="nearest", SymInt seed=0, SymInt offset=0) -> Tensor',
        "fixed_point(Tensor x, int integer_bits, int fraction_bits, bool signed=True, "
        'str rounding="nearest", SymInt seed=0, SymInt offset=0) -> Tensor',
        'binarize(Tensor x, str rounding="nearest", SymInt seed=0, SymInt offset=0) -> Tensor',
        "ternarize(Tensor x, float threshold, float positive=1., float negative=1.) -> Tensor",
    )

    def test_are_those_of_the_contract(self):
        for wanted in self.CONTRACT:
            op = getattr(torch.ops.kones, wanted.split("(")[0])
            self.assertEqual(str(op.default._schema), "kones::" + wanted)

    def test_leave_room_for_overloads(self):
        for name in ELEMENTWISE:
            self.assertEqual(getattr(torch.ops.kones, name).overloads(), ["default"])

    def test_every_dispatch_key_has_its_own_kernel(self):
        for name in ELEMENTWISE:
            for key in self.keys:
                self.assertTrue(torch._C._dispatch_has_kernel_for_dispatch_key("kones::" + name, key), msg=(name, key))
            self.assertFalse(
                torch._C._dispatch_has_kernel_for_dispatch_key("kones::" + name, "CompositeImplicitAutograd"), msg=name
            )
        for name in ("_binarize_masked", "_fixed_point_masked", "_range_gradient", "_apply_mask"):
            for key in set(self.keys) - {"Autograd"}:
                self.assertTrue(torch._C._dispatch_has_kernel_for_dispatch_key("kones::" + name, key), msg=(name, key))


# Seen to fail on: a Meta kernel that returns float32 whatever the operand; no Autograd kernel; a result that is the
# operand itself. Strides are compared in elementwise_test.cpp: opcheck compares them on CUDA alone.
class Opcheck(unittest.TestCase):
    ARGUMENTS = (
        ("k_ones", (1,)),
        ("k_ones", (2, 5, "truncate")),
        ("k_ones", (1, 7, "stochastic", -3, 2**40)),
        ("binarize", ()),
        ("binarize", ("stochastic", 2**62, -1)),
        ("power_of_two", (-7, 0)),
        ("power_of_two", (-6, 1, True, "nearest_log")),
        ("power_of_two", (-6, 1, True, "stochastic", 4, 5)),
        ("fixed_point", (2, 6)),
        ("fixed_point", (1, 4, False, "stochastic", 4, 5)),
        ("ternarize", (0.5, 2.0, 0.5)),
    )

    def check(self, x, utilities=None):
        options = {} if utilities is None else {"test_utils": utilities}
        for name, arguments in self.ARGUMENTS:
            with self.subTest(op=name, arguments=arguments, requires_grad=x.requires_grad):
                torch.library.opcheck(getattr(torch.ops.kones, name).default, (x, *arguments), **options)

    def test_every_type(self):
        for dtype, requires_grad in itertools.product(TYPES, (False, True)):
            with self.subTest(dtype=dtype):
                self.check(torch.linspace(-1.6, 1.6, 24).reshape(4, 6).to(dtype).requires_grad_(requires_grad))

    def test_every_layout(self):
        for name, x in layouts(torch.float32).items():
            with self.subTest(layout=name):
                self.check(x, ("test_schema", "test_autograd_registration", "test_faketensor"))

    def test_traces_with_gradients_in_other_layouts(self):
        for x in (
            torch.linspace(-2, 2, 24).reshape(4, 6).t(),
            torch.linspace(-2, 2, 48).reshape(2, 3, 2, 4).contiguous(memory_format=torch.channels_last),
            torch.tensor(0.4),
            torch.zeros(0, 3),
        ):
            with self.subTest(shape=x.shape):
                self.check(x.requires_grad_())


    def test_operands_that_are_no_leaves(self):
        # Autograd keeps the bits of a mask of these, by operators of their own.
        for x in (
            torch.linspace(-2, 2, 70).reshape(7, 10),
            torch.linspace(-2, 2, 48).reshape(2, 3, 2, 4).contiguous(memory_format=torch.channels_last),
        ):
            g = torch.linspace(-1, 1, x.numel()).reshape(x.shape)
            for name, arguments in (("_binarize_masked", ("stochastic", 1, 2)), ("_fixed_point_masked", (1, 4, True, "nearest", 0, 0))):
                op = getattr(torch.ops.kones, name).default
                torch.library.opcheck(op, (x, *arguments), test_utils=("test_schema", "test_faketensor"))
                mask = op(x, *arguments)[1]
                torch.library.opcheck(torch.ops.kones._apply_mask.default, (g.requires_grad_(), mask))
            torch.library.opcheck(torch.ops.kones._range_gradient.default, (g.requires_grad_(), x, -1.0, 1.0))


class Tracing(unittest.TestCase):
    class Module(torch.nn.Module):
        def forward(self, x, step: int):
            return torch.ops.kones.binarize(torch.ops.kones.k_ones(x, 1, 7, "stochastic", 9, step) * x, "nearest") + x

    def setUp(self):
        torch._dynamo.reset()
        self.module = self.Module()
        self.x = torch.linspace(-2, 2, 40).reshape(8, 5)

    def test_compiled_results_and_gradients_are_the_eager_ones(self):
        compiled = torch.compile(self.module, backend="aot_eager", fullgraph=True, dynamic=True)
        for step in (3, 4, 5, -6):
            a, b = self.x.clone().requires_grad_(), self.x.clone().requires_grad_()
            eager, traced = self.module(a, step), compiled(b, step)
            self.assertTrue(torch.equal(eager, traced))
            eager.sum().backward()
            traced.sum().backward()
            self.assertTrue(torch.equal(a.grad, b.grad))

    def test_exported_programs_keep_the_operators(self):
        dimensions = {"x": {0: torch.export.Dim("rows")}, "step": torch.export.Dim.DYNAMIC}
        program = torch.export.export(self.module, (self.x, 7), dynamic_shapes=dimensions)
        targets = {str(node.target) for node in program.graph.nodes}
        self.assertLessEqual({"kones.k_ones.default", "kones.binarize.default"}, targets)
        for rows, step in ((8, 7), (3, 8)):
            self.assertTrue(torch.equal(program.module()(self.x[:rows], step), self.module(self.x[:rows], step)))

    def test_fake_tensors_need_no_value_of_a_symbolic_seed(self):
        from torch.fx.experimental.proxy_tensor import make_fx

        graph = make_fx(lambda x, step: self.module(x, step), tracing_mode="symbolic")(self.x, 11)
        self.assertTrue(torch.equal(graph(self.x, 12), self.module(self.x, 12)))


class Autograd(unittest.TestCase):
    def test_vector_jacobian_products(self):
        generator = torch.Generator().manual_seed(4)
        for dtype in TYPES:
            for name, x in layouts(dtype).items():
                with self.subTest(dtype=dtype, layout=name):
                    g = torch.randn(x.shape, generator=generator).to(dtype)
                    x = x.detach().requires_grad_()
                    (dx,) = torch.autograd.grad(torch.ops.kones.k_ones(x, 2, 7, "stochastic", 1), x, g)
                    self.assertTrue(torch.equal(dx, g))
                    (dx,) = torch.autograd.grad(torch.ops.kones.binarize(x, "stochastic", 1), x, g)
                    inside = torch.logical_and(x >= -1, x <= 1)
                    self.assertTrue(torch.equal(dx, torch.where(inside, g, torch.zeros_like(g))))
                    (dx,) = torch.autograd.grad(torch.ops.kones.fixed_point(x * 1, 1, 2), x, g)
                    inside = torch.logical_and(x >= -1, x <= 0.75)
                    self.assertTrue(torch.equal(dx, torch.where(inside, g, torch.zeros_like(g))))

    def test_no_gradient_is_recorded_where_none_is_wanted(self):
        x = torch.ones(3, requires_grad=True)
        for op in (torch.ops.kones.binarize, lambda t: torch.ops.kones.k_ones(t, 1)):
            with torch.no_grad():
                self.assertFalse(op(x).requires_grad)
            with torch.inference_mode():
                self.assertTrue(op(x).is_inference())
            self.assertTrue(op(x).requires_grad)

    def test_vmap_equals_a_loop(self):
        x = torch.linspace(-2, 2, 12).reshape(3, 4)
        for op in (torch.ops.kones.binarize, lambda t: torch.ops.kones.k_ones(t, 1)):
            self.assertTrue(torch.equal(torch.vmap(op)(x), torch.stack([op(row) for row in x])))


class Refusals(unittest.TestCase):
    def test_the_gradients_own_operators_refuse_what_they_cannot_read(self):
        mask = torch.zeros(1, dtype=torch.int64)
        ops = torch.ops.kones
        for call in (
            lambda: ops._apply_mask(torch.ones(2, dtype=torch.float64), mask),
            lambda: ops._apply_mask(torch.ones(200), mask),
            lambda: ops._apply_mask(torch.ones(40)[::2], mask),
            lambda: ops._apply_mask(torch.ones(2), torch.zeros(1, dtype=torch.int32)),
            lambda: ops._range_gradient(torch.ones(8), torch.ones(2), -1.0, 1.0),
            lambda: ops._range_gradient(torch.ones(8), torch.ones(8, dtype=torch.float16), -1.0, 1.0),
        ):
            with self.assertRaises((TypeError, ValueError)):
                call()

    def test_messages_reach_python(self):
        x = torch.zeros(3)
        for call, kind, message in (
            (lambda: torch.ops.kones.k_ones(x, 5), ValueError, "kones::k_ones: k is 5; it takes 1 to 4"),
            (lambda: torch.ops.kones.k_ones(x, 1, 16), ValueError, "kones::k_ones: max_shift is 16; it takes 0 to 15"),
            (
                lambda: torch.ops.kones.k_ones(x, 1, rounding="up"),
                ValueError,
                'kones::k_ones: rounding is "up"; it takes one of nearest, stochastic, truncate',
            ),
            (
                lambda: torch.ops.kones.binarize(x.double()),
                TypeError,
                "kones::binarize: x is Double; it takes float32, float16 or bfloat16",
            ),
        ):
            with self.assertRaises(kind) as caught:
                call()
            self.assertEqual(str(caught.exception), message)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    torch.ops.load_library(sys.argv[1])
    Schemas.keys = sys.argv[2].split(",")
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
