"""The layers of integer_layers_benchmark in LibTorch's float32, on one thread: milliseconds of a batch.

usage: .venv/bin/python benchmarks/integer_layers.py [BATCH = 16]   (the faster of contiguous and channels_last)
"""

import sys
import time

import torch
from torch.nn import functional

LAYERS = (
    ("mnist-2conv conv 1", 1, 28, 20, 5, 0),
    ("mnist-2conv conv 2", 20, 12, 50, 5, 0),
    ("mnist-2conv linear 1", 800, 1, 500, 1, 0),
    ("mnist-2conv linear 2", 500, 1, 10, 1, 0),
    ("cifar-3conv conv 1", 3, 32, 32, 5, 2),
    ("cifar-3conv conv 2", 32, 16, 32, 5, 2),
    ("cifar-3conv conv 3", 32, 8, 64, 5, 2),
    ("cifar-6conv-pool3 conv 1", 3, 32, 128, 3, 1),
    ("cifar-6conv-pool3 conv 2", 128, 32, 128, 3, 1),
    ("cifar-6conv-pool3 conv 3", 128, 16, 256, 3, 1),
    ("cifar-6conv-pool3 conv 4", 256, 16, 256, 3, 1),
    ("cifar-6conv-pool3 conv 5", 256, 8, 512, 3, 1),
    ("cifar-6conv-pool3 conv 6", 512, 8, 512, 3, 1),
    ("cifar-6conv-pool3 linear 1", 8192, 1, 1024, 1, 0),
    ("cifar-6conv-pool3 linear 2", 1024, 1, 1024, 1, 0),
)


def shortest_call(run, windows=100, window_seconds=1e-3):
    """Seconds of one call: the shortest of `windows` windows of calls, after two calls that are not counted."""

    def seconds_of(calls):
        start = time.perf_counter()
        for _ in range(calls):
            run()
        return time.perf_counter() - start

    run()
    once = seconds_of(1)
    calls = max(1, int(window_seconds / once))
    return min(once, *(seconds_of(calls) / calls for _ in range(windows)))


def main():
    batch = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    print(f"LibTorch {torch.__version__} float32, batch {batch}\n\n| layer | ms | G products/s |\n|---|---:|---:|")
    for name, channels, size, outputs, kernel, padding in LAYERS:
        if size == 1:
            x, weight = torch.randn(batch, channels), torch.randn(outputs, channels)
            seconds = shortest_call(lambda: functional.linear(x, weight))
            products = x.numel() * outputs
        else:
            seconds = float("inf")
            for memory_format in (torch.contiguous_format, torch.channels_last):
                x = torch.randn(batch, channels, size, size).to(memory_format=memory_format)
                weight = torch.randn(outputs, channels, kernel, kernel).to(memory_format=memory_format)
                y = functional.conv2d(x, weight, padding=padding)
                seconds = min(seconds, shortest_call(lambda: functional.conv2d(x, weight, padding=padding)))
            products = y.numel() * weight[0].numel()
        print(f"| {name} | {1e3 * seconds:.4f} | {1e-9 * products / seconds:.1f} |", flush=True)


main()
