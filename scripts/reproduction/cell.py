"""A cell of a table: one training and what came out of it, kept in a small JSON file."""

import dataclasses
import json
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"
RUNS = ROOT / "runs" / "reproduce"


# What every result has.
NEEDED = (
    "config",
    "method",
    "recipe",
    "variant",
    "seed",
    "epochs",
    "validation_error_percent",
    "test_error_percent",
    "test_images",
    "seconds",
    "images_per_second",
    "device",
    "threads",
    "processor",
    "settings",
    "changed",
    "integers",
    "curve",
)


class Failed(Exception):
    """One line that says what failed and what to do."""


class Misused(Failed):
    """A name or number on the command line that is none."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """What is trained. `config` is a model's name, or uci-NAME."""

    table: str  # table3, ablation, uci
    config: str
    method: str
    recipe: str
    seed: int
    variant: str = ""  # of the recipe
    settings: tuple = ()  # (name, value) in place of the recipe's
    activation_bits: tuple = ()  # of the packages that are run in integers
    priced: bool = False  # the logic of those packages, by kones cost

    @property
    def name(self):
        parts = [self.method, self.variant, f"seed{self.seed}"]
        return f"{self.recipe}/{self.config}/{'-'.join(part for part in parts if part)}"

    @property
    def model(self):
        return "uci-mlp" if self.config.startswith("uci-") else self.config

    def with_(self, **changes):
        return dataclasses.replace(self, **changes)


def cell_of(result, table):
    """The cell that a result is of."""
    names = ("config", "method", "recipe", "seed", "variant")
    return Cell(table, **{name: result[name] for name in names}, settings=tuple(result["changed"].items()))


class Places:
    """Where cells are kept: `results` is what is kept for good, `runs` is what may be removed."""

    def __init__(self, results, runs):
        self.results = pathlib.Path(results).resolve()
        self.runs = pathlib.Path(runs).resolve()

    def result_file(self, cell):
        return self.results / cell.table / f"{cell.name}.json"

    def log_file(self, cell):
        return self.results / cell.table / f"{cell.name}.log"

    def levels_file(self, cell):
        return self.results / cell.table / f"{cell.name}.levels.csv.gz"

    def run(self, cell):
        return self.runs / cell.table / cell.name

    def beside(self, cell, suffix):
        """A file beside the run's folder. (Names may have dots, so with_suffix is of no use.)"""
        run = self.run(cell)
        return run.with_name(run.name + suffix)

    def package(self, cell, bits):
        return self.runs / cell.table / f"{cell.name}-{bits}.kones"

    def read_result(self, cell):
        """The cell's JSON object; None where there is none yet."""
        path = self.result_file(cell)
        return read_result(path) if path.exists() else None

    def read_results(self, table):
        """Every finished cell of a table, in a fixed order."""
        return [read_result(path) for path in sorted((self.results / table).glob("*/*/*.json"))]


def add_options(parser):
    parser.add_argument(
        "--results", type=pathlib.Path, default=RESULTS, help="folder of the results (default: docs/results)"
    )
    parser.add_argument("--runs", type=pathlib.Path, default=RUNS, help="folder of the trainings (default: runs/reproduce)")


def read_result(path):
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failed(f"{short(path)} cannot be read ({error}): remove it") from error
    missing = [name for name in NEEDED if not isinstance(result, dict) or name not in result]
    if missing:
        raise Failed(f"{short(path)} has no {missing[0]}: remove it")
    return result


def short(path):
    """The path relative to the checkout where that is inside it."""
    relative = os.path.relpath(path, ROOT)
    return str(path) if relative.startswith("..") else relative
