#!/usr/bin/env python3
"""A whole binary ResNet-18 (Bi-Real Net: Liu et al., ECCV 2018) against float32 networks of LibTorch, in the same run.

Bi-Real-18 on kones: first convolution, shortcuts' 1x1 convolutions and classifier in float32 (oneDNN, weights prepacked,
batch norm folded), the 16 binary convolutions by xnor_conv2d_fused, each with its batch norm and shortcut, from packed
signs to the next layer's packed signs. Beside it the float32 ResNet-18 (He et al., 2016) as LibTorch runs it best:
channels last, TorchScript frozen and optimized for inference (folded batch norm, prepacked weights); and Bi-Real-18
itself with LibTorch's convolutions of -1 and +1. Weights are random: time does not depend on them.

Rounds A, B, A, B, ...; a round's time is the shortest of many calls. Prints a Markdown table.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import sys
import time

import torch
import torch.nn.functional as F

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAST = torch.channels_last


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=pathlib.Path, default=ROOT / "build/lib/libkones_torch.so")
    parser.add_argument("--threads", type=int, default=1, help="LibTorch's threads (default: 1)")
    parser.add_argument("--batch", type=int, default=1, help="pictures at a time (default: 1)")
    parser.add_argument("--size", type=int, default=224, help="height and width of a picture (default: 224)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=30, help="calls of a round (default: 30)")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file")
    return parser.parse_args()


class Norm:
    """A batch norm at rest: x * scale + bias."""

    def __init__(self, channels):
        self.scale = 0.02 + 0.05 * torch.rand(channels)
        self.bias = 0.2 * torch.randn(channels)

    def __call__(self, x):
        return x * self.scale[None, :, None, None] + self.bias[None, :, None, None]


class FloatConv:
    """A float32 convolution with its batch norm folded, its weight in oneDNN's order."""

    def __init__(self, inputs, outputs, kernel, stride, padding, size):
        weight = torch.randn(outputs, inputs, kernel, kernel) / (inputs * kernel * kernel) ** 0.5
        self.bias = 0.1 * torch.randn(outputs)
        self.geometry = ([padding] * 2, [stride] * 2, [1, 1], 1)
        self.weight = torch._C._nn.mkldnn_reorder_conv2d_weight(weight.to_mkldnn(), *self.geometry, size)

    def __call__(self, x):
        return torch.ops.mkldnn._convolution_pointwise(x, self.weight, self.bias, *self.geometry, "none", [], "")


class BinaryConv:
    """One binary 3x3 convolution of Bi-Real Net with its batch norm and its shortcut."""

    def __init__(self, inputs, outputs, stride, batch, size):
        self.inputs, self.outputs, self.stride = inputs, outputs, stride
        self.weight = torch.randn(outputs, inputs, 3, 3)
        self.prepacked = torch.ops.kones.xnor_prepack(self.weight)
        self.norm = Norm(outputs)
        self.shortcut = None
        if stride != 1:
            self.shortcut = FloatConv(inputs, outputs, 1, 1, 0, [batch, inputs, size // 2, size // 2])

    def residual(self, x):
        return x if self.shortcut is None else self.shortcut(F.avg_pool2d(x, 2, 2))

    def packed(self, x, words):
        return torch.ops.kones.xnor_conv2d_fused(
            words, self.prepacked, self.inputs, self.outputs, [3, 3], self.norm.scale, self.norm.bias,
            self.residual(x), stride=[self.stride] * 2, padding=[1, 1])  # fmt: skip

    def simulated(self, x):
        signs = torch.where(x < 0, -1.0, 1.0)
        weight = torch.where(self.weight < 0, -1.0, 1.0)
        return self.norm(F.conv2d(signs, weight, None, self.stride, 1)) + self.residual(x)


class BiReal18:
    def __init__(self, batch, size):
        self.first = FloatConv(3, 64, 7, 2, 3, [batch, 3, size, size])
        self.layers = []
        inputs, size = 64, size // 4
        for outputs in (64, 128, 256, 512):
            for layer in range(4):
                stride = 2 if layer == 0 and outputs != 64 else 1
                self.layers.append(BinaryConv(inputs, outputs, stride, batch, size))
                inputs, size = outputs, size // stride
        self.classifier = torch.nn.Linear(512, 1000)

    def head(self, image):
        return F.max_pool2d(self.first(image), 3, 2, 1)

    def tail(self, x):
        return self.classifier(x.mean((2, 3)))

    def packed(self, image):
        x = self.head(image)
        words = torch.ops.kones.pack_signs(x)
        for layer in self.layers:
            x, words = layer.packed(x, words)
        return self.tail(x)

    def simulated(self, image):
        x = self.head(image)
        for layer in self.layers:
            x = layer.simulated(x)
        return self.tail(x)


class BasicBlock(torch.nn.Module):
    """ResNet's block of two 3x3 convolutions (He et al., 2016)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = torch.nn.BatchNorm2d(outputs)
        self.conv2 = torch.nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = torch.nn.BatchNorm2d(outputs)
        self.shortcut = torch.nn.Sequential()
        if stride != 1:
            self.shortcut = torch.nn.Sequential(
                torch.nn.Conv2d(inputs, outputs, 1, stride, bias=False), torch.nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


def resnet18(example):
    layers = [torch.nn.Conv2d(3, 64, 7, 2, 3, bias=False), torch.nn.BatchNorm2d(64), torch.nn.ReLU()]
    layers.append(torch.nn.MaxPool2d(3, 2, 1))
    inputs = 64
    for outputs in (64, 128, 256, 512):
        layers += [BasicBlock(inputs, outputs, 1 if outputs == 64 else 2), BasicBlock(outputs, outputs, 1)]
        inputs = outputs
    layers += [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(512, 1000)]
    network = torch.nn.Sequential(*layers).eval().to(memory_format=LAST)
    frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(network, example)))
    return network, frozen


def shortest(call, count):
    best = float("inf")
    for _ in range(count):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    options = arguments()
    if options.size % 32 != 0 or min(options.threads, options.batch, options.rounds, options.calls) < 1:
        sys.exit("bireal18: --size takes a multiple of 32, and the other numbers 1 or more")
    if not options.library.is_file():
        sys.exit(f"bireal18: there is no {options.library}; build kones_torch first, or name it with --library")
    torch.ops.load_library(str(options.library))
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    image = torch.randn(options.batch, 3, options.size, options.size).to(memory_format=LAST)
    with torch.inference_mode(False), torch.no_grad():
        network = BiReal18(options.batch, options.size)
        eager, frozen = resnet18(image)
        packed, simulated = network.packed(image), network.simulated(image)
        if not torch.equal(packed, simulated):
            sys.exit(f"bireal18: the networks' outputs differ by {(packed - simulated).abs().max().item()}")
        things = {
            "Bi-Real-18, kones": lambda: network.packed(image),
            "ResNet-18 float32, LibTorch, optimized for inference": lambda: frozen(image),
            "ResNet-18 float32, LibTorch, as written": lambda: eager(image),
            "Bi-Real-18 simulated in float32, LibTorch": lambda: network.simulated(image),
        }
        for call in things.values():
            shortest(call, 5)
        rounds = [{name: shortest(call, options.calls) for name, call in things.items()} for _ in range(options.rounds)]
    ours = next(iter(things))
    print(f"Bi-Real-18 at {options.size}x{options.size}, batch {options.batch}, {options.threads} thread(s), "
          f"{processor()}, torch {torch.__version__}, load {os.getloadavg()[0]:.2f}; "
          "both Bi-Real-18 gave the same bits\n")  # fmt: skip
    print("| network | ms | times as long as kones (median, range) |\n|---|---:|---:|")
    figures = {}
    for name in things:
        ratios = sorted(result[name] / result[ours] for result in rounds)
        milliseconds = 1e3 * min(result[name] for result in rounds)
        figures[name] = {"ms": milliseconds, "ratio": statistics.median(ratios), "range": [ratios[0], ratios[-1]]}
        print(f"| {name} | {milliseconds:.2f} | {statistics.median(ratios):.2f} ({ratios[0]:.2f} .. {ratios[-1]:.2f}) |")
    if options.json:
        options.json.write_text(json.dumps({"threads": options.threads, "batch": options.batch, "figures": figures}))


if __name__ == "__main__":
    main()
