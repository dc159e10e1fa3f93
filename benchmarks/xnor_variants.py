#!/usr/bin/env python3
"""xnor_conv2d_prepacked in the types, orders in memory and numbers of groups in which it is not at its best, beside
LibTorch's convolution of the same tensors by oneDNN with prepacked weights: 3x3, 56x56, batch 1.

Rounds A, B, A, B, ...; a round's time is the shortest of many windows. Prints a Markdown table. With --alone nothing but
kones' call of the named row runs, for so many seconds, for a profiler.
"""

import argparse
import os
import pathlib
import statistics
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from xnor_workers.worker import shortest_call  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
ORDERS = {"channels last": torch.channels_last, "channels first": torch.contiguous_format}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=pathlib.Path, default=ROOT / "build/lib/libkones_torch.so")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--windows", type=int, default=50)
    parser.add_argument("--alone", metavar="ROW", help="a row's name, such as '64, float32, channels last'")
    parser.add_argument("--seconds", type=float, default=5, help="of --alone (default: 5)")
    return parser.parse_args()


def rows():
    """Name to channels, groups, type and order."""
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        for order in ORDERS:
            yield f"64, {str(dtype)[6:]}, {order}", (64, 1, dtype, ORDERS[order])
    for channels, groups in ((64, 4), (64, 64), (512, 512)):
        yield f"{channels} in {groups} groups", (channels, groups, torch.float32, torch.channels_last)


def calls(channels, groups, dtype, order):
    """kones' call and LibTorch's, which is None where oneDNN has none of the type on this machine."""
    x = torch.randn(1, channels, 56, 56).to(dtype).contiguous(memory_format=order)
    weight = torch.randn(channels, channels // groups, 3, 3)
    scale, bias = torch.rand(channels) + 0.5, torch.randn(channels)
    prepacked = torch.ops.kones.xnor_prepack(weight, groups)
    ours = torch.ops.kones.xnor_conv2d_prepacked.default
    theirs = torch.ops.mkldnn._convolution_pointwise.default
    own_bias = bias.to(dtype)

    def kones():
        return ours(x, prepacked, channels, [3, 3], scale, bias, [1, 1], [1, 1], [1, 1], groups)

    try:
        reordered = torch._C._nn.mkldnn_reorder_conv2d_weight(
            weight.to(dtype).to_mkldnn(), [1, 1], [1, 1], [1, 1], groups, list(x.shape)
        )
    except RuntimeError as error:
        print(f"LibTorch left out: {str(error).splitlines()[0]}", file=sys.stderr)
        return kones, None
    return kones, lambda: theirs(x, reordered, own_bias, [1, 1], [1, 1], [1, 1], groups, "none", [], "")


def timed(name, ours, theirs, rounds, windows):
    """A row of the table."""
    times = [[shortest_call(call, windows) for call in (ours, theirs) if call is not None] for _ in range(rounds)]
    shortest = [f"{1e6 * min(column):.1f}" for column in zip(*times)]
    if theirs is None:
        return f"| {name} | {shortest[0]} | | |"
    ratios = sorted(b / a for a, b in times)
    return f"| {name} | {' | '.join(shortest)} | {statistics.median(ratios):.2f} ({ratios[0]:.2f} .. {ratios[-1]:.2f}) |"


def run_alone(call, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(1000):
            call()


def main():
    options = arguments()
    if not options.library.is_file():
        sys.exit(f"xnor_variants: there is no {options.library}; build kones_torch first, or name it with --library")
    torch.ops.load_library(str(options.library))
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    table = dict(rows())
    with torch.inference_mode():
        if options.alone is not None:
            if options.alone not in table:
                sys.exit(f"xnor_variants: no row is \"{options.alone}\"; there are {'; '.join(table)}")
            return run_alone(calls(*table[options.alone])[0], options.seconds)
        print(f"{options.threads} thread(s), torch {torch.__version__}, load {os.getloadavg()[0]:.2f}\n")
        print("| channels | kones, us | LibTorch, us | times faster: median (range) |\n|---|---:|---:|---:|")
        for name, row in table.items():
            print(timed(name, *calls(*row), options.rounds, options.windows), flush=True)


if __name__ == "__main__":
    main()
