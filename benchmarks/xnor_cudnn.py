#!/usr/bin/env python3
"""Convolutions of signs against cuDNN on a CUDA device: the ResNet-18 3x3 layers at several batches, in turn.

kones: from words to words (xnor_conv2d_signs), and from bfloat16 to bfloat16, packing counted (xnor_conv2d_prepacked).
cuDNN, through LibTorch, channels last, its fastest algorithm (torch.backends.cudnn.benchmark): bfloat16, and int8 where
LibTorch has it. Each is captured in a CUDA graph, so that what is timed is the device's work; a round's time is the
shortest of several launches of it. Prints a Markdown table; without a CUDA device it says so and succeeds.
"""

import argparse
import pathlib
import statistics
import sys

import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = ((56, 64, 64, 1), (28, 128, 128, 1), (14, 256, 256, 1), (7, 512, 512, 1), (28, 128, 256, 2), (14, 256, 512, 2))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=pathlib.Path, default=ROOT / "build/lib/libkones_torch.so")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32, 256])
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def captured(call):
    """The call as a CUDA graph, after calls that let cuDNN choose."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(5):
            call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph


def microseconds(graph, launches=20):
    start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    times = []
    for _ in range(launches):
        start.record()
        graph.replay()
        stop.record()
        stop.synchronize()
        times.append(1e3 * start.elapsed_time(stop))
    return min(times)


def int8_convolution(x, weight, stride):
    """cuDNN's int8 convolution by LibTorch's quantized operators; raises where this LibTorch has none for CUDA."""
    torch.backends.quantized.engine = "cudnn"
    quantized = torch.quantize_per_tensor(x.float(), 0.05, 0, torch.qint8)
    packed = torch.ops.quantized.conv2d_prepack(
        torch.quantize_per_tensor(weight.float(), 0.05, 0, torch.qint8), None, [stride] * 2, [1, 1], [1, 1], 1
    )
    return lambda: torch.ops.quantized.conv2d(quantized, packed, 0.1, 0)


def things(height, inputs, outputs, stride, batch):
    """Name to call for one layer."""
    ops = torch.ops.kones
    x = torch.randn(batch, inputs, height, height, device="cuda").bfloat16().to(memory_format=torch.channels_last)
    weight = torch.randn(outputs, inputs, 3, 3, device="cuda").bfloat16().to(memory_format=torch.channels_last)
    words, prepacked = ops.pack_signs(x), ops.xnor_prepack(weight)
    scale, bias = torch.rand(outputs, device="cuda"), torch.randn(outputs, device="cuda")
    threshold, flipped = ops.xnor_sign_thresholds(scale, bias, 9 * inputs)
    geometry = ([stride] * 2, [1, 1], [1, 1])
    calls = {
        "kones, bits to bits": lambda: ops.xnor_conv2d_signs(
            words, prepacked, inputs, outputs, [3, 3], threshold, flipped, *geometry),
        "kones, bfloat16": lambda: ops.xnor_conv2d_prepacked(x, prepacked, outputs, [3, 3], scale, bias, *geometry),
        "cuDNN bfloat16": lambda: torch.conv2d(x, weight, None, *geometry),
    }  # fmt: skip
    try:
        int8 = int8_convolution(x, weight, stride)
        int8()
        calls["cuDNN int8"] = int8
    except (RuntimeError, NotImplementedError) as error:
        print(f"cuDNN int8 left out: {str(error).splitlines()[0][:100]}", file=sys.stderr)
    return calls


def main():
    options = arguments()
    if not torch.cuda.is_available():
        print("SKIPPED: there is no CUDA device")
        return
    torch.ops.load_library(str(options.library))
    torch.backends.cudnn.benchmark = True
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}\n")
    print("| layer | batch | us, and how many times as long as kones from bits to bits (median of rounds) |\n|---|---:|---|")
    with torch.no_grad():
        for height, inputs, outputs, stride in LAYERS:
            for batch in options.batches:
                calls = things(height, inputs, outputs, stride, batch)
                graphs = {name: captured(call) for name, call in calls.items()}
                rounds = [{name: microseconds(graph) for name, graph in graphs.items()} for _ in range(options.rounds)]
                cells = []
                for name in graphs:
                    ratio = statistics.median(times[name] / times["kones, bits to bits"] for times in rounds)
                    cells.append(f"{name}: {min(times[name] for times in rounds):.1f} ({ratio:.2f})")
                print(f"| {height}x{height}x{inputs} to {outputs}, stride {stride} | {batch} | {'; '.join(cells)} |")


if __name__ == "__main__":
    main()
