#!/usr/bin/env python3
"""Runs recorded launches on the PTX that nvcc emitted, and compares all device memory, byte for byte.

    replay.py [--record PROGRAM] [--jobs N] [--per-kernel N] [--open NAME] FOLDER PTX...

FOLDER holds what a program on the host SIMT layer recorded (KONES_SIMT_RECORD); --record runs that program first. The
PTX files of one architecture together hold its kernels; every architecture is replayed. The same kernel text for
several architectures is run once.

Exit status: 0 when every kernel of every PTX file was replayed and every byte is the same; 1 otherwise, with a line
for each difference, fault, record without a kernel and kernel without a record.
"""

import argparse
import concurrent.futures
import gc
import os
import pathlib
import re
import subprocess
import sys
import time

from interpreter.compiler import Program
from interpreter.errors import PtxError
from interpreter.machine import Launch
from interpreter.parser import parse
from interpreter.records import normalised, read_records, spread

_modules = {}  # path to Module, in each process


def read_module(path):
    if path not in _modules:
        with open(path, encoding="utf-8") as file:
            _modules[path] = parse(file.read(), path)
    return _modules[path]


def kernels_by_target(paths):
    """{target: {normalised name: (path, name in the file)}}."""
    targets = {}
    for path in paths:
        module = read_module(path)
        kernels = targets.setdefault(module.target, {})
        for name in module.kernels:
            key = normalised(name)
            if key in kernels:
                raise PtxError(
                    f"{path}: {name} is also in {kernels[key][0]}; give the PTX of each kernel once a target"
                )
            kernels[key] = (path, name)
    return targets


def comparable_text(path, name):
    """What decides what a kernel does: its text and, where it uses more than itself, that of its module."""
    module = read_module(path)
    function = module.functions[name]
    text = function.text
    if re.search(r"\bcall\b", text) or any(
        re.search(rf"(?<![\w$]){re.escape(v)}(?![\w$])", text) for v in module.variables
    ):
        return path, name
    # The kernel's own name holds nvcc's hash of the file, which differs between architectures.
    return text.replace(name, "KERNEL"), str(function.directives)


def compare(record, contents):
    """The first difference from the recorded memory, or None."""
    for number, (allocation, data) in enumerate(zip(record.allocations, contents)):
        expected = allocation.after.read_bytes()
        if data == expected:
            continue
        offset = next(place for place, (a, b) in enumerate(zip(data, expected)) if a != b)
        count = sum(a != b for a, b in zip(data, expected))
        word = offset & ~3
        return (
            f"allocation {number} (address {allocation.address:#x}, {allocation.size} bytes), offset {offset}: "
            f"{data[offset]:#04x} from the PTX, {expected[offset]:#04x} from the host "
            f"(words at {word}: {data[word : word + 4].hex()} and {expected[word : word + 4].hex()}); "
            f"{count} bytes differ"
        )
    return None


def replay_kernel(job):
    """Replays some records on one kernel: (problems, launches, instructions, seconds)."""
    path, name, records, count_instructions = job
    started = time.monotonic()
    problems, instructions = [], 0
    try:
        program = Program(read_module(path), count_instructions)
        kernel = program.kernel(name)
    except PtxError as error:
        return [str(error)], 0, 0, time.monotonic() - started
    gc.freeze()  # what lives on need not be looked at again
    for record in records:
        try:
            memory, contents = record.memory()
            launch = Launch(kernel, record.grid, record.block, record.parameters, memory, record.shared_bytes)
            instructions += launch.run()
            difference = compare(record, contents)
        except PtxError as error:
            difference = str(error)
        if difference:
            problems.append(
                f"{name}: {record.path.name} (grid {record.grid}, block {record.block}): {path}: {difference}"
            )
    return problems, len(records), instructions, time.monotonic() - started


def record(program, folder):
    """Fills the folder with the launches of a program on the host SIMT layer."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in ("*.json", "*.before", "*.after"):
        for path in folder.glob(pattern):
            path.unlink()
    settings = {"KONES_SIMT_RECORD": str(folder), "KONES_SIMT_ORDER": "forward", "KONES_SIMT_WORKERS": "1"}
    done = subprocess.run([program], env={**os.environ, **settings}, capture_output=True, text=True)
    if done.returncode != 0:
        raise PtxError(f"{program} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")


def replay(folder, paths, per_kernel, jobs, count_instructions, open_names=(), out=sys.stdout):
    """The exit status; prints what was done. Kernels whose names contain one of open_names are left out."""
    records = {}
    for record in read_records(folder):
        records.setdefault(normalised(record.kernel), []).append(record)
    recorded = sum(len(group) for group in records.values())
    targets = kernels_by_target(paths)
    print(f"{recorded} launches of {len(records)} kernels in {folder}", file=out)
    problems, work, users = [], {}, {}
    if not targets:
        problems.append("no PTX")
    for target, kernels in targets.items():
        for key in sorted(records):
            if key not in kernels:
                problems.append(f"{target}: no kernel for the recorded launches of {key}")
        for name in open_names:
            left_out = [key for key in kernels if name in key]
            if not left_out:
                problems.append(f"{target}: no kernel is named {name}, which --open leaves out")
            for key in left_out:
                print(f"{target}: left out, since PTX leaves its result open: {key}", file=out)
                del kernels[key]
        for key in sorted(kernels):
            if key not in records:
                problems.append(f"{target}: {key}: NOT COVERED: no launch of it was recorded")
                continue
            text = (key, comparable_text(*kernels[key]))
            work.setdefault(text, (*kernels[key], spread(records[key], per_kernel), count_instructions))
            users.setdefault(text, []).append(target)
    started = time.monotonic()
    totals = {target: [0, 0, 0] for target in targets}
    instructions, busy = 0, 0.0
    covered = {}
    pool = concurrent.futures.ProcessPoolExecutor(jobs) if jobs > 1 else None
    for text, result in zip(
        work, pool.map(replay_kernel, work.values(), chunksize=4) if pool else map(replay_kernel, work.values())
    ):
        found, launches, executed, seconds = result
        instructions += executed
        busy += seconds
        problems += found
        covered.setdefault(text[0], []).append((users[text], launches))
        for target in users[text]:
            totals[target][0] += 1
            totals[target][1] += launches
    if pool:
        pool.shutdown()
    for key, runs in sorted(covered.items()):
        said = "; ".join(f"{launches} on {', '.join(names)}" for names, launches in runs)
        print(f"  covered: {key}: {said}", file=out)
    for target, (kernels, launches, _) in totals.items():
        print(f"{target}: {kernels} of {len(targets[target])} kernels replayed, {launches} launches", file=out)
    rate = f", {instructions} PTX instructions, {instructions / busy / 1e6:.1f} M/s a process" if instructions else ""
    print(f"{len(work)} different kernel texts in {time.monotonic() - started:.1f} s{rate}", file=out)
    for problem in problems:
        print(f"FAILED: {problem}", file=out)
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("ptx", nargs="+")
    parser.add_argument("--record", metavar="PROGRAM", help="the program whose launches fill FOLDER first")
    parser.add_argument(
        "--open",
        action="append",
        default=[],
        metavar="NAME",
        help="leave out the kernels whose names contain NAME: PTX leaves their results open",
    )
    parser.add_argument("--per-kernel", type=int, default=4, help="launches of a kernel that are replayed (default 4)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--count", action="store_true", help="count the PTX instructions (slower)")
    arguments = parser.parse_args()
    try:
        if arguments.record:
            record(arguments.record, arguments.folder)
        return replay(
            arguments.folder, arguments.ptx, arguments.per_kernel, arguments.jobs, arguments.count, arguments.open
        )
    except (PtxError, ValueError, OSError) as error:
        print(f"FAILED: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
