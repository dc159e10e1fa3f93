#!/usr/bin/env python3
"""The training step of mnist-3hidden and cifar-3conv in PyTorch, with float32 weights and with Brevitas's 4-bit weights.

The peer's figures beside training_step_benchmark's: the same networks, batch and optimizer (fused Adam), a step of each
in turn. Brevitas is installed for this alone, beside the torch that kones is built with:

    python -m pip install --target FOLDER --no-deps brevitas==0.13.4 dependencies==2.0.1 unfoldNd==0.2.3 \
        packaging==24.2
    export MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=2147483647  # as training_step_benchmark does
    PYTHONPATH=FOLDER .venv/bin/python benchmarks/brevitas_step.py [THREADS]
"""

import statistics
import sys
import time

import brevitas.nn as qnn
import torch
from brevitas.quant import Int8WeightPerTensorFloat
from torch import nn

BATCH = 100
ROUNDS = 9
WINDOWS = 4


class FloatLayers:
    name = "float32"

    @staticmethod
    def linear(inputs, outputs):
        return nn.Linear(inputs, outputs, bias=False)

    @staticmethod
    def conv(inputs, outputs):
        return nn.Conv2d(inputs, outputs, 5, padding=2, bias=False)


class BrevitasLayers:
    name = "Brevitas, 4-bit weights"

    @staticmethod
    def linear(inputs, outputs):
        return qnn.QuantLinear(
            inputs, outputs, bias=False, weight_quant=Int8WeightPerTensorFloat, weight_bit_width=4
        )

    @staticmethod
    def conv(inputs, outputs):
        return qnn.QuantConv2d(
            inputs, outputs, 5, padding=2, bias=False, weight_quant=Int8WeightPerTensorFloat, weight_bit_width=4
        )


def mnist_3hidden(layers):
    parts, inputs = [], 784
    for _ in range(3):
        parts += [layers.linear(inputs, 4096), nn.BatchNorm1d(4096), nn.ReLU()]
        inputs = 4096
    return nn.Sequential(*parts, layers.linear(inputs, 10), nn.BatchNorm1d(10))


def cifar_3conv(layers):
    parts, inputs = [], 3
    for outputs in (32, 32, 64):
        pool = nn.MaxPool2d(3, 2, 1) if inputs == 3 else nn.AvgPool2d(3, 2, 1)
        parts += [layers.conv(inputs, outputs), pool, nn.BatchNorm2d(outputs), nn.ReLU()]
        inputs = outputs
    return nn.Sequential(*parts, nn.Flatten(), layers.linear(64 * 4 * 4, 10), nn.BatchNorm1d(10))


def trainee(network, images, labels):
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)

    def step():
        loss = nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def shortest(step):
    times = []
    for _ in range(WINDOWS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else torch.get_num_threads())
    torch.manual_seed(1)
    print(f"torch {torch.__version__}, batch {BATCH}, {torch.get_num_threads()} thread(s)\n")
    print("| network | weights | ms a step | of the float32 step (median, range) |\n|---|---|---:|---:|")
    for name, make, images in (
        ("mnist-3hidden", mnist_3hidden, torch.randn(BATCH, 784)),
        ("cifar-3conv", cifar_3conv, torch.randn(BATCH, 3, 32, 32)),
    ):
        labels = torch.randint(10, (BATCH,))
        kinds = (FloatLayers, BrevitasLayers)
        steps = [trainee(make(kind), images, labels) for kind in kinds]
        for step in steps:
            step()
            step()
        rounds = [[shortest(step) for step in steps] for _ in range(ROUNDS)]
        for number, kind in enumerate(kinds):
            ratios = [times[number] / times[0] for times in rounds]
            print(
                f"| {name} | {kind.name} | {1e3 * min(times[number] for times in rounds):.1f} "
                f"| {statistics.median(ratios):.3f} ({min(ratios):.3f} .. {max(ratios):.3f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
