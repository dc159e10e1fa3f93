"""The operators of packed signs from Python: schemas, torch.library.opcheck, tracing, refusals, and their values and
gradients against LibTorch's own conv2d of signs in float64, whose sums of -1 and +1 are exact.

Usage: xnor_test.py LIBRARY KEYS [unittest's own arguments]
LIBRARY is libkones_torch.so; KEYS are the dispatch keys that it was built with kernels for: CPU,CUDA,Meta,Autograd
"""

import io
import itertools
import math
import os
import random
import re
import subprocess
import sys
import unittest
import weakref

import torch
from torch.nn.functional import conv2d

TYPES = (torch.float32, torch.float16, torch.bfloat16)
BITS = {torch.float32: torch.int32, torch.float16: torch.int16, torch.bfloat16: torch.int16}
PUBLIC = (
    "pack_signs",
    "unpack_signs",
    "xnor_conv2d",
    "xnor_conv2d_packed",
    "xnor_prepack",
    "xnor_conv2d_prepacked",
    "xnor_linear",
    "xnor_conv2d_fused",
    "xnor_conv2d_signs",
    "xnor_sign_thresholds",
)
INTERNAL = ("_pack_signs_masked", "_unpack_signs_as", "_apply_sign_mask", "_xnor_conv2d_words")
CHANNELS_LAST = torch.channels_last
LIBRARY = ""
kones = torch.ops.kones


# The oracle.


def signs(x):
    """-1 where x < 0, else +1, of NaN and both zeros too, in float64."""
    return torch.where(x.double() < 0, -1.0, 1.0).double()


def sums(x, weight, **geometry):
    """The exact sums: every partial sum in float64 is an integer far below 2^53."""
    return conv2d(signs(x), signs(weight), **geometry)


def scaled(sum_, scale=None, bias=None):
    """One multiplication and one addition, each rounded to float32."""
    value = sum_.float()
    if scale is not None:
        value = value * scale.float().view(1, -1, 1, 1)
    if bias is not None:
        value = value + bias.float().view(1, -1, 1, 1)
    return value + 0.0


def oracle(x, weight, scale=None, bias=None, **geometry):
    return scaled(sums(x, weight, **geometry), scale, bias).to(x.dtype) + 0.0


def words_of(x, groups=1):
    """The words of x, a bit at a time in Python's integers."""
    negative = (x.double() < 0).movedim(1, -1)
    channels = negative.shape[-1]
    words = []
    for group in negative.split(max(1, channels // groups), -1):
        for start in range(0, group.shape[-1], 64):
            bits = group[..., start : start + 64].long()
            shifts = torch.arange(bits.shape[-1])
            words.append((bits << shifts).sum(-1))  # wraps as two's complement: bit 63 is the sign
    return torch.stack(words, -1) if words else torch.zeros(*negative.shape[:-1], 0, dtype=torch.int64)


def same(a, b):
    """The same values, NaN to NaN, of one type and size, and every zero +0."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if not a.is_floating_point():
        return torch.equal(a, b)
    equal = torch.equal(torch.isnan(a), torch.isnan(b)) and torch.equal(torch.nan_to_num(a), torch.nan_to_num(b))
    infinite = torch.equal(torch.isinf(a), torch.isinf(b))
    return equal and infinite and not torch.signbit(a[a == 0]).any()


def numbers(shape, generator, dtype=torch.float32):
    """Random numbers among which are zeros of both signs, NaN, infinities, subnormal ones and the ends -1 and +1."""
    x = torch.randn(shape, generator=generator)
    kind = torch.randint(0, 24, tuple(shape), generator=generator)
    for index, value in enumerate((0.0, -0.0, math.nan, math.inf, -math.inf, -1e-40, 1e-40, -1.0, 1.0, -math.nan)):
        x = torch.where(kind == index, value, x)
    x = torch.where(kind == 5, torch.tensor(-1e-40), x)
    return x.to(dtype)


def layouts(shape, generator, dtype=torch.float32):
    """Named tensors [N, C, H, W] of one size and of different strides."""
    n, c, h, w = shape

    def make(*size):
        return numbers(size, generator, dtype)

    yield "contiguous", make(n, c, h, w)
    yield "channels last", make(n, c, h, w).contiguous(memory_format=CHANNELS_LAST)
    yield "sliced", make(n + 1, c + 3, h + 2, w + 1)[1:, 2:-1, 1:-1, :-1]
    yield "sliced, channels last", make(n, c + 3, h + 2, w).contiguous(memory_format=CHANNELS_LAST)[:, 1:-2, 2:]
    yield "with steps", make(n, 2 * c, 3 * h, 2 * w)[:, ::2, ::3, 1::2]
    yield "rows and columns exchanged", make(n, c, w, h).transpose(2, 3)
    yield "batch and channels exchanged", make(c, n, h, w).transpose(0, 1)
    yield "columns first", make(w, h, c, n).permute(3, 2, 1, 0)
    yield "expanded over the batch", make(1, c, h, w).expand(n, c, h, w)
    yield "expanded over channels", make(n, 1, h, w).expand(n, c, h, w)
    yield "expanded over rows", make(n, c, 1, w).expand(n, c, h, w)
    yield "expanded over pixels", make(n, c, 1, 1).expand(n, c, h, w)
    yield "negated lazily", torch.complex(make(n, c, h, w).float(), make(n, c, h, w).float()).conj().imag.to(dtype)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def python(code, *arguments, **environment):
    """Starts Python with torch, the library as `k`, and `code`: what may crash must not take the tests with it."""
    begin = "import sys, torch; torch.ops.load_library(sys.argv[1]); k = torch.ops.kones\n"
    return subprocess.Popen(
        [sys.executable, "-c", begin + code, LIBRARY, *arguments],
        env=dict(os.environ, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcomes(cases):
    """What becomes of each named piece of code in another process, which starts again after one that ends it: "passed",
    "refused" if an operator said so, else the exception or the exit status."""
    code = "cases = " + repr(list(cases.values())) + """
for number in range(int(sys.argv[2]), len(cases)):
    print(number, flush=True)
    try:
        exec(cases[number])
        print("passed", flush=True)
    except (TypeError, ValueError) as error:
        print("refused" if str(error).startswith("kones::") else repr(error), flush=True)
    except Exception as error:
        print(repr(error), flush=True)
"""
    results = {}
    while len(results) < len(cases):
        process = python(code, str(len(results)))
        output, errors = process.communicate(timeout=120)
        lines = output.splitlines()
        if not lines:
            raise RuntimeError("the other process did not begin: " + errors)
        names = list(cases)[len(results) :]
        for index in range(0, len(lines), 2):
            ended = index + 1 == len(lines)
            results[names[index // 2]] = f"exit status {process.returncode}" if ended else lines[index + 1]
    return results


class Schemas(unittest.TestCase):
    keys = ()

    CONTRACT = (
        "pack_signs(Tensor x) -> Tensor",
        "unpack_signs(Tensor words, int channels) -> Tensor",
        "xnor_conv2d(Tensor x, Tensor weight, Tensor? scale=None, Tensor? bias=None, int[2] stride=1, "
        "int[2] padding=0, int[2] dilation=1, int groups=1) -> Tensor",
        "xnor_conv2d_packed(Tensor x_words, Tensor weight_words, int in_channels, int[2] stride=1, "
        "int[2] padding=0, int[2] dilation=1) -> Tensor",
        "xnor_prepack(Tensor weight, int groups=1) -> Tensor",
        "xnor_conv2d_prepacked(Tensor x, Tensor prepacked, int out_channels, int[2] kernel_size, "
        "Tensor? scale=None, Tensor? bias=None, int[2] stride=1, int[2] padding=0, int[2] dilation=1, "
        "int groups=1) -> Tensor",
        "xnor_linear(Tensor x, Tensor weight, Tensor? scale=None, Tensor? bias=None) -> Tensor",
    )

    def test_are_those_of_the_contract(self):
        for wanted in self.CONTRACT:
            op = getattr(kones, wanted.split("(")[0])
            self.assertEqual(str(op.default._schema), str(torch._C.parse_schema("kones::" + wanted)))

    def test_leave_room_for_overloads(self):
        for name in PUBLIC + INTERNAL:
            self.assertEqual(getattr(kones, name).overloads(), ["default"])

    def test_every_dispatch_key_has_its_own_kernel(self):
        has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
        for name in PUBLIC:
            for key in self.keys:
                self.assertTrue(has_kernel("kones::" + name, key), msg=(name, key))
            self.assertFalse(has_kernel("kones::" + name, "CompositeImplicitAutograd"), msg=name)
        for name in INTERNAL:
            for key in set(self.keys) - {"Autograd"}:
                self.assertTrue(has_kernel("kones::" + name, key), msg=(name, key))


# Seen to fail on: NaN as negative in the ends of rows, groups of channels at others' places. Meant to catch too: the
# order of bits or words, bits past the last channel, a layout read with another's strides, a mask without its ends.
class Packing(unittest.TestCase):
    CHANNELS = (1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 130, 512)

    def test_words(self):
        generator = seeded(1)
        for dtype, channels in itertools.product(TYPES, self.CHANNELS):
            with self.subTest(dtype=dtype, channels=channels):
                for shape in ((3, channels, 2, 5), (1, channels, 1, 1), (2, channels, 7, 1)):
                    for x in (numbers(shape, generator, dtype), numbers(shape, generator, dtype)):
                        for picture in (x, x.contiguous(memory_format=CHANNELS_LAST)):
                            words = kones.pack_signs(picture)
                            self.assertTrue(torch.equal(words, words_of(picture)))
                            self.assertTrue(words.is_contiguous())
                rows = numbers((9, channels), generator, dtype)
                for x in (rows, rows.t().contiguous().t(), rows[::2], rows[:, :1].expand(9, channels), rows[:1]):
                    self.assertTrue(torch.equal(kones.pack_signs(x), words_of(x)))

    def test_words_of_every_layout(self):
        generator = seeded(2)
        for dtype, channels in itertools.product(TYPES, (5, 64, 67)):
            for name, x in layouts((2, channels, 5, 3), generator, dtype):
                with self.subTest(dtype=dtype, channels=channels, layout=name):
                    self.assertTrue(torch.equal(kones.pack_signs(x), words_of(x)))

    def test_special_values(self):
        for dtype in TYPES:
            x = torch.tensor([[0.0, -0.0, math.nan, -math.nan, math.inf, -math.inf, -1e-45, 1e-45]]).to(dtype)
            x.view(BITS[dtype])[0, 6] = torch.iinfo(BITS[dtype]).min + 1  # the smallest subnormal, negative
            self.assertEqual(kones.pack_signs(x).item(), 0b01100000)

    def test_unpacking_is_the_inverse(self):
        generator = seeded(3)
        for channels in self.CHANNELS:
            for shape in ((3, channels, 2, 5), (4, channels)):
                with self.subTest(shape=shape):
                    x = numbers(shape, generator)
                    words = kones.pack_signs(x)
                    y = kones.unpack_signs(words, channels)
                    self.assertTrue(torch.equal(y, signs(x).float()))
                    if x.dim() == 4:
                        self.assertTrue(y.is_contiguous(memory_format=CHANNELS_LAST))
                    apart = torch.stack((words, words), -1)[..., 1]
                    self.assertTrue(torch.equal(kones.unpack_signs(apart, channels), y))

    def test_empty(self):
        self.assertEqual(kones.pack_signs(torch.zeros(0, 65, 2, 3)).shape, (0, 2, 3, 2))
        self.assertEqual(kones.pack_signs(torch.zeros(2, 0, 2, 3)).shape, (2, 2, 3, 0))
        self.assertEqual(kones.pack_signs(torch.zeros(2, 3, 0, 3)).shape, (2, 0, 3, 1))
        self.assertEqual(kones.pack_signs(torch.zeros(0, 5)).shape, (0, 1))
        self.assertEqual(kones.unpack_signs(torch.zeros(2, 2, 3, 0, dtype=torch.int64), 0).shape, (2, 0, 2, 3))
        self.assertEqual(kones.unpack_signs(torch.zeros(0, 2, dtype=torch.int64), 65).shape, (0, 65))

    def test_the_gradients_own_words(self):
        generator = seeded(4)
        for dtype, (channels, groups) in itertools.product(TYPES, ((5, 1), (6, 2), (130, 2), (9, 9), (192, 3))):
            for name, x in layouts((2, channels, 3, 4), generator, dtype):
                with self.subTest(dtype=dtype, channels=channels, groups=groups, layout=name):
                    words, mask = kones._pack_signs_masked(x, groups, True)
                    inside = torch.where((x >= -1) & (x <= 1), -1.0, 1.0)
                    self.assertTrue(torch.equal(words, words_of(x, groups)))
                    self.assertTrue(torch.equal(mask, words_of(inside, groups)))
                    alone, none = kones._pack_signs_masked(x, groups, False)
                    self.assertTrue(torch.equal(alone, words))
                    self.assertEqual(none.numel(), 0)
                    for channels_last in (False, True):
                        y = kones._unpack_signs_as(words, channels, groups, dtype, channels_last)
                        self.assertTrue(torch.equal(y, signs(x).to(dtype)))
                        format_ = CHANNELS_LAST if channels_last else torch.contiguous_format
                        self.assertTrue(y.is_contiguous(memory_format=format_))
                    passed = kones._apply_sign_mask(x, mask, groups)
                    self.assertTrue(same(passed + 0.0, torch.where(inside < 0, x, torch.zeros_like(x)) + 0.0))
                    self.assertFalse(torch.signbit(passed[inside > 0]).any())


def geometries(generator, count):
    """Sizes and arguments of convolutions: every kernel from 1 to 7, and what random.Random picks for the rest."""
    kernels = itertools.cycle(itertools.product(range(1, 8), range(1, 8)))
    made = 0
    while made < count:
        kh, kw = next(kernels)
        stride = (generator.randint(1, 3), generator.randint(1, 3))
        dilation = (generator.randint(1, 3), generator.randint(1, 3))
        padding = (generator.randint(0, 3), generator.randint(0, 3))
        groups = generator.choice((1, 1, 1, 2, 3, 5))
        channels = groups * generator.choice((1, 2, 3, 4, 7, 16, 21, 31, 32, 43, 63, 64, 65, 97, 127, 128, 129, 130))
        outputs = groups * generator.choice((1, 2, 3, 5, 8, 15, 16, 17, 33))
        least = [max(1, d * (k - 1) + 1 - 2 * p) for d, k, p in zip(dilation, (kh, kw), padding)]
        height, width = (size + generator.choice((0, 1, 3, 6)) for size in least)
        batch = generator.randint(1, 3)
        if batch * channels * height * width * outputs * kh * kw > 40_000_000:
            continue
        made += 1
        yield (batch, channels, height, width), (outputs, channels // groups, kh, kw), {
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
        }


def parameters(outputs, generator, dtype=torch.float32):
    scale = torch.randn(outputs, generator=generator)
    bias = torch.randn(outputs, generator=generator) * 5
    return scale.to(dtype), bias.to(dtype)


# Seen to fail on: padding that is taken back by half, a dilated kernel's first tap rounded down, a fused multiply and
# add, a bias of -0 that stays. Meant to catch too: height and width exchanged, groups exchanged, the last channels of a
# word lost, a tile's last pixels or outputs lost, a float16 sum that is rounded before it is scaled.
class Convolution(unittest.TestCase):
    def check(self, x, weight, scale=None, bias=None, **geometry):
        y = kones.xnor_conv2d(x, weight, scale, bias, **geometry)
        wanted = oracle(x, weight, scale, bias, **geometry)
        self.assertTrue(same(y, wanted), msg=(y, wanted))
        return y

    def test_grid(self):
        generator, torch_generator = random.Random(11), seeded(11)
        for index, (shape, kernel, geometry) in enumerate(geometries(generator, 250)):
            dtype = TYPES[index % 3]
            with self.subTest(shape=shape, kernel=kernel, dtype=dtype, **geometry):
                x = numbers(shape, torch_generator, dtype)
                weight = numbers(kernel, torch_generator, TYPES[index // 3 % 3])
                scale, bias = parameters(kernel[0], torch_generator, TYPES[index // 9 % 3])
                scale, bias = (scale, bias) if index % 4 == 0 else (None, bias) if index % 4 == 1 else (None, None)
                if index % 2:
                    x = x.contiguous(memory_format=CHANNELS_LAST)
                if index % 5 == 0:
                    weight = weight.contiguous(memory_format=CHANNELS_LAST)
                y = self.check(x, weight, scale, bias, **geometry)
                packed = kones.xnor_conv2d_prepacked(
                    x, kones.xnor_prepack(weight, geometry["groups"]), kernel[0], kernel[2:], scale, bias, **geometry
                )
                self.assertTrue(same(packed, y))
                self.assertEqual(packed.stride(), y.stride())
                if geometry["groups"] == 1:
                    del geometry["groups"]
                    words = (kones.pack_signs(x), kones.pack_signs(weight))
                    y = kones.xnor_conv2d_packed(*words, shape[1], **geometry)
                    self.assertEqual(y.dtype, torch.int32)
                    self.assertTrue(y.is_contiguous(memory_format=CHANNELS_LAST))
                    self.assertTrue(torch.equal(y, sums(x, weight, **geometry).int()))

    def test_every_number_of_channels(self):
        generator = seeded(12)
        for channels in (*range(1, 131), 512):
            with self.subTest(channels=channels):
                x = numbers((1, channels, 3, 4), generator)
                self.check(x, numbers((3, channels, 3, 3), generator), padding=1)
                self.check(x, numbers((17, channels, 1, 1), generator))

    def test_every_number_of_outputs_and_pixels(self):
        generator = seeded(13)
        for count in range(1, 70):
            with self.subTest(count=count):
                self.check(numbers((1, 65, 2, 3), generator), numbers((count, 65, 1, 1), generator))
                self.check(numbers((1, 9, 2, count), generator), numbers((5, 9, 3, 3), generator), padding=1)
                self.check(numbers((1, 70, 1, count), generator), numbers((5, 70, 1, 1), generator))

    def test_large(self):
        generator = seeded(14)
        x = numbers((2, 512, 14, 14), generator)
        self.check(x, numbers((64, 512, 3, 3), generator), padding=1)
        self.check(x.contiguous(memory_format=CHANNELS_LAST), numbers((96, 256, 1, 1), generator), groups=2, stride=2)
        self.check(numbers((1, 512, 9, 9), generator), numbers((512, 1, 3, 3), generator), groups=512, padding=1)

    def test_layouts_of_x_and_weight(self):
        generator = seeded(15)
        for dtype, channels in itertools.product(TYPES, (4, 66)):
            weight = numbers((6, channels, 3, 2), generator)
            for name, x in layouts((2, channels, 5, 4), generator, dtype):
                with self.subTest(dtype=dtype, channels=channels, layout=name):
                    y = self.check(x, weight, padding=(2, 1))
                    groups = oracle(x, weight[:, : channels // 2], groups=2)
                    self.assertTrue(same(kones.xnor_conv2d(x, weight[:, : channels // 2], groups=2), groups))
                    last = name.endswith("channels last")
                    self.assertTrue(y.is_contiguous(memory_format=CHANNELS_LAST if last else torch.contiguous_format))
                    prepacked = kones.xnor_prepack(weight)
                    self.assertTrue(
                        same(kones.xnor_conv2d_prepacked(x, prepacked, 6, [3, 2], padding=[2, 1]), y), msg="prepacked"
                    )
            for name, weight in layouts((3, channels, 3, 2), generator, dtype):
                with self.subTest(dtype=dtype, channels=channels, weight=name):
                    self.check(numbers((2, channels, 4, 5), generator), weight)

    def test_layouts_of_scale_and_bias(self):
        generator = seeded(16)
        x, weight = numbers((2, 9, 4, 4), generator), numbers((6, 9, 3, 3), generator)
        scale, bias = torch.randn(12, generator=generator)[::2], torch.randn(1, generator=generator).expand(6)
        self.check(x, weight, scale, bias)
        self.check(x, weight, bias.half(), scale.bfloat16())
        self.check(x, weight, None, torch.randn(6, 2, generator=generator)[:, 1])

    def test_multiplies_then_adds(self):
        # float32(s * scale) loses bits that a fused multiply and add would keep.
        generator = seeded(17)
        x, weight = torch.randn(1, 97, 6, 6, generator=generator), torch.randn(64, 97, 3, 3, generator=generator)
        scale = torch.randn(64, generator=generator)
        sum_ = sums(x, weight)
        bias = -(sum_[0, :, 1, 2].float() * scale)
        y = self.check(x, weight, scale, bias)
        self.assertTrue((y[0, :, 1, 2] == 0).all())
        fused = (sum_ * scale.double().view(1, -1, 1, 1) + bias.double().view(1, -1, 1, 1)).float()
        self.assertFalse(torch.equal(y, fused))

    def test_special_scales(self):
        generator = seeded(18)
        values = [0.0, -0.0, math.nan, math.inf, -math.inf, 3e38, -1e-38, 1.0]
        scale = torch.tensor([a for a in values for _ in values])
        bias = torch.tensor([b for _ in values for b in values])
        for dtype in TYPES:
            # Of an even number of channels: some sums are 0.
            x = torch.randn(1, 4, 5, 5, generator=generator).to(dtype)
            weight = torch.randn(len(scale), 4, 1, 1, generator=generator)
            self.check(x, weight, scale, bias)
            self.check(x, weight, scale)
            self.check(x, weight, None, bias)

    # Seen to fail on: results of float16 and bfloat16 that round to -0, which section 3 of the contract rules out.
    def test_what_rounds_to_zero_in_half_precision_is_no_negative_zero(self):
        for dtype in (torch.float16, torch.bfloat16):
            for format_ in (torch.contiguous_format, CHANNELS_LAST):
                x = torch.ones(1, 2, 3, 3, dtype=dtype).contiguous(memory_format=format_)
                y = kones.xnor_conv2d(x, torch.ones(3, 2, 1, 1), torch.full((3,), -1e-42))
                self.assertTrue((y == 0).all())
                self.assertFalse(torch.signbit(y).any(), msg=dtype)

    def test_rounding_in_half_precision(self):
        generator = seeded(19)
        for dtype in (torch.float16, torch.bfloat16):
            x, weight = torch.randn(1, 600, 8, 8, generator=generator), torch.randn(9, 600, 3, 3, generator=generator)
            self.check(x.to(dtype), weight, padding=1)
            scale, bias = parameters(9, generator)
            self.check(x.to(dtype), weight, scale * 1e-6, bias * 1e-6)
            self.check(x.to(dtype), weight, scale * 1e4)

    def test_padding_alone(self):
        # Kernels that lie outside of the picture altogether add nothing.
        x, weight = torch.ones(1, 3, 1, 1), -torch.ones(2, 3, 2, 2)
        y = self.check(x, weight, padding=5, dilation=3, bias=torch.tensor([0.0, 2.0]))
        self.assertEqual(y[0, 1, 0, 0].item(), 2)
        self.assertEqual(y[0, 0].min().item(), -3)

    def test_empty_batch(self):
        weight = torch.randn(6, 5, 3, 3)
        for x in (torch.zeros(0, 5, 4, 4), torch.zeros(0, 5, 4, 4).contiguous(memory_format=CHANNELS_LAST)):
            prepacked = kones.xnor_prepack(weight)
            self.assertEqual(kones.xnor_conv2d(x, weight).shape, (0, 6, 2, 2))
            self.assertEqual(kones.xnor_conv2d_prepacked(x, prepacked, 6, [3, 3]).shape, (0, 6, 2, 2))
            words = kones.pack_signs(x)
            self.assertEqual(kones.xnor_conv2d_packed(words, kones.pack_signs(weight), 5).shape, (0, 6, 2, 2))
            values, out = kones.xnor_conv2d_fused(x, prepacked, 5, 6, [3, 3])
            self.assertEqual((values.shape, out.shape), ((0, 6, 2, 2), (0, 2, 2, 1)))
            threshold = torch.zeros(6, dtype=torch.int32)
            self.assertEqual(
                kones.xnor_conv2d_signs(x, prepacked, 5, 6, [3, 3], threshold).shape, (0, 2, 2, 1)
            )
        x = torch.zeros(0, 5, 4, 4, requires_grad=True)
        weight.requires_grad_()
        kones.xnor_conv2d(x, weight).sum().backward()
        self.assertEqual(x.grad.shape, x.shape)
        self.assertTrue(torch.equal(weight.grad, torch.zeros_like(weight)))

    def test_any_number_of_threads_gives_the_same_bits(self):
        generator = seeded(20)
        before = torch.get_num_threads()
        cases = []
        for shape, kernel, geometry in (
            ((1, 64, 9, 11), (130, 64, 3, 3), {"padding": 1}),
            ((5, 96, 7, 5), (40, 48, 3, 3), {"groups": 2, "padding": 2}),
            ((1, 3, 31, 30), (17, 3, 5, 5), {"stride": 2, "padding": 2}),
            ((1, 256, 1, 1), (200, 256, 1, 1), {}),
        ):
            x, weight = numbers(shape, generator), numbers(kernel, generator)
            cases.append((x, weight, *parameters(kernel[0], generator), geometry))
        try:
            for threads in range(1, 9):
                torch.set_num_threads(threads)
                for x, weight, scale, bias, geometry in cases:
                    with self.subTest(threads=threads, x=x.shape):
                        self.check(x, weight, scale, bias, **geometry)
                        self.assertTrue(torch.equal(kones.pack_signs(x), words_of(x)))
                        prepacked = kones.xnor_prepack(weight, geometry.get("groups", 1))
                        values, words = kones.xnor_conv2d_fused(
                            x, prepacked, x.shape[1], len(scale), weight.shape[2:], scale, bias, **geometry
                        )
                        self.assertTrue(same(values, oracle(x, weight, scale, bias, **geometry)))
                        self.assertTrue(torch.equal(words, words_of(values)))
        finally:
            torch.set_num_threads(before)

    # Seen to fail on: a subnormal bias, shift or threshold lost by kernels that flush it before their own scope.
    def test_subnormal_numbers_are_numbers_whatever_the_program_has_set(self):
        x = torch.tensor([[1.0, -1.0, 1.0, -1e-40], [1.0, -1.0, -1e-40, -1e-40]]).view(2, 4, 1, 1).float()
        weight = torch.tensor([[1.0, 1.0, -1.0, -1e-40], [1.0, 1.0, 1e-40, -1e-40]]).view(2, 4, 1, 1).float()
        tiny = torch.tensor([-1e-40, 2e-40])
        threshold = torch.zeros(2)
        zero = torch.zeros(2)
        gradient = torch.full((1, 2), 1e-40)
        mask = torch.full((1, 1), 3)

        def results():
            prepacked = kones.xnor_prepack(weight)
            return {
                "words": kones.pack_signs(x),
                "words of bfloat16": kones.pack_signs(bfloat),
                "inside": kones._pack_signs_masked(x, 1, True)[1],
                "sums": kones.xnor_conv2d(x, weight),
                "scale": kones.xnor_conv2d(x, weight, tiny),
                "bias": kones.xnor_conv2d(x, weight, None, tiny),
                "shift": kones.xnor_conv2d_fused(x, prepacked, 4, 2, [1, 1], zero, shift=tiny)[0],
                "slope": kones.xnor_conv2d_fused(x, prepacked, 4, 2, [1, 1], activation="prelu", slope=tiny)[0],
                "signs of results": kones.xnor_conv2d_fused(x, prepacked, 4, 2, [1, 1], tiny)[1],
                "threshold": kones.xnor_conv2d_fused(x, prepacked, 4, 2, [1, 1], zero, sign_threshold=tiny)[1],
                "thresholds of a scale": torch.stack([t.int() for t in kones.xnor_sign_thresholds(tiny, zero, 4)]),
                "thresholds of a bias": torch.stack([t.int() for t in kones.xnor_sign_thresholds(zero, tiny, 4)]),
                "masked gradient": kones._apply_sign_mask(gradient, mask, 1),
                "unpacked": kones.unpack_signs(kones.pack_signs(x), 4),
            }

        bfloat = x.bfloat16()
        wanted = results()
        self.assertEqual(wanted["words"].flatten().tolist(), [0b1010, 0b1110])
        self.assertNotEqual(wanted["bias"][0, 0].item(), wanted["sums"][0, 0].item() + 1)
        if not torch.set_flush_denormal(True):
            self.skipTest("this processor does not flush subnormal numbers")
        try:
            flushed = results()
        finally:
            torch.set_flush_denormal(False)
        for name, value in wanted.items():
            with self.subTest(result=name):
                value, got = (t.view(torch.int32) if t.dtype == torch.float32 else t for t in (value, flushed[name]))
                self.assertTrue(torch.equal(value, got), msg=(value, got))

    def test_linear(self):
        generator = seeded(21)
        for dtype, features, outputs in itertools.product(TYPES, (1, 33, 64, 130, 512), (1, 17)):
            weight = numbers((outputs, features), generator, dtype)
            scale, bias = parameters(outputs, generator)
            for shape in ((features,), (5, features), (2, 3, features), (2, 1, 2, 3, features), (0, features)):
                with self.subTest(dtype=dtype, shape=shape, outputs=outputs):
                    x = numbers(shape, generator, dtype)
                    y = kones.xnor_linear(x, weight, scale, bias)
                    exact = (signs(x) @ signs(weight).t()).float()
                    self.assertTrue(same(y, ((exact * scale + bias) + 0.0).to(dtype) + 0.0))
                    self.assertTrue(y.is_contiguous())
                    self.assertTrue(same(kones.xnor_linear(x, weight), exact.to(dtype)))
            x = numbers((features, 3, 4), generator, dtype).permute(2, 1, 0)
            exact = (signs(x) @ signs(weight).t()).to(dtype)
            self.assertTrue(same(kones.xnor_linear(x, weight), exact))
            self.assertTrue(same(kones.xnor_linear(x, weight.t().contiguous().t()), exact))

    def test_more_elements_than_an_int_counts(self):
        # 2^31 + 128 numbers in one pixel's memory.
        channel = torch.randn(64, generator=seeded(22))
        x = channel.view(1, 64, 1, 1).expand(2, 64, 2**24 + 1, 1)
        words = kones.pack_signs(x)
        self.assertEqual(words.shape, (2, 2**24 + 1, 1, 1))
        self.assertTrue((words == words_of(channel.view(1, 64)).item()).all())


# Seen to fail on: thresholds off by one. Meant to catch too: an operation out of order, a residual read with another's
# strides, -0 or NaN in an activation, words of what the result was before it was rounded.
class Fused(unittest.TestCase):
    def composition(self, x, weight, scale, bias, residual, activation, slope, shift, sign_threshold, dtype, geometry):
        def along(parameter):
            return parameter.float().view(1, -1, 1, 1)

        value = scaled(sums(x, weight, **geometry), scale, bias)
        if residual is not None:
            value = value + residual.float()
        if activation == "relu":
            value = torch.where(value < 0, torch.zeros_like(value), value)
        if activation == "prelu":
            value = torch.where(value < 0, along(slope) * value, value)
        if shift is not None:
            value = value + along(shift)
        value = (value + 0.0).to(dtype) + 0.0
        limit = along(sign_threshold) if sign_threshold is not None else torch.zeros(())
        return value, words_of(torch.where(value.float() < limit, -1.0, 1.0))

    def test_equals_the_plain_composition(self):
        generator, torch_generator = random.Random(31), seeded(31)
        for index, (shape, kernel, geometry) in enumerate(geometries(generator, 130)):
            is_words = index % 4 == 3
            groups, outputs = geometry["groups"], kernel[0]
            if is_words and groups > 1:
                shape, kernel = (shape[0], 64 * groups, *shape[2:]), (outputs, 64, *kernel[2:])
            dtype = torch.float32 if is_words else TYPES[index % 3]
            activation = ("none", "relu", "prelu")[index % 3 if index % 2 else index // 3 % 3]
            x = numbers(shape, torch_generator, dtype)
            weight = numbers(kernel, torch_generator)
            if index % 5 < 2:
                x = x.contiguous(memory_format=CHANNELS_LAST)

            def some(tensor):
                return tensor if generator.random() < 0.6 else None

            def one_each():
                return torch.randn(outputs, generator=torch_generator).to(generator.choice(TYPES))

            scale, bias, shift, threshold = (some(one_each()) for _ in range(4))
            slope = one_each() if activation == "prelu" else None
            sizes = sums(x, weight, **geometry).shape
            residual = some(torch.randn(sizes, generator=torch_generator).to(dtype))
            if residual is not None and generator.random() < 0.5:
                residual = residual.contiguous(memory_format=CHANNELS_LAST)
            arguments = (scale, bias, residual, activation, slope, shift, threshold)
            with self.subTest(index=index, shape=shape, kernel=kernel, dtype=dtype, activation=activation, **geometry):
                operand = kones.pack_signs(x) if is_words else x
                prepacked = kones.xnor_prepack(weight, groups)
                values, words = kones.xnor_conv2d_fused(
                    operand, prepacked, shape[1], outputs, kernel[2:], *arguments, **geometry
                )
                wanted, wanted_words = self.composition(x, weight, *arguments, dtype, geometry)
                self.assertTrue(same(values, wanted), msg=(values, wanted))
                self.assertTrue(torch.equal(words, wanted_words))
                last = is_words or x.is_contiguous(memory_format=CHANNELS_LAST) and not x.is_contiguous()
                if last or not x.is_contiguous(memory_format=CHANNELS_LAST):
                    format_ = CHANNELS_LAST if last else torch.contiguous_format
                    self.assertTrue(values.is_contiguous(memory_format=format_))

    def test_words_are_those_of_the_next_layer(self):
        generator = seeded(32)
        x, first, second = (numbers(s, generator) for s in ((2, 65, 7, 6), (70, 65, 3, 3), (5, 70, 3, 3)))
        scale, bias = parameters(70, generator)
        prepacked = kones.xnor_prepack(first)
        values, words = kones.xnor_conv2d_fused(x, prepacked, 65, 70, [3, 3], scale, bias, padding=[1, 1])
        prepacked = kones.xnor_prepack(second)
        y, _ = kones.xnor_conv2d_fused(words, prepacked, 70, 5, [3, 3], padding=[1, 1])
        self.assertTrue(torch.equal(y, kones.xnor_conv2d(values, second, padding=1)))

    def test_special_values(self):
        x, weight = torch.ones(1, 2, 1, 2), torch.ones(6, 2, 1, 1)
        weight[:, 1] = torch.tensor([1.0, -1, 1, -1, 1, -1]).view(6, 1, 1)
        residual = torch.tensor([-0.0, math.nan, -2.0, -3.0, math.inf, -math.inf]).view(1, 6, 1, 1).expand(1, 6, 1, 2)
        for activation, slope in (("none", None), ("relu", None), ("prelu", torch.tensor([0.0, -0.0, 1, 0, -1, 2]))):
            for shift in (None, torch.tensor([-0.0, 0, 0, -0.0, 1, 2])):
                arguments = (None, None, residual, activation, slope, shift, None)
                values, words = kones.xnor_conv2d_fused(x, kones.xnor_prepack(weight), 2, 6, [1, 1], *arguments)
                wanted, wanted_words = self.composition(x, weight, *arguments, torch.float32, {})
                self.assertTrue(same(values, wanted), msg=(values, wanted))
                self.assertTrue(torch.equal(words, wanted_words))

    # Seen to fail on: results written with the strides of a residual whose size of 1 has any stride (SIGSEGV).
    def test_residuals_whose_sizes_of_one_have_strides_of_their_own(self):
        cases = {
            "one column": "x = torch.randn(2, 5, 400, 1); r = torch.randn(2, 3, 1, 400).transpose(2, 3)",
            "one column, channels last": "x = torch.randn(2, 5, 400, 1).contiguous(memory_format=torch.channels_last)\n"
            "r = torch.randn(2, 3, 1, 400).contiguous(memory_format=torch.channels_last).transpose(2, 3)",
            "one pixel": "x = torch.randn(9, 5, 1, 1); r = torch.randn(9, 3).as_strided((9, 3, 1, 1), (3, 1, 70, 90))",
            "one image": "x = torch.randn(1, 5, 4, 4); r = torch.randn(48).as_strided((1, 3, 4, 4), (10**9, 16, 4, 1))",
        }
        check = """
w = torch.randn(3, 5, 1, 1)
values, words = k.xnor_conv2d_fused(x, k.xnor_prepack(w), 5, 3, [1, 1], residual=r)
assert torch.equal(values, k.xnor_conv2d(x, w) + r)
assert torch.equal(words, k.pack_signs(values))
"""
        for name, outcome in outcomes({name: code + check for name, code in cases.items()}).items():
            with self.subTest(residual=name):
                self.assertEqual(outcome, "passed")

    def test_other_residuals(self):
        generator = seeded(33)
        x, weight = numbers((2, 9, 5, 6), generator), numbers((7, 9, 3, 3), generator)
        for name, residual in layouts((2, 7, 3, 4), generator):
            with self.subTest(residual=name):
                values, words = kones.xnor_conv2d_fused(x, kones.xnor_prepack(weight), 9, 7, [3, 3], residual=residual)
                self.assertTrue(same(values, (sums(x, weight).float() + residual) + 0.0))
                self.assertTrue(torch.equal(words, words_of(values)))

    def test_signs_from_sums(self):
        generator, torch_generator = random.Random(34), seeded(34)
        for index, (shape, kernel, geometry) in enumerate(geometries(generator, 80)):
            groups, outputs = geometry["groups"], kernel[0]
            is_words = index % 3 == 0 and groups == 1
            with self.subTest(index=index, shape=shape, kernel=kernel, **geometry):
                x, weight = numbers(shape, torch_generator), numbers(kernel, torch_generator)
                products = math.prod(kernel[1:])
                threshold = torch.randint(-products, products + 1, (outputs,), generator=torch_generator).int()
                flipped = torch.rand(outputs, generator=torch_generator) < 0.5
                operand = kones.pack_signs(x) if is_words else x
                prepacked = kones.xnor_prepack(weight, groups)
                arguments = (operand, prepacked, shape[1], outputs, kernel[2:], threshold)
                below = sums(x, weight, **geometry) < threshold.view(1, -1, 1, 1)
                words = kones.xnor_conv2d_signs(*arguments, **geometry)
                self.assertTrue(torch.equal(words, words_of(torch.where(below, -1.0, 1.0))))
                words = kones.xnor_conv2d_signs(*arguments, flipped, **geometry)
                negative = below != flipped.view(1, -1, 1, 1)
                self.assertTrue(torch.equal(words, words_of(torch.where(negative, -1.0, 1.0))))

    SCALES = (0.0, -0.0, 1.0, -1.0, 0.37, -0.37, 1e-40, -1e-40, 1e-45, 3e38, -3e38, math.inf, -math.inf, math.nan)
    BIASES = (0.0, -0.0, 2.0, -2.0, 0.74, -0.74, 1.11, 1e-40, -1e-45, 3e38, -3e38, math.inf, -math.inf, math.nan)

    def test_thresholds_are_right_for_every_sum(self):
        generator = seeded(35)
        pairs = list(itertools.product(self.SCALES, self.BIASES))
        scale = torch.cat((torch.tensor([s for s, _ in pairs]), torch.randn(200, generator=generator)))
        bias = torch.cat((torch.tensor([b for _, b in pairs]), 20 * torch.randn(200, generator=generator)))
        exact = torch.randint(-40, 41, (100,), generator=generator)
        bias[-100:] = -scale[-100:] * exact  # sums for which the result is 0
        for products in (1, 2, 63, 64):
            threshold, flipped = kones.xnor_sign_thresholds(scale, bias, products)
            self.assertEqual((threshold.dtype, flipped.dtype), (torch.int32, torch.bool))
            sum_ = torch.arange(-products, products + 1).view(-1, 1)
            negative = sum_.float() * scale + bias < 0
            self.assertTrue(torch.equal((sum_ < threshold) != flipped, negative))
        empty = kones.xnor_sign_thresholds(torch.zeros(0), torch.zeros(0), 3)
        self.assertEqual([t.shape for t in empty], [(0,), (0,)])

    def test_thresholds_of_the_largest_sums(self):
        for products in (2**24 + 2, 2**31 - 2):
            scale = torch.tensor([1.0, -1.0, 0.0, 0.0, 1e-9])
            bias = torch.tensor([-products / 2, products / 2, -1.0, 1.0, -5.0])
            threshold, flipped = kones.xnor_sign_thresholds(scale, bias, products)
            for o in range(len(scale)):
                edge = threshold[o].item()
                sum_ = torch.tensor([s for s in (-products, edge - 1, edge, products) if abs(s) <= products])
                negative = sum_.int().float() * scale[o] + bias[o] < 0
                self.assertTrue(torch.equal((sum_ < edge) != flipped[o], negative))

    def test_thresholds_are_batch_norm_and_sign(self):
        generator = seeded(36)
        x, weight = numbers((2, 40, 8, 8), generator), numbers((64, 40, 3, 3), generator)
        gamma, beta, mean = (torch.randn(64, generator=generator) for _ in range(3))
        gamma[:4] = torch.tensor([0.0, -0.0, math.nan, -1.0])
        scale = gamma / torch.sqrt(torch.rand(64, generator=generator) + 1e-5)
        bias = beta - mean * scale
        threshold, flipped = kones.xnor_sign_thresholds(scale, bias, 360)
        prepacked = kones.xnor_prepack(weight)
        words = kones.xnor_conv2d_signs(x, prepacked, 40, 64, [3, 3], threshold, flipped, padding=[1, 1])
        self.assertTrue(torch.equal(words, words_of(oracle(x, weight, scale, bias, padding=1))))
        self.assertTrue(torch.equal(words, kones.pack_signs(kones.xnor_conv2d(x, weight, scale, bias, padding=1))))


TIER_DIGEST = """
import hashlib
digest = hashlib.sha256()
generator = torch.Generator().manual_seed(41)
def add(*tensors):
    for t in tensors:
        digest.update(repr((t.shape, t.stride(), t.dtype)).encode())
        digest.update(t.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
def make(*shape):
    x = torch.randn(shape, generator=generator)
    kind = torch.randint(0, 16, shape, generator=generator)
    for i, v in enumerate((0.0, -0.0, float("nan"), -float("nan"), 1.0, -1.0)):
        x = torch.where(kind == i, v, x)
    return torch.where(kind == 9, torch.full((), -1e-30) * 1e-12, x)
for dtype in (torch.float32, torch.float16, torch.bfloat16):
    for channels in (1, 20, 63, 65, 130, 256):
        for last in (False, True):
            x = make(2, channels, 6, 7).to(dtype)
            if last: x = x.contiguous(memory_format=torch.channels_last)
            words, mask = k._pack_signs_masked(x, 1, True)
            add(words, mask, k._unpack_signs_as(words, channels, 1, dtype, last), k._apply_sign_mask(x, mask, 1))
            for kernel, stride, padding in ((1, 1, 0), (3, 1, 1), (3, 2, 2), (5, 3, 1)):
                w = make(21, channels, kernel, kernel)
                scale, bias, slope, shift = torch.randn(4, 21, generator=generator)
                a = dict(stride=[stride] * 2, padding=[padding] * 2)
                prepacked = k.xnor_prepack(w)
                y = k.xnor_conv2d(x, w, scale, bias, **a)
                add(prepacked, y, k.xnor_conv2d(x, w, **a), k.xnor_conv2d_packed(words, k.pack_signs(w), channels, **a))
                for activation, s in (("none", None), ("relu", None), ("prelu", slope)):
                    add(*k.xnor_conv2d_fused(x, prepacked, channels, 21, [kernel] * 2, scale, bias, y, activation, s,
                                             shift, bias, **a))
                t, f = k.xnor_sign_thresholds(scale, bias, channels * kernel * kernel)
                add(t, f, k.xnor_conv2d_signs(words, prepacked, channels, 21, [kernel] * 2, t, f, **a))
    x, w = make(2, 24, 6, 7).to(dtype), make(12, 8, 3, 3)
    add(k.xnor_conv2d(x, w, groups=3, padding=1, dilation=2))
print(digest.hexdigest())
"""


class Tiers(unittest.TestCase):
    # Seen to fail on: a fused multiply and add, NaN as negative in the ends of rows.
    def test_give_the_same_bytes(self):
        process = python("k.pack_signs(torch.ones(1, 1))", KONES_CPU_TIER="none such")
        _, errors = process.communicate(timeout=120)
        found = re.search(r'KONES_CPU_TIER is "none such"; this machine has ([\w, ]+)', errors)
        self.assertIsNotNone(found, msg=errors)
        tiers = found.group(1).strip().split(", ")
        self.assertIn("scalar", tiers)
        started = {tier: python(TIER_DIGEST, KONES_CPU_TIER=tier, OMP_NUM_THREADS="1") for tier in tiers}
        digests = {}
        for tier, process in started.items():
            output, errors = process.communicate(timeout=300)
            self.assertEqual(process.returncode, 0, msg=errors)
            digests[tier] = output.strip()
        self.assertEqual(len(set(digests.values())), 1, msg=digests)


class StraightSign(torch.autograd.Function):
    """sign(x); the gradient passes where |x| <= 1 or everywhere."""

    @staticmethod
    def forward(context, x, clipped):
        context.save_for_backward(x)
        context.clipped = clipped
        return torch.where(x < 0, -1.0, 1.0).to(x.dtype)

    @staticmethod
    def backward(context, gradient):
        if not context.clipped:
            return gradient, None
        (x,) = context.saved_tensors
        return torch.where((x >= -1) & (x <= 1), gradient, torch.zeros_like(gradient)), None


def composition(x, weight, scale=None, bias=None, **geometry):
    """What xnor_conv2d and its gradient are, in float64."""
    y = conv2d(StraightSign.apply(x, True), StraightSign.apply(weight, False), **geometry)
    y = y if scale is None else y * scale.view(1, -1, 1, 1)
    return y if bias is None else y + bias.view(1, -1, 1, 1)


def integers(shape, generator, dtype=torch.float32):
    return torch.randint(-3, 4, tuple(shape), generator=generator).to(dtype)


def powers(count, generator):
    return torch.tensor([0.25, 0.5, 1.0, 2.0, -0.5, -1.0])[torch.randint(0, 6, (count,), generator=generator)]


class Gradient(unittest.TestCase):
    NAMES = ("x", "weight", "scale", "bias")

    def operands(self, shape, kernel, generator, dtype):
        x = 2 * torch.randn(shape, generator=generator)
        x.flatten()[:6] = torch.tensor([1.0, -1.0, 1.0 + 2**-7, -1.0 - 2**-7, 0.0, -0.0])[: x.numel()]
        weight = 2 * torch.randn(kernel, generator=generator)
        # Powers of two and small integers, whose sums are exact in any order.
        return x.to(dtype), weight.to(dtype), powers(kernel[0], generator), integers(kernel[:1], generator)

    def check(self, operands, wanting, geometry, generator):
        """Gradients to the operands named, equal to the composition's in float64, rounded once."""
        dtype = operands[0].dtype
        mine = [t.clone().requires_grad_(n in wanting) for t, n in zip(operands, self.NAMES)]
        exact = [t.double().requires_grad_(n in wanting) for t, n in zip(operands, self.NAMES)]
        y, wanted = kones.xnor_conv2d(*mine, **geometry), composition(*exact, **geometry)
        self.assertTrue(torch.equal(y, wanted.to(dtype)))
        self.assertTrue(y.requires_grad)
        g = integers(y.shape, generator, dtype)
        wanted_gradients = torch.autograd.grad(wanted, [t for t in exact if t.requires_grad], g.double())
        gradients = torch.autograd.grad(y, [t for t in mine if t.requires_grad], g)
        for name, gradient, reference in zip(
            [n for n in self.NAMES if n in wanting], gradients, wanted_gradients
        ):
            operand = mine[self.NAMES.index(name)]
            self.assertEqual((gradient.dtype, gradient.shape), (operand.dtype, operand.shape))
            self.assertTrue(torch.equal(gradient, reference.to(operand.dtype)), msg=(name, gradient, reference))
            if name == "x" and operand.is_contiguous(memory_format=CHANNELS_LAST) and not operand.is_contiguous():
                self.assertTrue(gradient.is_contiguous(memory_format=CHANNELS_LAST))

    # Seen to fail on: a mask left out. Meant to catch too: a gradient that stops at |x| = 1, one that is clipped for a
    # weight, a scale left out, padded pixels in the gradient of the scale, masks of other groups' words.
    def test_equals_that_of_the_composition(self):
        generator, torch_generator = random.Random(51), seeded(51)
        wantings = [w for n in (1, 4) for w in itertools.combinations(self.NAMES, n)] + [("x", "weight")]
        for index, (shape, kernel, geometry) in enumerate(geometries(generator, 70)):
            with self.subTest(shape=shape, kernel=kernel, **geometry):
                operands = list(self.operands(shape, kernel, torch_generator, torch.float32))
                for which in (0, 1):
                    if index % (2 + which) == 0:
                        operands[which] = operands[which].contiguous(memory_format=CHANNELS_LAST)
                self.check(operands, wantings[index % len(wantings)], geometry, torch_generator)

    def test_in_half_precision(self):
        generator, torch_generator = random.Random(52), seeded(52)
        for dtype in (torch.bfloat16, torch.float16):
            for shape, kernel, geometry in (
                ((2, 6, 5, 4), (4, 6, 3, 3), {"padding": 1}),
                ((1, 8, 5, 6), (4, 4, 1, 1), {"groups": 2, "stride": (2, 1)}),
                ((1, 70, 3, 3), (3, 70, 3, 3), {}),
            ):
                for wanting in (("x",), ("weight",), ("scale",), ("bias",), self.NAMES):
                    with self.subTest(dtype=dtype, shape=shape, wanting=wanting):
                        operands = self.operands(shape, kernel, torch_generator, dtype)
                        self.check(operands, wanting, geometry, torch_generator)

    # Seen to fail on: float32 scales rounded to bfloat16 before they multiply the gradient, and float32 weights that
    # get a gradient rounded to bfloat16 (section 3: computed in float32, rounded to the type of the result).
    def test_of_half_precision_is_computed_in_float32(self):
        for dtype in (torch.bfloat16, torch.float16):
            with self.subTest(dtype=dtype, gradient="x"):
                x = torch.full((1, 1, 1, 1), 0.5, dtype=dtype, requires_grad=True)
                weight = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
                scale = torch.tensor([1 + 2**-13, 1.0])
                kones.xnor_conv2d(x, weight, scale).sum().backward()
                self.assertEqual(x.grad.item(), 2**-13)
            with self.subTest(dtype=dtype, gradient="weight"):
                weight = torch.ones(1, 1, 1, 1, requires_grad=True)
                x = torch.ones(1, 1, 1, 4097, dtype=dtype)
                kones.xnor_conv2d(x, weight).sum().backward()
                self.assertEqual(weight.grad.item(), 4097)

    def test_of_random_numbers_is_close(self):
        generator = seeded(53)
        x, weight = torch.randn(2, 65, 9, 8, generator=generator), torch.randn(7, 65, 3, 3, generator=generator)
        scale, bias = parameters(7, generator)
        mine = [t.clone().requires_grad_() for t in (x, weight, scale, bias)]
        exact = [t.double().requires_grad_() for t in (x, weight, scale, bias)]
        y, wanted = kones.xnor_conv2d(*mine, padding=1), composition(*exact, padding=1)
        g = torch.randn(y.shape, generator=generator)
        for gradient, reference in zip(
            torch.autograd.grad(y, mine, g), torch.autograd.grad(wanted, exact, g.double())
        ):
            torch.testing.assert_close(gradient.double(), reference, rtol=1e-4, atol=1e-4)

    def test_of_linear(self):
        generator = seeded(54)
        for shape in ((5, 70), (70,), (2, 3, 70)):
            operands = self.operands((math.prod(shape[:-1]), 70, 1, 1), (9, 70, 1, 1), generator, torch.float32)
            x, weight, scale, bias = (t.clone() for t in operands)
            mine = [t.requires_grad_() for t in (x.reshape(shape).clone(), weight.view(9, 70).clone(), scale, bias)]
            exact = [t.detach().double().requires_grad_() for t in mine]
            y = kones.xnor_linear(*mine)
            straight = StraightSign.apply(exact[0], True) @ StraightSign.apply(exact[1], False).t()
            wanted = straight * exact[2] + exact[3]
            self.assertTrue(torch.equal(y, wanted.float()))
            g = integers(y.shape, generator)
            for gradient, reference in zip(
                torch.autograd.grad(y, mine, g), torch.autograd.grad(wanted, exact, g.double())
            ):
                self.assertTrue(torch.equal(gradient, reference.float()))

    # Seen to fail on: a result without a graph for an empty batch.
    def test_of_linear_for_an_empty_batch(self):
        x, weight = torch.zeros(0, 5, requires_grad=True), torch.zeros(3, 5, requires_grad=True)
        y = kones.xnor_linear(x, weight)
        self.assertTrue(y.requires_grad)
        y.sum().backward()
        self.assertTrue(torch.equal(weight.grad, torch.zeros(3, 5)))

    def test_of_gradients_that_are_expanded_or_permuted(self):
        generator = seeded(55)
        x, weight, scale, bias = self.operands((2, 5, 6, 6), (4, 5, 3, 3), generator, torch.float32)
        for format_ in (torch.contiguous_format, CHANNELS_LAST):
            pictures = [t.clone(memory_format=format_) for t in (x, weight)]
            mine = [t.requires_grad_() for t in (*pictures, scale.clone(), bias.clone())]
            exact = [t.detach().double().requires_grad_() for t in mine]
            y, wanted = kones.xnor_conv2d(*mine), composition(*exact)
            for g in (
                torch.tensor(2.0).expand(y.shape),
                integers(tuple(reversed(y.shape)), generator).permute(3, 2, 1, 0),
                integers(y.shape, generator).contiguous(memory_format=CHANNELS_LAST),
                integers((2, 8, 4, 8), generator)[:, ::2, :, ::2],
            ):
                for gradient, reference in zip(
                    torch.autograd.grad(y, mine, g, retain_graph=True),
                    torch.autograd.grad(wanted, exact, g.double(), retain_graph=True),
                ):
                    self.assertTrue(torch.equal(gradient, reference.float()))

    def test_twice(self):
        # The first gradient is linear in what comes from behind and in the scale.
        generator = seeded(56)
        for geometry in ({}, {"padding": 1, "stride": 2}, {"groups": 2, "dilation": 2}):
            kernel = (4, 6 // geometry.get("groups", 1), 3, 3)
            operands = self.operands((2, 6, 7, 7), kernel, generator, torch.float32)
            results = []
            g = None
            for function, dtype in ((kones.xnor_conv2d, torch.float32), (composition, torch.float64)):
                inputs = [t.to(dtype).requires_grad_() for t in operands]
                y = function(*inputs, **geometry)
                if g is None:
                    g = integers(y.shape, generator)
                    others = [integers(t.shape, generator) for t in operands]
                behind = g.to(dtype).requires_grad_()
                first = torch.autograd.grad(y, inputs, behind, create_graph=True)
                total = sum((a * b.to(dtype)).sum() for a, b in zip(first, others))
                results.append(torch.autograd.grad(total, (behind, inputs[2])))
            for gradient, reference in zip(*results):
                self.assertTrue(torch.equal(gradient, reference.float()), msg=geometry)

    def test_no_graph_where_none_is_wanted(self):
        x = torch.randn(2, 5, 4, 4, requires_grad=True)
        weight = torch.randn(3, 5, 3, 3, requires_grad=True)
        rows, matrix = x[:, :, 0, 0], weight[:, :, 0, 0]
        for op in (lambda: kones.xnor_conv2d(x, weight), lambda: kones.xnor_linear(rows, matrix)):
            with torch.no_grad():
                self.assertFalse(op().requires_grad)
            with torch.inference_mode():
                self.assertTrue(op().is_inference())
            self.assertTrue(op().requires_grad)
        self.assertFalse(kones.xnor_conv2d(x.detach(), weight.detach()).requires_grad)
        self.assertFalse(kones.pack_signs(x).requires_grad)
        self.assertFalse(kones.xnor_prepack(weight).requires_grad)

    def test_operators_for_inference_refuse_to_differentiate(self):
        x, weight = torch.randn(2, 5, 4, 4, requires_grad=True), torch.randn(3, 5, 3, 3)
        y = kones.xnor_conv2d_prepacked(x, kones.xnor_prepack(weight), 3, [3, 3])
        with self.assertRaisesRegex(RuntimeError, "kones::xnor_conv2d_prepacked has no gradient"):
            y.sum().backward()

    # Seen to fail on: a tangent that is lost without a word where no operand requires a gradient.
    def test_forward_mode_is_refused(self):
        from torch.autograd import forward_ad

        x, weight = torch.randn(2, 5, 4, 4), torch.randn(3, 5, 3, 3)
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(x, torch.ones_like(x))
            prepacked = kones.xnor_prepack(weight)
            for op in (
                lambda: kones.xnor_conv2d(dual, weight),
                lambda: kones.xnor_linear(dual[:, :, 0, 0], weight[:, :, 0, 0]),
                lambda: kones.xnor_conv2d_prepacked(dual, prepacked, 3, [3, 3]),
            ):
                with self.assertRaises(RuntimeError):
                    op()

    # Seen to fail on: x kept past save_for_backward. Meant to catch too: its signs or the result kept as numbers.
    def test_keeps_bits(self):
        for wanting in (("x",), ("weight",), ("scale",), ("x", "weight", "scale", "bias")):
            for groups in (1, 2):
                with self.subTest(wanting=wanting, groups=groups):
                    x, weight = torch.randn(2, 128, 12, 12), torch.randn(4, 128 // groups, 3, 3)
                    operands = [x, weight, torch.randn(4), torch.randn(4)]
                    operands = [t.requires_grad_(n in wanting) for t, n in zip(operands, self.NAMES)]
                    operands = [t * 1 for t in operands]  # no leaves, which live anyway
                    floats, bits = [], []

                    def keep(t):
                        (floats if t.is_floating_point() else bits).append(t.numel() * t.element_size())
                        return t

                    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
                        y = kones.xnor_conv2d(*operands, groups=groups)
                    self.assertGreaterEqual(len(bits), 2)
                    self.assertLessEqual(sum(floats), 16)
                    pixels = 2 * 12 * 12
                    words = pixels * 128 // 8 * (2 if "x" in wanting else 1) + 4 * 9 * 8 * (128 // groups // 64)
                    self.assertLessEqual(sum(bits), words)
                    # Nor is it alive by another way.
                    alive = [weakref.ref(t) for t in operands[:2]]
                    shape = y.shape
                    result = weakref.ref(y)
                    end = y.sum()
                    del x, weight, operands, y
                    self.assertEqual([reference() for reference in alive], [None, None])
                    self.assertIsNone(result())
                    end.backward()


# Seen to fail on: a Meta kernel of another stride (opcheck compares these on CUDA alone: the last test does). Meant to
# catch too: one of another size or type, a schema that hides what is changed, no Autograd.
class Opcheck(unittest.TestCase):
    PLAIN = ("test_schema", "test_autograd_registration", "test_faketensor")

    def check(self, name, arguments, keywords=None, utilities=None):
        with self.subTest(op=name, arguments=[getattr(a, "shape", a) for a in arguments], keywords=keywords):
            options = {} if utilities is None else {"test_utils": utilities}
            torch.library.opcheck(getattr(kones, name).default, arguments, keywords or {}, **options)

    def test_packing(self):
        for dtype in TYPES:
            for x in (
                torch.linspace(-2, 2, 130).to(dtype).view(2, 65),
                torch.linspace(-2, 2, 72).to(dtype).view(2, 3, 4, 3).contiguous(memory_format=CHANNELS_LAST),
                torch.linspace(-2, 2, 72).to(dtype).view(2, 3, 4, 3).transpose(2, 3),
            ):
                self.check("pack_signs", (x,), utilities=None if dtype == torch.float32 else self.PLAIN)
                self.check("unpack_signs", (kones.pack_signs(x), x.shape[1]), utilities=self.PLAIN)
        for shape in ((0, 3), (2, 0), (0, 3, 2, 2), (2, 0, 3, 3)):
            x = torch.zeros(shape)
            self.check("pack_signs", (x,), utilities=self.PLAIN)
            self.check("unpack_signs", (kones.pack_signs(x), x.shape[1]), utilities=self.PLAIN)

    def test_the_gradients_own(self):
        for dtype, groups in ((torch.float32, 1), (torch.bfloat16, 3)):
            for x in (
                torch.linspace(-2, 2, 144).to(dtype).view(2, 6, 4, 3),
                torch.linspace(-2, 2, 144).to(dtype).view(2, 6, 4, 3).contiguous(memory_format=CHANNELS_LAST),
                torch.zeros(0, 6, 4, 3, dtype=dtype),
            ):
                no_autograd = ("test_schema", "test_faketensor")
                for masked in (True, False):
                    self.check("_pack_signs_masked", (x, groups, masked), utilities=no_autograd)
                words, mask = kones._pack_signs_masked(x, groups, True)
                for last in (True, False):
                    self.check("_unpack_signs_as", (words, 6, groups, dtype, last), utilities=no_autograd)
                gradient = x.clone().requires_grad_()
                self.check("_apply_sign_mask", (gradient, mask, groups))
                weight_words = kones.pack_signs(torch.randn(9, 6 // groups, 2, 2))
                scale = torch.randn(9)
                for type_, last in ((dtype, True), (torch.int32, False)):
                    arguments = (words, weight_words, 6, scale if type_ == dtype else None, None)
                    arguments += ([1, 2], [1, 0], [1, 1], groups, type_, last)
                    self.check("_xnor_conv2d_words", arguments, utilities=no_autograd)

    def test_convolution(self):
        for index, (dtype, requires_grad, last) in enumerate(itertools.product(TYPES, (False, True), (False, True))):
            x = torch.linspace(-2, 2, 2 * 6 * 5 * 4).to(dtype).view(2, 6, 5, 4)
            x = x.contiguous(memory_format=CHANNELS_LAST if last else torch.contiguous_format)
            weight = torch.linspace(-1, 1, 9 * 6 * 6).to(dtype).view(9, 6, 3, 2)
            scale, bias = torch.linspace(-1, 1, 9), torch.linspace(3, -3, 9)
            tensors = [t.requires_grad_(requires_grad) for t in (x, weight, scale, bias)]
            # The gradients of half precision are LibTorch's own convolutions in that precision, which are rounded
            # otherwise when they are traced.
            utilities = None if dtype == torch.float32 or not requires_grad else self.PLAIN
            self.check("xnor_conv2d", tensors, utilities=utilities)
            self.check("xnor_conv2d", tensors[:2], {"padding": [2, 1], "stride": [2, 1]}, utilities)
            if index < 4:
                grouped = [tensors[0], weight.detach()[:, :2].clone().requires_grad_(requires_grad)]
                self.check("xnor_conv2d", grouped, {"groups": 3, "dilation": [2, 1]}, utilities)

    def test_each_operand_alone_wants_a_gradient(self):
        for which in range(4):
            tensors = [torch.randn(2, 3, 4, 4), torch.randn(4, 3, 2, 2), torch.randn(4), torch.randn(4)]
            tensors[which].requires_grad_()
            self.check("xnor_conv2d", tensors)

    def test_convolution_of_other_layouts(self):
        weight = torch.randn(4, 5, 3, 3)
        for name, x in layouts((2, 5, 4, 3), seeded(61)):
            self.check("xnor_conv2d", (x, weight), utilities=self.PLAIN)
        expanded = weight[:, :, :1].expand(4, 5, 3, 3)
        self.check("xnor_conv2d", (torch.randn(1, 5, 4, 4), expanded), utilities=self.PLAIN)
        self.check("xnor_conv2d", (torch.zeros(0, 5, 3, 3), weight), utilities=self.PLAIN)

    def test_words_and_prepacked_weights(self):
        for channels, last in itertools.product((3, 65), (False, True)):
            x, weight = torch.randn(2, channels, 5, 4), torch.randn(17, channels, 3, 3)
            if last:
                x = x.contiguous(memory_format=CHANNELS_LAST)
            words, prepacked = kones.pack_signs(x), kones.xnor_prepack(weight)
            scale, bias, slope, shift = torch.randn(4, 17)
            self.check("xnor_prepack", (weight,))
            self.check("xnor_prepack", (weight[:16, :1], 2), utilities=self.PLAIN)
            self.check("xnor_conv2d_packed", (words, kones.pack_signs(weight), channels))
            self.check("xnor_conv2d_prepacked", (x, prepacked, 17, [3, 3], scale, bias), {"padding": [1, 0]})
            self.check("xnor_conv2d_prepacked", (x.half(), prepacked, 17, [3, 3]), utilities=self.PLAIN)
            residual = torch.randn(2, 17, 3, 2)
            for operand in (x, words):
                self.check("xnor_conv2d_fused", (operand, prepacked, channels, 17, [3, 3]))
                epilogue = (scale, bias, residual, "prelu", slope, shift, bias)
                self.check("xnor_conv2d_fused", (operand, prepacked, channels, 17, [3, 3], *epilogue))
                threshold, flipped = kones.xnor_sign_thresholds(scale, bias, 9 * channels)
                arguments = (operand, prepacked, channels, 17, [3, 3], threshold)
                self.check("xnor_conv2d_signs", arguments, utilities=self.PLAIN)
                self.check("xnor_conv2d_signs", (*arguments, flipped, [2, 2], [1, 1]))
            self.check("xnor_sign_thresholds", (scale, bias, 9))
        self.check("xnor_sign_thresholds", (torch.zeros(0), torch.zeros(0), 9), utilities=self.PLAIN)

    def test_linear(self):
        for requires_grad in (False, True):
            weight = torch.randn(5, 7, requires_grad=requires_grad)
            for x in (torch.randn(7), torch.randn(3, 7), torch.randn(2, 7, 3).transpose(1, 2)):
                self.check("xnor_linear", (x.requires_grad_(requires_grad), weight, torch.randn(5), torch.randn(5)))
        self.check("xnor_linear", (torch.zeros(0, 7), torch.randn(5, 7)), utilities=self.PLAIN)

    def test_meta_tensors_have_the_results_strides(self):
        for format_ in (torch.contiguous_format, CHANNELS_LAST):
            x = torch.randn(2, 5, 4, 6).contiguous(memory_format=format_)
            weight = torch.randn(3, 5, 3, 3)
            y = kones.xnor_conv2d(x, weight, padding=1)
            meta = kones.xnor_conv2d(x.to("meta"), weight.to("meta"), padding=1)
            self.assertEqual((meta.shape, meta.stride(), meta.dtype), (y.shape, y.stride(), y.dtype))
            self.assertEqual(kones.xnor_prepack(weight.to("meta")).shape, kones.xnor_prepack(weight).shape)


class Tracing(unittest.TestCase):
    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            generator = seeded(71)
            self.weight = torch.nn.Parameter(torch.randn(6, 5, 3, 3, generator=generator))
            self.scale = torch.nn.Parameter(powers(6, generator))
            self.bias = torch.nn.Parameter(integers((6,), generator))
            self.matrix = torch.nn.Parameter(torch.randn(4, 6, generator=generator))

        def forward(self, x):
            y = kones.xnor_conv2d(x, self.weight, self.scale, self.bias, padding=[1, 1], stride=[2, 1])
            return kones.xnor_linear(y.permute(0, 2, 3, 1), self.matrix)

    def setUp(self):
        torch._dynamo.reset()
        self.module = self.Module()

    def test_compiled_results_and_gradients_are_the_eager_ones(self):
        compiled = torch.compile(self.module, backend="aot_eager", fullgraph=True, dynamic=True)
        parameters_ = tuple(self.module.parameters())
        for shape in ((2, 5, 6, 7), (3, 5, 9, 4), (4, 5, 5, 8)):
            for format_ in (torch.contiguous_format, CHANNELS_LAST):
                x = torch.randn(shape, generator=seeded(72)).contiguous(memory_format=format_)
                a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
                eager, traced = self.module(a), compiled(b)
                self.assertTrue(torch.equal(eager, traced))
                wanted = torch.autograd.grad(eager.sum(), (a, *parameters_))
                gradients = torch.autograd.grad(traced.sum(), (b, *parameters_))
                for gradient, reference in zip(gradients, wanted):
                    self.assertTrue(torch.equal(gradient, reference))
                with torch.no_grad():
                    self.assertTrue(torch.equal(self.module(x), compiled(x)))

    def test_exported_programs_keep_the_operators(self):
        dimension = torch.export.Dim
        sizes = {0: dimension("batch"), 2: dimension("height", min=3), 3: dimension("width", min=3)}
        x = torch.randn(2, 5, 6, 7)
        program = torch.export.export(self.module, (x,), dynamic_shapes={"x": sizes})
        self.assertIn("kones.xnor_conv2d.default", {str(node.target) for node in program.graph.nodes})
        for shape in ((2, 5, 6, 7), (4, 5, 3, 9), (5, 5, 12, 4)):
            x = torch.randn(shape)
            self.assertTrue(torch.equal(program.module()(x), self.module(x)))

    def test_inference_programs(self):
        weight, scale = self.module.weight.detach(), self.module.scale.detach()
        prepacked = kones.xnor_prepack(weight)

        class Inference(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("prepacked", prepacked)

            def forward(self, x):
                _, words = kones.xnor_conv2d_fused(x, self.prepacked, 5, 6, [3, 3], scale, padding=[1, 1])
                return kones.unpack_signs(words, 6) + kones.xnor_conv2d_prepacked(
                    x, self.prepacked, 6, [3, 3], padding=[1, 1]
                )

        module = Inference()
        compiled = torch.compile(module, backend="aot_eager", fullgraph=True, dynamic=True)
        with torch.no_grad():
            for shape in ((2, 5, 6, 7), (3, 5, 9, 4)):
                x = torch.randn(shape)
                self.assertTrue(torch.equal(compiled(x), module(x)))
            program = torch.export.export(module, (x,), dynamic_shapes={"x": {0: torch.export.Dim("batch")}})
            self.assertTrue(torch.equal(program.module()(x[:2]), module(x[:2])))

    def test_vmap_equals_a_loop(self):
        # By LibTorch's fallback, a call each; with gradients there is none, which LibTorch says.
        x, weight = torch.randn(3, 2, 5, 4, 4), torch.randn(6, 5, 3, 3)
        y = torch.vmap(lambda t: kones.xnor_conv2d(t, weight))(x)
        self.assertTrue(torch.equal(y, torch.stack([kones.xnor_conv2d(t, weight) for t in x])))
        rows, matrix = x[:, :, :, 0, 0], weight[:, :, 0, 0]
        y = torch.vmap(lambda t: kones.xnor_linear(t, matrix))(rows)
        self.assertTrue(torch.equal(y, torch.stack([kones.xnor_linear(t, matrix) for t in rows])))
        y = torch.vmap(kones.pack_signs)(x)
        self.assertTrue(torch.equal(y, torch.stack([kones.pack_signs(t) for t in x])))
        with self.assertRaisesRegex(RuntimeError, "functorch"):
            torch.func.grad(lambda t: kones.xnor_conv2d(t, weight).sum())(x[0])

    def test_prepacked_weights_are_saved_and_loaded(self):
        x, weight = torch.randn(2, 6, 4, 4), torch.randn(8, 3, 3, 3)
        prepacked = kones.xnor_prepack(weight, 2)
        stream = io.BytesIO()
        torch.save({"prepacked": prepacked}, stream)
        stream.seek(0)
        loaded = torch.load(stream, weights_only=True)["prepacked"]
        self.assertTrue(torch.equal(loaded, prepacked))
        wanted = kones.xnor_conv2d(x, weight, groups=2)
        self.assertTrue(torch.equal(kones.xnor_conv2d_prepacked(x, loaded, 8, [3, 3], groups=2), wanted))
        # At any address, and whatever the allocator left between its parts.
        for offset in range(1, 17, 3):
            moved = torch.cat((torch.zeros(offset, dtype=torch.uint8), prepacked))[offset:]
            self.assertTrue(torch.equal(kones.xnor_conv2d_prepacked(x, moved, 8, [3, 3], groups=2), wanted))
        again = [kones.xnor_prepack(weight, 2) for _ in range(4)]
        self.assertTrue(all(torch.equal(a, prepacked) for a in again))


def huge(*shape):
    return torch.empty(shape, device="meta")


# Seen to fail on: stray bits that nobody looks for, prepacked weights of which only the size is looked at, and what the
# tests say below. Meant to catch too: a message that does not say what it got or takes, a result in place of a refusal.
class Refusals(unittest.TestCase):
    def refuse(self, op, call, *said, kinds=(TypeError, ValueError)):
        with self.assertRaises(kinds) as caught:
            call()
        message = str(caught.exception)
        self.assertTrue(message.startswith(f"kones::{op}: "), msg=message)
        self.assertRegex(message, r"\btakes?\b|what xnor_prepack makes")
        for words in said:
            self.assertIn(str(words), message)

    CONVOLUTIONS = (
        ("x of no dimension", lambda x, w: ((x[0, 0, 0, 0], w), {}), ("x has 0 dim", 4)),
        ("x of 1 dimension", lambda x, w: ((x[0, 0, 0], w), {}), ("x has 1 dim", 4)),
        ("x of 2 dimensions", lambda x, w: ((x[0, 0], w), {}), ("x has 2 dim", 4)),
        ("x of 3 dimensions", lambda x, w: ((x[0], w), {}), ("x has 3 dim", 4)),
        ("x of 5 dimensions", lambda x, w: ((x[None], w), {}), ("x has 5 dim", 4)),
        ("weight of no dimension", lambda x, w: ((x, w[0, 0, 0, 0]), {}), ("weight has 0 dim", 4)),
        ("weight of 2 dimensions", lambda x, w: ((x, w[0, 0]), {}), ("weight has 2 dim", 4)),
        ("weight of 3 dimensions", lambda x, w: ((x, w[0]), {}), ("weight has 3 dim", 4)),
        ("x in float64", lambda x, w: ((x.double(), w), {}), ("x is Double", "float32")),
        ("x of integers", lambda x, w: ((x.int(), w), {}), ("x is Int", "float32")),
        ("x of bytes", lambda x, w: ((x.byte(), w), {}), ("x is Byte", "float32")),
        ("complex x", lambda x, w: ((x.to(torch.complex64), w), {}), ("x is ComplexFloat", "float32")),
        ("weight in float64", lambda x, w: ((x, w.double()), {}), ("weight is Double", "float32")),
        ("weight of integers", lambda x, w: ((x, w.long()), {}), ("weight is Long", "float32")),
        ("too few channels in x", lambda x, w: ((x[:, :4], w), {}), ("x has 4 channels", "5")),
        ("too few channels in weight", lambda x, w: ((x, w[:, :4]), {}), ("x has 5 channels", "4")),
        ("no channels in x", lambda x, w: ((x[:, :0], w), {}), ("x has 0 channels", "5")),
        ("no channels at all", lambda x, w: ((x[:, :0], w[:, :0]), {}), ("weight", "0")),
        ("no outputs", lambda x, w: ((x, w[:0]), {}), ("weight", "[0, 5, 3, 3]")),
        ("no kernel rows", lambda x, w: ((x, w[:, :, :0]), {}), ("weight", "[6, 5, 0, 3]")),
        ("no rows", lambda x, w: ((x[:, :, :0], w), {"padding": [3, 3]}), ("x is 0 x 6",)),
        ("no columns", lambda x, w: ((x[..., :0], w), {"padding": [3, 3]}), ("x is 4 x 0",)),
        ("no group", lambda x, w: ((x, w), {"groups": 0}), ("groups is 0",)),
        ("a negative group", lambda x, w: ((x, w), {"groups": -1}), ("groups is -1",)),
        ("groups that do not divide the outputs", lambda x, w: ((x, w), {"groups": 5}), ("groups is 5", "6")),
        ("groups that do not divide the channels", lambda x, w: ((x, w), {"groups": 2}), ("groups", "5")),
        ("many groups", lambda x, w: ((x, w), {"groups": 2**62}), ("groups is 4611686018427387904",)),
        ("no stride", lambda x, w: ((x, w), {"stride": [1, 0]}), ("stride is [1, 0]", "1")),
        ("a negative stride", lambda x, w: ((x, w), {"stride": [-1, 1]}), ("stride is [-1, 1]",)),
        ("three strides", lambda x, w: ((x, w), {"stride": [1, 1, 1]}), ("stride has 3", "2")),
        ("an enormous stride", lambda x, w: ((x, w), {"stride": [1, 2**63 - 1]}), ("stride is [1, 9223",)),
        ("no dilation", lambda x, w: ((x, w), {"dilation": [0, 1]}), ("dilation is [0, 1]",)),
        ("a large dilation", lambda x, w: ((x, w), {"dilation": [1, 2**31 - 1]}), ("x is 4 x 6", 2**32 - 1)),
        ("an enormous dilation", lambda x, w: ((x, w), {"dilation": [2**62, 1]}), ("dilation is",)),
        ("a negative padding", lambda x, w: ((x, w), {"padding": [0, -1]}), ("padding is [0, -1]",)),
        ("an enormous padding", lambda x, w: ((x, w), {"padding": [2**62, 0]}), ("padding is",)),
        ("a kernel larger than x", lambda x, w: ((x[:, :, :2], w), {}), ("x is 2 x 6", "3 x 3")),
        ("a wide kernel", lambda x, w: ((x, w), {"dilation": [1, 3]}), ("x is 4 x 6", "3 x 7")),
        ("too few scales", lambda x, w: ((x, w, torch.ones(5, device=x.device)), {}), ("scale is [5]", "6")),
        ("scales of 2 dimensions", lambda x, w: ((x, w, torch.ones(6, 1, device=x.device)), {}), ("scale is [6, 1]",)),
        ("one scale", lambda x, w: ((x, w, torch.ones((), device=x.device)), {}), ("scale is []", "6")),
        ("scales in float64", lambda x, w: ((x, w, torch.ones(6, device=x.device).double()), {}), ("scale is Double",)),
        ("too many biases", lambda x, w: ((x, w, None, torch.ones(7, device=x.device)), {}), ("bias is [7]", "6")),
        ("biases of integers", lambda x, w: ((x, w, None, torch.ones(6, device=x.device).int()), {}), ("bias is Int",)),
    )

    def convolutions(self, device, requires_grad):
        x = torch.ones(2, 5, 4, 6, device=device)
        weight = torch.ones(6, 5, 3, 3, device=device)
        for name, make, said in self.CONVOLUTIONS:
            with self.subTest(name, device=device, requires_grad=requires_grad):
                arguments, keywords = make(x, weight)
                if requires_grad:
                    arguments = [
                        t.detach().requires_grad_() if t is not None and t.is_floating_point() else t for t in arguments
                    ]
                self.refuse("xnor_conv2d", lambda: kones.xnor_conv2d(*arguments, **keywords), *said)

    def test_convolution(self):
        self.convolutions("cpu", False)

    # Seen to fail on: weights of more channels than x, which gave results; messages of the gradient's own operators.
    def test_convolution_with_gradients(self):
        self.convolutions("cpu", True)

    def test_convolution_of_meta_tensors(self):
        self.convolutions("meta", False)

    # Seen to fail on: results without values, on the CPU, of operands half of which have none.
    def test_operands_on_two_devices(self):
        x, weight = torch.ones(2, 5, 4, 6), torch.ones(6, 5, 3, 3)
        meta = weight.to("meta")
        words, weight_words = kones.pack_signs(x), kones.pack_signs(weight)
        prepacked = kones.xnor_prepack(weight)
        threshold = torch.zeros(6, dtype=torch.int32)
        one = torch.ones(6)
        meta_words, meta_bytes = weight_words.to("meta"), prepacked.to("meta")
        for op, call, said in (
            ("xnor_conv2d", lambda: kones.xnor_conv2d(x, meta), "weight is on"),
            ("xnor_conv2d", lambda: kones.xnor_conv2d(x.to("meta"), weight), "weight is on"),
            ("xnor_conv2d", lambda: kones.xnor_conv2d(x, weight, one.to("meta")), "scale is on"),
            ("xnor_conv2d", lambda: kones.xnor_conv2d(x, weight, None, one.to("meta")), "bias is on"),
            ("xnor_conv2d_packed", lambda: kones.xnor_conv2d_packed(words, meta_words, 5), "weight_words is on"),
            ("xnor_conv2d_prepacked", lambda: kones.xnor_conv2d_prepacked(x, meta_bytes, 6, [3, 3]), "prepacked is on"),
            (
                "xnor_conv2d_signs",
                lambda: kones.xnor_conv2d_signs(x, prepacked, 5, 6, [3, 3], threshold.to("meta")),
                "threshold is on",
            ),
            ("xnor_linear", lambda: kones.xnor_linear(x[..., 0, 0], weight[..., 0, 0].to("meta")), "weight is on"),
        ):
            with self.subTest(op=op, said=said):
                self.refuse(op, call, said, "device of")

    # Seen to fail on: messages that name xnor_conv2d, dimensions nobody gave, no check of what is empty.
    def test_linear(self):
        x, weight = torch.ones(4, 5), torch.ones(3, 5)
        for requires_grad in (False, True):
            for name, arguments, said in (
                ("x of no dimension", (x[0, 0], weight), ("x has no dim",)),
                ("weight of 1 dimension", (x, weight[0]), ("weight has 1 dim",)),
                ("weight of 3 dimensions", (x, weight[None]), ("weight has 3 dim",)),
                ("features that disagree", (x[:, :4], weight), ("x has 4", "5")),
                ("no features", (x[:, :0], weight[:, :0]), ("0",)),
                ("no outputs", (x, weight[:0]), ("weight", "[0, 5]")),
                ("x in float64", (x.double(), weight), ("x is Double",)),
                ("x of integers", (x.int(), weight), ("x is Int",)),
                ("weight in float64", (x, weight.double()), ("weight is Double",)),
                ("too few scales", (x, weight, torch.ones(2)), ("scale is [2]", "3")),
                ("biases in float64", (x, weight, None, torch.ones(3).double()), ("bias is Double",)),
                ("an empty x in float64", (x[:0].double(), weight), ("x is Double",)),
                ("an empty x and too few scales", (x[:0], weight, torch.ones(2)), ("scale is [2]", "3")),
            ):
                with self.subTest(name, requires_grad=requires_grad):
                    if requires_grad:
                        arguments = [
                            t.detach().requires_grad_() if t is not None and t.is_floating_point() else t
                            for t in arguments
                        ]
                    self.refuse("xnor_linear", lambda: kones.xnor_linear(*arguments), *said)

    def test_packing(self):
        words = torch.zeros(2, 1, dtype=torch.int64)
        for device in ("cpu", "meta"):
            w, x = words.to(device), torch.ones(2, 3, device=device)
            for op, call, said in (
                ("pack_signs", lambda: kones.pack_signs(x.double()), ("x is Double",)),
                ("pack_signs", lambda: kones.pack_signs(x.int()), ("x is Int",)),
                ("pack_signs", lambda: kones.pack_signs(x > 0), ("x is Bool",)),
                ("pack_signs", lambda: kones.pack_signs(x[0]), ("x has 1 dim", "[N, C, H, W]")),
                ("pack_signs", lambda: kones.pack_signs(x[0, 0]), ("x has 0 dim",)),
                ("pack_signs", lambda: kones.pack_signs(x[None]), ("x has 3 dim",)),
                ("unpack_signs", lambda: kones.unpack_signs(w.int(), 3), ("words is Int", "int64")),
                ("unpack_signs", lambda: kones.unpack_signs(w.float(), 3), ("words is Float", "int64")),
                ("unpack_signs", lambda: kones.unpack_signs(w[0], 3), ("words has 1 dim",)),
                ("unpack_signs", lambda: kones.unpack_signs(w[None], 3), ("words has 3 dim",)),
                ("unpack_signs", lambda: kones.unpack_signs(w, 0), ("channels is 0", "1 to 64")),
                ("unpack_signs", lambda: kones.unpack_signs(w, -1), ("channels is -1", "1 to 64")),
                ("unpack_signs", lambda: kones.unpack_signs(w, 65), ("channels is 65", "1 to 64")),
                ("unpack_signs", lambda: kones.unpack_signs(w, 2**63 - 1), ("channels is 9223372036854775807",)),
                ("unpack_signs", lambda: kones.unpack_signs(w[:, :0], 3), ("channels is 3", "0")),
            ):
                with self.subTest(op=op, device=device, said=said):
                    self.refuse(op, call, *said)
        for channels in (1, 5, 63):
            stray = torch.full((2, 1), -(1 << channels))
            self.refuse("unpack_signs", lambda: kones.unpack_signs(stray, channels), "words has bits set past")

    # Seen to fail on: a number of words below 0 for in_channels of 2^63 - 1.
    def test_words(self):
        x, weight = torch.ones(2, 70, 4, 6), torch.ones(6, 70, 3, 3)
        words, weight_words = kones.pack_signs(x), kones.pack_signs(weight)
        for device in ("cpu", "meta"):
            a, b = words.to(device), weight_words.to(device)
            for name, arguments, keywords, said in (
                ("x of numbers", (x.to(device), b, 70), {}, ("x_words is Float", "int64")),
                ("weight of numbers", (a, weight.to(device), 70), {}, ("weight_words is Float", "int64")),
                ("words in 32 bits", (a.int(), b, 70), {}, ("x_words is Int", "int64")),
                ("words of 2 dimensions", (a[0, 0], b, 70), {}, ("x_words has 2 dim", "4")),
                ("weight words of 3 dimensions", (a, b[0], 70), {}, ("weight_words has 3 dim", "4")),
                ("channels of one word", (a, b, 64), {}, ("x_words has 2 words", "1")),
                ("channels of three words", (a, b, 129), {}, ("x_words has 2 words", "3")),
                ("weight words of fewer channels", (a, b[..., :1], 70), {}, ("weight_words has 1 words", "2")),
                ("no channels", (a, b, 0), {}, ("in_channels is 0",)),
                ("negative channels", (a, b, -70), {}, ("in_channels is -70",)),
                ("enormous channels", (a, b, 2**63 - 1), {}, ("in_channels is 9223372036854775807",)),
                ("no words", (a[..., :0], b[..., :0], 0), {}, ("in_channels is 0",)),
                ("no outputs", (a, b[:0], 70), {}, ("0",)),
                ("no kernel", (a, b[:, :0], 70), {}, ("0",)),
                ("no rows", (a[:, :0], b, 70), {"padding": [2, 2]}, ("x is 0 x 6",)),
                ("a large kernel", (a[:, :2], b, 70), {}, ("x is 2 x 6", "3 x 3")),
                ("no stride", (a, b, 70), {"stride": [0, 1]}, ("stride is [0, 1]",)),
                ("negative padding", (a, b, 70), {"padding": [-1, 1]}, ("padding is [-1, 1]",)),
                ("enormous dilation", (a, b, 70), {"dilation": [2**63 - 1, 1]}, ("dilation is",)),
            ):
                with self.subTest(name, device=device):
                    self.refuse("xnor_conv2d_packed", lambda: kones.xnor_conv2d_packed(*arguments, **keywords), *said)
        op, stray = "xnor_conv2d_packed", words.clone()
        stray[1, 3, 5, 1] |= 1 << 6
        self.refuse(op, lambda: kones.xnor_conv2d_packed(stray, weight_words, 70), "x_words has bits set")
        stray = weight_words.clone()
        stray[5, 2, 2, 1] |= -(2**63)
        self.refuse(op, lambda: kones.xnor_conv2d_packed(words, stray, 70), "weight_words has bits set")
        self.assertEqual(kones.xnor_conv2d_packed(words, weight_words, 70)[0, 0, 0, 0].item(), 630)

    # Seen to fail on: a prepacked weight of another shape for an empty batch.
    def test_prepacked_weights(self):
        x, weight = torch.ones(2, 6, 4, 6), torch.ones(8, 6, 3, 3)
        prepacked = kones.xnor_prepack(weight)
        other = torch.randint(0, 256, prepacked.shape, dtype=torch.uint8, generator=seeded(81))
        threshold = torch.zeros(8, dtype=torch.int32)
        for name, bytes_, said in (
            ("of another number of outputs", kones.xnor_prepack(weight[:7]), "[8, 6, 3, 3]"),
            ("of another number of channels", kones.xnor_prepack(weight[:, :5]), "[8, 6, 3, 3]"),
            ("of the same size and other outputs", kones.xnor_prepack(torch.ones(9, 6, 3, 3)), "[8, 6, 3, 3]"),
            ("of another kernel", kones.xnor_prepack(weight[:, :, :2]), "[8, 6, 3, 3]"),
            ("of groups", kones.xnor_prepack(weight[:, :3], 2), "[8, 6, 3, 3]"),
            ("of random bytes", other, "[8, 6, 3, 3]"),
            ("of zeros", torch.zeros_like(prepacked), "[8, 6, 3, 3]"),
            ("without its end", prepacked[:-1], "[8, 6, 3, 3]"),
            ("without its beginning", prepacked[1:], "[8, 6, 3, 3]"),
            ("with more at its end", torch.cat((prepacked, prepacked[:8])), "[8, 6, 3, 3]"),
            ("of nothing", prepacked[:0], "[8, 6, 3, 3]"),
            ("with gaps", prepacked.repeat_interleave(2)[::2], "contiguous"),
            ("of 2 dimensions", prepacked.view(2, -1), "one dimension"),
            ("in int8", prepacked.view(torch.int8), "Char"),
            ("in int64", prepacked.view(torch.int64), "Long"),
            ("a weight of numbers", weight, "Float"),
        ):
            # So is an operand of an empty batch: what is wrong there is wrong.
            for operand in (x, kones.pack_signs(x), x.half(), x[:0]):
                for op, arguments in (
                    ("xnor_conv2d_prepacked", (8, [3, 3])),
                    ("xnor_conv2d_fused", (6, 8, [3, 3])),
                    ("xnor_conv2d_signs", (6, 8, [3, 3], threshold)),
                ):
                    if op == "xnor_conv2d_prepacked" and operand.dtype == torch.int64:
                        continue
                    with self.subTest(name, op=op, type=operand.dtype, batch=len(operand)):
                        self.refuse(op, lambda: getattr(kones, op)(operand, bytes_, *arguments), "prepacked is", said)

    # Seen to fail on: LibTorch's own message for results whose size overflows.
    def test_arguments_in_place_of_a_weight(self):
        x, weight = torch.ones(2, 6, 4, 6), torch.ones(8, 6, 3, 3)
        prepacked = kones.xnor_prepack(weight)
        for device in ("cpu", "meta"):
            a, p = x.to(device), prepacked.to(device)
            for name, arguments, keywords, said in (
                ("a kernel of no rows", (a, p, 8, [0, 3]), {}, ("0",)),
                ("a negative kernel", (a, p, 8, [-1, 3]), {}, ("-1",)),
                ("an enormous kernel", (a, p, 8, [2**62, 2**62]), {}, (2**62,)),
                ("a kernel of three numbers", (a, p, 8, [3, 3, 3]), {}, ("kernel_size has 3", "2")),
                ("no outputs", (a, p, 0, [3, 3]), {}, ("0",)),
                ("negative outputs", (a, p, -8, [3, 3]), {}, ("-8",)),
                ("enormous outputs", (a, p, 2**63 - 1, [3, 3]), {}, (2**63 - 1,)),
                ("groups that do not divide", (a, p, 8, [3, 3]), {"groups": 4}, ("groups", "4")),
                ("no groups", (a, p, 8, [3, 3]), {"groups": 0}, ("groups", "0")),
                ("no channels", (a[:, :0], p, 8, [3, 3]), {}, ("0",)),
                ("x of 3 dimensions", (a[0], p, 8, [3, 3]), {}, ("x has 3 dim",)),
                ("x in float64", (a.double(), p, 8, [3, 3]), {}, ("x is Double",)),
                ("too few scales", (a, p, 8, [3, 3], torch.ones(7, device=device)), {}, ("scale is [7]", "8")),
            ):
                with self.subTest(name, device=device):
                    if name == "enormous outputs" and device == "meta":  # without bytes to compare, it is LibTorch's
                        with self.assertRaisesRegex((RuntimeError, ValueError), str(said[0])):
                            kones.xnor_conv2d_prepacked(*arguments, **keywords)
                        continue
                    self.refuse(
                        "xnor_conv2d_prepacked", lambda: kones.xnor_conv2d_prepacked(*arguments, **keywords), *said
                    )

    def test_fused(self):
        x, weight = torch.ones(2, 6, 4, 6), torch.ones(8, 6, 3, 3)
        prepacked = kones.xnor_prepack(weight)
        words = kones.pack_signs(x)
        residual, one = torch.zeros(2, 8, 2, 4), torch.ones(8)
        stray = words | 64

        def call(operand=x, channels=6, groups=1, **keywords):
            return kones.xnor_conv2d_fused(operand, prepacked, channels, 8, [3, 3], groups=groups, **keywords)

        for name, make, said in (
            ("an unknown activation", lambda: call(activation="gelu"), ('activation is "gelu"', "relu")),
            ("a slope of nothing", lambda: call(slope=one), ("slope", "prelu")),
            ("no slope", lambda: call(activation="prelu"), ("slope", "prelu")),
            ("too few slopes", lambda: call(activation="prelu", slope=one[:1]), ("slope is [1]", "8")),
            ("shifts in float64", lambda: call(shift=one.double()), ("shift is Double",)),
            ("too few thresholds", lambda: call(sign_threshold=one[:3]), ("sign_threshold is [3]", "8")),
            ("a residual in another type", lambda: call(residual=residual.half()), ("residual is Half", "Float")),
            ("a residual of x's other type", lambda: call(x.half(), residual=residual), ("residual is Float", "Half")),
            ("a residual to broadcast", lambda: call(residual=residual[:1]), ("is [1, 8, 2, 4]", "[2, 8, 2, 4]")),
            ("other channels than x's", lambda: call(channels=5), ("5",)),
            ("other channels than the words'", lambda: call(words, channels=65), ("x has 1 words", "2")),
            ("words of groups", lambda: call(words, groups=2), ("64",)),
            ("stray bits", lambda: call(stray), ("x has bits set past",)),
            ("words of 3 dimensions", lambda: call(words[0]), ("x has 3 dim",)),
            ("int32 words", lambda: call(words.int()), ("x is Int",)),
        ):
            with self.subTest(name):
                self.refuse("xnor_conv2d_fused", make, *said)
        arguments = (x, prepacked, 6, 8, [3, 3])
        for threshold, flipped, said in (
            (one, None, ("threshold is Float", "Int")),
            (one.int()[:3], None, ("threshold is [3]", "8")),
            (one.int(), one, ("flipped is Float", "Bool")),
            (one.int(), one[:3] > 0, ("flipped is [3]", "8")),
        ):
            self.refuse(
                "xnor_conv2d_signs", lambda: kones.xnor_conv2d_signs(*arguments, threshold, flipped), *said
            )
        for scale, bias, products, said in (
            (one, one, 0, ("products is 0",)),
            (one, one, -5, ("products is -5",)),
            (one, one, 2**31, ("products is 2147483648",)),
            (one, one[:3], 9, ("[8]", "[3]")),
            (one.half(), one, 9, ("Half", "float32")),
            (one[0], one[0], 9, ("[]",)),
        ):
            self.refuse("xnor_sign_thresholds", lambda: kones.xnor_sign_thresholds(scale, bias, products), *said)

    def test_sums_that_overflow(self):
        big = huge(1, 2**29, 2, 2)
        self.refuse("xnor_conv2d", lambda: kones.xnor_conv2d(big, big), 2**29, 2**31 - 1)
        self.refuse("xnor_prepack", lambda: kones.xnor_prepack(big), 2**29, 2**31 - 1)
        bytes_ = torch.empty(8, dtype=torch.uint8, device="meta")
        self.refuse(
            "xnor_conv2d_prepacked", lambda: kones.xnor_conv2d_prepacked(big, bytes_, 1, [2, 2]), 2**29, 2**31 - 1
        )
        words = torch.empty(1, 1, 1, 2**25, dtype=torch.int64, device="meta")
        self.refuse("xnor_conv2d_packed", lambda: kones.xnor_conv2d_packed(words, words, 2**31), 2**31, 2**31 - 1)
        row = huge(1, 2**31)
        self.refuse("xnor_linear", lambda: kones.xnor_linear(row, row), 2**31, 2**31 - 1)
        # The largest that do not.
        self.assertEqual(kones.xnor_conv2d(huge(1, 2**31 - 1, 1, 1), huge(1, 2**31 - 1, 1, 1)).shape, (1, 1, 1, 1))
        self.assertEqual(kones.xnor_conv2d_packed(words, words, 2**31 - 1).shape, (1, 1, 1, 1))

    # Seen to fail on: memory for all of an enormous padding, of which a few numbers meet the kernel.
    def test_enormous_paddings_and_strides(self):
        code = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
torch.set_num_threads(1)
x, w = torch.randn(1, 70, 4, 6), torch.randn(3, 70, 3, 3)
few, few_w = x[:, :3], w[:, :3]
big = 2**31 - 1
bad = []
for a, b in ((x, w), (few, few_w)):
    for padding in ([big, 0], [0, big], [big, big]):
        stride = [2**30 if p else 1 for p in padding]
        try:
            y = k.xnor_conv2d(a, b, stride=stride, padding=padding)
        except ValueError as error:
            if not str(error).startswith("kones::xnor_conv2d: "): bad.append((padding, repr(error)))
            continue
        except BaseException as error:
            bad.append((padding, repr(error)))
            continue
        # Only the rows and columns at 2 * 2^30 = 2^31 - 1 + 1 meet x.
        r = a if not padding[0] else a[:, :, 1:]
        r = r if not padding[1] else r[..., 1:]
        s = lambda t: torch.where(t < 0, -1.0, 1.0)
        near = torch.nn.functional.conv2d(s(r), s(b))
        near = near if not padding[0] else near[:, :, :1]
        near = near if not padding[1] else near[..., :1]
        n = tuple(slice(2, 3) if p else slice(None) for p in padding)
        part = y[(slice(None), slice(None)) + n]
        if not torch.equal(part, near) or y.abs().sum() != part.abs().sum(): bad.append((padding, "values"))
y = k.xnor_conv2d(x, w, stride=[big, big])
if y.shape != (1, 3, 1, 1): bad.append("stride")
print(bad)
"""
        process = python(code)
        output, errors = process.communicate(timeout=120)
        self.assertEqual((process.returncode, output.strip()), (0, "[]"), msg=errors[-500:])

    def test_results_too_large_for_any_memory(self):
        # LibTorch says so; the sizes' arithmetic has not left 64 bits before.
        one = huge(1, 1, 1, 1)
        self.assertEqual(kones.xnor_conv2d(one, one, padding=[2**31 - 1, 0]).shape, (1, 1, 2**32 - 1, 1))
        with self.assertRaisesRegex((RuntimeError, ValueError), "4294967295"):
            kones.xnor_conv2d(one, one, padding=[2**31 - 1, 2**31 - 1])

    # Seen to fail on: SIGFPE for no groups, memory written past its end for results of other types.
    def test_the_gradients_own_operators_refuse_what_they_cannot_read(self):
        cases = {}
        for device in ("cpu", "meta"):
            words = f"torch.zeros(2, 4, dtype=torch.long, device='{device}')"
            pixels = f"torch.zeros(1, 2, 2, 1, dtype=torch.long, device='{device}')"
            weight = f"torch.zeros(3, 1, 1, 1, dtype=torch.long, device='{device}')"
            x = f"torch.zeros(2, 4, device='{device}')"
            geometry = "5, None, None, [1, 1], [0, 0], [1, 1]"
            for name, call in {
                "no groups to mask": f"k._apply_sign_mask({x}, {words}, 0)",
                "negative groups to mask": f"k._apply_sign_mask({x}, {words}, -1)",
                "groups that do not divide": f"k._apply_sign_mask({x}, {words}, 3)",
                "a mask that does not fit": f"k._apply_sign_mask({x}, {words}, 1)",
                "a mask in int32": f"k._apply_sign_mask({x}, {words}.int(), 4)",
                "a mask of float64": f"k._apply_sign_mask({x}.double(), {words}, 4)",
                "no groups to unpack": f"k._unpack_signs_as({words}, 4, 0, torch.float32, False)",
                "negative groups to unpack": f"k._unpack_signs_as({words}, 4, -1, torch.float32, False)",
                "a type to unpack": f"k._unpack_signs_as({words}, 256, 1, torch.float64, False)",
                "no groups to pack": f"k._pack_signs_masked({x}, 0, True)",
                "groups that do not divide the packed": f"k._pack_signs_masked({x}, 3, True)",
                "results in float64": f"k._xnor_conv2d_words({pixels}, {weight}, {geometry}, 1, torch.float64, True)",
                "results in uint8": f"k._xnor_conv2d_words({pixels}, {weight}, {geometry}, 1, torch.uint8, True)",
                "results in int64": f"k._xnor_conv2d_words({pixels}, {weight}, {geometry}, 1, torch.int64, False)",
                "no groups": f"k._xnor_conv2d_words({pixels}, {weight}, {geometry}, 0, torch.float32, True)",
                "groups of outputs": f"k._xnor_conv2d_words({pixels}, {weight}, {geometry}, 5, torch.float32, True)",
            }.items():
                cases[name, device] = call
        for name, outcome in outcomes(cases).items():
            with self.subTest(case=name):
                self.assertEqual(outcome, "refused")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    LIBRARY = sys.argv[1]
    torch.ops.load_library(LIBRARY)
    Schemas.keys = sys.argv[2].split(",")
    torch.manual_seed(1)
    torch.set_num_threads(1)  # of small operands most time would go to waiting; some tests take more
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
