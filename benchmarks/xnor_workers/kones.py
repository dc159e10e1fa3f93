"""The worker that times kones' XNOR convolution, and first compares every value with LibTorch's convolution in float64.

usage: python -m xnor_workers.kones LIBRARY
"""

import sys

import torch

from xnor_workers.samples import pairs, sample
from xnor_workers.worker import Failed, serve, shortest_call

OPERATORS = ("xnor_prepack", "xnor_conv2d_prepacked")


def signs(values):
    return torch.where(values < 0, -1.0, 1.0).double()


def require_equal(result, expected, what):
    if (result.shape, result.dtype) != (expected.shape, expected.dtype):
        raise Failed(f"WRONG: {result.dtype} of {list(result.shape)}, not {expected.dtype} of {list(expected.shape)}")
    different = int((result != expected).sum())
    if different:
        raise Failed(f"WRONG: {different} of {expected.numel()} values {what} differ from conv2d of the signs")


def check(convolve, layer, x, weight, scale, bias):
    stride, padding, dilation = pairs(layer)
    expected = torch.conv2d(signs(x), signs(weight), None, stride, padding, dilation).float()
    require_equal(convolve(torch.ones_like(scale), None), expected, "with scale 1 and no bias")
    require_equal(
        convolve(scale, bias), expected * scale[:, None, None] + bias[:, None, None], "with scale and bias"
    )


def xnor_convolution(layer, batch, threads):
    torch.set_num_threads(threads)
    x, weight, scale, bias = sample(layer, batch)
    prepacked = torch.ops.kones.xnor_prepack(weight, 1)
    operator = torch.ops.kones.xnor_conv2d_prepacked.default
    kernel = [layer.kernel] * 2
    stride, padding, dilation = pairs(layer)

    def convolve(scale, bias):
        return operator(x, prepacked, layer.out_channels, kernel, scale, bias, stride, padding, dilation, 1)

    check(convolve, layer, x, weight, scale, bias)

    def timer(windows):
        torch.set_num_threads(threads)
        return shortest_call(lambda: convolve(scale, bias), windows)

    return timer


def start():
    library = sys.argv[1]
    torch.ops.load_library(library)
    lacking = [name for name in OPERATORS if not hasattr(torch.ops.kones, name)]
    if lacking:
        raise Failed(f"{library} has no operator {' or '.join(lacking)}: build it anew")
    return {"torch": torch.__version__}, {"kones": xnor_convolution}


if __name__ == "__main__":
    with torch.inference_mode():
        serve(start)
