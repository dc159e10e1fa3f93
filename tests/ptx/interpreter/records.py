"""The launches that the host SIMT layer records (KONES_SIMT_RECORD), and the kernels that they are launches of."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from .memory import GlobalMemory


@dataclass
class Allocation:
    address: int
    size: int
    before: Path
    after: Path


@dataclass
class Record:
    path: Path
    kernel: str  # mangled, as the host's compiler does it
    name: str
    grid: tuple
    block: tuple
    shared_bytes: int
    parameters: list  # bytes
    allocations: list

    @property
    def number(self):
        return int(self.path.stem)

    @property
    def threads(self):
        count = 1
        for size in self.grid + self.block:
            count *= size
        return count

    def memory(self):
        """All device memory as it was before the launch, with the changeable bytes of each allocation."""
        memory, contents = GlobalMemory(), []
        for allocation in self.allocations:
            data = bytearray(allocation.before.read_bytes())
            if len(data) != allocation.size:
                raise ValueError(f"{allocation.before} has {len(data)} bytes instead of {allocation.size}")
            if data:
                memory.add(allocation.address, data)
            contents.append(data)
        return memory, contents


def read_records(folder):
    """All records of a folder, in the order of their launches."""
    return sorted((_read(path) for path in Path(folder).glob("*.json")), key=lambda record: record.number)


def _read(path):
    fields = json.loads(path.read_text())
    allocations = [
        Allocation(entry["address"], entry["size"], path.parent / entry["before"], path.parent / entry["after"])
        for entry in fields["memory"]
    ]
    return Record(
        path,
        fields["kernel"],
        fields["name"],
        tuple(fields["grid"]),
        tuple(fields["block"]),
        fields["shared_bytes"],
        [bytes.fromhex(parameter) for parameter in fields["parameters"]],
        allocations,
    )


def normalised(name):
    """A mangled name as every compiler writes it: nvcc gives the anonymous namespace a name of its own a file,
    <length>_GLOBAL__N__<hash>_<file>_<hash>, where the host's compiler has 12_GLOBAL__N_1."""
    parts, end = [], 0
    for match in re.finditer(r"(\d+)(?=_GLOBAL__N_)", name):
        if match.start() < end:
            continue
        parts.append(name[end : match.start()])
        parts.append("12_GLOBAL__N_1")
        end = match.end() + int(match[1])
    return "".join(parts) + name[end:]


def spread(records, count):
    """At most `count` of the records, evenly over their sizes, the smallest and the largest among them."""
    ordered = sorted(records, key=lambda record: (record.threads, record.number))
    if len(ordered) <= count:
        return ordered
    if count == 1:
        return ordered[-1:]
    return [ordered[place * (len(ordered) - 1) // (count - 1)] for place in range(count)]
