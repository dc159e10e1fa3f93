"""Starts the program kones for the tests beside this file, whose first argument is its path."""

import csv
import json
import pathlib
import pickletools
import random
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

PROGRAM = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
DATASET = "fashion-mnist"
TIMING_COLUMNS = ("seconds", "images_per_second")


class ProgramTest(unittest.TestCase):
    """A test with a folder of its own, in which it runs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kones-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, *arguments, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        return subprocess.Popen([PROGRAM, *map(str, arguments)], cwd=self.folder, stdin=subprocess.DEVNULL, **options)

    def kones(self, *arguments, status=0, **options):
        """Runs kones, checks its exit status, and returns what it wrote: (standard output, standard error)."""
        with self.start(*arguments, **options) as process:
            try:
                output, errors = process.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        self.assertEqual(process.returncode, status, f"kones {' '.join(map(str, arguments))}\n{output}\n{errors}")
        return output, errors

    def refusal(self, *arguments, status=1, **options):
        """Runs kones, which has to fail with one line on standard error and nothing else, and returns the line."""
        output, errors = self.kones(*arguments, status=status, **options)
        lines = errors.splitlines()
        self.assertEqual(len(lines), 1, errors)
        self.assertTrue(lines[0].startswith("kones: "), errors)
        self.assertEqual(output, "")
        return lines[0]

    def json(self, *arguments, **options):
        """Runs kones --json, which has to write one JSON object and a line's end, and returns the object."""
        output, _ = self.kones(*arguments, "--json", **options)
        self.assertEqual(output.count("\n"), 1, output)
        return json.loads(output)

    def settings(self, **values):
        """Writes a TOML file and returns its path."""
        path = self.folder / f"settings-{len(list(self.folder.glob('settings-*')))}.toml"
        path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()), encoding="utf-8")
        return path

    def train(self, out, model="mnist-1hidden", method="lightnn-1", settings=None, **options):
        """Trains on a small part of Fashion-MNIST."""
        settings = settings or self.settings(train_images=1000, validation_images=500, epochs=1)
        return self.kones(*train_arguments(out, model, method, settings), **options)

    def data_set(self, name, train=600, test=100):
        """Writes a data set of random pictures, and returns what --dataset takes."""
        folder = self.folder / name
        folder.mkdir()
        source = random.Random(1)
        for split, count in (("train", train), ("t10k", test)):
            pixels, labels = source.randbytes(count * 28 * 28), bytes(source.choices(range(10), k=count))
            (folder / f"{split}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, count, 28, 28) + pixels)
            (folder / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + labels)
        return f"mnist:{folder}"

    def banknote_data(self, name):
        """Writes a table of random rows of two classes in the form of the UCI set banknote."""
        folder = self.folder / name
        folder.mkdir()
        source = random.Random(2)
        rows = [[source.gauss(3 * (i % 2), 1) for _ in range(4)] + [i % 2] for i in range(400)]
        text = "".join(",".join(f"{value:.4g}" for value in row) + "\n" for row in rows)
        (folder / "data_banknote_authentication.txt").write_text(text, encoding="utf-8")

    def contents(self, folder):
        return {path.name: path.read_bytes() for path in (self.folder / folder).iterdir()}

    def files(self, folder):
        return {path.name for path in (self.folder / folder).iterdir()}


def train_arguments(out, model="mnist-1hidden", method="lightnn-1", settings=None, dataset=DATASET):
    arguments = ["train", "--model", model, "--method", method, "--dataset", dataset, "--out", out]
    return arguments + (["--config", settings] if settings else [])


class Checkpoint:
    """What a checkpoint file holds, read without LibTorch: it is a zip archive of raw tensors and a pickle."""

    def __init__(self, path):
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                raise ValueError(f"{path} is damaged")
            parts = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
        self.tensors = {name: bytes_ for name, bytes_ in parts.items() if name.startswith("data/")}
        texts = [value for opcode, value, _ in pickletools.genops(parts["data.pkl"]) if isinstance(value, str)]
        states = [text for text in texts if text.startswith("{")]
        if len(states) != 1:
            raise ValueError(f"{path} has {len(states)} states")
        self.state = json.loads(states[0])
        # The names and shapes of tensors; the checksum covers the state, and so the timings, and is left out.
        def is_checksum(value):
            return isinstance(value, str) and value.isdecimal() and len(value) > 9

        self.structure = [(opcode.name, value) for opcode, value, _ in pickletools.genops(parts["data.pkl"])
                          if value != states[0] and not is_checksum(value)]

    def without_timings(self):
        """All of it that has to be the same when training is repeated."""
        state = {key: value for key, value in self.state.items() if key not in TIMING_COLUMNS}
        if "records" in state:
            state["records"] = [{key: value for key, value in record.items() if key not in TIMING_COLUMNS}
                                for record in state["records"]]
        return self.tensors, state, self.structure


def metrics(folder):
    """The rows of a run's metrics.csv."""
    with open(folder / "metrics.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def metrics_without_timings(folder):
    return [{key: value for key, value in row.items() if key not in TIMING_COLUMNS} for row in metrics(folder)]


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
