#!/usr/bin/env python3
"""The main job: train each method, export it, run the package in integers, compare every integer, and tell the costs.

Standard library only. scripts/run calls it after set-up. The tables go to standard output, all else to standard error.
"""

import argparse
import csv
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time

from jobs import positive, processor_name, write_whole

ROOT = pathlib.Path(__file__).resolve().parent.parent
METHODS_WITHOUT_PACKAGE = {"float"}
CHECKS = ("mismatched_predictions", "mismatched_values", "compared_values", "mismatched_signs", "compared_signs")
COLUMNS = (
    "method",
    "test error in LibTorch, %",
    "test error in integers, %",
    "mismatched / compared values",
    "mismatched / compared signs",
    "bytes of weights / in float32",
    "training images/s",
    "integer images/s",
    "training s",
)


class JobFailed(Exception):
    """One line that says which step failed and what to do."""


class Interrupted(Exception):
    """A signal asked the job to stop; its number is the argument."""


class Kones:
    """Calls the program kones, one command at a time, and keeps what was called."""

    def __init__(self, path):
        self.path = path
        self.commands = []
        self._child = None
        self._signal = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number, _frame):
        self._signal = number
        # A terminal's Ctrl-C reaches the child by itself, and a second one could make it stop without saving.
        if number != signal.SIGINT and self._child is not None:
            self._child.send_signal(signal.SIGTERM)

    def call(self, *arguments):
        """Runs a command that shows its own progress; JobFailed unless it ends with 0."""
        status, _ = self._run(arguments, stdout=sys.stderr)
        if status != 0:
            raise self._failed(arguments, status)

    def read(self, *arguments):
        """Runs a command and returns what it prints; JobFailed unless it ends with 0."""
        status, output = self._run(arguments, stdout=subprocess.PIPE)
        if status != 0:
            raise self._failed(arguments, status)
        return output

    def ask(self, *arguments, keys, may_fail=lambda answer: False):
        """Runs a command with --json and returns its object, whose `keys` must be numbers.

        may_fail tells from the object whether a status of 1 is the answer itself and no failure to answer.
        """
        arguments += ("--json",)
        status, output = self._run(arguments, stdout=subprocess.PIPE)
        try:
            answer = json.loads(output)
        except json.JSONDecodeError:
            answer = None
        if status != 0 and not (status == 1 and isinstance(answer, dict) and may_fail(answer)):
            raise self._failed(arguments, status)
        missing = [key for key in keys if not isinstance((answer or {}).get(key), (int, float))]
        if missing:
            raise JobFailed(f"'{self._shown(arguments)}' did not print JSON with {', '.join(missing)}: {output[:80]!r}")
        return answer

    def _run(self, arguments, stdout):
        self._raise_if_interrupted()
        shown = self._shown(arguments)
        say(shown)
        self.commands.append(shown)
        try:
            self._child = subprocess.Popen(
                [str(self.path), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=stdout, text=True
            )
        except OSError as error:
            raise JobFailed(f"{short(self.path)} cannot be started ({error.strerror}): run scripts/setup") from error
        if self._signal is not None:
            # It came between the check above and the start.
            self._on_signal(self._signal, None)
        output, _ = self._child.communicate()
        status = self._child.returncode
        self._child = None
        self._raise_if_interrupted()
        return status, output

    def _raise_if_interrupted(self):
        if self._signal is not None:
            raise Interrupted(self._signal)

    def _shown(self, arguments):
        return shlex.join([short(self.path), *map(str, arguments)])

    def _failed(self, arguments, status):
        ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return JobFailed(f"'{self._shown(arguments)}' {ended}; its own message is above")


def say(text):
    print(f"main job: {text}", file=sys.stderr, flush=True)


def short(path):
    """The path relative to the current folder where that is inside it, so that commands can be copied."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def parse_arguments(argv):
    """Options that are not the job's own go to `kones train` as they stand."""
    parser = argparse.ArgumentParser(
        prog="scripts/run",
        usage="%(prog)s [options] [options of kones train]",
        description="Trains a network by each method, exports it, runs the package in integers over the whole test set, "
        "compares every integer with the trained network, and prints a table and what each package costs in hardware. Started again after an interruption, it "
        "goes on where it was.",
        epilog="Other options, such as --recipe, --config and --device, go to kones train as they stand.",
        allow_abbrev=False,
    )
    parser.add_argument("--dataset", default="fashion-mnist", help="data set as kones names it (default: %(default)s)")
    parser.add_argument("--model", default="mnist-2conv", help="model as kones names it (default: %(default)s)")
    parser.add_argument(
        "--methods",
        default="lightnn-1,float",
        type=method_list,
        help="training methods, with commas between (default: lightnn-1,float)",
    )
    parser.add_argument("--epochs", type=positive, default=4, help="epochs of each training (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of each training (default: %(default)s)")
    parser.add_argument("--out", type=pathlib.Path, help="folder of the results (default: runs/<data set>-<model>)")
    parser.add_argument(
        "--program",
        type=pathlib.Path,
        default=ROOT / "build" / "bin" / "kones",
        help="the program kones (default: build/bin/kones)",
    )
    options, options.train_options = parser.parse_known_args(argv)
    if options.out is None:
        # A data set's name may carry a folder (mnist:DIR, uci:NAME:DIR).
        parts = options.dataset.split(":")
        name = "-".join(parts[:2]) if parts[0] == "uci" else parts[0]
        options.out = ROOT / "runs" / f"{name}-{options.model}"
    return options


def method_list(text):
    methods = text.split(",")
    for method in methods:
        # A method's name becomes a file name.
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", method):
            raise argparse.ArgumentTypeError(f"'{method}' is no method's name")
    if len(set(methods)) != len(methods):
        raise argparse.ArgumentTypeError(f"a method is there twice: {text}")
    return methods


def claim_folder(options):
    """Records the job in OUT/job.json; JobFailed if another job's runs are there, which --resume would go on with."""
    job = {
        "dataset": options.dataset,
        "model": options.model,
        "epochs": options.epochs,
        "seed": options.seed,
        "train_options": options.train_options,
    }
    path = options.out / "job.json"
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        if path.exists():
            before = json.loads(path.read_text(encoding="utf-8"))
            differing = [key for key in job if before.get(key) != job[key]]
            if differing:
                was = ", ".join(f"{key} {before.get(key)!r}, now {job[key]!r}" for key in differing)
                raise JobFailed(f"{short(options.out)} holds another job ({was}): name another --out or remove it")
        else:
            write_whole(path, json.dumps(job, indent=2) + "\n")
    except (OSError, ValueError, AttributeError) as error:
        raise JobFailed(f"{short(path)} cannot be used ({error}): name another --out or remove it") from error


def read_metrics(run):
    """The training time in seconds and images a second over all epochs, from the run's metrics.csv."""
    path = run / "metrics.csv"
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [(float(row["seconds"]), float(row["images_per_second"])) for row in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise JobFailed(f"{short(path)} has no usable seconds and images_per_second ({error})") from error
    seconds = sum(row[0] for row in rows)
    if seconds <= 0:
        raise JobFailed(f"{short(path)} holds no epoch")
    return seconds, sum(row[0] * row[1] for row in rows) / seconds


def do_method(kones, options, method):
    """Trains, evaluates, exports, runs and checks one method; returns its row of the summary."""
    run = options.out / method
    package = options.out / f"{method}.kones"
    start = time.monotonic()

    train = ["train", "--model", options.model, "--method", method, "--dataset", options.dataset]
    train += ["--epochs", options.epochs, "--seed", options.seed, "--out", short(run)]
    if (run / "checkpoint.pt").exists():
        say(f"{short(run)} has a checkpoint: going on from it")
        train.append("--resume")
    kones.call(*train, *options.train_options)
    seconds, rate = read_metrics(run)
    row = {"method": method, "training_seconds": seconds, "training_images_per_second": rate}

    evaluation = kones.ask(
        "evaluate", short(run), "--dataset", options.dataset, keys=("images", "errors", "test_error_percent")
    )
    row["images"] = evaluation["images"]
    row["test_error_percent"] = evaluation["test_error_percent"]

    if method not in METHODS_WITHOUT_PACKAGE:
        kones.call("export", short(run), "--out", short(package))
        check = kones.ask(
            "run",
            short(package),
            "--dataset",
            options.dataset,
            "--check",
            short(run),
            keys=(
                "images",
                "test_error_percent",
                "images_per_second",
                *CHECKS,
            ),
            may_fail=lambda answer: answer.get("mismatched_values", 0) != 0,
        )
        row["integer_test_error_percent"] = check["test_error_percent"]
        row["integer_images"] = check["images"]
        row["integer_images_per_second"] = check["images_per_second"]
        for key in CHECKS:
            row[key] = check[key]
        size = kones.ask("inspect", short(package), keys=("code_bytes", "float32_bytes"))
        row["code_bytes"] = size["code_bytes"]
        row["float32_bytes"] = size["float32_bytes"]
        row["cost"] = kones.read("cost", short(package))

    row["job_seconds"] = round(time.monotonic() - start, 3)
    return row


def what_is_wrong(row):
    """One line if the row shows that integers differ or were not compared, else None."""
    if "compared_values" not in row:
        return None
    if row["mismatched_values"] != 0:
        return (
            f"{row['mismatched_values']} of {row['compared_values']} values of the {row['method']} package differ from "
            "the trained network"
        )
    if row["mismatched_signs"] != 0:
        return (
            f"{row['mismatched_signs']} of {row['compared_signs']} hidden signs of the {row['method']} package differ from "
            "the trained network's own"
        )
    if row["compared_values"] == 0:
        return f"not one value of the {row['method']} package was compared"
    if row["integer_images"] != row["images"]:
        return f"the {row['method']} package ran over {row['integer_images']} images, not over {row['images']}"
    return None


def cells(row):
    if "compared_values" in row:
        integers = f"{row['integer_test_error_percent']:.2f}"
        mismatched = f"{row['mismatched_values']:,} / {row['compared_values']:,}"
        signs = f"{row['mismatched_signs']:,} / {row['compared_signs']:,}" if row["compared_signs"] else "-"
        size = f"{row['code_bytes']:,} / {row['float32_bytes']:,}"
        integer_rate = f"{row['integer_images_per_second']:,.0f}"
    else:
        integers = mismatched = signs = size = integer_rate = "-"
    return (
        row["method"],
        f"{row['test_error_percent']:.2f}",
        integers,
        mismatched,
        signs,
        size,
        f"{row['training_images_per_second']:,.0f}",
        integer_rate,
        f"{row['training_seconds']:,.1f}",
    )


def table(rows):
    """A Markdown table that reads well as plain text too."""
    lines = [COLUMNS, *map(cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]

    def formatted(line):
        padded = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2)] + ["-" * (width + 1) + ":" for width in widths[1:]]) + "|"
    return "\n".join([formatted(lines[0]), rule, *map(formatted, lines[1:])]) + "\n"


def costs(rows):
    """What each package costs in hardware, as kones cost says it."""
    return "".join(f"\n{row['method']}:\n{row['cost']}" for row in rows if "cost" in row)


def write_summary(options, kones, rows):
    processor = processor_name()
    threads = len(os.sched_getaffinity(0))
    summary = {
        "dataset": options.dataset,
        "model": options.model,
        "epochs": options.epochs,
        "seed": options.seed,
        "train_options": options.train_options,
        "processor": processor,
        "processor_threads": threads,
        "commands": kones.commands,
        "methods": rows,
    }
    commands = "\n".join(f"    {command}" for command in kones.commands)
    text = (
        f"# {options.model} on {options.dataset}\n\n{table(rows)}\n"
        f"Seed {options.seed}, {options.epochs} epochs, {processor}, {threads} threads. The commands:\n\n{commands}\n"
    )
    if costs(rows):
        text += f"\n## In hardware\n\n```{costs(rows)}```\n"
    write_whole(options.out / "summary.json", json.dumps(summary, indent=2) + "\n")
    write_whole(options.out / "summary.md", text)


def main(argv):
    options = parse_arguments(argv)
    kones = Kones(options.program)
    try:
        claim_folder(options)
        rows = [do_method(kones, options, method) for method in options.methods]
        try:
            write_summary(options, kones, rows)
        except OSError as error:
            raise JobFailed(f"{short(options.out)}/summary cannot be written: {error.strerror}") from error
        print(table(rows), costs(rows), sep="", end="", flush=True)
        wrong = [line for line in map(what_is_wrong, rows) if line]
        if wrong:
            raise JobFailed("; ".join(wrong))
    except JobFailed as failure:
        print(f"main job failed: {failure}", file=sys.stderr)
        return 1
    except Interrupted as interruption:
        print("main job interrupted: start the same command again to go on", file=sys.stderr)
        return 128 + interruption.args[0]
    say(f"done; the table and the commands are in {short(options.out / 'summary.md')}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
