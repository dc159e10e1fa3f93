"""scripts/reproduce figures draws every figure that its cells have, as PNG and SVG.

Seen to fail on: a figure that raises; a model without its curve.
"""

import json
import pathlib
import struct
import subprocess
import sys
import unittest

import program

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Figures(program.ProgramTest):
    def setUp(self):
        super().setUp()
        (self.folder / "data").mkdir()
        self.data_set("data/mnist", train=5300, test=50)
        self.banknote_data("data/uci")

    def reproduce(self, python, command, *arguments):
        options = ["--results", self.folder / "results", "--runs", self.folder / "runs", "--program", program.PROGRAM]
        done = subprocess.run([python, ROOT / "scripts" / "reproduction", command, *options, *arguments],
                              capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_every_figure(self):
        self.reproduce(sys.executable, "table3", "--data", self.folder / "data", "--configs", "mnist-1hidden", "--models",
                       "float,lightnn-1,binarynet", "--seeds", "1")
        self.reproduce(sys.executable, "uci", "--data", self.folder / "data", "--sets", "banknote", "--seeds", "1")
        self.reproduce(ROOT / ".venv-figures" / "bin" / "python", "figures")
        figures = self.folder / "results" / "figures"
        names = {path.stem for path in figures.glob("*.png")}
        self.assertEqual(names, {"figure-05-storage", "figure-06-units", "figure-07-energy", "figure-08-breakdown",
                                 "figure-09-area", "figure-10-error-energy", "table-3-errors", "curves-mnist-1hidden",
                                 "levels-mnist-1hidden-lightnn-1", "figure-11-uci-accuracy", "figure-12-uci-energy",
                                 "figure-13-uci-area"})
        for name in names:
            png = (figures / f"{name}.png").read_bytes()
            self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
            width, height = struct.unpack(">2I", png[16:24])
            self.assertGreater(min(width, height), 200, name)
            self.assertIn("<svg", (figures / f"{name}.svg").read_text(encoding="utf-8"))
        curves = (figures / "curves-mnist-1hidden.svg").read_text(encoding="utf-8")
        self.assertIn("BinaryNet", curves)
        self.assertNotIn("LightNN-2", curves)
        again = {path.name: path.read_bytes() for path in figures.iterdir()}
        self.reproduce(ROOT / ".venv-figures" / "bin" / "python", "figures")
        for path in figures.iterdir():
            self.assertEqual(path.read_bytes(), again[path.name], f"{path.name} is another file the second time")
        cells = sorted((self.folder / "results/table3/best/mnist-1hidden").glob("*.json"))
        self.assertEqual([json.loads(cell.read_text(encoding="utf-8"))["method"] for cell in cells],
                         ["binarynet", "float", "lightnn-1"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
