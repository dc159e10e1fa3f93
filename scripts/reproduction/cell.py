"""A cell of a table: one training and what came out of it, kept in a small JSON file."""

import dataclasses
import json
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"


class Failed(Exception):
    """One line that says what failed and what to do."""


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

    @property
    def name(self):
        parts = [self.method, self.variant, f"seed{self.seed}"]
        return f"{self.recipe}/{self.config}/{'-'.join(part for part in parts if part)}"

    @property
    def model(self):
        return "uci-mlp" if self.config.startswith("uci-") else self.config

    @property
    def result_file(self):
        return RESULTS / self.table / f"{self.name}.json"

    @property
    def log_file(self):
        return RESULTS / self.table / f"{self.name}.log"

    @property
    def levels_file(self):
        return RESULTS / self.table / f"{self.name}.levels.csv.gz"

    @property
    def run(self):
        return ROOT / "runs" / "reproduce" / self.table / self.name

    def read_result(self):
        """The cell's JSON object; None where there is none yet."""
        try:
            return json.loads(self.result_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise Failed(f"{short(self.result_file)} cannot be read ({error}): remove it") from error

    def with_(self, **changes):
        return dataclasses.replace(self, **changes)


def read_results(table):
    """Every finished cell of a table, in a fixed order."""
    results = []
    for path in sorted((RESULTS / table).glob("*/*/*.json")):
        try:
            results.append(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise Failed(f"{short(path)} cannot be read ({error}): remove it") from error
    return results


def short(path):
    """The path relative to the checkout where that is inside it."""
    relative = os.path.relpath(path, ROOT)
    return str(path) if relative.startswith("..") else relative


def write_whole(path, content):
    """Text or bytes, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    if isinstance(content, bytes):
        beside.write_bytes(content)
    else:
        beside.write_text(content, encoding="utf-8")
    os.replace(beside, path)
