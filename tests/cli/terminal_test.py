"""Progress: a bar with rate and ETA on a terminal, plain lines elsewhere, and nothing of it on standard output.

Seen to fail on: a bar on pipes; a bar drawn on standard output; a bar that stays on the screen; the ETA left out.
"""

import json
import os
import pty
import re
import subprocess
import threading

import program
from program import DATASET, train_arguments

BAR = r"\[#*\.*\] +\d+ %  \d+ images/s  "
TIME = r"(\d+:)?\d?\d:\d\d"


class Terminal(program.ProgramTest):
    def on_terminal(self, *arguments):
        """Runs kones with standard error on a terminal: (standard output, what the terminal got)."""
        leader, follower = pty.openpty()
        drawn = []

        def read():
            while True:
                try:
                    data = os.read(leader, 65536)
                except OSError:  # the other end is closed
                    return
                if not data:
                    return
                drawn.append(data)

        process = self.start(*arguments, stderr=follower)
        os.close(follower)
        reader = threading.Thread(target=read)
        reader.start()
        output, _ = process.communicate(timeout=120)
        reader.join()
        os.close(leader)
        self.assertEqual(process.returncode, 0)
        return output, b"".join(drawn).decode("utf-8")

    def bars(self, drawn, label):
        """The states of the bar called `label`, as drawn one over the other."""
        return [part for part in re.split(r"[\r\n]", drawn) if part.startswith(label + " [")]

    def shown_at_the_end(self, drawn):
        """What a terminal shows: a carriage return and ESC[K begin a line anew."""
        lines = [""]
        for part in re.split(r"(\r\n|\r|\n|\x1b\[K)", drawn):
            if part in ("\r\n", "\n"):
                lines.append("")
            elif part == "\r":
                lines[-1] = ""
            elif part != "\x1b[K":
                lines[-1] += part
        return lines

    def test_training(self):
        settings = self.settings(train_images=1280, validation_images=300, epochs=2)
        output, drawn = self.on_terminal(*train_arguments("run", "mnist-2conv", settings=settings))
        self.assertRegex(output, r"^best epoch \d of 2: validation error \d+\.\d\d %\n$")
        for epoch in (1, 2):
            bars = self.bars(drawn, f"epoch {epoch}/2")
            self.assertGreaterEqual(len(bars), 2, drawn)
            percents = []
            for bar in bars:
                self.assertRegex(bar, rf"^epoch {epoch}/2 {BAR}loss \d+\.\d{{4}}  ETA {TIME}\x1b\[K$")
                self.assertEqual(len(re.search(r"\[([#.]*)\]", bar)[1]), 28, "a bar of one width")
                percents.append(int(re.search(r"(\d+) %", bar)[1]))
                self.assertIn(bar.count("#"), range(28 * percents[-1] // 100, 28 * (percents[-1] + 1) // 100 + 1))
            self.assertEqual(percents, sorted(percents))
            self.assertEqual(percents[-1], 100)
        shown = self.shown_at_the_end(drawn)
        self.assertEqual(len(shown), 3, shown)
        for epoch in (1, 2):
            self.assertRegex(shown[epoch - 1], rf"^epoch {epoch}/2  loss \d+\.\d{{4}}  validation error ")
        self.assertEqual(shown[2], "", "no bar stays")

    def test_evaluating_and_running(self):
        self.train("run")
        self.kones("export", "run", "--out", "run.kones")
        for label, command in (("evaluate", ("evaluate", "run")), ("run", ("run", "run.kones")),
                               ("run", ("run", "run.kones", "--check", "run"))):
            output, drawn = self.on_terminal(*command, "--dataset", DATASET, "--limit", 2000, "--json")
            self.assertEqual(json.loads(output)["images"], 2000)
            bars = self.bars(drawn, label)
            self.assertGreaterEqual(len(bars), 2, drawn)
            for bar in bars:
                self.assertRegex(bar, rf"^{label} {BAR}ETA {TIME}\x1b\[K$")
            self.assertEqual(self.shown_at_the_end(drawn), [""], "no bar stays")

    def test_elsewhere(self):
        settings = self.settings(train_images=1280, validation_images=300, epochs=2)
        output, errors = self.kones(*train_arguments("run", settings=settings))
        self.assertEqual(len(output.splitlines()), 1)
        self.assertEqual(len(errors.splitlines()), 2)
        for text in (output, errors):
            self.assertNotRegex(text, r"[\r\x1b]")
        output, errors = self.kones("evaluate", "run", "--dataset", DATASET, "--limit", 1000, "--json",
                                    stderr=subprocess.PIPE)
        self.assertEqual(errors, "")
        json.loads(output)


if __name__ == "__main__":
    program.main()
