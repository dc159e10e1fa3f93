"""train, evaluate, export, inspect and run --check, one after the other, on a small part of Fashion-MNIST.

Seen to fail on: floor in place of ceil in the exporter's thresholds (binarynet: mismatches); the half left out of its
addends (lightnn-2: mismatches); a JSON key renamed; metrics.csv without its best column; the worst epoch taken for the
best; --init ignored.
"""

import csv
import json
import math

import program
from program import DATASET

EVALUATE_KEYS = {"images", "errors", "test_error_percent"}
CHECK_KEYS = EVALUATE_KEYS | {"mismatched_predictions", "mismatched_values", "compared_values", "mismatched_signs",
                              "compared_signs", "rounded_signs"}
EXTRA_KEYS = {"images_per_second"}  # beyond the contract of docs/design.md, section 5
METRICS_COLUMNS = ["epoch", "learning_rate", "train_loss", "validation_error_percent", "best", "seconds",
                   "images_per_second"]
# Integers of a picture in every tensor: input, sums, what is pooled, outputs.
VALUES = {"mnist-1hidden": 784 + 100 + 100 + 10 + 10,
          "mnist-2conv": 784 + 20 * (24 * 24 + 2 * 12 * 12) + 50 * (8 * 8 + 2 * 4 * 4) + 500 + 500 + 10 + 10}
# Its hidden activations.
SIGNS = {"mnist-1hidden": [100], "mnist-2conv": [20 * 12 * 12, 50 * 4 * 4, 500]}
SIGN_METHODS = {"lightnn-1-bin", "lightnn-2-bin", "binarynet", "power-of-two-bin", "ternary-bin"}


class TrainExportRun(program.ProgramTest):
    def check_result(self, result, keys, images):
        self.assertEqual(set(result), keys | EXTRA_KEYS)
        self.assertEqual(result["images"], images)
        self.assertIsInstance(result["errors"], int)
        self.assertAlmostEqual(result["test_error_percent"], 100 * result["errors"] / images, places=9)
        self.assertGreater(result["images_per_second"], 0)

    def check_method(self, model, method, error_limit, limit=500, **settings):
        settings = self.settings(**{"train_images": 3000, "validation_images": 500, "epochs": 2, **settings})
        self.train("run", model, method, settings)
        self.assertEqual(self.files("run"),
                         {"config.json", "metrics.csv", "diagnostics.csv", "levels.csv", "checkpoint.pt", "best.pt"})

        evaluated = self.json("evaluate", "run", "--dataset", DATASET, "--limit", limit)
        self.check_result(evaluated, EVALUATE_KEYS, limit)
        self.assertLess(evaluated["test_error_percent"], error_limit, "it has not learned")

        output, errors = self.kones("export", "run", "--out", "run.kones")
        self.assertTrue(output.startswith("run.kones written\n"), output)
        self.assertEqual(errors, "")
        inspected = json.loads(self.kones("inspect", "run.kones", "--json")[0])
        self.assertEqual([network["name"] for network in inspected["networks"]], [f"{model}-{method}"])
        self.assertIn(f"model {model}, method {method}", self.kones("inspect", "run.kones")[0])

        ran = self.json("run", "run.kones", "--dataset", DATASET, "--limit", limit)
        self.check_result(ran, EVALUATE_KEYS, limit)
        checked = self.json("run", "run.kones", "--dataset", DATASET, "--limit", limit, "--check", "run")
        self.check_result(checked, CHECK_KEYS, limit)
        self.assertEqual(checked["errors"], ran["errors"])
        self.assertEqual(checked["mismatched_values"], 0)
        self.assertEqual(checked["compared_values"], limit * VALUES[model])
        signs = sum(SIGNS[model]) if method in SIGN_METHODS else 0
        self.assertEqual(checked["compared_signs"], limit * signs)
        self.assertEqual(checked["mismatched_signs"], 0, "hidden signs are those of the trained network")
        self.assertLessEqual(checked["rounded_signs"], limit * signs // 1000, "float32 turns few of them")
        # Activations of 8 bits and signs may cost a little, and not more.
        self.assertLessEqual(abs(ran["errors"] - evaluated["errors"]), checked["mismatched_predictions"])
        self.assertLessEqual(checked["mismatched_predictions"], limit // 50)

    def test_mnist_1hidden_lightnn_1(self):
        self.check_method("mnist-1hidden", "lightnn-1", 35)

    def test_mnist_1hidden_lightnn_2(self):
        self.check_method("mnist-1hidden", "lightnn-2", 35)

    def test_mnist_1hidden_lightnn_1_bin(self):
        self.check_method("mnist-1hidden", "lightnn-1-bin", 40)

    def test_mnist_1hidden_lightnn_2_bin(self):
        self.check_method("mnist-1hidden", "lightnn-2-bin", 40)

    def test_mnist_1hidden_binaryconnect(self):
        self.check_method("mnist-1hidden", "binaryconnect", 50)

    def test_mnist_1hidden_binarynet(self):
        self.check_method("mnist-1hidden", "binarynet", 50)

    def test_mnist_1hidden_lightnn_3(self):
        self.check_method("mnist-1hidden", "lightnn-3", 35)

    def test_mnist_1hidden_lightnn_4(self):
        self.check_method("mnist-1hidden", "lightnn-4", 35)

    def test_mnist_1hidden_power_of_two(self):
        self.check_method("mnist-1hidden", "power-of-two", 35)

    def test_mnist_1hidden_power_of_two_bin(self):
        self.check_method("mnist-1hidden", "power-of-two-bin", 40)

    def test_mnist_1hidden_ternary(self):
        self.check_method("mnist-1hidden", "ternary", 35)

    def test_mnist_1hidden_ternary_bin(self):
        self.check_method("mnist-1hidden", "ternary-bin", 45)

    def test_mnist_1hidden_fixed_12(self):
        self.check_method("mnist-1hidden", "fixed-12", 35)

    def test_mnist_1hidden_fixed_8(self):
        self.check_method("mnist-1hidden", "fixed-8", 35)

    def test_mnist_1hidden_fixed_4(self):
        self.check_method("mnist-1hidden", "fixed-4", 40)

    def test_mnist_2conv_lightnn_1(self):
        self.check_method("mnist-2conv", "lightnn-1", 40, limit=200, train_images=2000)

    def test_float(self):
        self.train("run", method="float", settings=self.settings(train_images=3000, validation_images=500, epochs=2))
        evaluated = self.json("evaluate", "run", "--dataset", DATASET, "--limit", 500)
        self.assertLess(evaluated["test_error_percent"], 35)
        line = self.refusal("export", "run", "--out", "run.kones")
        self.assertIn("linear1 cannot be exported: its weights are float32", line)
        self.assertFalse((self.folder / "run.kones").exists())


class ActivationBits(program.ProgramTest):
    def export_and_check(self, folder, *options):
        self.kones("export", folder, "--out", "run.kones", *options)
        checked = self.json("run", "run.kones", "--dataset", DATASET, "--limit", 200, "--check", folder)
        self.assertEqual(checked["mismatched_values"], 0)
        return checked

    def test_widths_and_calibrations(self):
        settings = self.settings(train_images=2560, validation_images=500, epochs=1)
        self.train("run", settings=settings)
        for options in (("--activation-bits", "4", "--calibration", "error"), ("--activation-bits", "linear1=16"),
                        ("--activation-bits", "linear1=5,*=12"), ("--calibration", "range")):
            with self.subTest(options=options):
                checked = self.export_and_check("run", *options)
                self.assertLessEqual(checked["mismatched_predictions"], 60 if "4" in options else 6)
        for options, words in ((("--activation-bits", "3"), "4 to 16"), (("--activation-bits", "linear2=8"), "linear1"),
                               (("--calibration", "best"), "range, error")):
            line = self.refusal("export", "run", "--out", "no.kones", *options, status=2)
            self.assertIn(words, line)
        self.assertFalse((self.folder / "no.kones").exists())

    def test_trained_radix_points(self):
        settings = self.settings(train_images=2560, validation_images=500, epochs=2, activation_bits=6)
        self.train("run", settings=settings)
        checked = self.export_and_check("run")
        evaluated = self.json("evaluate", "run", "--dataset", DATASET, "--limit", 200)
        self.assertLessEqual(abs(checked["errors"] - evaluated["errors"]), 1, "the trained network is fixed point too")
        self.assertLessEqual(checked["mismatched_predictions"], 2)
        self.assertIn("trained with activations of 6 bits",
                      self.refusal("export", "run", "--out", "no.kones", "--activation-bits", 8, status=2))


class RunFolder(program.ProgramTest):
    def test_metrics(self):
        settings = self.settings(train_images=1280, validation_images=400, epochs=3, learning_rate=0.004, warmup=0,
                                 schedule="constant")
        output, errors = self.train("run", settings=settings)
        with open(self.folder / "run" / "metrics.csv", newline="", encoding="utf-8") as file:
            self.assertEqual(next(csv.reader(file)), METRICS_COLUMNS)
        rows = program.metrics(self.folder / "run")
        self.assertEqual([row["epoch"] for row in rows], ["1", "2", "3"])
        lowest = math.inf
        best = None
        for row in rows:
            self.assertEqual(float(row["learning_rate"]), 0.004)
            self.assertGreater(float(row["train_loss"]), 0)
            error = float(row["validation_error_percent"])
            self.assertAlmostEqual(error * 4, round(error * 4), places=6, msg="of 400 pictures")
            self.assertEqual(row["best"], "1" if error <= lowest else "0")
            best = row if error <= lowest else best
            lowest = min(lowest, error)
            self.assertAlmostEqual(float(row["seconds"]) * float(row["images_per_second"]), 1280, delta=1)
        self.assertRegex(output, rf"^best epoch {best['epoch']} of 3: validation error {float(lowest):.2f} %\n$")
        self.assertEqual(program.Checkpoint(self.folder / "run" / "best.pt").state["epoch"], int(best["epoch"]))
        lines = errors.splitlines()
        self.assertEqual(len(lines), 3, "a plain line an epoch")
        for number, (line, row) in enumerate(zip(lines, rows), 1):
            self.assertRegex(line, rf"^epoch {number}/3  loss \d+\.\d{{4}}  validation error "
                             rf"{float(row['validation_error_percent']):.2f} %( \(best\))?  "
                             r"flips \S+ %/step  \d+:\d\d  \d+ images/s$")
            self.assertEqual("(best)" in line, row["best"] == "1")

    def test_config(self):
        settings = self.settings(train_images=256, validation_images=100)
        self.kones(*program.train_arguments("run", settings=settings), "--epochs", 2, "--seed", 9, "--recipe", "paper")
        config = json.loads((self.folder / "run" / "config.json").read_text(encoding="utf-8"))
        self.assertEqual({key: config[key] for key in ("model", "method", "dataset", "device", "init", "seed")},
                         {"model": "mnist-1hidden", "method": "lightnn-1", "dataset": DATASET, "device": "cpu",
                          "init": "", "seed": 9})
        self.assertEqual(config["settings"]["recipe"], "paper")
        self.assertEqual(config["settings"]["rounding"], "stochastic")
        self.assertEqual(config["settings"]["epochs"], 2)
        self.assertEqual(config["settings"]["train_images"], 256)

    def test_seeds_make_runs(self):
        settings = self.settings(train_images=512, validation_images=100, epochs=1)
        for out, seed in (("a", 1), ("b", 1), ("c", 2)):
            self.kones(*program.train_arguments(out, settings=settings), "--seed", seed)
        a, b, c = ((self.folder / out / "best.pt").read_bytes() for out in "abc")
        self.assertEqual(a, b)
        self.assertNotEqual(a, c)

    def test_init_starts_from_a_trained_network(self):
        settings = self.settings(train_images=2560, validation_images=500, epochs=2)
        self.train("float", method="float", settings=settings)
        settings = self.settings(train_images=256, validation_images=500, epochs=1, learning_rate=1e-4)
        self.train("fresh", method="lightnn-2", settings=settings)
        self.kones(*program.train_arguments("started", method="lightnn-2", settings=settings),
                   "--init", "float/best.pt")
        fresh, started = (float(program.metrics(self.folder / out)[0]["validation_error_percent"])
                          for out in ("fresh", "started"))
        self.assertLess(started, fresh - 20)

    def test_evaluate_takes_the_best_epoch(self):
        """Not the last one: a rate that ruins the second epoch must not show.

        An average of the weights would hide the ruin, now and then: what is evaluated is the average."""
        settings = self.settings(train_images=2560, validation_images=500, epochs=2, schedule="exponential",
                                 schedule_interval="epoch", warmup=0, learning_rate=0.005, final_learning_rate=1e4,
                                 weight_average=0.0)
        self.train("run", settings=settings)
        rows = program.metrics(self.folder / "run")
        self.assertEqual([row["best"] for row in rows], ["1", "0"])
        self.assertGreater(float(rows[1]["validation_error_percent"]), float(rows[0]["validation_error_percent"]) + 5)
        evaluated = self.json("evaluate", "run", "--dataset", DATASET, "--limit", 1000)
        self.assertLess(abs(evaluated["test_error_percent"] - float(rows[0]["validation_error_percent"])), 5)

    def test_without_json_a_line_for_people(self):
        self.train("run")
        self.kones("export", "run", "--out", "run.kones")
        output, errors = self.kones("evaluate", "run", "--dataset", DATASET, "--limit", 300)
        self.assertRegex(output, r"^test error \d+\.\d\d % \(\d+ of 300 pictures\), \d+ images/s\n$")
        self.assertEqual(errors, "")
        output, errors = self.kones("run", "run.kones", "--dataset", DATASET, "--limit", 300, "--check", "run")
        self.assertRegex(output, r"^test error in integers \d+\.\d\d % \(\d+ of 300 pictures\), \d+ images/s\n"
                         r"0 mismatched integers of 301200 compared; "
                         r"\d+ predictions differ from the trained network's\n$")
        self.assertEqual(errors, "")

    def test_training_and_exporting_as_json(self):
        settings = self.settings(train_images=1280, validation_images=400, epochs=3)
        result = self.json(*program.train_arguments("run", settings=settings))
        self.assertEqual(set(result),
                         {"best_epoch", "epochs", "validation_error_percent", "images_per_second", "folder"})
        rows = program.metrics(self.folder / "run")
        best = [row for row in rows if row["best"] == "1"][-1]
        self.assertEqual((result["best_epoch"], result["epochs"], result["folder"]), (int(best["epoch"]), 3, "run"))
        self.assertAlmostEqual(result["validation_error_percent"], float(best["validation_error_percent"]), places=4)
        self.assertAlmostEqual(result["images_per_second"] * sum(float(row["seconds"]) for row in rows), 3840, delta=4)
        result = self.json("export", "run", "--out", "run.kones")
        inspected = json.loads(self.kones("inspect", "run.kones", "--json")[0])
        self.assertEqual(result, {"file": "run.kones", "bytes": (self.folder / "run.kones").stat().st_size,
                                  **{key: inspected[key] for key in ("weights", "code_bytes", "float32_bytes")}})

    def test_recipes_are_files_of_settings(self):
        chosen = ("--model", "mnist-1hidden", "--method", "lightnn-1-bin")
        text = self.kones("recipe", *chosen)[0]
        settings = self.json("recipe", *chosen)
        self.assertIn('rounding = "stochastic"\n', text)
        self.assertEqual(len(text.splitlines()), len(settings) - 1)
        self.assertEqual(settings["recipe"], "best")
        (self.folder / "whole.toml").write_text(text, encoding="utf-8")
        paper = self.json("recipe", *chosen, "--recipe", "paper", "--config", "whole.toml")
        self.assertEqual({**paper, "recipe": "best"}, settings)
        self.assertNotEqual(self.json("recipe", *chosen, "--recipe", "paper")["loss"], settings["loss"])

    def test_a_teacher(self):
        """Seen to fail on: a teacher that is loaded and not asked."""
        self.train("teacher", method="float")
        settings = self.settings(train_images=1000, validation_images=500, epochs=1, distillation=0.9)
        errors = self.train("alone", settings=settings)[1]
        self.assertIn("no --teacher", errors)
        self.kones(*program.train_arguments("taught", settings=settings), "--teacher", "teacher")
        alone, taught = (float(program.metrics(self.folder / run)[0]["train_loss"]) for run in ("alone", "taught"))
        self.assertNotEqual(alone, taught)
        self.assertEqual(json.loads((self.folder / "taught" / "config.json").read_text(encoding="utf-8"))["teacher"], "teacher")
        line = self.refusal(*program.train_arguments("new", settings=settings), "--teacher", "nobody")
        self.assertIn("nobody is no folder of a run", line)

    def test_help(self):
        output, errors = self.kones("--help")
        self.assertEqual(errors, "")
        for command in ("train", "recipe", "evaluate", "export", "run", "inspect"):
            self.assertIn(command, output)
            self.assertIn("--help", self.kones(command, "--help")[0])
        self.assertRegex(self.kones("--version")[0], r"^\d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    program.main()
