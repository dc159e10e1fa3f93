"""kones convert and kones verify as their users start them. What the files hold is tested in tests/convert."""

import json
import shutil
import struct
import zlib

import program
from program import FIXTURES

PACKAGE = FIXTURES / "package" / "operations.kones"  # two networks: lightnn, wide
FORMATS = {"c": True, "readmemh": True, "npy": True, "safetensors": False, "onnx": False, "qonnx": False}


class Convert(program.ProgramTest):
    def test_help_lists_the_formats(self):
        output, _ = self.kones("convert", "--help")
        for name in FORMATS:
            self.assertRegex(output, rf"(?m)^  {name} ")

    def test_every_format(self):
        for name, makes_folder in FORMATS.items():
            with self.subTest(name):
                result = self.json("convert", PACKAGE, "--to", name, "--out", name, "--network", "wide")
                self.assertEqual((result["out"], result["format"], result["network"]), (name, name, "wide"))
                out = self.folder / name
                sizes = {path.name: path.stat().st_size for path in (out.iterdir() if makes_folder else [out])}
                self.assertEqual({file["name"]: file["bytes"] for file in result["files"]}, sizes)
                self.assertEqual(result["bytes"], sum(sizes.values()))
        self.assertEqual(self.files("."), set(FORMATS))
        output, _ = self.kones("convert", PACKAGE, "--to", "npy", "--out", "again", "--network", "0")
        self.assertIn("again written: network lightnn as npy, ", output)
        manifest = json.loads((self.folder / "again" / "manifest.json").read_text(encoding="utf-8"))
        self.assertEqual(manifest["network"]["name"], "lightnn")

    def test_usage(self):
        for arguments, text in ((("--to", "pdf", "--out", "x"), 'no format "pdf"; there are c, readmemh, npy,'),
                                (("--to", "c", "--out", "x"), "holds 2 networks; say which with --network"),
                                (("--to", "c", "--out", "x", "--network", "2"), 'none of them "2"'),
                                (("--to", "c"), "--out is required"), (("--out", "c"), "--to is required")):
            self.assertIn(text, self.refusal("convert", PACKAGE, *arguments, status=2))
        self.assertEqual(self.files("."), set())

    def test_failures(self):
        (self.folder / "full").mkdir()
        (self.folder / "full" / "mine").write_text("precious", encoding="utf-8")
        for name, makes_folder in FORMATS.items():
            line = self.refusal("convert", PACKAGE, "--to", name, "--out", "full", "--network", "1")
            self.assertIn("it is there and not empty" if makes_folder else "Is a directory", line)
            self.refusal("convert", PACKAGE, "--to", name, "--out", "missing/out", "--network", "1")
            self.refusal("convert", "missing.kones", "--to", name, "--out", "out")
        self.assertEqual(self.files("."), {"full"})
        self.assertEqual(self.files("full"), {"mine"})

    def test_a_program_alone(self):
        """Without kones_onnx beside it, the program says what is missing."""
        alone = self.folder / "kones"
        shutil.copy(program.PROGRAM, alone)
        before, program.PROGRAM = program.PROGRAM, alone
        try:
            line = self.refusal("convert", PACKAGE, "--to", "onnx", "--out", "x", "--network", "1")
        finally:
            program.PROGRAM = before
        self.assertIn("kones_onnx does not exist", line)


class Verify(program.ProgramTest):
    def test_says_what_is_proven(self):
        result = self.json("verify", PACKAGE)
        self.assertEqual(result["bytes"], PACKAGE.stat().st_size)
        self.assertEqual([network["network"] for network in result["networks"]], ["lightnn", "wide"])
        self.assertEqual([network["golden_vectors"] for network in result["networks"]], [4, 3])
        for network in result["networks"]:
            self.assertGreater(network["integers"], 100)
            for accumulator in network["accumulators"]:
                self.assertLess(accumulator["bound"], 2 ** (accumulator["bits"] - 1))
        output, _ = self.kones("verify", PACKAGE)
        self.assertIn("golden vectors", output)
        self.assertIn("is whole", output)

    def test_damage(self):
        """A changed byte fails the checksum; with the checksum made right again, a check of what is inside."""
        whole = PACKAGE.read_bytes()
        damaged = self.folder / "damaged.kones"
        damaged.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        self.assertIn("checksum", self.refusal("verify", damaged))
        found = set()
        for position in range(32 + 64, len(whole), 97):
            changed = bytearray(whole)
            changed[position] ^= 2
            changed[24:28] = struct.pack("<I", zlib.crc32(bytes(changed[32:]), zlib.crc32(bytes(changed[:24]))))
            damaged.write_bytes(changed)
            with self.start("verify", damaged) as process:
                _, errors = process.communicate(timeout=120)
            self.assertIn(process.returncode, (0, 1), errors)
            if process.returncode == 1:
                self.assertEqual(len(errors.splitlines()), 1, errors)
                found.add("computes" if " computes " in errors else "refused")
        self.assertEqual(found, {"computes", "refused"})


if __name__ == "__main__":
    program.main()
