"""Compares kones's operators on the CPU and on a CUDA device, bit for bit, forward and backward: scripts/verify_gpu runs it.

Usage: device_equality.py LIBRARY [DEVICE]
LIBRARY is libkones_torch.so; DEVICE is cuda (default), or cpu to try the comparison itself.
"""

import itertools
import sys

import torch

TYPES = (torch.float32, torch.float16, torch.bfloat16)
ROUNDINGS = ("nearest", "stochastic", "truncate")
STREAMS = ((0, 0), (2**40 + 1, 2**33 + 7), (-1, -(2**62)))


def all_values(dtype):
    """Every value of a 16-bit type; for float32 as many, spread over all bit patterns."""
    bits = torch.arange(-(2**15), 2**15, dtype=torch.int32)
    if dtype == torch.float32:
        return (bits * 65536 + bits * 2654435 % 65536).view(torch.float32)
    return bits.to(torch.int16).view(dtype)


def layouts(values):
    """The values in several shapes and memory formats; the last two lie away from a vector load's alignment."""
    image = values.reshape(16, 16, 16, 16)
    return (values, image.contiguous(memory_format=torch.channels_last), image.transpose(0, 3), values[1:], values[3:4097:3], values[:0])


def operators():
    for k, max_shift, rounding, stream in itertools.product((1, 2, 3, 4), (0, 7, 15), ROUNDINGS, STREAMS):
        yield f"k_ones(k={k}, max_shift={max_shift}, {rounding}, {stream})", torch.ops.kones.k_ones, (k, max_shift, rounding, *stream)
    for (low, high, zero), rounding, stream in itertools.product(
        ((-7, 0, False), (-6, 1, True), (-126, 126, True)), (*ROUNDINGS, "nearest_log"), STREAMS
    ):
        name = f"power_of_two({low}, {high}, {zero}, {rounding}, {stream})"
        yield name, torch.ops.kones.power_of_two, (low, high, zero, rounding, *stream)
    for (before, after, signed), rounding, stream in itertools.product(
        ((2, 6, True), (1, 7, False), (-3, 9, True), (12, 12, True)), ROUNDINGS, STREAMS
    ):
        name = f"fixed_point({before}, {after}, {signed}, {rounding}, {stream})"
        yield name, torch.ops.kones.fixed_point, (before, after, signed, rounding, *stream)
        yield name + " of no leaf", lambda x, *a: torch.ops.kones.fixed_point(x * 1, *a), (before, after, signed, rounding, *stream)
    for scales in ((0.5, 1.0, 1.0), (0.0, 0.25, 3.0)):
        yield f"ternarize{scales}", torch.ops.kones.ternarize, scales
    for rounding, stream in itertools.product(ROUNDINGS, STREAMS):
        yield f"binarize({rounding}, {stream}) of no leaf", lambda x, *a: torch.ops.kones.binarize(x * 1, *a), (rounding, *stream)
        yield f"binarize({rounding}, {stream})", torch.ops.kones.binarize, (rounding, *stream)


def same_bits(a, b):
    whole = {2: torch.int16, 4: torch.int32}[a.element_size()]
    nan = a.isnan() & b.isnan()
    return a.stride() == b.stride() and bool(((a.contiguous().view(whole) == b.contiguous().view(whole)) | nan).all())


def forward_and_gradient(operator, arguments, x, cotangent):
    x = x.detach().requires_grad_()
    y = operator(x, *arguments)
    (gradient,) = torch.autograd.grad(y, x, cotangent)
    return y.detach().cpu(), gradient.cpu()


def convolutions():
    """Operands and geometry of convolutions of signs: shapes, orders in memory, types."""
    generator = torch.Generator().manual_seed(2)
    for channels, outputs, kernel, geometry in (
        (64, 64, (3, 3), ([1, 1], [1, 1], [1, 1], 1)),
        (130, 37, (5, 2), ([2, 1], [0, 3], [1, 2], 1)),
        (12, 18, (3, 3), ([1, 2], [2, 1], [2, 1], 3)),
        (3, 33, (7, 7), ([2, 2], [3, 3], [1, 1], 1)),
        (256, 128, (1, 1), ([1, 1], [0, 0], [1, 1], 1)),
    ):
        for dtype, order in itertools.product(TYPES, (torch.contiguous_format, torch.channels_last)):
            x = torch.randn(3, channels, 13, 11, generator=generator).to(dtype).contiguous(memory_format=order)
            weight = torch.randn(outputs, channels // geometry[3], *kernel, generator=generator)
            scale, bias = torch.randn(2, outputs, generator=generator)
            yield x, weight, scale, bias, geometry


def convolution_results(x, weight, scale, bias, geometry):
    """What the operators of signs make of the operands, but for gradients, whose sums have an order of their own."""
    ops = torch.ops.kones
    kernel, groups, outputs = list(weight.shape[2:]), geometry[3], weight.shape[0]
    prepacked = ops.xnor_prepack(weight, groups)
    y = ops.xnor_conv2d(x, weight, scale, bias, *geometry)
    fused, words = ops.xnor_conv2d_fused(
        x, prepacked, x.shape[1], outputs, kernel, scale, bias, y, "prelu", scale, bias, bias,
        stride=geometry[0], padding=geometry[1], dilation=geometry[2], groups=groups)  # fmt: skip
    threshold, flipped = ops.xnor_sign_thresholds(scale, bias, weight[0].numel())
    signs = ops.xnor_conv2d_signs(x, prepacked, x.shape[1], outputs, kernel, threshold, flipped, *geometry)
    packed = ops.pack_signs(x)
    mask = ops._pack_signs_masked(x, groups, True)[1]
    results = [y, ops.xnor_conv2d_prepacked(x, prepacked, outputs, kernel, scale, bias, *geometry), fused, words]
    results += [signs, packed, mask, ops.unpack_signs(packed, x.shape[1]), ops._apply_sign_mask(x, mask, groups)]
    if groups == 1:
        results.append(ops.xnor_conv2d_packed(packed, ops.pack_signs(weight), x.shape[1], *geometry[:3]))
    return results


def compare_convolutions(device):
    compared = 0
    for x, weight, scale, bias, geometry in convolutions():
        here = convolution_results(x, weight, scale, bias, geometry)
        there = convolution_results(*(operand.to(device) for operand in (x, weight, scale, bias)), geometry)
        for i, (a, b) in enumerate(zip(here, (result.cpu() for result in there))):
            if a.dtype != b.dtype or a.stride() != b.stride() or not torch.equal(a, b):
                sys.exit(f"convolution of {tuple(x.shape)} in {x.dtype} with {tuple(weight.shape)}, {geometry}: result {i} on {device} differs")
            compared += a.numel()
    return compared


def main(library, device="cuda"):
    torch.ops.load_library(library)
    compared = compare_convolutions(device)
    for dtype in TYPES:
        for x in layouts(all_values(dtype)):
            there = torch.empty_strided(x.shape, x.stride(), dtype=dtype, device=device).copy_(x)
            cotangent = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
            for name, operator, arguments in operators():
                here = forward_and_gradient(operator, arguments, x, cotangent)
                other = forward_and_gradient(operator, arguments, there, cotangent.to(device))
                for what, a, b in zip(("result", "gradient"), here, other):
                    if not same_bits(a, b):
                        sys.exit(f"{name} of {dtype}, shape {tuple(x.shape)}, strides {x.stride()}: the {what} on {device} differs")
                compared += 2 * x.numel()
    print(f"{compared} values compared between cpu and {device}: the same bits")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
