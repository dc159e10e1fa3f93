"""Takes the kernels of every architecture out of a compiled file, with CUDA's cuobjdump and nvdisasm."""

import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from sass import disassembly

_ARCHITECTURE = re.compile(r"\.(sm_\w+)\.cubin$")
_USAGE = re.compile(r"^\s*Function (\S+):\s*\n\s*REG:(\d+) STACK:(\d+) SHARED:(\d+)", re.MULTILINE)
# nvcc's name for the unnamed namespace of a file, with its length: 46_GLOBAL__N__db489d90_9_k_ones_cu_36a83174_5088
_UNNAMED = re.compile(r"(\d+)(_GLOBAL__N__)")
_UNNAMED_FILE = re.compile(r"_GLOBAL__N__[0-9a-f]+_\d+_(\w+_cuh?)_[0-9a-f]+_\d+")


class CannotRead(Exception):
    """The file or the tools are not as they should be; the message is one line."""


@dataclasses.dataclass
class Kernel:
    name: str  # without return type, parameters and the namespace kones: map_elements_kernel<true, float, ...>
    architecture: str  # sm_90a
    registers: int
    stack_bytes: int
    shared_bytes: int  # static
    code: disassembly.Function


def find_tool(name, root):
    """The pinned tool of .venv, else the toolkit's."""
    folders = sorted(root.glob(".venv/lib/python3.*/site-packages/nvidia/cu13/bin"))
    folders += [pathlib.Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    if os.environ.get("CUDA_HOME"):
        folders.append(pathlib.Path(os.environ["CUDA_HOME"]) / "bin")
    folders.append(pathlib.Path("/usr/local/cuda/bin"))
    for folder in folders:
        if os.access(folder / name, os.X_OK):
            return folder / name
    raise CannotRead(f"{name} was not found: run scripts/setup, or install requirements-disassembler.txt into .venv")


def _output(*command, text=None):
    done = subprocess.run([str(word) for word in command], input=text, text=True, capture_output=True)
    if done.returncode != 0:
        message = (done.stderr.strip() or done.stdout.strip()).splitlines()
        why = message[-1] if message else f"status {done.returncode}"
        raise CannotRead(f"{pathlib.Path(command[0]).name} failed on {command[-1]}: {why}")
    return done.stdout


def name_of_file(symbol):
    """The symbol with every unnamed namespace called after its file alone, the same in every build."""
    while found := _UNNAMED.search(symbol):
        start, end = found.start(2), found.start(2) + int(found.group(1))
        file = _UNNAMED_FILE.fullmatch(symbol[start:end])
        name = file.group(1) if file else "unnamed"
        symbol = f"{symbol[:found.start()]}{len(name)}{name}{symbol[end:]}"
    return symbol


def short_names(symbols):
    """symbol -> its readable name: map_elements_kernel<false, float, k_ones.cu::Nearest<2>>."""
    symbols = list(symbols)
    if not shutil.which("c++filt"):
        raise CannotRead("c++filt was not found: install binutils")
    plain = _output("c++filt", "--no-params", text="".join(name_of_file(symbol) + "\n" for symbol in symbols))
    names = {}
    for symbol, name in zip(symbols, plain.splitlines()):
        name = name.removeprefix("void ").replace("kones::cuda::", "").replace("kones::", "").replace("> >", ">>")
        names[symbol] = re.sub(r"\b(\w+)_(cuh?)::", r"\1.\2::", name.replace("> >", ">>"))
    return names


def _cached(cache, key, make):
    """The text kept under `key`, made on first use; a file appears whole or not at all."""
    path = cache / key
    if path.is_file():
        os.utime(path)  # in use
        return path.read_text()
    text = make()
    with tempfile.NamedTemporaryFile("w", dir=cache, delete=False) as file:
        file.write(text)
    os.replace(file.name, path)
    return text


def read(path, root, cache):
    """Every kernel of every architecture that has machine code in `path` (a library, an object file, a fatbin).
    `cache` keeps disassemblies by the content of what was disassembled."""
    path = pathlib.Path(path).resolve()
    if not path.is_file():
        raise CannotRead(f"{path} does not exist: build it first")
    cuobjdump, nvdisasm = find_tool("cuobjdump", root), find_tool("nvdisasm", root)
    cache.mkdir(parents=True, exist_ok=True)
    version = hashlib.sha256(_output(nvdisasm, "--version").encode()).hexdigest()[:8]

    def read_cubin(cubin):
        key = f"{hashlib.sha256(cubin.read_bytes()).hexdigest()}-{version}"
        listing = _cached(cache, key + ".sass", lambda: _output(nvdisasm, "-c", cubin))
        usage = _cached(cache, key + ".usage", lambda: _output(cuobjdump, "-res-usage", cubin))
        architecture = _ARCHITECTURE.search(cubin.name).group(1)
        try:
            functions = disassembly.parse(listing)
        except ValueError as error:
            raise CannotRead(str(error)) from None
        return architecture, functions, _USAGE.findall(usage)

    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([str(cuobjdump), "-xelf", "all", str(path)], cwd=folder, text=True, capture_output=True)
        cubins = sorted(pathlib.Path(folder).glob("*.cubin"))
        if not cubins:
            reason = (done.stderr or done.stdout).strip().splitlines()
            raise CannotRead(f"{path} holds no machine code for GPUs" + (f" ({reason[-1]})" if reason else ""))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            parts = list(pool.map(read_cubin, cubins))

    # What no build of the last weeks had is dropped.
    for old in cache.iterdir():
        if old.stat().st_mtime < time.time() - 14 * 86400:
            old.unlink(missing_ok=True)

    names = short_names({symbol for _, _, usage in parts for symbol, *_ in usage})
    kernels = []
    for architecture, functions, usage in parts:
        # Routines that a kernel calls have usage of their own in some cubins, but no section.
        # From sm_90 on, what the system reserves is counted where a kernel has shared memory of its own.
        reserved = 1024 if architecture_order(architecture)[0] >= 90 else 0
        kernels += [Kernel(names[symbol], architecture, int(registers), int(stack), max(0, int(shared) - reserved),
                           functions[symbol])
                    for symbol, registers, stack, shared in usage if symbol in functions]
        missing = set(functions) - {symbol for symbol, *_ in usage}
        if missing:
            raise CannotRead(f"cuobjdump -res-usage says nothing about {sorted(missing)[0]} for {architecture}")
    return sorted(kernels, key=lambda kernel: (kernel.name, architecture_order(kernel.architecture)))


def architecture_order(architecture):
    return int(re.sub(r"\D", "", architecture)), architecture
