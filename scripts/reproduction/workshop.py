"""Trains cells, several at a time, and writes down each as soon as it is finished."""

import concurrent.futures
import csv
import gzip
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import threading
import time

from cell import ROOT, Cell, Failed, Places, cell_of, short
from jobs import gpu_name, processor_name, write_whole

CHECKS = ("mismatched_predictions", "mismatched_values", "compared_values", "mismatched_signs", "compared_signs")
STATUS_SECONDS = 2.0  # between two looks at the running trainings, on a terminal
STATUS_SECONDS_PLAIN = 120.0  # else
GIT_TRIES = 20


class Interrupted(Exception):
    """A signal asked to stop; what was trained so far is saved."""


def say(text):
    print(f"reproduce: {text}", file=sys.stderr, flush=True)


class Program:
    """The program kones."""

    def __init__(self, path, threads):
        self.path = pathlib.Path(path).resolve()
        self.threads = threads
        self._children = set()
        self._recipes = {}
        # A signal's handler may come while the thread that it interrupts has the lock.
        self._lock = threading.RLock()
        self.stopping = False

    def call(self, log, *arguments):
        """Runs a command, appends it and what it prints to standard error to `log`; returns its standard output."""
        environment = dict(os.environ, OMP_NUM_THREADS=str(self.threads))
        command = [str(self.path), *map(str, arguments)]
        log.write(f"$ kones {shlex.join(map(str, arguments))}\n")
        log.flush()
        with self._lock:
            if self.stopping:
                raise Interrupted
            try:
                # In a group of its own: a terminal's Ctrl-C reaches it through stop() alone.
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    env=environment,
                    cwd=ROOT,
                    start_new_session=True,
                )
            except OSError as error:
                raise Failed(f"{short(self.path)} cannot be started ({error.strerror}): run scripts/setup") from error
            self._children.add(child)
        output, _ = child.communicate()
        with self._lock:
            self._children.discard(child)
            if self.stopping:
                raise Interrupted
        log.write(output)
        if child.returncode != 0:
            raise Failed(f"{last_line(log.name)} (kones {arguments[0]}: see {short(log.name)})")
        return output

    def ask(self, log, *arguments):
        output = self.call(log, *arguments, "--json")
        try:
            return json.loads(output)
        except ValueError as error:
            raise Failed(f"kones {arguments[0]} --json printed {output[:80]!r}") from error

    def settings(self, cell):
        """Of the cell's training: its recipe's, with the cell's own in their place."""
        chosen = ("--model", cell.model, "--method", cell.method, "--recipe", cell.recipe)
        if chosen not in self._recipes:
            self._recipes[chosen] = self.ask_quickly("recipe", *chosen)
        return {**self._recipes[chosen], **dict(cell.settings)}

    def differing(self, cell, result):
        """The names of the settings that are others than the cell's result was made with."""
        settings = self.settings(cell)
        return [name for name in settings if result["settings"].get(name) != settings[name]]

    def current(self, results, table):
        """Those that are of their recipes as they are now; says which are not."""
        kept = []
        for result in results:
            cell = cell_of(result, table)
            if self.differing(cell, result):
                say(f"{cell.name} is left out: its recipe has changed since; start its training again")
            else:
                kept.append(result)
        return kept

    def parameters(self, model):
        """Weights and biases, as the paper counts them."""
        return self.ask_quickly("cost", "--model", model, "--method", "float")["networks"][0]["parameters"]

    def ask_quickly(self, *arguments):
        """The JSON object of a command that is done at once and shows no progress."""
        command = [str(self.path), *arguments, "--json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise Failed(f"{short(self.path)} cannot be started ({error.strerror}): run scripts/setup") from error
        if done.returncode != 0:
            raise Failed(done.stderr.strip() or f"kones {arguments[0]} ended with status {done.returncode}")
        return json.loads(done.stdout)

    def stop(self):
        """Asks the trainings to save and end. Once: a second signal would end them without saving."""
        with self._lock:
            if self.stopping:
                return
            self.stopping = True
            for child in self._children:
                child.terminate()


class Workshop:
    """Does the work of cells; `data` maps a config to its data set as kones names it."""

    def __init__(self, options, data):
        self.places = Places(options.results, options.runs)
        self.jobs = options.jobs or (1 if options.device == "cuda" else len(os.sched_getaffinity(0)))
        self.device = options.device
        self.again = options.again
        self.commit = options.commit
        self.data = data
        self.program = Program(options.program, max(1, len(os.sched_getaffinity(0)) // self.jobs))
        self._running = {}
        self._runs = {}  # a lock for each: who makes room in a run's folder also trains there
        self._lock = threading.Lock()

    def finish(self, cells):
        """Trains what is missing of `cells`; returns the cells that were trained now, with their results, and what failed."""
        missing = [cell for cell in cells if self._is_missing(cell)]
        for cell in missing:
            self.data(cell.config)  # all of it before hours of training
        if self.commit:
            for cell in cells:
                if cell not in missing:
                    commit(self._files(cell), f"{cell.table}: {cell.name}")
        if len(missing) < len(cells):
            say(f"{len(cells) - len(missing)} of {len(cells)} cells are finished (--again trains them anew)")
        # Those that teach others come first.
        missing.sort(key=lambda cell: cell.method != "float")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # under nohup the end of the terminal is
                signal.signal(number, lambda *_: self.program.stop())
        results, failures = [], []
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            futures = {pool.submit(self._do, cell): cell for cell in missing}
            try:
                self._watch(futures, results, failures)
            except BaseException:
                self.program.stop()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        if self.program.stopping:
            raise Interrupted
        return results, failures

    def _is_missing(self, cell):
        result = self.places.read_result(cell)
        if result is None or self.again:
            return True
        differing = self.program.differing(cell, result)
        if differing:
            say(f"{cell.name}: its recipe has changed ({', '.join(differing)}), so it is trained anew")
        return bool(differing)

    def _watch(self, futures, results, failures):
        """Until all are done. A cell that fails doesn't stop the others."""
        waiting = set(futures)
        terminal = sys.stderr.isatty()
        last = time.monotonic()
        while waiting:
            done, waiting = concurrent.futures.wait(
                waiting, STATUS_SECONDS, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in done:
                if terminal:
                    print("\r\033[K", end="", file=sys.stderr)
                try:
                    result = future.result()
                except Failed as failure:
                    failures.append(f"{futures[future].name}: {failure}")
                    say(f"failed: {failures[-1]}")
                    continue
                results.append((futures[future], result))
                say(
                    f"{futures[future].name}: {result['test_error_percent']:.2f} % test error, "
                    f"{result['seconds']:.0f} s; {len(futures) - len(waiting)} of {len(futures)} done"
                )
            if terminal:
                print(f"\r\033[K{self._status()[:120]}", end="", file=sys.stderr, flush=True)
            elif time.monotonic() - last > STATUS_SECONDS_PLAIN:
                last = time.monotonic()
                say(self._status())

    def _status(self):
        with self._lock:
            running = list(self._running.items())
        texts = []
        for name, (run, epochs) in running:
            rows = read_metrics(run)
            error = f", {rows[-1]['validation_error_percent']:.2f} %" if rows else ""
            texts.append(f"{name}: epoch {len(rows)} of {epochs}{error}")
        return "; ".join(texts)

    def _do(self, cell):
        settings = self.program.settings(cell)
        teacher = self._teacher(cell, settings)
        with self._lock:
            self._running[cell.name] = (self.places.run(cell), settings["epochs"])
        try:
            with self._run_lock(cell):
                self._make_room(cell, settings, self.again)
                with self._log(cell) as log:
                    result = self._train_and_test(cell, settings, teacher, log)
        finally:
            with self._lock:
                self._running.pop(cell.name, None)
        kept = self.places.read_result(cell)
        if not (self.again and kept and not self.program.differing(cell, kept)):
            self._keep(cell, result)
        return result

    def _run_lock(self, cell):
        with self._lock:
            return self._runs.setdefault(self.places.run(cell), threading.Lock())

    def _make_room(self, cell, settings, again):
        """Moves a run aside that the training can't go on with: one of other settings, or one that is to be repeated."""
        run = self.places.run(cell)
        finished = len(read_metrics(run)) >= settings["epochs"]
        if (again and finished) or run_settings(run) not in (None, (settings, self.device)):
            run.rename(next_free(run))
            self.places.beside(cell, ".log").unlink(missing_ok=True)

    def _log(self, cell):
        """Of the run's commands; one that goes on is continued."""
        path = self.places.beside(cell, ".log")
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "a", encoding="utf-8")

    def _teacher(self, cell, settings):
        """The folder of the run that teaches the cell, trained first if need be; None without distillation."""
        if settings["distillation"] == 0:
            return None
        teacher = Cell("table3", cell.config, "float", cell.recipe, cell.seed)
        wanted = self.program.settings(teacher)
        run = self.places.run(teacher)
        with self._run_lock(teacher):
            if run_settings(run) != (wanted, self.device) or len(read_metrics(run)) < wanted["epochs"]:
                say(f"{teacher.name} teaches {cell.name}, and is trained first")
                self._make_room(teacher, wanted, again=False)
                with self._log(teacher) as log:
                    self._train(teacher, None, log)
        return run

    def _train(self, cell, teacher, log):
        """Trains, or goes on; returns at once where the run is finished. With the run's lock."""
        config = self.places.beside(cell, ".toml")
        lines = [f"{name} = {json.dumps(value)}" for name, value in cell.settings]
        config.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        arguments = ["--model", cell.model, "--method", cell.method, "--dataset", self.data(cell.config)]
        arguments += ["--recipe", cell.recipe, "--seed", cell.seed, "--device", self.device]
        arguments += ["--out", short(self.places.run(cell)), "--config", short(config)]
        if teacher:
            arguments += ["--teacher", short(teacher)]
        return self.program.ask(log, "train", *arguments, "--resume")

    def _train_and_test(self, cell, settings, teacher, log):
        trained = self._train(cell, teacher, log)
        tested = self.program.ask(log, "evaluate", short(self.places.run(cell)), "--dataset", self.data(cell.config))
        rows = read_metrics(self.places.run(cell))
        config = json.loads((self.places.run(cell) / "config.json").read_text(encoding="utf-8"))
        return {
            "config": cell.config,
            "method": cell.method,
            "recipe": cell.recipe,
            "variant": cell.variant,
            "seed": cell.seed,
            "epochs": settings["epochs"],
            "best_epoch": trained["best_epoch"],
            "validation_error_percent": trained["validation_error_percent"],
            "test_error_percent": tested["test_error_percent"],
            "test_images": tested["images"],
            "seconds": sum(row["seconds"] for row in rows),
            "images_per_second": trained["images_per_second"],
            "device": self.device,
            "threads": config["threads"],
            "processor": processor_name() if self.device == "cpu" else gpu_name(),
            "settings": config["settings"],
            "changed": dict(cell.settings),
            "integers": [self._run_integers(cell, bits, log) for bits in cell.activation_bits],
            "curve": {
                name: [row[name] for row in rows]
                for name in ("learning_rate", "train_loss", "validation_error_percent", "seconds")
            },
        }

    def _run_integers(self, cell, bits, log):
        package = self.places.package(cell, bits)
        choice = ("--activation-bits", bits) if bits > 1 else ()  # signs are what they are
        self.program.call(log, "export", short(self.places.run(cell)), "--out", short(package), *choice)
        checked = self.program.ask(
            log, "run", short(package), "--dataset", self.data(cell.config), "--check", short(self.places.run(cell))
        )
        result = {
            "activation_bits": bits,
            "test_error_percent": checked["test_error_percent"],
            **{name: checked[name] for name in CHECKS},
        }
        if cell.priced:
            (network,) = self.program.ask_quickly("cost", short(package), "--no-registers")["networks"]
            result["logic"] = logic(network)
        return result

    def _keep(self, cell, result):
        """The JSON comes last: a cell that has one is whole."""
        log = self.places.beside(cell, ".log").read_text(encoding="utf-8")
        dataset = self.data(cell.config)
        log = log.replace(dataset, dataset.rsplit(":", 1)[0] + ":DIR")
        write_whole(self.places.log_file(cell), log)
        if self._keeps_levels(cell):
            levels = (self.places.run(cell) / "levels.csv").read_bytes()
            write_whole(self.places.levels_file(cell), gzip.compress(levels, mtime=0))
        write_whole(self.places.result_file(cell), json.dumps(result, indent=1) + "\n")
        if self.commit:
            commit(self._files(cell), f"{cell.table}: {cell.name}")

    @staticmethod
    def _keeps_levels(cell):
        return cell.seed == 1 and cell.method != "float" and not cell.variant

    def _files(self, cell):
        files = [self.places.log_file(cell), self.places.result_file(cell)]
        return files + ([self.places.levels_file(cell)] if self._keeps_levels(cell) else [])


def logic(network):
    """Of a network of kones cost: the energy of its logic, and its layers with products."""
    layers = [layer for layer in network["layers"] if layer["products"] > 0]
    return {
        "energy_pj": network["logic_pj"]["value"],
        "layers": [{"products": layer["products"], "area_um2": layer["area_um2"]["value"]} for layer in layers],
    }


_commit_lock = threading.Lock()


def commit(files, message):
    """Commits what has changed of the files, if anything has."""
    paths = ["--", *map(str, files)]
    with _commit_lock:
        git("add", *paths)
        if git("diff", "--cached", "--quiet", *paths, may_differ=True):
            git("commit", "--quiet", "-m", message, *paths)


def git(*arguments, may_differ=False):
    """The exit status; Failed unless it is 0, or 1 where that is an answer. Waits for others who use the index."""
    command = ["git", "-C", str(ROOT), *arguments]
    for _ in range(GIT_TRIES):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if "index.lock" not in done.stderr:
            break
        time.sleep(1)
    if done.returncode != 0 and not (may_differ and done.returncode == 1):
        raise Failed(f"git {arguments[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.returncode


def last_line(log):
    """Of a log: what a command said last."""
    lines = pathlib.Path(log).read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    return lines[-1] if lines else "it said nothing"


def next_free(folder):
    """Where a finished run is moved to before another takes its place."""
    number = 1
    while (place := folder.with_name(f"{folder.name}.{number}")).exists():
        number += 1
    return place


def run_settings(run):
    """The recipe and the device of the run in a folder; None where there is none."""
    try:
        config = json.loads((run / "config.json").read_text(encoding="utf-8"))
        return config["settings"], config["device"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failed(f"{short(run / 'config.json')} is damaged ({error!r}): remove {short(run)}") from error


def read_metrics(run):
    """The rows of a run's metrics.csv so far."""
    try:
        with open(run / "metrics.csv", newline="", encoding="utf-8") as file:
            return [{name: float(value or "nan") for name, value in row.items()} for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise Failed(f"{short(run / 'metrics.csv')} is damaged ({error}): remove {short(run)}") from error
