"""A worker as its driver sees it: a process that answers a line of JSON with a line of JSON."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent


class WorkerError(Exception):
    pass


class Worker:
    """Starts xnor_workers.MODULE; raises WorkerError where it says that it cannot work, or dies."""

    def __init__(self, python, module, arguments=(), environment=None):
        self.module = module
        self.messages = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [python, "-m", f"xnor_workers.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.messages,
            text=True,
            bufsize=1,
            env={**os.environ, **(environment or {}), "PYTHONPATH": str(BENCHMARKS)},
        )
        self.about = self.receive()["about"]

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
        except BrokenPipeError:
            pass  # receive tells why
        return self.receive()

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            self.messages.seek(0)
            last = self.messages.read().decode(errors="replace").strip().splitlines()[-5:]
            raise WorkerError(f"ended with status {self.process.wait()}: " + "\n".join(last))
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def end(self):
        self.process.stdin.close()
        self.process.wait()
