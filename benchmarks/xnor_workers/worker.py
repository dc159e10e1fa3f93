"""What every worker of xnor_layers.py does: to a line of JSON on standard input it answers one on standard output.

First, unasked: {"about": {...}} or {"error": why it cannot work}. Then

    {"prepare": layer's number, "batch": 1, "threads": [1]}   {"missing": {thing: why it cannot be timed}}
    {"time": thing, "threads": 1, "windows": 50}              {"seconds": of a call, "clock_seconds": of clock_check}
"""

import gc
import hashlib
import json
import os
import sys
import time

from xnor_workers.layers import LAYERS

WINDOW_SECONDS = 100e-6
CLOCK_BLOCK = bytes(1 << 16)
CLOCK_REPEATS = 10


def seconds_of(run, calls):
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def shortest_call(run, windows):
    """Seconds of one call: the shortest of windows that repeat it for WINDOW_SECONDS, or once if that is longer."""
    run()
    calls = 1 + int(WINDOW_SECONDS / min(seconds_of(run, 1), seconds_of(run, 1)))
    return min(seconds_of(run, calls) for _ in range(windows))


def clock_check():
    """Seconds of a fixed chain of instructions that wait for each other, and so go with the clock alone: SHA-256."""
    return min(seconds_of(lambda: hashlib.sha256(CLOCK_BLOCK), 1) for _ in range(CLOCK_REPEATS))


class Failed(Exception):
    """Why a worker cannot work or a thing cannot be timed, in words for the report."""


def reason(error):
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]


def serve(start):
    """Answers requests until there are no more. `start` gives what the worker tells about itself and its things: name
    to a function of layer, batch and threads, whose result gives the seconds of a call, from that many windows."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries print, too

    def reply(answer):
        replies.write(json.dumps(answer) + "\n")

    try:
        about, things = start()
    except Exception as error:
        reply({"error": reason(error)})
        return
    reply({"about": about})
    timers = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "prepare" in request:
            timers.clear()
            missing = {}
            for name, make in things.items():
                try:
                    for threads in request["threads"]:
                        timers[name, threads] = make(LAYERS[request["prepare"]], request["batch"], threads)
                except Exception as error:
                    missing[name] = reason(error)
            reply({"missing": missing})
            gc.collect()
            gc.disable()
        else:
            clock = clock_check()
            seconds = timers[request["time"], request["threads"]](request["windows"])
            reply({"seconds": seconds, "clock_seconds": min(clock, clock_check())})
