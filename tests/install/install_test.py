"""Uses an installed kones as a project outside the tree does.

package: installs the build, moves the prefix, and builds and runs core_user and torch_user with it.
core_only: builds and installs kones::core without LibTorch and CUDA, and builds and runs core_user with it.

Seen to fail on, one at a time: kones::torch without the link item that keeps its library ("Could not find schema"), or
with --no-as-needed for the whole link line; no $ORIGIN in the program's run path; INSTALL_RPATH_USE_LINK_PATH for the
path to LibTorch; an absolute include folder; the source tree named in konesConfig.cmake; the headers of torch/ops left
out; find_dependency(Torch) for every component; no find_dependency(ZLIB); no check of the components asked for;
kones::core with an include of LibTorch's, with a call of the CUDA runtime, or linked to it.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

WITHOUT_TORCH_AND_CUDA = [
    "-DCMAKE_DISABLE_FIND_PACKAGE_Torch=ON",
    "-DCMAKE_DISABLE_FIND_PACKAGE_CUDAToolkit=ON",
    "-DCMAKE_CUDA_COMPILER=/nonexistent/nvcc",
]

CORE_OUTPUT = """\
0.25 has code 2
-1 has code 8
1 has code 0
0.0078125 has code 7
no package: """

TORCH_OUTPUT = """\
k_ones: 0.25 -1 1 0.0078125
its gradient: 1 1 1 1
binarize: 1 -1 1 1
"""


def run(*command, fails=False):
    """The command's output; ends the test when it fails, or where `fails`, when it does not."""
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if (done.returncode != 0) != fails:
        sys.exit(f"{' '.join(map(str, command))}\nended with status {done.returncode}:\n{done.stdout}")
    return done.stdout


def check(condition, message):
    if not condition:
        sys.exit(f"FAILED: {message}")


def configure(arguments, source, build, *options, **expectation):
    """Configures the project in `source` with this build's tools; what CMake printed."""
    return run(arguments.cmake, "-G", arguments.generator, "-C", arguments.tools, "-S", source, "-B", build, *options,
               **expectation)


def build_user(arguments, name, prefix, *options):
    """Configures and builds the project `name` with the kones in `prefix`; the program's path."""
    build = arguments.work / name
    configure(arguments, HERE / name, build, f"-Dkones_ROOT={prefix}", *options)
    run(arguments.cmake, "--build", build)
    return build / name


def needed_libraries(program):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", program))


def check_core_user(arguments, prefix):
    # Whatever kones::core links shows, used or not.
    program = build_user(arguments, "core_user", prefix, "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--no-as-needed",
                         *WITHOUT_TORCH_AND_CUDA)
    output = run(program)
    check(output.startswith(CORE_OUTPUT) and "no data: " in output, f"core_user printed\n{output}")
    strangers = [name for name in needed_libraries(program) if re.search("torch|c10|cuda|cudart|nvrtc", name)]
    check(not strangers, f"a program with kones::core alone needs {strangers}")


def check_headers(arguments, prefix, folders):
    """Exactly the headers of these folders are there, but the program's own; an include reads the same everywhere."""
    def headers(folder):
        return {path.relative_to(folder) for path in folder.rglob("*") if path.suffix in (".h", ".cuh")}

    wanted = set().union(*(headers(arguments.source / folder) for folder in folders))
    wanted = {header for header in wanted if header.parts[:3] != ("kones", "torch", "cli")}
    wanted = {header for header in wanted if header.parts[:2] != ("kones", "onnx")}
    installed = headers(prefix / "include")
    check(installed == wanted, f"headers installed that should not be, or not: {sorted(map(str, installed ^ wanted))}")
    empty = [path for path in (prefix / "include").rglob("*") if path.is_dir() and not any(path.iterdir())]
    check(not empty, f"empty folders are installed: {empty}")


def check_names_no_tree(arguments, prefix):
    """What is installed stays true when the build and the source tree are gone."""
    trees = [str(arguments.build).encode(), str(arguments.source).encode()]
    for path in sorted(prefix.rglob("*")):
        if path.is_file() and path.suffix in (".h", ".cuh", ".cmake"):
            named = [tree.decode() for tree in trees if tree in path.read_bytes()]
            check(not named, f"{path} names {named}")
        elif path.is_file():
            # LibTorch itself may lie in the source tree, and its headers leave their names in messages.
            check(trees[0] not in path.read_bytes(), f"{path} names the build tree")


def test_package(arguments):
    installed = arguments.work / "installed"
    run(arguments.cmake, "--install", arguments.build, "--prefix", installed)
    prefix = arguments.work / "moved elsewhere"
    installed.rename(prefix)
    check_names_no_tree(arguments, prefix)
    check_headers(arguments, prefix, ["csrc", "torch_ext"] + ["cuda"] * (prefix / "lib/libkones_cuda.a").is_file())
    version = run(prefix / "bin/kones", "--version")
    check(arguments.version in version, f"kones --version printed {version}")

    check_core_user(arguments, prefix)

    # As on systems whose compilers drop libraries that a program refers to no symbol of.
    program = build_user(arguments, "torch_user", prefix, "-C", arguments.torch,
                         "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--as-needed")
    output = run(program)
    check(output == TORCH_OUTPUT, f"torch_user printed\n{output}")
    check("libz.so.1" not in needed_libraries(program), "kones::torch changes how the user's other libraries are linked")


def test_core_only(arguments):
    build = arguments.work / "build"
    options = ["-DKONES_TORCH=OFF", "-DKONES_CUDA=OFF", "-DKONES_TESTS=OFF", *WITHOUT_TORCH_AND_CUDA]
    configure(arguments, arguments.source, build, *options)
    run(arguments.cmake, "--build", build)
    prefix = arguments.work / "installed"
    run(arguments.cmake, "--install", build, "--prefix", prefix)
    check_headers(arguments, prefix, ["csrc"])
    check_core_user(arguments, prefix)
    undefined = run("nm", "--demangle", "--undefined-only", prefix / "lib/libkones_core.a")
    strangers = re.findall(r"U (?:(?:at|c10|torch|caffe2)::|cuda|cu[A-Z]).*", undefined)
    check(not strangers, f"libkones_core.a refers to {strangers}")
    missing = configure(arguments, HERE / "torch_user", arguments.work / "torch_user", f"-Dkones_ROOT={prefix}",
                        "-C", arguments.torch, fails=True)
    check('this kones has no component "torch"' in missing, f"asking for kones::torch printed\n{missing}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=["package", "core_only"])
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a folder to make anew")
    parser.add_argument("--cmake", required=True)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--tools", required=True, help="CMake cache entries: the compiler")
    parser.add_argument("--torch", required=True, help="CMake cache entries: what LibTorch is found by")
    arguments = parser.parse_args()
    os.environ.setdefault("CCACHE_DIR", str(arguments.build / "ccache"))
    os.environ.pop("CUDACXX", None)
    shutil.rmtree(arguments.work, ignore_errors=True)
    arguments.work.mkdir(parents=True)
    {"package": test_package, "core_only": test_core_only}[arguments.case](arguments)


main()
