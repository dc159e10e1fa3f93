#!/usr/bin/env python3
"""The XNOR convolution layer by layer beside LibTorch's float32, bfloat16 and int8 and the Larq Compute Engine.

Everything takes float32 or its own type in channels_last and has prepacked weights; packing and the conversion of the
output count for kones. The things take turns in rounds, each in a process of its own; in a round a thing's time is the
shortest of many windows, and ratios are taken within a round. First every value of kones is compared with LibTorch's
convolution of the signs in float64. Prints Markdown.

    .venv/bin/python benchmarks/xnor_layers.py --larq
    .venv/bin/python benchmarks/xnor_layers.py --tier avx2 --onednn-isa AVX2
    .venv/bin/python benchmarks/xnor_layers.py --scaling --layers resnet-s1
"""

import argparse
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from xnor_workers.layers import GROUPS, LAYERS
from xnor_workers.process import Worker, WorkerError
from xnor_workers.report import as_json, means_table, ratio_table, remarks, times_table
from xnor_workers.rounds import Thing, time_layer

ROOT = Path(__file__).resolve().parent.parent
LARQ_REQUIREMENTS = ROOT / "requirements-larq.txt"
LARQ_VENV = ROOT / "build" / "larq-venv"

TIERS = ("scalar", "avx2", "avx512", "avx512_vnni", "avx512_vpopcntdq", "amx_int8")
ATEN_CAPABILITY = {"SSE41": "default", "AVX2": "avx2", "AVX512_CORE": "avx512", "AVX512_CORE_VNNI": "avx512"}
TITLES = {
    "kones": {"kones": "kones"},
    "libtorch": {
        "float32": "LibTorch float32",
        "bfloat16": "LibTorch bfloat16",
        "int8": "LibTorch int8",
        "int8 from and to float32": "LibTorch int8, quantize and dequantize counted",
    },
    "larq": {"LCE": "LCE", "LCE, indirect": "LCE, indirect kernel"},
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def parsed_arguments():
    groups = "\n".join(f"  {name:12}{what}" for name, what in GROUPS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"layers:\n{groups}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--library", default="build/lib/libkones_torch.so", help="kones' operators, or none (default: %(default)s)")
    add("--larq", action="store_true", help="the Larq Compute Engine too; makes build/larq-venv with python3.11")
    add("--layers", nargs="+", metavar="WHICH", help="groups below, or parts of layers' names such as 56x56x64")
    add("--batch", type=int, default=1)
    add("--threads", type=int, default=1)
    add("--scaling", action="store_true", help="kones and LibTorch's float32 on 1 and on 2 threads, and nothing else")
    add("--rounds", type=int, default=5, help="with a steady clock (default: %(default)s)")
    add("--windows", type=int, default=50, help="of 100 us or one call a round (default: %(default)s)")
    add("--tier", choices=TIERS, help="kones' instruction set (default: the machine's best)")
    add("--onednn-isa", choices=ATEN_CAPABILITY, help="LibTorch's, oneDNN's and ATen's (default: the machine's best)")
    add("--json", type=Path, metavar="FILE", help="write every round there")
    arguments = parser.parse_args()
    if min(arguments.batch, arguments.threads, arguments.rounds, arguments.windows) < 1:
        parser.error("--batch, --threads, --rounds and --windows are 1 or more")
    if arguments.scaling:
        arguments.threads = 2
    if arguments.threads > len(os.sched_getaffinity(0)):
        parser.error(f"{arguments.threads} threads on {len(os.sched_getaffinity(0))} CPUs")
    return arguments


def chosen_layers(which):
    """Numbers of layers."""
    if not which:
        return range(len(LAYERS))
    for word in which:
        if not any(word == layer.group or word in layer.name for layer in LAYERS):
            sys.exit(f"xnor_layers: no layer is \"{word}\"; --help names the groups")
    return [
        number
        for number, layer in enumerate(LAYERS)
        if any(word == layer.group or word in layer.name for word in which)
    ]


def processor():
    facts = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    return f"{facts['model name']} (family {facts['cpu family']}, model {facts['model']}), {os.cpu_count()} CPUs"


def larq_python():
    """The interpreter of build/larq-venv, made where it is not there or older than its requirements."""
    python, stamp = LARQ_VENV / "bin" / "python", LARQ_VENV / "requirements.sha256"
    wanted = hashlib.sha256(LARQ_REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return str(python)
    base = shutil.which("python3.11")
    if not base:
        raise WorkerError("its packages are for Python 3.11, and there is no python3.11")
    say("xnor_layers: making build/larq-venv")
    shutil.rmtree(LARQ_VENV, ignore_errors=True)
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-deps", "-r"]
    for command in ([base, "-m", "venv", str(LARQ_VENV)], [*install, str(LARQ_REQUIREMENTS)]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise WorkerError(" ".join(["build/larq-venv cannot be made:", *last]))
    stamp.write_text(wanted)
    return str(python)


def start_workers(arguments):
    """Those that work, and why the others do not."""
    threads = {"OMP_NUM_THREADS": str(arguments.threads)}
    tier = {"KONES_CPU_TIER": arguments.tier} if arguments.tier else {}
    isa = arguments.onednn_isa
    capped = {"ONEDNN_MAX_CPU_ISA": isa, "ATEN_CPU_CAPABILITY": ATEN_CAPABILITY[isa]} if isa else {}
    starts = {}
    if arguments.library != "none":
        starts["kones"] = lambda: Worker(sys.executable, "kones", [arguments.library], {**threads, **tier})
    starts["libtorch"] = lambda: Worker(sys.executable, "libtorch", environment={**threads, **capped})
    if arguments.larq and not arguments.scaling:
        starts["larq"] = lambda: Worker(larq_python(), "larq")
    workers, failures = [], {}
    for module, start in starts.items():
        try:
            workers.append(start())
        except WorkerError as error:
            failures[module] = str(error)
            say(f"xnor_layers: going on without {module}: {error}")
    if not workers:
        sys.exit("xnor_layers: nothing to time")
    return workers, failures


def things_of(workers, arguments):
    things = []
    for worker in workers:
        for name, title in TITLES[worker.module].items():
            if not arguments.scaling:
                things.append(Thing(worker.module, name, arguments.threads, title))
            elif name in ("kones", "float32"):
                things.append(Thing(worker.module, name, 1, f"{title}, 1 thread"))
                things.append(Thing(worker.module, name, 2, f"{title}, 2 threads"))
    return things


def comparisons_of(things, arguments):
    """Columns of ratios: title, the thing whose time is divided, and the one by whose."""
    if arguments.scaling:
        slow = [thing for thing in things if thing.threads == 1]
        fast = [thing for thing in things if thing.threads == 2]
        return [(TITLES[one.module][one.name], one, two) for one, two in zip(slow, fast)]
    kones = [thing for thing in things if thing.module == "kones"]
    return [(thing.title, thing, kones[0]) for thing in things if kones and thing != kones[0]]


def about_run(arguments):
    return {
        "processor": processor(),
        "command": shlex.join([".venv/bin/python", "benchmarks/xnor_layers.py", *sys.argv[1:]]),
        "threads": [1, 2] if arguments.scaling else arguments.threads,
        "batch": arguments.batch,
        "tier": arguments.tier or "the machine's best",
        "onednn_isa": arguments.onednn_isa or "the machine's best",
        "rounds": arguments.rounds,
        "windows": arguments.windows,
        "load": os.getloadavg()[0],
    }


def heading(about):
    packages = [name for name in ("torch", "larq-compute-engine", "tensorflow-cpu") if name in about]
    versions = ", ".join(f"{name} {about[name]}" for name in packages)
    capability = f" (ATen: {about['capability']})" if "capability" in about else ""
    return [
        f"    {about['command']}",
        "",
        f"Processor: {about['processor']}; load average before: {about['load']:.2f}. {versions}.",
        f"Batch {about['batch']}, threads {about['threads']}, pinned.",
        f"Instructions: kones {about['tier']}; LibTorch {about['onednn_isa']}{capability}.",
        f"{about['rounds']} rounds in turn, in each the shortest of {about['windows']} windows of 100 us or one call.",
        *(f"Without {module}: {why}" for module, why in about["without"].items()),
    ]


def main():
    arguments = parsed_arguments()
    layer_numbers = chosen_layers(arguments.layers)
    about = about_run(arguments)
    # The workers inherit it; this process only waits while they run.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-arguments.threads :])
    workers, about["without"] = start_workers(arguments)
    for worker in workers:
        about.update(worker.about)
    things = things_of(workers, arguments)
    all_timings = []
    for number in layer_numbers:
        say(f"xnor_layers: {LAYERS[number].name}")
        all_timings.append(
            time_layer(workers, things, number, LAYERS[number], arguments.batch, arguments.rounds, arguments.windows)
        )
    for worker in workers:
        worker.end()

    comparisons = comparisons_of(things, arguments)
    sections = [heading(about), times_table(things, all_timings)]
    if comparisons:
        what = "times faster on 2 threads" if arguments.scaling else "times faster than: median (range)"
        sections += [ratio_table(what, comparisons, all_timings), means_table(comparisons, all_timings)]
    sections.append(remarks(all_timings, arguments.rounds))
    print("\n\n".join("\n".join(lines) for lines in sections if lines))
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(about, things, all_timings), indent=1) + "\n")
    if any(thing.module == "kones" for timings in all_timings for thing in timings.missing):
        sys.exit("xnor_layers: kones failed; why is above")


if __name__ == "__main__":
    main()
