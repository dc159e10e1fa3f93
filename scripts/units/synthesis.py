"""Synthesizes a unit with yosys and the osu018 cells: area, and the longest path by OpenSTA. No layout."""

import dataclasses
import pathlib
import re
import shutil
import subprocess
import tempfile

from units import catalogue

LIBERTY = pathlib.Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
FULL_ADDERS = pathlib.Path(__file__).resolve().parent / "full_adders.v"
FLOWS = {
    "fa": "full-adder cells, ripple carry",
    "gen": "gates, lookahead carry (yosys' own)",
}
_PROGRAMS = {"yosys": "yosys", "sta": "opensta"}


class CannotSynthesize(Exception):
    """The tools are missing, or one of them failed; the message is one line."""


@dataclasses.dataclass
class Result:
    unit: catalogue.Unit
    flow: str
    area: float  # um2
    gates: float  # area in NAND2X1
    cells: dict  # name of a cell -> number
    path_cells: int
    path_ns: float
    netlist: str

    @property
    def cell_count(self):
        return sum(self.cells.values())


def check_tools(liberty=LIBERTY):
    for program, package in _PROGRAMS.items():
        if not shutil.which(program):
            raise CannotSynthesize(f"{program} was not found: install Debian's package {package}")
    if not liberty.is_file():
        raise CannotSynthesize(f"{liberty} was not found: install Debian's package qflow-tech-osu018")


def tool_versions():
    """A line for each tool, with the version of its Debian package where dpkg knows it."""
    lines = []
    for package in ("yosys", "berkeley-abc", "opensta", "qflow-tech-osu018"):
        asked = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True)
        lines.append(f"{package} {asked.stdout if asked.returncode == 0 else 'of unknown version'}")
    return lines


def cell_area(cell, liberty=LIBERTY):
    found = re.search(rf"\bcell\s*\(\"?{cell}\"?\)\s*{{\s*area\s*:\s*([\d.]+)", liberty.read_text())
    if not found:
        raise CannotSynthesize(f"{liberty} has no area of the cell {cell}: is it the osu018 library?")
    return float(found.group(1))


def _run(command, folder, what):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    text = done.stdout + done.stderr
    errors = [line.strip() for line in text.splitlines() if re.search(r"\bERROR\b|^Error", line)]
    if done.returncode != 0 or errors:
        why = errors[0] if errors else f"status {done.returncode}"
        raise CannotSynthesize(f"{what}: {command[0]}: {why}")
    return text


def _script(unit, flow, liberty, sources):
    """Fine-grained optimization by yosys, then adders by the flow, then abc, which minimizes area without a target."""
    parameters = " ".join(f"-set {name} {value}" for name, value in unit.parameters.items())
    return "\n".join([
        f"read_liberty -lib -ignore_miss_func {liberty}",
        "read_verilog " + " ".join(sources),
        f"chparam {parameters} {unit.module}" if parameters else "",
        f"synth -flatten -top {unit.module} -run begin:fine",
        "maccmap",  # sums of several operands: full adders in a tree, one adder with carries at its end
        "opt -full",
        "techmap -map full_adders.v" if flow == "fa" else "",
        "techmap",
        "opt -full",
        f"dfflibmap -liberty {liberty}",
        "opt",
        f"abc -liberty {liberty}",
        "opt_clean -purge",
        "rename -top unit",
        "check -mapped -assert",
        f"tee -q -o statistics stat -liberty {liberty}",
        "write_verilog -noattr netlist.v",
        "splitnets -ports -format _",  # OpenSTA's reader knows no concatenations in assignments
        "opt_clean -purge",
        "write_verilog -noattr bits.v",
        ""])


def _timing(unit, liberty):
    clocked = unit.module == "accumulate"
    return "\n".join([
        f"read_liberty {liberty}",
        "read_verilog bits.v",
        "link_design unit",
        "create_clock -name clock -period 1000" + (" [get_ports clock]" if clocked else ""),
        "set_input_delay 0 -clock clock [all_inputs]",
        "set_output_delay 0 -clock clock [all_outputs]",
        "report_checks -digits 3",
        "exit",
        ""])


def synthesize(unit, flow, liberty=LIBERTY, sources=None, full_adders=FULL_ADDERS):
    what = f"{unit.name}, {flow}"
    with tempfile.TemporaryDirectory(prefix="synthesize_units.") as scratch:
        # Names of nets hold those of files, and abc's result depends on them a little: copies have the same everywhere.
        folder = pathlib.Path(scratch)
        copies = [shutil.copy(file, folder) for file in sources or catalogue.files()]
        shutil.copy(full_adders, folder / "full_adders.v")
        (folder / "script.ys").write_text(_script(unit, flow, liberty, [pathlib.Path(file).name for file in copies]))
        (folder / "timing.tcl").write_text(_timing(unit, liberty))
        _run(["yosys", "-q", "script.ys"], folder, what)
        timing = _run(["sta", "-no_init", "-no_splash", "-exit", "timing.tcl"], folder, what)
        statistics = (folder / "statistics").read_text()
        netlist = (folder / "netlist.v").read_text()

    area = re.search(r"Chip area for module '\\unit': ([\d.]+)", statistics)
    arrival = re.search(r"([\d.]+)\s+data arrival time", timing)
    if not area or not arrival:
        raise CannotSynthesize(f"{what}: {'yosys named no area' if not area else 'OpenSTA found no path'}")
    cells = {name: int(number) for name, number in re.findall(r"^\s+([A-Z]\w*)\s+(\d+)$", statistics, re.MULTILINE)}
    total = int(re.search(r"Number of cells:\s+(\d+)", statistics).group(1))
    if sum(cells.values()) != total:
        raise CannotSynthesize(f"{what}: the list of cells does not add up to {total}")
    path = timing[:arrival.start()]
    return Result(unit, flow, float(area.group(1)), float(area.group(1)) / cell_area("NAND2X1", liberty), cells,
                  len(re.findall(r"[v^] \S+/\w+ \(\w+\)", path)), float(arrival.group(1)), netlist)
