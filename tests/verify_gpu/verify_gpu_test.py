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
            steps = script.cuda_steps(pathlib.Path("build"), 90)
        skipped = [step.name for step in steps if step.skip_reason]
        self.assertEqual(skipped, [f"compute-sanitizer {tool}" for tool in ("memcheck", "racecheck", "initcheck", "synccheck")])
        self.assertEqual(script.run_step(next(step for step in steps if step.skip_reason)).status, "skipped")


    def test_cases_of_later_instructions_are_left_out_on_older_devices(self):
        script = load_script()
        commands = {capability: script.cuda_steps(pathlib.Path("build"), capability)[2].command for capability in (75, 80)}
        self.assertIn("--gtest_filter=-LayerFrom80/*", commands[75])
        self.assertNotIn("--gtest_filter=-LayerFrom80/*", commands[80])


class OnAStubOfADevice(unittest.TestCase):
    """The list of steps for a device, with a program in each one's place that does nothing, or fails."""

    PLACES = {
        "set-up and build": "scripts/setup",
        "kernel tests on the device": "build/bin/cuda_device_test",
        "the SIMT layer's cases on the device": "build/bin/simt_device_test",
        "quantizers with state on CPU and CUDA, bit for bit": "build/bin/quantizers_test",
        "CPU and CUDA operators, bit for bit": ".venv/bin/python",
        "compute-sanitizer memcheck": "compute-sanitizer",
        "benchmarks": "build/bin/cuda_quantizers_benchmark",
        "convolutions of signs, measured beside predicted": "benchmarks/xnor_cuda_model.py",
    }

    def verify(self, failing=None):
        script = load_script()
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, place in self.PLACES.items():
                program = root / place
                program.parent.mkdir(parents=True, exist_ok=True)
                program.write_text(f"#!/bin/sh\necho {place} was here\nexit {1 if name == failing else 0}\n")
                program.chmod(0o755)
            with mock.patch.object(script, "ROOT", root), mock.patch.object(
                script, "find_cuda_device", return_value=("a stub, sm_90", 90)
            ), mock.patch.object(
                script, "find_compute_sanitizer", return_value=str(root / "compute-sanitizer")
            ), mock.patch("builtins.print"):
                status = script.main(["--build", str(root / "build")])
            return status, (root / "build" / "verify_gpu.md").read_text(encoding="utf-8")

    def test_passes_where_every_step_does(self):
        status, report = self.verify()
        self.assertEqual(status, 0)
        self.assertEqual(report.count("| passed |"), 12)
        for place in self.PLACES.values():
            self.assertIn(f"{place} was here", report)

    def test_fails_with_any_step(self):
        for name in self.PLACES:
            with self.subTest(step=name):
                status, report = self.verify(failing=name)
                self.assertEqual(status, 1)
                self.assertIn(f"| {name} | FAILED |", report)


class DeviceEquality(unittest.TestCase):
    """The comparison of operators, with the CPU in the device's place."""

    SCRIPT = ROOT / "tests" / "torch" / "ops" / "device_equality.py"

    def run_with(self, prelude):
        code = f"import sys; sys.path.insert(0, {str(self.SCRIPT.parent)!r}); import device_equality, torch; {prelude}; "
        code += f"device_equality.main({str(pathlib.Path(BUILD) / 'lib' / 'libkones_torch.so')!r}, 'cpu')"
        python = ROOT / ".venv" / "bin" / "python"
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)

    def test_finds_the_cpu_equal_to_itself(self):
        run = self.run_with("device_equality.STREAMS = ((2**40 + 1, -7),); device_equality.TYPES = (torch.bfloat16,)")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("the same bits", run.stdout)

    def test_finds_what_differs(self):
        # Every other call is that on the device.
        for what, change in (
            ("result", "y = y * 1.5"),
            ("gradient", "y.register_hook(lambda g: g + 1)"),
        ):
            with self.subTest(what=what):
                prelude = (
                    "calls = [0]\n"
                    "def planted(x, *arguments):\n"
                    "  y = torch.ops.kones.binarize(x)\n"
                    "  calls[0] += 1\n"
                    f"  if calls[0] % 2 == 0 and x.numel(): {change}\n"
                    "  return y\n"
                    "device_equality.operators = lambda: [('planted', planted, ())]\n"
                    "device_equality.TYPES = (torch.float32,)\n"
                )
                run = self.run_with("exec(" + repr(prelude) + ")")
                self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
                self.assertIn(f"the {what} on cpu differs", run.stderr)


if __name__ == "__main__":
    BUILD, PLANTED = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
