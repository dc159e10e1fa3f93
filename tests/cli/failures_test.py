"""Bad input gets one clear line, the right exit status, and loses nothing.

Seen to fail on: a folder given as --config read as an empty file; a full disk that ends the program in std::terminate;
usage errors on two lines, or with a bound of 309 digits; a command that is none; the status of unknown names (1 in
place of 2); a run folder overwritten without --resume; two runs at once; what is left of a run overwritten; a result
that was not written; a pipe replaced by a package; weights saved after a loss that is
not finite; an old package removed before the new one is whole.
"""

import json
import os
import resource
import shutil
import signal
import struct

import program
from program import DATASET, FIXTURES, train_arguments


class Usage(program.ProgramTest):
    """Names and arguments that do not exist: status 2."""

    def test_unknown_names_say_what_there_is(self):
        line = self.refusal(*train_arguments("run", model="mnist-9"), status=2)
        self.assertIn('"mnist-9"; there is mnist-1hidden, mnist-2conv', line)
        line = self.refusal(*train_arguments("run", method="lightnn-9"), status=2)
        self.assertIn('"lightnn-9"; there is ', line)
        for method in ("float", "lightnn-1", "lightnn-2", "binaryconnect", "lightnn-1-bin", "lightnn-2-bin",
                       "binarynet"):
            self.assertIn(method, line)
        for command in (train_arguments("run", dataset="emnist"), ("evaluate", "run", "--dataset", "emnist"),
                        ("run", "x.kones", "--dataset", "emnist")):
            line = self.refusal(*command, status=1 if command[0] == "run" else 2)
            self.assertIn("x.kones does not exist" if command[0] == "run" else
                          '"emnist"; there are mnist:DIR, fashion-mnist[:DIR], cifar10:DIR', line)
        line = self.refusal(*train_arguments("run"), "--recipe", "worst", status=2)
        self.assertIn('"worst"; there is best, paper', line)
        line = self.refusal(*train_arguments("run"), "--device", "tpu", status=2)
        self.assertIn('"tpu"; there is cpu, cuda', line)
        line = self.refusal(*train_arguments("run", dataset="mnist"), status=2)
        self.assertIn("mnist:DIR", line)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_wrong_arguments(self):
        for arguments in ((), ("fly",), ("train",), ("train", "--model", "mnist-1hidden"), ("export", "run"),
                          (*train_arguments("run"), "--epochs", "0"), (*train_arguments("run"), "--epochs", "two"),
                          (*train_arguments("run"), "--seed", "-1"), (*train_arguments("run"), "--speed", "1"),
                          ("evaluate", "run", "--dataset", DATASET, "--limit", "0"),
                          ("run", "a.kones", "b.kones", "--dataset", DATASET)):
            with self.subTest(arguments):
                line = self.refusal(*arguments, status=2)
                self.assertIn("--help", line)
                self.assertLess(len(line), 200)

    def test_numbers_out_of_range(self):
        train = train_arguments("run")
        for arguments, low in (((*train, "--epochs", "0"), 1), ((*train, "--epochs", "two"), 1),
                               ((*train, "--epochs", "1.5"), 1), ((*train, "--epochs", str(2 ** 63)), 1),
                               ((*train, "--seed", "-1"), 0), ((*train, "--seed", str(2 ** 64)), 0),
                               (("evaluate", "run", "--dataset", DATASET, "--limit", "0"), 1),
                               (("run", "x.kones", "--dataset", DATASET, "--limit", "-3"), 1)):
            with self.subTest(arguments):
                line = self.refusal(*arguments, status=2)
                self.assertIn(f'{arguments[-2]}: "{arguments[-1]}" is no whole number from {low} on', line)
        self.assertEqual(self.files("."), set())

    def test_a_command_that_is_none(self):
        for arguments in (("fly",), ("fly", "train"), ("--speed", "fly")):
            line = self.refusal(*arguments, status=2)
            self.assertIn('there is no command "fly"; there are train, recipe, evaluate, export, run, inspect, verify, cost, '
                          "convert", line)


class Training(program.ProgramTest):
    def test_rounding_and_other_settings(self):
        line = self.refusal(*train_arguments("run", settings=self.settings(rounding="up")))
        self.assertIn('rounding is "up"; there is nearest, stochastic, truncate', line)
        line = self.refusal(*train_arguments("run", settings=self.settings(epochs=1, roundin="nearest")))
        self.assertIn('line 2: there is no setting "roundin"', line)
        self.assertIn("rounding", line)
        settings = self.settings(flip=True, epochs=0)
        line = self.refusal(*train_arguments("run", settings=settings))
        self.assertIn(f"{settings}, line 2: epochs is 0; it takes 1 to ", line)
        line = self.refusal(*train_arguments("run", settings=self.settings(epochs=True)))
        self.assertIn("line 1: epochs has a value of the wrong type; it takes a whole number", line)
        line = self.refusal(*train_arguments("run", settings=self.folder))
        self.assertIn("is not a file", line)
        line = self.refusal(*train_arguments("run", settings="none.toml"))
        self.assertIn("none.toml does not exist", line)
        line = self.refusal(*train_arguments("run", settings=self.settings(validation_images=60000)))
        self.assertIn("validation_images is 60000; the training set has only 60000", line)
        line = self.refusal(*train_arguments("run", settings=self.settings(train_images=100)))
        self.assertIn("batch_size is 128; there are only 100 pictures", line)
        self.assertFalse((self.folder / "run").exists())

    def test_data_sets(self):
        line = self.refusal(*train_arguments("run", dataset="fashion-mnist:/no/such/folder"))
        self.assertIn("/no/such/folder", line)
        self.assertIn("is missing", line)
        self.assertIn("dataset-fashion-mnist", line)
        (self.folder / "empty").mkdir()
        line = self.refusal(*train_arguments("run", dataset="mnist:empty"))
        self.assertIn("empty", line)
        line = self.refusal(*train_arguments("run", dataset=f"cifar10:{FIXTURES / 'data' / 'cifar10'}"))
        self.assertIn("mnist-1hidden takes pictures of 1 x 28 x 28, 10 classes; the data set has 3 x 32 x 32", line)
        self.assertFalse((self.folder / "run").exists())

    def test_folders(self):
        (self.folder / "file").write_text("mine", encoding="utf-8")
        settings = self.settings(train_images=256, validation_images=100, epochs=1)
        for out in ("file", "file/below", "/proc/kones/run"):
            self.assertIn(f"cannot make the folder {out}: ", self.refusal(*train_arguments(out, settings=settings)))
        self.assertEqual((self.folder / "file").read_text(encoding="utf-8"), "mine")

    def test_a_run_is_not_overwritten(self):
        settings = self.settings(train_images=256, validation_images=100, epochs=1)
        self.train("run", settings=settings)
        before = {name: (self.folder / "run" / name).read_bytes() for name in self.files("run")}
        self.assertIn("run holds a run already; add --resume", self.refusal(*train_arguments("run", settings=settings)))
        for change, words in ((("--seed", "2"), "seed 1, not 2"), (("--epochs", "7"), "epochs 1, not 7"),
                              (("--recipe", "paper"), "run holds a run with ")):
            line = self.refusal(*train_arguments("run", settings=settings), *change, "--resume")
            self.assertIn(words, line)
        line = self.refusal(*train_arguments("run", method="lightnn-2", settings=settings), "--resume")
        self.assertIn('method "lightnn-1", not "lightnn-2"', line)
        line = self.refusal(*train_arguments("run", model="mnist-2conv", settings=settings), "--resume")
        self.assertIn("run holds a run with ", line)
        self.assertEqual({name: (self.folder / "run" / name).read_bytes() for name in self.files("run")}, before)

    def test_what_is_left_of_a_run_is_not_overwritten(self):
        settings = self.settings(train_images=256, validation_images=100, epochs=1)
        self.train("run", settings=settings)
        arguments = train_arguments("run", settings=settings)
        for lost, resume, words in (
                (("checkpoint.pt",), True, "run has a best.pt but no checkpoint.pt: the run cannot go on"),
                (("checkpoint.pt", "best.pt"), True, "run has a metrics.csv but no checkpoint.pt"),
                (("checkpoint.pt",), False, "run holds a run already"),
                (("config.json",), True, "run has a checkpoint.pt but no config.json"),
                (("config.json",), False, "run has a checkpoint.pt but no config.json"),
                (("config.json", "checkpoint.pt"), False, "run has a best.pt but no config.json"),
                (("config.json", "checkpoint.pt", "best.pt"), False, "run has a metrics.csv but no config.json")):
            with self.subTest(lost, resume=resume):
                kept = self.contents("run")
                for name in lost:
                    (self.folder / "run" / name).unlink()
                left = self.contents("run")
                line = self.refusal(*arguments, *(["--resume"] if resume else []))
                self.assertIn(words, line)
                self.assertIn("choose another", line)
                self.assertEqual(self.contents("run"), left)
                for name in lost:
                    (self.folder / "run" / name).write_bytes(kept[name])

    def test_two_at_once(self):
        settings = self.settings(train_images=4800, validation_images=300, epochs=200, batch_size=16)
        arguments = train_arguments("run", settings=settings)
        with self.start(*arguments) as process:
            try:
                self.assertIn("epoch 1/200", process.stderr.readline())
                for resume in ((), ("--resume",)):
                    self.assertIn("run is in use: another process trains there", self.refusal(*arguments, *resume))
                self.assertIsNone(process.poll())
            finally:
                process.kill()
                process.communicate()
        # The lock of a process that was killed is none.
        self.assertIn("lock", self.files("run"))
        self.assertIn("run holds a run already", self.refusal(*arguments))
        self.assertNotIn("lock", self.files("run"))

    def test_leftovers_of_killed_processes(self):
        settings = self.settings(train_images=256, validation_images=100, epochs=1)
        arguments = train_arguments("run", settings=settings)
        (self.folder / "run").mkdir()
        for command in (arguments, (*arguments, "--resume")):
            for name in ("config.json", "metrics.csv", "diagnostics.csv", "levels.csv", "checkpoint.pt", "best.pt", "mine"):
                (self.folder / "run" / f"{name}.partial-123").write_bytes(b"half")
            self.kones(*command)
            self.assertEqual(self.files("run"),
                             {"config.json", "metrics.csv", "diagnostics.csv", "levels.csv", "checkpoint.pt", "best.pt",
                              "mine.partial-123"})

    def test_checkpoints(self):
        settings = self.settings(train_images=256, validation_images=100, epochs=1)
        self.train("run", settings=settings)
        best = (self.folder / "run" / "best.pt").read_bytes()
        line = self.refusal(*train_arguments("other", model="mnist-2conv", settings=settings), "--init", "run/best.pt")
        self.assertIn("run/best.pt is a checkpoint of the model mnist-1hidden, not of mnist-2conv", line)
        line = self.refusal(*train_arguments("other", settings=settings), "--init", "none.pt")
        self.assertIn("none.pt does not exist", line)
        for name, data in (("cut.pt", best[:len(best) // 2]), ("empty.pt", b""), ("foreign.pt", b"weights" * 1000),
                           ("flipped.pt", best[:3000] + bytes([best[3000] ^ 1]) + best[3001:])):
            (self.folder / name).write_bytes(data)
            line = self.refusal(*train_arguments("other", settings=settings), "--init", name)
            self.assertIn(f"{name} is not a checkpoint of kones, or is damaged", line)
        self.assertFalse((self.folder / "other").exists())

        checkpoint = self.folder / "run" / "checkpoint.pt"
        checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
        line = self.refusal(*train_arguments("run", settings=settings), "--resume")
        self.assertIn("run/checkpoint.pt is not a checkpoint of kones, or is damaged", line)

    def test_no_cuda_device(self):
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        settings = self.settings(train_images=256, validation_images=100, epochs=1)
        line = self.refusal(*train_arguments("run", settings=settings), "--device", "cuda", env=environment)
        self.assertIn("there is no CUDA device on this machine; --device cpu works", line)
        self.assertFalse((self.folder / "run").exists())
        self.train("run", settings=settings)
        line = self.refusal("evaluate", "run", "--dataset", DATASET, "--device", "cuda", env=environment)
        self.assertIn("there is no CUDA device", line)


class NonFinite(program.ProgramTest):
    def test_in_the_first_epoch(self):
        for model in ("mnist-1hidden", "mnist-2conv"):
            settings = self.settings(train_images=1280, validation_images=100, epochs=1, optimizer="sgd",
                                     loss="squared-hinge", learning_rate=1e6, warmup=0)
            line = self.refusal(*train_arguments(model, model=model, settings=settings))
            self.assertRegex(line, r"not finite in epoch 1, step ([1-9]|10) of 10 \(.*(conv|linear)\d")
            self.assertIn("there is no checkpoint", line)
            self.assertIn("learning_rate", line)
            self.assertEqual(self.files(model), {"config.json"})
            # The folder is not lost: with a better rate it takes the run.
            settings = self.settings(train_images=1280, validation_images=100, epochs=1)
            self.kones(*train_arguments(model, model=model, settings=settings))
            self.assertIn("best.pt", self.files(model))

    def test_the_last_good_checkpoint_stays(self):
        """The rate grows a thousandfold each epoch, so some epochs end well."""
        settings = self.settings(train_images=1280, validation_images=100, epochs=8, optimizer="sgd",
                                 loss="squared-hinge", warmup=0, schedule="exponential", schedule_interval="epoch",
                                 learning_rate=1e-12, final_learning_rate=1e6)
        _, errors = self.train("run", settings=settings, status=1)
        lines = errors.splitlines()
        good = len(lines) - 1
        self.assertGreaterEqual(good, 2)
        self.assertRegex(lines[-1], rf"^kones: .* in epoch {good + 1}, step ([1-9]|10) of 10 \(.*linear\d")
        self.assertIn("the last good checkpoint is kept in run", lines[-1])
        self.assertEqual(len(program.metrics(self.folder / "run")), good)
        checkpoint = program.Checkpoint(self.folder / "run" / "checkpoint.pt")
        self.assertEqual((checkpoint.state["epoch"], checkpoint.state["step_in_epoch"]), (good, 0))
        for name, data in checkpoint.tensors.items():
            if len(data) % 4 == 0 and len(data) > 8:
                self.assertFalse(any(bits & 0x7F800000 == 0x7F800000 for bits, in struct.iter_unpack("<I", data)), name)
        self.json("evaluate", "run", "--dataset", DATASET, "--limit", 100)


class Packages(program.ProgramTest):
    @classmethod
    def setUpClass(cls):
        maker = cls("test_inspect")
        program.ProgramTest.setUp(maker)
        cls.addClassCleanup(maker.doCleanups)
        maker.train("run", settings=maker.settings(train_images=256, validation_images=100, epochs=1))
        maker.train("again", settings=maker.settings(train_images=256, validation_images=100, epochs=1, shift=0))
        maker.train("signs", method="lightnn-1-bin",
                    settings=maker.settings(train_images=256, validation_images=100, epochs=1))
        maker.kones("export", "run", "--out", "run.kones")
        cls.made = maker.folder

    def setUp(self):
        super().setUp()
        shutil.copytree(self.made, self.folder, dirs_exist_ok=True)

    def test_inspect(self):
        self.assertIn("mnist-1hidden", self.kones("inspect", "run.kones")[0])

    def test_damaged(self):
        good = (self.folder / "run.kones").read_bytes()
        for name, data in (("cut", good[:-1]), ("half", good[:len(good) // 2]), ("empty", b""),
                           ("foreign", b"x" * 5000),
                           ("flipped", good[:9000] + bytes([good[9000] ^ 16]) + good[9001:])):
            path = self.folder / f"{name}.kones"
            path.write_bytes(data)
            for command in (("inspect", path), ("run", path, "--dataset", DATASET, "--limit", 10)):
                self.assertIn(f"{name}.kones", self.refusal(*command))
        self.assertIn("none.kones does not exist", self.refusal("inspect", "none.kones"))
        self.assertIn("is not a file", self.refusal("run", "run", "--dataset", DATASET))

    def test_other_data_sets(self):
        cifar = f"cifar10:{FIXTURES / 'data' / 'cifar10'}"
        line = self.refusal("run", "run.kones", "--dataset", cifar)
        self.assertIn("takes pictures of 1 x 28 x 28; the data set has 3 x 32 x 32", line)
        line = self.refusal("evaluate", "run", "--dataset", cifar)
        self.assertIn("1 x 28 x 28", line)
        line = self.refusal("run", "run.kones", "--dataset", "fashion-mnist:/no/such/folder")
        self.assertIn("/no/such/folder", line)

    def test_check_against_another_run(self):
        line = self.refusal("run", "run.kones", "--dataset", DATASET, "--limit", 10, "--check", "signs")
        self.assertIn("the package is of mnist-1hidden with lightnn-1, "
                      "the run in signs of mnist-1hidden with lightnn-1-bin", line)
        line = self.refusal("run", "run.kones", "--dataset", DATASET, "--limit", 10, "--check", "nowhere")
        self.assertIn("nowhere is no folder of a run", line)
        # A run of the same kind: the result is printed, and the work has failed.
        output, errors = self.kones("run", "run.kones", "--dataset", DATASET, "--limit", 10, "--check", "again",
                                    "--json", status=1)
        self.assertGreater(json.loads(output)["mismatched_values"], 0)
        self.assertRegex(errors, r"^kones: the package's integers are not those of the checkpoint: first in "
                         r"linear1.accumulator, picture 0, element \d+: -?\d+ in the package, -?\d+ from "
                         r"the checkpoint\n$")

    def test_folders_that_are_no_runs(self):
        (self.folder / "empty").mkdir()
        for command in (("evaluate", "empty", "--dataset", DATASET), ("export", "empty", "--out", "x.kones")):
            self.assertIn("empty is no folder of a run", self.refusal(*command))
        config = self.folder / "run" / "config.json"
        config.write_text(config.read_text(encoding="utf-8").replace("lightnn-1", "lightnn-9"), encoding="utf-8")
        line = self.refusal("evaluate", "run", "--dataset", DATASET)
        self.assertIn('config.json: there is no method "lightnn-9"', line)
        config.write_text("{}", encoding="utf-8")
        self.assertIn("config.json is damaged", self.refusal("export", "run", "--out", "x.kones"))

    def test_places_that_cannot_be_written(self):
        (self.folder / "taken.kones").mkdir()
        before = self.files(".")
        for out in ("nowhere/x.kones", "taken.kones", "/proc/x.kones", "run.kones/x.kones"):
            self.assertIn("cannot write", self.refusal("export", "run", "--out", out))
        self.assertEqual(self.files("."), before)

    def test_full_disk(self):
        """A limit on the size of files stands for a disk that is full: writing fails in the same way."""
        def limited(limit):
            def prepare():
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            return prepare

        good = (self.folder / "run.kones").read_bytes()
        line = self.refusal("export", "again", "--out", "run.kones", preexec_fn=limited(5000))
        self.assertIn("cannot write run.kones: File too large", line)
        self.assertEqual((self.folder / "run.kones").read_bytes(), good)
        settings = self.settings(train_images=256, validation_images=100, epochs=1)
        for limit, file, stay in ((100, "config.json", set()), (4000, "checkpoint.pt", {"config.json"}),
                                  (400000, "checkpoint.pt", {"config.json"})):
            line = self.refusal(*train_arguments(f"full-{limit}", settings=settings), preexec_fn=limited(limit))
            self.assertIn(f"cannot write full-{limit}/{file}: File too large", line)
            self.assertEqual(self.files(f"full-{limit}"), stay)
        self.assertFalse(list(self.folder.rglob("*.partial-*")))
        # Space again: the run goes on.
        self.kones(*train_arguments("full-400000", settings=settings), "--resume")

    def test_results_that_cannot_be_written(self):
        commands = (("run", "run.kones", "--dataset", DATASET, "--limit", 10),
                    ("evaluate", "run", "--dataset", DATASET, "--limit", 10), ("inspect", "run.kones"),
                    ("export", "run", "--out", "new.kones"), ("--help",), ("--version",),
                    train_arguments("run", settings=self.settings(train_images=256, validation_images=100, epochs=1))
                    + ["--resume"])
        for command in commands:
            for json_flag in ((), ("--json",)) if command[0] in ("run", "evaluate", "inspect", "export") else ((),):
                with self.subTest(command, json=json_flag), open("/dev/full", "w", encoding="utf-8") as full:
                    _, errors = self.kones(*command, *json_flag, stdout=full, status=1)
                    self.assertEqual(errors.splitlines()[-1],
                                     "kones: cannot write to standard output: No space left on device")

    def test_a_pipe_that_nobody_reads(self):
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "w", encoding="utf-8") as pipe:
            _, errors = self.kones("inspect", "run.kones", stdout=pipe, status=1)
        self.assertEqual(errors, "kones: cannot write to standard output: Broken pipe\n")

    def test_devices_and_links(self):
        """A pipe stands for /dev/null: a program that fails here must not take the machine's device along."""
        os.mkfifo(self.folder / "pipe")
        (self.folder / "link").symlink_to("pipe")
        for out in ("pipe", "link"):
            self.assertIn(f"cannot write {out}: it is a device, a pipe or a socket",
                          self.refusal("export", "run", "--out", out))
        self.assertTrue((self.folder / "pipe").is_fifo())
        self.assertTrue((self.folder / "link").is_symlink())
        (self.folder / "disk").mkdir()
        (self.folder / "link.kones").symlink_to("disk/file.kones")
        self.kones("export", "run", "--out", "link.kones")
        self.assertTrue((self.folder / "link.kones").is_symlink())
        self.assertEqual(self.files("disk"), {"file.kones"})
        self.assertEqual((self.folder / "link.kones").read_bytes(), (self.folder / "run.kones").read_bytes())


if __name__ == "__main__":
    program.main()
