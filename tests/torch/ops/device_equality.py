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


def main(library, device="cuda"):
    torch.ops.load_library(library)
    compared = 0
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
