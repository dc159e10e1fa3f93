#!/usr/bin/env python3
"""The static model of the convolution of signs (benchmarks/xnor_cuda_model.py) on the library's machine code."""

import json
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LIBRARY = CACHE = None


def run(*arguments):
    command = [sys.executable, ROOT / "benchmarks" / "xnor_cuda_model.py", LIBRARY, "--cache", CACHE, *arguments]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


class Model(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.done = run("--json", "--capability", "80")
        cls.rows = [json.loads(line) for line in cls.done.stdout.splitlines()]

    def test_predicts_every_layer(self):
        self.assertEqual(self.done.returncode, 0, self.done.stderr)
        self.assertEqual(len(self.rows), 4 * 3 * 3)
        for row in self.rows:
            self.assertEqual(row["kind"], "predicted")
            self.assertGreater(row["microseconds"], 0)

    def test_never_faster_than_memory(self):
        for row in self.rows:
            self.assertGreater(row["microseconds"], row["bytes"] / 1555e3, row)

    def test_large_batches_of_bits_are_faster_than_bf16(self):
        for row in self.rows:
            if row["batch"] == 256 and row["operation"] == "bits to bits":
                self.assertLess(2 * row["microseconds"], row["cudnn_bf16_microseconds"], row)

    def test_measured_beside_predicted(self):
        with tempfile.TemporaryDirectory() as folder:
            lines = [json.dumps({key: row[key] for key in ("layer", "batch", "operation")} |
                                {"microseconds": 2 * row["microseconds"]}) for row in self.rows]
            program = pathlib.Path(folder) / "measure"
            program.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
            done = run("--capability", "80", "--measure", program)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("measured / predicted", done.stdout)
            self.assertTrue(all(line.endswith("2.00") for line in done.stdout.splitlines()[1:]), done.stdout)
            # A device that the table has not: its times alone.
            alone = run("--capability", "61", "--measure", program)
            self.assertEqual(alone.returncode, 0, alone.stderr)
            self.assertEqual(len(alone.stdout.splitlines()), 1 + len(lines))

    def test_says_when_the_benchmark_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "measure"
            program.write_text("#!/bin/sh\necho no device >&2\nexit 1\n")
            os.chmod(program, 0o755)
            done = run("--capability", "80", "--measure", program)
            self.assertEqual(done.returncode, 1)
            self.assertIn("no device", done.stderr)


if __name__ == "__main__":
    LIBRARY, CACHE = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
