"""Reads the hex files of `kones convert --to readmemh` by the rules of Verilog's $readmemh, and computes with them.

    readmemh_test.py DRIVER

The codes are compared with the package's levels by way of the golden vectors: each Linear layer's sums are computed
from the memories alone. Where iverilog is installed, a testbench in Verilog reads the memories too.

Seen to fail on, one at a time: a word's first code in its highest bits, or its digits in another order; rows of tiles
in another order; one digit too many; the signs of a tensor the other way round.
"""

import json
import math
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

DRIVER = None

TESTBENCH = """
module testbench;
  reg [{width}-1:0] memory [0:{depth}-1];
  integer i;
  initial begin
    $readmemh("{file}", memory);
    for (i = 0; i < {depth}; i = i + 1) $display("%h", memory[i]);
  end
endmodule
"""


def read_memory(path):
    """The words of a file: $readmemh takes hexadecimal numbers between white space, comments, and addresses."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", path.read_text(), flags=re.DOTALL)
    return [int(word.replace("_", ""), 16) for word in text.split()]


def signed(word, width):
    return word - (1 << width) if word >> (width - 1) else word


def level_of(code, weights):
    """The level of a code of the families that the tests' Linear layers use."""
    name, bits = weights["format"], weights["code_bits"]
    numbers = [int(number) for number in re.findall(r"-?\d+", name)]
    if name == "binary":
        return -1 if code else 1
    if name == "ternary":
        return signed(code, 2)
    if name.startswith(("signed fixed", "unsigned fixed")):
        return signed(code, bits) if name.startswith("signed") else code
    if name.startswith("powers"):
        exponent = (code & ((1 << (bits - 1)) - 1))
        level = 0 if exponent > numbers[1] - numbers[0] else 1 << (numbers[1] - numbers[0] - exponent)
        return -level if code >> (bits - 1) else level
    terms, most = numbers[0], numbers[2]
    each = most.bit_length()
    shifts = [code >> (each * term) & ((1 << each) - 1) for term in range(terms)]
    level = sum(1 << (most - shift) for shift in shifts)
    return -level if code >> (each * terms) else level


class Memories:
    def __init__(self, folder):
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.listed = {entry["file"]: entry for entry in self.manifest["memories"]}
        self.network = self.manifest["network"]

    def words(self, name):
        return read_memory(self.folder / (name + ".hex"))

    def golden(self, tensor):
        """The integers of a tensor, a list for each golden vector."""
        name = "golden." + tensor["identifier"]
        words, width = self.words(name), self.listed[name + ".hex"]["width"]
        if tensor["kind"] == "sign":
            integers = [-1 if word else 1 for word in words]
        else:
            integers = [signed(word, width) if tensor["signed"] else word for word in words]
        each = math.prod(tensor["shape"])
        return [integers[first:first + each] for first in range(0, len(integers), each)]

    def matrix(self, layer):
        """Levels [outputs][inputs] from the rows of tiles."""
        weights = layer["weights"]
        words = self.words(layer["identifier"] + ".codes")
        bits = weights["storage_bits"]
        tiles = (weights["inputs"] + 15) // 16
        matrix = []
        for output in range(weights["outputs"]):
            row = []
            for input in range(weights["inputs"]):
                word = words[(output // 16 * tiles + input // 16) * 16 + output % 16]
                row.append(level_of(word >> (input % 16 * bits) & ((1 << bits) - 1), weights))
            matrix.append(row)
        return matrix


class ReadmemhTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.place.name)
        subprocess.run([DRIVER, "packages", folder], check=True)
        cls.networks = {}
        for package in sorted(folder.glob("*.kones")):
            subprocess.run([DRIVER, "convert", package, "readmemh", folder / package.stem], check=True)
            cls.networks[package.stem] = Memories(folder / package.stem)

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    def test_manifest(self):
        """Every file is listed with the depth that it has, and no word is wider than said."""
        for name, memories in self.networks.items():
            files = {path.name for path in memories.folder.iterdir()} - {"manifest.json"}
            self.assertEqual(files, set(memories.listed), name)
            for file, entry in memories.listed.items():
                lines = (memories.folder / file).read_text().splitlines()
                self.assertEqual(len(lines), entry["depth"], file)
                self.assertEqual({len(line) for line in lines}, {(entry["width"] + 3) // 4}, file)
                self.assertTrue(all(int(line, 16) < 1 << entry["width"] for line in lines), file)

    def test_sums(self):
        """The sums of the Linear layers and the Requantize and Threshold layers behind them, from memories alone."""
        computed = set()
        for name, memories in self.networks.items():
            tensors = memories.network["tensors"]
            for layer in memories.network["layers"]:
                if layer["operation"] == "Linear":
                    matrix = memories.matrix(layer)
                    computed.add(layer["weights"]["format"].split(",")[0])
                    inputs = memories.golden(tensors[layer["inputs"][0]])
                    sums = memories.golden(tensors[layer["output"]])
                    for x, expected in zip(inputs, sums):
                        self.assertEqual([sum(a * b for a, b in zip(row, x)) for row in matrix], expected,
                                         f"{name}: {layer['name']}")
        self.assertLessEqual({"2-ones", "1-ones", "4-ones", "binary", "ternary", "powers of two",
                              "signed fixed point [3"}, computed)

    def test_constants(self):
        for name, memories in self.networks.items():
            tensors = memories.network["tensors"]
            for layer in memories.network["layers"]:
                if layer["operation"] not in ("Requantize", "Threshold"):
                    continue
                inputs = memories.golden(tensors[layer["inputs"][0]])
                outputs = memories.golden(tensors[layer["output"]])
                for x, expected in zip(inputs, outputs):
                    found = self.apply(memories, layer, tensors[layer["output"]], x)
                    self.assertEqual(found, expected, f"{name}: {layer['name']}")

    def apply(self, memories, layer, output, x):
        constants = {}
        for what in ("multiplier", "addend", "shift", "threshold", "rising"):
            file = f"{layer['identifier']}.{what}"
            if file + ".hex" in memories.listed:
                entry = memories.listed[file + ".hex"]
                words = memories.words(file)
                is_signed = entry["sign"] == "two's complement"
                constants[what] = [signed(word, entry["width"]) if is_signed else word for word in words]
        pixels = output["shape"][1] * output["shape"][2]
        found = []
        for index, value in enumerate(x):
            c = index // pixels
            if layer["operation"] == "Threshold":
                t = constants["threshold"][c]
                found.append(1 if (value >= t if constants["rising"][c] else value <= t) else -1)
                continue
            least = -(1 << (output["bits"] - 1)) if output["signed"] else 0
            most = least + (1 << output["bits"]) - 1
            scaled = value * constants["multiplier"][c] + constants["addend"][c] >> constants["shift"][c]
            found.append(min(max(scaled, least), most))
        return found

    @unittest.skipUnless(shutil.which("iverilog"), "iverilog is not installed")
    def test_verilog(self):
        """Icarus Verilog reads the same words."""
        memories = self.networks["extended"]
        read = 0
        for file, entry in memories.listed.items():
            source = memories.folder.parent / "testbench.v"
            program = memories.folder.parent / "testbench"
            source.write_text(TESTBENCH.format(file=memories.folder / file, **{key: entry[key]
                                                                              for key in ("width", "depth")}))
            subprocess.run(["iverilog", "-g2005", "-Wall", "-o", program, source], check=True)
            shown = subprocess.run([program], check=True, capture_output=True, text=True)
            self.assertEqual(shown.stderr, "", file)
            words = [int(line, 16) for line in shown.stdout.split()]
            self.assertEqual(words, read_memory(memories.folder / file), file)
            read += len(words)
        self.assertGreater(read, 1000)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: readmemh_test.py DRIVER")
    DRIVER = sys.argv[1]
    unittest.main(argv=sys.argv[:1])
