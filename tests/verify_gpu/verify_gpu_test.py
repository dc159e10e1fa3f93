"""scripts/verify_gpu with the host layer as the device. Usage: verify_gpu_test.py BUILD PLANTED_TEST_PROGRAM"""

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts" / "verify_gpu"
BUILD = PLANTED = None


def load_script():
    loader = importlib.machinery.SourceFileLoader("verify_gpu", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("verify_gpu", loader))
    sys.modules["verify_gpu"] = module
    loader.exec_module(module)
    return module


class OnTheHostLayer(unittest.TestCase):
    def verify(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "report.md"
            run = subprocess.run(
                [sys.executable, SCRIPT, "--device", "host", "--build", BUILD, "--out", out, *arguments],
                capture_output=True,
                text=True,
                check=False,
            )
            return run, out.read_text(encoding="utf-8")

    def test_passes_and_reports_every_step(self):
        run, report = self.verify()
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("| kernel tests on the device | passed |", report)
        self.assertEqual(report.count("| passed |"), 3)
        self.assertIn("* commit: ", report)

    def test_fails_on_a_planted_difference_and_goes_on(self):
        run, report = self.verify("--tests", PLANTED)
        self.assertEqual(run.returncode, 1)
        self.assertIn("FAILED: kernel tests on the device", run.stdout)
        self.assertIn("| kernel tests on the device | FAILED |", report)
        self.assertTrue("[  FAILED  ] CudaQuantize/0.TernarizeAgrees" in report)
        self.assertEqual(report.count("| passed |"), 2)

    def test_fails_where_a_program_is_missing(self):
        run, report = self.verify("--tests", "/nonexistent/program")
        self.assertEqual(run.returncode, 1)
        self.assertIn("cannot be started: No such file or directory", report)


class WithoutADevice(unittest.TestCase):
    def test_says_why_and_exits_with_0(self):
        script = load_script()
        with mock.patch.object(script.ctypes, "CDLL", side_effect=OSError), mock.patch("builtins.print") as said:
            self.assertEqual(script.main([]), 0)
        said.assert_called_once_with("SKIPPED: this machine has no NVIDIA driver (libcuda.so.1)")

    def test_a_driver_without_devices(self):
        script = load_script()
        driver = mock.Mock()
        driver.cuInit.return_value = 100
        with mock.patch.object(script.ctypes, "CDLL", return_value=driver), mock.patch("builtins.print") as said:
            self.assertEqual(script.main([]), 0)
        self.assertIn("SKIPPED: the NVIDIA driver answers with error 100", said.call_args.args[0])


class Steps(unittest.TestCase):
    def test_without_compute_sanitizer_its_steps_are_skipped_not_passed(self):
        script = load_script()
        with mock.patch.object(script, "find_compute_sanitizer", return_value=None):
            steps = script.cuda_steps(pathlib.Path("build"))
        skipped = [step.name for step in steps if step.skip_reason]
        self.assertEqual(skipped, [f"compute-sanitizer {tool}" for tool in ("memcheck", "racecheck", "initcheck", "synccheck")])
        self.assertEqual(script.run_step(next(step for step in steps if step.skip_reason)).status, "skipped")


if __name__ == "__main__":
    BUILD, PLANTED = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
