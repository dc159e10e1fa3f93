#!/usr/bin/env python3
"""Predicts, without a GPU, what the CUDA convolution of signs takes on ResNet-18's 3x3 layers.

Of each kernel's machine code (scripts/sass reads it) it takes the instructions of a turn of the main loop and of what
comes before and behind, the registers and with them the blocks on a multiprocessor; of a device
(xnor_cuda_devices.toml) the rates, published or assumed. A block's time is the longest of its instructions' issue and
its matrix products; a layer's, the longest of its blocks' and its memory's. Nothing of it is measured: rows say
"predicted". Beside them stand rooflines of cuDNN's bf16 and int8 convolutions on the same assumptions.

With --measure PROGRAM, which prints what benchmarks/cuda_xnor.cpp does, measured times stand beside the predicted ones
of the devices of that --capability.
"""

import argparse
import dataclasses
import functools
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
sys.dont_write_bytecode = True

from sass import control_flow, library  # noqa: E402
from sass.limits import tomllib  # noqa: E402
from sass.occupancy import MULTIPROCESSORS, REGISTERS  # noqa: E402

LAYERS = ((56, 64), (28, 128), (14, 256), (7, 512))
BATCHES = (1, 32, 256)
PARTITIONS = 4  # of a multiprocessor, each with an issue slot and a tensor core of its own
COPY = r"LDGSTS\.|LDG\.E(\.\w+)*\.(64|128)"
STORE = r"STG\.E(\.SYS)?$"  # of 32 bits
OPERATIONS = ("bits to bits", "bits to bfloat16", "pack bfloat16")


@dataclasses.dataclass(frozen=True)
class Tile:
    """As in cuda/kones/cuda/xnor_copy.cuh."""

    row_warps: int
    column_warps: int
    row_tiles: int
    column_tiles: int

    rows = property(lambda self: self.row_warps * self.row_tiles * 16)
    columns = property(lambda self: self.column_warps * self.column_tiles * 8)
    warps = property(lambda self: self.row_warps * self.column_warps)
    products = property(lambda self: self.row_tiles * self.column_tiles)  # 16x8x256, of a warp and step
    shared_bytes = property(lambda self: 3 * (self.rows + self.columns) * 64)

    def kernel(self, piece_bytes):
        numbers = (self.row_warps, self.column_warps, self.row_tiles, self.column_tiles)
        return f"xnor_conv2d_kernel<Tile<{', '.join(map(str, numbers))}>, {piece_bytes}>"


LARGE, MEDIUM, SMALL = Tile(4, 2, 2, 8), Tile(4, 2, 2, 4), Tile(2, 1, 1, 4)
INSTRUCTIONS_OF_PRODUCT = {"sm_75": 4}  # that stand in the code; else 1


def ceiling(a, b):
    return -(-a // b)


def choose_tile(pixels, channels, multiprocessors):
    """As xnor_conv2d.cpp does."""
    for tile in (LARGE, MEDIUM):
        blocks = ceiling(pixels, tile.rows) * ceiling(channels, tile.columns)
        if channels > tile.columns // 2 and blocks >= multiprocessors:
            return tile
    return SMALL


@dataclasses.dataclass(frozen=True)
class Code:
    """What a kernel's machine code takes of a warp, in instructions, by the shortest ways."""

    registers: int
    start: int
    one_step: int  # of a stage
    two_steps: int
    finish: dict  # by operation


class Kernels:
    """The kernels of a library, by name and architecture."""

    def __init__(self, path, cache):
        self.kernels = {(each.name, each.architecture): each for each in library.read(path, ROOT, cache)}

    @functools.lru_cache(maxsize=None)
    def convolution(self, tile, piece_bytes, architecture):
        kernel = self.kernels[tile.kernel(piece_bytes), architecture]
        code = kernel.code
        products = [i for i, one in enumerate(code.instructions) if one.mnemonic in ("BMMA", "IMMA")]
        last_product = products[-1]
        # Where the loop's barrier is not, there is no way back to it.
        barriers = [i for i, one in enumerate(code.instructions) if one.mnemonic == "BAR"]

        def turn(*places):
            ways = [control_flow.shortest_way(code, barrier, [COPY, *places, barrier]) for barrier in barriers]
            return min(way for way in ways if way is not None)

        count = tile.products * INSTRUCTIONS_OF_PRODUCT.get(architecture, 1)
        if len(products) >= 2 * count:  # both steps stand in the loop
            turns = turn(products[count - 1]), turn(last_product)
        else:  # a loop of steps, and in it one of the eight bits of bytes
            bits = 7 * control_flow.shortest_way(code, last_product, [last_product])
            step = control_flow.shortest_way(code, last_product, ["LDSM", last_product]) + bits
            turns = turn(last_product) + bits, turn(last_product) + bits + step
        # Words: what was counted is added up over 4 threads in 4 shuffles, then 2 for 8 rows of 32 bits.
        shuffles = 4 * (architecture != "sm_75") + 2 * (2 * tile.row_tiles) * (tile.column_tiles // 4)
        words = control_flow.shortest_way(code, last_product, [r"BAR\."] + ["SHFL"] * (shuffles - 4) + [STORE])
        # Values: the sums to shared memory, then two pairs of them in each turn of a loop.
        two_pairs = control_flow.shortest_turn(code, [r"LDS(\.U)?\.64", r"STS", STORE] * 2)
        stored = control_flow.shortest_way(code, last_product, [r"BAR\."] + [r"STS\.64"] * (2 * tile.column_tiles))
        values = stored + tile.products * two_pairs
        start = control_flow.shortest_way(code, 0, [COPY, COPY, "BAR"])
        return Code(kernel.registers, start, turns[0], turns[1], {"bits to bits": words, "bits to bfloat16": values})

    @functools.lru_cache(maxsize=None)
    def pack(self, architecture):
        """Registers, and instructions for eight elements."""
        kernel = self.kernels["pack_signs.cu::pack_rows_kernel<BFloat16>", architecture]
        return kernel.registers, control_flow.shortest_turn(kernel.code, [r"LDG\.E(\.\w+)*\.128", r"STG\.E\.U8"])


def resident_blocks(architecture, tile, registers):
    machine = MULTIPROCESSORS[architecture]
    registers_of_warp = ceiling(registers, 8) * 8 * 32
    return min(machine.blocks, machine.threads // (32 * tile.warps), REGISTERS // registers_of_warp // tile.warps,
               machine.shared_bytes // (tile.shared_bytes + machine.reserved_shared_bytes))


def block_cycles(code, tile, steps, device, operation):
    """What a block takes of the multiprocessor's issue slots and tensor cores, in cycles: the longer, and which."""
    stages = steps // 2 * code.two_steps + steps % 2 * code.one_step
    issue = tile.warps * (code.start + stages + code.finish[operation]) / PARTITIONS
    products = tile.warps * tile.products * steps * 16 * 8 * 256
    tensor = products / (device["bit_products"] or device["byte_products"])
    return max((issue, "issue"), (tensor, "tensor"))


def predict_convolution(kernels, device, assumptions, size, channels, batch, operation):
    architecture = device["architecture"]
    pixels = batch * size * size
    tile = choose_tile(pixels, channels, device["multiprocessors"])
    code = kernels.convolution(tile, 16 if channels % 128 == 0 else 8, architecture)
    steps = ceiling(9 * channels, 256)
    blocks = ceiling(pixels, tile.rows) * ceiling(channels, tile.columns)
    of_multiprocessor = ceiling(blocks, device["multiprocessors"])
    resident = resident_blocks(architecture, tile, code.registers)
    work, what = block_cycles(code, tile, steps, device, operation)
    waits = assumptions["block_cycles"] + ceiling(steps, 2) * assumptions["stage_cycles"]
    # Blocks beside each other share what a multiprocessor issues; each of them has its own waits.
    at_once = min(resident, of_multiprocessor)
    busy = max((of_multiprocessor * work, what), (ceiling(of_multiprocessor, at_once) * (work + waits), "waits"))
    out_bytes = pixels * channels * (2 if operation == "bits to bfloat16" else 0.125)
    moved = pixels * channels / 8 + 9 * channels * channels / 8 + out_bytes
    memory = moved / (device["memory"] * 1e3 * assumptions["memory_share"])
    cycles, bound = max((busy[0] / device["clock"] / 1e3, busy[1]), (memory, "memory"))
    return {"microseconds": cycles + assumptions["launch_microseconds"], "bound": bound,
            "tile": f"{tile.rows}x{tile.columns}", "blocks": blocks, "resident_blocks": resident,
            "registers": code.registers, "bytes": moved}


def predict_pack(kernels, device, assumptions, size, channels, batch):
    elements = batch * size * size * channels
    registers, instructions = kernels.pack(device["architecture"])
    issue = elements / 8 / 32 * instructions / PARTITIONS / device["multiprocessors"] / device["clock"] / 1e3
    moved = elements * 2.125
    memory = moved / (device["memory"] * 1e3 * assumptions["memory_share"])
    time, bound = max((issue, "issue"), (memory, "memory"))
    return {"microseconds": time + assumptions["launch_microseconds"], "bound": bound, "registers": registers,
            "bytes": moved}


def roofline(device, assumptions, size, channels, batch, kind):
    """A convolution of bf16 or int8 operands to results of the same type, by cuDNN at its best."""
    values = batch * size * size * channels
    width = {"bf16": 2, "int8": 1}[kind]
    compute = 2 * values * 9 * channels / (device[kind] * 1e6 * assumptions[f"{kind}_share"])
    memory = width * (2 * values + 9 * channels * channels) / (device["memory"] * 1e3 * assumptions["memory_share"])
    return max(compute, memory) + assumptions["launch_microseconds"]


def predictions(kernels, table):
    for device in table["device"]:
        for batch in BATCHES:
            for size, channels in LAYERS:
                arguments = (device, table["assumptions"], size, channels, batch)
                cudnn = {f"cudnn_{kind}_microseconds": roofline(*arguments, kind) for kind in ("bf16", "int8")}
                for operation in OPERATIONS:
                    if operation.startswith("pack"):
                        row = predict_pack(kernels, *arguments)
                    else:
                        row = {**predict_convolution(kernels, *arguments, operation), **cudnn}
                    yield {"kind": "predicted", "device": device["name"], "architecture": device["architecture"],
                           "layer": f"{size}x{size}x{channels}", "batch": batch, "operation": operation, **row}


def measured(program):
    """What the benchmark printed: {(layer, batch, operation): microseconds}."""
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"xnor_cuda_model: {program} ended with status {done.returncode}: {done.stderr.strip()}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {(row["layer"], row["batch"], row["operation"]): row["microseconds"] for row in rows}


def print_table(rows):
    columns = ["device", "layer", "batch", "operation", "predicted us", "bound", "tile", "registers", "blocks",
               "cuDNN bf16", "cuDNN int8"]
    has_measured = any("measured_microseconds" in row for row in rows)
    columns += ["measured us", "measured / predicted"] if has_measured else []
    lines = [columns]
    for row in rows:
        cudnn = [row.get(f"cudnn_{kind}_microseconds") for kind in ("bf16", "int8")]
        line = [row["device"], row["layer"], str(row["batch"]), row["operation"], f"{row['microseconds']:.1f}",
                row["bound"], row.get("tile", "-"), str(row["registers"]), str(row.get("blocks", "-")),
                *("-" if time is None else f"{time:.1f}" for time in cudnn)]
        if has_measured:
            time = row.get("measured_microseconds")
            line += [f"{time:.1f}", f"{time / row['microseconds']:.2f}"] if time is not None else ["-", "-"]
        lines.append(line)
    widths = [max(len(line[column]) for line in lines) for column in range(len(columns))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", nargs="?", type=pathlib.Path, default=ROOT / "build/lib/libkones_cuda.a")
    parser.add_argument("--devices", type=pathlib.Path, default=ROOT / "benchmarks/xnor_cuda_devices.toml")
    parser.add_argument("--cache", type=pathlib.Path, default=ROOT / "build/check_sass",
                        help="folder that keeps disassemblies")
    parser.add_argument("--device", help="only the devices whose names contain this")
    parser.add_argument("--capability", type=int, help="only the devices of this compute capability, such as 90")
    parser.add_argument("--measure", type=pathlib.Path, metavar="PROGRAM", help="run this benchmark, and compare")
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    options = parser.parse_args()
    table = tomllib.loads(options.devices.read_text(encoding="utf-8"))
    if options.device:
        table["device"] = [device for device in table["device"] if options.device in device["name"]]
    if options.capability:
        table["device"] = [device for device in table["device"]
                           if library.architecture_order(device["architecture"])[0] == options.capability]
    try:
        rows = list(predictions(Kernels(options.library, options.cache), table))
    except library.CannotRead as error:
        sys.exit(f"xnor_cuda_model: {error}")
    if options.measure:
        times = measured(options.measure)
        if not rows:
            print(f"no device of capability {options.capability} in {options.devices.name}: measured alone")
            for (layer, batch, operation), time in times.items():
                print(json.dumps({"layer": layer, "batch": batch, "operation": operation, "microseconds": time}))
            return 0
        for row in rows:
            row["measured_microseconds"] = times[row["layer"], row["batch"], row["operation"]]
    if options.json:
        for row in rows:
            print(json.dumps(row))
    else:
        print_table(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
