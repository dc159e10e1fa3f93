"""The worker that times LibTorch's convolutions by oneDNN: float32, bfloat16 and 8 bits, on channels_last, with bias.

Weights are in oneDNN's own layout before the clock runs: conv2d on plain weights brings them into it in every call,
which takes longer than the convolution itself where there are 512 channels.
"""

import torch

from xnor_workers.samples import pairs, sample
from xnor_workers.worker import serve, shortest_call

ENGINE = "onednn"


def timer_of(run, threads):
    def timer(windows):
        torch.set_num_threads(threads)
        return shortest_call(run, windows)

    return timer


def floating_point(dtype):
    def make(layer, batch, threads):
        torch.set_num_threads(threads)
        x, weight, _, bias = (values.to(dtype) for values in sample(layer, batch))
        stride, padding, dilation = pairs(layer)
        prepacked = torch._C._nn.mkldnn_reorder_conv2d_weight(
            weight.to_mkldnn(), padding, stride, dilation, 1, list(x.shape)
        )
        operator = torch.ops.mkldnn._convolution_pointwise.default

        def run():
            return operator(x, prepacked, bias, padding, stride, dilation, 1, "none", [], "")

        run()
        return timer_of(run, threads)

    return make


def eight_bits(convert):
    """Zero points are 0, the quickest; with `convert` the input comes and the output goes as float32."""

    def make(layer, batch, threads):
        torch.set_num_threads(threads)
        x, weight, _, bias = sample(layer, batch)
        stride, padding, dilation = pairs(layer)
        scales = weight.abs().amax((1, 2, 3)).double() / 127
        zero_points = torch.zeros(layer.out_channels, dtype=torch.long)
        prepacked = torch.ops.quantized.conv2d_prepack(
            torch.quantize_per_channel(weight, scales, zero_points, 0, torch.qint8), bias, stride, padding, dilation, 1
        )
        operator = torch.ops.quantized.conv2d.new
        scale = float(x.abs().max()) / 255
        out_scale = float(torch.conv2d(x, weight, bias, stride, padding, dilation).abs().max()) / 255

        def quantized():
            return torch.quantize_per_tensor(x, scale, 0, torch.quint8)

        x_quantized = quantized()
        if convert:
            return timer_of(lambda: operator(quantized(), prepacked, out_scale, 0).dequantize(), threads)
        return timer_of(lambda: operator(x_quantized, prepacked, out_scale, 0), threads)

    return make


def start():
    torch.backends.quantized.engine = ENGINE
    about = {"torch": torch.__version__, "capability": torch.backends.cpu.get_cpu_capability()}
    return about, {
        "float32": floating_point(torch.float32),
        "bfloat16": floating_point(torch.bfloat16),
        "int8": eight_bits(convert=False),
        "int8 from and to float32": eight_bits(convert=True),
    }


if __name__ == "__main__":
    with torch.inference_mode():
        serve(start)
