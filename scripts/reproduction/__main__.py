"""Reproduces and extends the results of the LightNN paper; scripts/reproduce calls it after set-up."""

import argparse
import os
import pathlib
import statistics
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))  # of jobs.py

import ablation
import figures
import table3
import uci
from cell import ROOT, Failed, Misused
from cell import add_options as add_place_options
from data import Data
from data import add_options as add_data_options
from jobs import positive
from workshop import Interrupted, Workshop

TABLES = {"table3": table3, "ablation": ablation, "uci": uci}


def parse_arguments(argv):
    parser = argparse.ArgumentParser(prog="scripts/reproduce", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, table in TABLES.items():
        command = commands.add_parser(
            name, help=table.DESCRIPTION.split(".")[0], description=table.DESCRIPTION, allow_abbrev=False
        )
        table.add_options(command)
        add_data_options(command)
        add_place_options(command)
        command.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="(default: %(default)s)")
        command.add_argument("--jobs", type=positive, help="trainings at a time (default: one a core; one on a GPU)")
        command.add_argument(
            "--again", action="store_true", help="train finished cells too, and compare: what is kept stays as it is"
        )
        command.add_argument("--commit", action="store_true", help="commit each finished cell, and the table")
        command.add_argument("--list", action="store_true", help="only say which cells there are, and which are finished")
        command.add_argument(
            "--program",
            type=pathlib.Path,
            default=ROOT / "build" / "bin" / "kones",
            help="the program kones (default: build/bin/kones)",
        )
    command = commands.add_parser(
        "figures", help="Draws the figures", description=figures.DESCRIPTION, allow_abbrev=False
    )
    figures.add_options(command)
    return parser.parse_args(argv)


def compare(cell, kept, result, all_kept):
    """What training a cell again came to, beside what was kept of it (None: nothing) and of its other seeds."""
    now = result["test_error_percent"]
    text = f"{cell.name}: {now:.2f} % test error"
    if kept is None:
        return f"{text}; none was kept"
    was = kept["test_error_percent"]
    text += f"; kept: {was:.2f} % ({now - was:+.2f})"
    of_all_seeds = [
        other["test_error_percent"]
        for other in all_kept
        if all(other[name] == kept[name] for name in ("config", "method", "recipe", "variant"))
    ]
    if len(of_all_seeds) > 1:
        text += f"; of {len(of_all_seeds)} seeds: {statistics.fmean(of_all_seeds):.2f} ± {statistics.stdev(of_all_seeds):.2f}"
    return text


def state(program, places, cell):
    result = places.read_result(cell)
    if result is None:
        return "missing"
    changed = ", but its recipe has changed since" if program.differing(cell, result) else ""
    return f"{result['test_error_percent']:.2f} %{changed}"


def main(argv):
    options = parse_arguments(argv)
    try:
        if options.command == "figures":
            figures.draw(options)
            return 0
        table = TABLES[options.command]
        workshop = Workshop(options, Data(options.data))
        places = workshop.places
        cells = table.cells(options, workshop.program)
        if options.list:
            for cell in cells:
                print(f"{cell.name}: {state(workshop.program, places, cell)}")
            return 0
        kept = {cell: places.read_result(cell) for cell in cells}
        results, failures = workshop.finish(cells)
        if options.again:
            for cell, result in results:
                print(compare(cell, kept[cell], result, places.read_results(cell.table)))
        else:
            for cell in cells:
                print(f"{cell.name}: {state(workshop.program, places, cell)}{table.beside(cell)}")
        table.write(options, places, workshop.program)
        if failures:
            raise Failed(f"{len(failures)} of {len(cells)} cells: {failures[0]}")
    except Failed as failure:
        print(f"reproduce failed: {failure}", file=sys.stderr)
        return 2 if isinstance(failure, Misused) else 1
    except BrokenPipeError:
        # Who read the output has gone; what is left in its buffer must not be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Interrupted, KeyboardInterrupt):
        print("reproduce interrupted: start the same command again to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
