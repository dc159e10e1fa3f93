#!/usr/bin/env python3
"""Mistakes in the inline PTX of kones/cuda/hardware.cuh, made in what nvcc emitted for it: the replay must see each.

    mutations_test.py PROGRAM FOLDER PTX...

PROGRAM's launches are recorded into FOLDER; PTX are files of the kernels that it launches. In each matrix instruction two
registers of one operand are exchanged, and each matrix load loses or gains its transposition.

Seen to fail on: accumulators that start all the same.
"""

import re
import sys
from pathlib import Path

import replay

_PRODUCT = re.compile(r"(mma\.sync\.aligned\.\S+)\s*(\{[^}]*\}),\s*(\{[^}]*\}),\s*(\{[^}]*\}),\s*(\{[^}]*\});")
_LOAD = re.compile(r"ldmatrix\.sync\.aligned\.m8n8\.x\d(\.trans)?\.shared\.b16 \{[^}]*\}")


def exchanges(group):
    """Every text of a register list with two neighbours exchanged."""
    registers = [register.strip() for register in group.strip("{}").split(",")]
    for first in range(len(registers) - 1):
        swapped = list(registers)
        swapped[first], swapped[first + 1] = swapped[first + 1], swapped[first]
        yield "{" + ", ".join(swapped) + "}"


def mutations(text):
    """(what was done, the changed text) for each mistake."""
    for found in _PRODUCT.finditer(text):
        for group, operand in ((2, "result"), (3, "a"), (4, "b"), (5, "accumulator")):
            for changed in exchanges(found[group]):
                start, end = found.span(group)
                yield f"{found[1]}: {operand} {found[group]} as {changed}", text[:start] + changed + text[end:]
    for found in _LOAD.finditer(text):
        load = found[0].replace(".trans", "") if found[1] else re.sub(r"(\.x\d)", r"\1.trans", found[0])
        yield f"{found[0]} as {load}", text[: found.start()] + load + text[found.end() :]


def is_seen(path, records):
    for key, (file, name) in replay.kernels_by_target([str(path)]).popitem()[1].items():
        if replay.replay_kernel((file, name, records[key], False))[0]:
            return True
    return False


def main():
    program, folder, *paths = sys.argv[1:]
    replay.record(program, folder)
    records = {}
    for record in replay.read_records(folder):
        records.setdefault(replay.normalised(record.kernel), []).append(record)
    made, unseen = 0, 0
    for path in map(Path, paths):
        text = path.read_text(encoding="utf-8")
        if is_seen(path, records):
            print(f"{path.name} fails as it is")
            return 1
        for number, (what, changed) in enumerate(mutations(text)):
            mutant = Path(folder) / f"{path.stem}.{number}.ptx"
            mutant.write_text(changed, encoding="utf-8")
            made += 1
            if not is_seen(mutant, records):
                unseen += 1
                print(f"UNSEEN: {path.name}: {what}")
    print(f"{made} mistakes, {unseen} unseen")
    return 0 if made and not unseen else 1


if __name__ == "__main__":
    sys.exit(main())
