"""Runs that are interrupted and resumed end with the same bits as runs that are not.

Compared are the bytes of best.pt and of the package, every byte of every tensor in checkpoint.pt with its names and
shapes, its state without timings, diagnostics.csv, and metrics.csv without its timing columns.

Seen to fail on: the optimizer's state not restored; the loss of the interrupted epoch forgotten; the shuffle or the
augmentation drawn with the step in place of the epoch; stochastic rounding that counts the steps of this start; SGD's
first step taken twice; the checkpoint written before the epoch's number is raised; SIGTERM not caught; an interruption
that saves nothing; checkpoints written in place; --init's file read on resumption; a training set that
changed in between; SIGHUP not caught; an end by SIGPIPE.
"""

import json
import os
import re
import shutil
import signal
import time

import program
from program import Checkpoint, train_arguments


class Resume(program.ProgramTest):
    def interrupted(self, arguments, after, number, delay=0.0, **options):
        """Starts a run, sends the signal `number` after a line that matches `after`, and waits for its end.

        `after` None: when config.json is there, which is just before the first step."""
        out = self.folder / arguments[arguments.index("--out") + 1]
        with self.start(*arguments, **options) as process:
            try:
                lines = []
                if after is None:
                    while not (out / "config.json").exists():
                        self.assertIsNone(process.poll())
                        time.sleep(0.001)
                else:
                    for line in process.stderr:
                        lines.append(line)
                        if re.search(after, line):
                            break
                time.sleep(delay)
                self.assertIsNone(process.poll(), f"it ended before the signal: {lines}")
                process.send_signal(number)
                output, errors = process.communicate(timeout=60)
            except BaseException:
                process.kill()
                raise
        if number == signal.SIGKILL:
            self.assertEqual(process.returncode, -signal.SIGKILL)
        else:
            self.assertEqual(process.returncode, 1, errors)
            self.assertEqual(errors.splitlines()[-1],
                             "kones: interrupted: the run is saved; go on with the same command and --resume")
            self.assertEqual(output, "")
        return lines + errors.splitlines(keepends=True)

    def where(self, out):
        state = Checkpoint(self.folder / out / "checkpoint.pt").state
        return state["epoch"], state["step_in_epoch"]

    def assert_mid_epoch(self, out):
        _, step = self.where(out)
        self.assertGreater(step, 0, "the signal came between two epochs: this shows nothing")

    def assert_same_run(self, expected, got):
        expected, got = self.folder / expected, self.folder / got
        self.assertEqual((expected / "best.pt").read_bytes(), (got / "best.pt").read_bytes())
        tensors, state, structure = Checkpoint(expected / "checkpoint.pt").without_timings()
        got_tensors, got_state, got_structure = Checkpoint(got / "checkpoint.pt").without_timings()
        self.assertEqual(got_structure, structure)
        self.assertEqual(set(got_tensors), set(tensors))
        for name, data in tensors.items():
            self.assertEqual(got_tensors[name], data, name)
        self.assertEqual(got_state, state)
        self.assertEqual(program.metrics_without_timings(got), program.metrics_without_timings(expected))
        diagnostics = (expected / "diagnostics.csv").read_text(encoding="utf-8")
        self.assertGreater(len(diagnostics.splitlines()), 1)
        self.assertEqual((got / "diagnostics.csv").read_text(encoding="utf-8"), diagnostics)
        self.assertEqual((got / "levels.csv").read_bytes(), (expected / "levels.csv").read_bytes())
        for run in (expected, got):
            self.kones("export", run, "--out", run.with_suffix(".kones"))
        self.assertEqual(expected.with_suffix(".kones").read_bytes(), got.with_suffix(".kones").read_bytes())
        self.assertEqual(self.files(got), {"config.json", "metrics.csv", "diagnostics.csv", "levels.csv", "checkpoint.pt", "best.pt"})

    def test_one_interruption_in_mid_epoch(self):
        """mnist-2conv; the second epoch is interrupted, by each of the signals."""
        settings = self.settings(train_images=2000, validation_images=300, epochs=2)
        arguments = ["mnist-2conv", "lightnn-1", settings]
        self.kones(*train_arguments("whole", *arguments))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            out = signal.Signals(number).name
            lines = self.interrupted(train_arguments(out, *arguments), r"^epoch 1/2 ", number)
            self.assertEqual(len([line for line in lines if line.startswith("epoch")]), 1, lines)
            self.assert_mid_epoch(out)
            before = {name: (self.folder / out / name).read_bytes() for name in self.files(out)}
            for name in before:
                os.link(self.folder / out / name, self.folder / f"{out}-{name}")
            _, errors = self.kones(*train_arguments(out, *arguments), "--resume")
            self.assertRegex(errors.splitlines()[0], r"^resuming at epoch 2, step \d+ of 15$")
            self.assert_same_run("whole", out)
            # A new file has taken the place of the old one, which a crash in between would have left whole.
            for name, data in before.items():
                self.assertEqual((self.folder / f"{out}-{name}").read_bytes(), data, f"{name} was rewritten in place")
                if name in ("metrics.csv", "checkpoint.pt"):
                    self.assertNotEqual((self.folder / out / name).read_bytes(), data)

    def test_many_interruptions(self):
        """All that a checkpoint may forget: stochastic rounding, squared hinge, a schedule by epochs, recalibration,
        augmentation, momentum. Interrupted at the first step, right after a resumption, in mid-epoch, and killed."""
        for optimizer in ("adam", "sgd"):
            settings = self.settings(train_images=4800, validation_images=300, epochs=4, rounding="stochastic",
                                     shift=2, flip=True, optimizer=optimizer, weight_decay=0.01, learning_rate=0.01,
                                     final_learning_rate=0.001, batch_size=16)
            whole, cut = f"whole-{optimizer}", f"cut-{optimizer}"
            self.kones(*train_arguments(whole, settings=settings), "--recipe", "paper")
            arguments = train_arguments(cut, settings=settings) + ["--recipe", "paper"]
            resumed = arguments + ["--resume"]
            self.interrupted(arguments, None, signal.SIGINT)
            self.assertEqual(self.where(cut)[0], 0)
            self.assert_mid_epoch(cut)
            self.assertEqual(self.files(cut), {"config.json", "metrics.csv", "diagnostics.csv", "levels.csv", "checkpoint.pt"})
            self.assertIn("no epoch has ended", self.refusal("export", cut, "--out", "cut.kones"))
            before = self.where(cut)
            self.interrupted(resumed, r"^resuming at epoch 1, ", signal.SIGTERM)
            self.assertGreater(self.where(cut), before)
            self.interrupted(resumed, r"^epoch \d", signal.SIGINT, delay=0.02)
            self.assert_mid_epoch(cut)
            before = self.where(cut)
            self.assertGreaterEqual(before[0], 1)
            self.interrupted(resumed, r"^resuming at epoch \d", signal.SIGKILL, delay=0.01)
            self.assertEqual(self.where(cut), before, "a kill loses the steps since the last checkpoint")
            self.interrupted(resumed, r"^epoch \d", signal.SIGKILL, delay=0.02)
            self.assertEqual(self.where(cut)[1], 0, "the last checkpoint is that of an epoch's end")
            self.kones(*resumed)
            self.assert_same_run(whole, cut)

    def test_killed_before_the_first_checkpoint(self):
        settings = self.settings(train_images=4800, validation_images=300, epochs=1, batch_size=16)
        self.kones(*train_arguments("whole", settings=settings))
        self.interrupted(train_arguments("cut", settings=settings), None, signal.SIGKILL)
        self.assertEqual(self.files("cut"), {"config.json", "lock"})
        _, errors = self.kones(*train_arguments("cut", settings=settings), "--resume")
        self.assertIn("nothing to resume in cut: starting anew", errors)
        self.assert_same_run("whole", "cut")

    def test_kills_at_any_time_leave_whole_files(self):
        """Wherever a kill hits, what is in the folder is whole, and a resumed run ends the same."""
        settings = self.settings(train_images=640, validation_images=300, epochs=30)
        self.kones(*train_arguments("whole", settings=settings))
        arguments = train_arguments("cut", settings=settings)
        done = 0
        for delay in (0.002, 0.005, 0.008, 0.011, 0.015):
            # An epoch's line follows the renaming of its files, and the next epoch's are written milliseconds later.
            self.interrupted(arguments, r"^epoch \d", signal.SIGKILL, delay=delay)
            for name in ("best.pt", "checkpoint.pt"):
                Checkpoint(self.folder / "cut" / name)
            rows = len(program.metrics(self.folder / "cut"))
            self.assertGreater(rows, done)
            done = rows
            arguments = train_arguments("cut", settings=settings) + ["--resume"]
        self.kones(*arguments)
        self.assert_same_run("whole", "cut")

    def test_a_finished_run_is_left_alone(self):
        settings = self.settings(train_images=512, validation_images=300, epochs=2)
        arguments = train_arguments("run", settings=settings)
        self.kones(*arguments)
        before = {name: (self.folder / "run" / name).read_bytes() for name in self.files("run")}
        output, errors = self.kones(*arguments, "--resume")
        self.assertEqual(errors, "already finished: 2 epochs\n")
        self.assertRegex(output, r"^best epoch \d of 2: ")
        self.assertEqual({name: (self.folder / "run" / name).read_bytes() for name in self.files("run")}, before)

    def test_resume_needs_only_the_folder(self):
        """The network that --init named may be gone by then."""
        settings = self.settings(train_images=512, validation_images=300, epochs=1)
        self.kones(*train_arguments("first", settings=settings))
        settings = self.settings(train_images=4800, validation_images=300, epochs=2, batch_size=16)
        arguments = train_arguments("second", settings=settings) + ["--init", "first/best.pt"]
        self.interrupted(arguments, r"^epoch 1/2 ", signal.SIGINT)
        shutil.rmtree(self.folder / "first")
        self.kones(*arguments, "--resume")

    def test_another_number_of_threads(self):
        """LibTorch's convolutions sum in an order that depends on it: a run keeps its own."""
        settings = self.settings(train_images=1280, validation_images=300, epochs=2)
        arguments = ["mnist-2conv", "lightnn-1", settings]
        two, one = ({**os.environ, "OMP_NUM_THREADS": threads} for threads in "21")
        self.kones(*train_arguments("whole", *arguments), env=two)
        self.interrupted(train_arguments("cut", *arguments), r"^epoch 1/2 ", signal.SIGINT, env=two)
        self.assert_mid_epoch("cut")
        config = json.loads((self.folder / "cut" / "config.json").read_text(encoding="utf-8"))
        self.assertEqual(config["threads"], 2)
        _, errors = self.kones(*train_arguments("cut", *arguments), "--resume", env=one)
        self.assertEqual(errors.splitlines()[1], "using 2 threads, as when the run was started, and not 1")
        self.assert_same_run("whole", "cut")
        self.kones(*train_arguments("single", *arguments), env=one)
        self.assertNotEqual((self.folder / "whole" / "best.pt").read_bytes(),
                            (self.folder / "single" / "best.pt").read_bytes(), "threads change nothing: no test")

    def test_other_data(self):
        """One byte of the training set is enough; the test set may change, and the folder."""
        dataset = self.data_set("data")
        settings = self.settings(validation_images=100, epochs=1, batch_size=16)
        arguments = train_arguments("run", settings=settings, dataset=dataset)
        self.kones(*arguments)
        before = self.contents("run")
        for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
            path = self.folder / "data" / name
            good = path.read_bytes()
            path.write_bytes(good[:-1] + bytes([(good[-1] + 1) % 10]))
            line = self.refusal(*arguments, "--resume")
            self.assertRegex(line, r"run holds a run on 600 pictures with the fingerprint [0-9a-f]{16}; "
                             r"mnist:.*/data now has 600 pictures with the fingerprint [0-9a-f]{16}; ")
            path.write_bytes(good)
        shutil.rmtree(self.folder / "data")
        self.data_set("data", train=300)
        self.assertIn("now has 300 pictures", self.refusal(*arguments, "--resume"))
        shutil.rmtree(self.folder / "data")
        self.data_set("data", test=50)
        self.kones(*arguments, "--resume")
        (self.folder / "data").rename(self.folder / "elsewhere")
        arguments = train_arguments("run", settings=settings, dataset=f"mnist:{self.folder / 'elsewhere'}")
        self.kones(*arguments, "--resume")
        self.assertEqual(self.contents("run"), before)

    def test_a_reader_that_goes_away(self):
        """Training into a pipe that is closed goes on to its end, and says then that nobody got the result."""
        settings = self.settings(train_images=1280, validation_images=300, epochs=3)
        arguments = train_arguments("run", settings=settings)
        with self.start(*arguments) as process:
            process.stderr.readline()
            process.stderr.close()
            process.stdout.close()
            self.assertEqual(process.wait(timeout=60), 1)
        self.assertEqual(self.where("run"), (3, 0))
        self.kones(*arguments, "--resume")

    def test_hangups_that_are_ignored(self):
        """As under nohup."""
        settings = self.settings(train_images=4800, validation_images=300, epochs=3, batch_size=16)
        with self.start(*train_arguments("run", settings=settings),
                        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
            process.stderr.readline()
            process.send_signal(signal.SIGHUP)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0)


if __name__ == "__main__":
    program.main()
