"""What the scripts that run long jobs share. Standard library only."""

import argparse
import os
import pathlib
import platform
import subprocess


def positive(text):
    """A whole number from 1, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not 1 or more")
    return value


def write_whole(path, content):
    """Writes text or bytes, whole or not at all; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    if isinstance(content, bytes):
        beside.write_bytes(content)
    else:
        beside.write_text(content, encoding="utf-8")
    os.replace(beside, path)


def processor_name():
    """As the system tells it, else the kind of machine."""
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def gpu_name():
    """As its driver tells it."""
    try:
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return ", ".join(sorted(set(done.stdout.splitlines())))
    except (OSError, subprocess.CalledProcessError):
        return "GPU"
