"""Trained networks, converted, give the engine's integers and predictions on a whole test set in other programs.

usage: trained_test.py KONES DRIVER CONVERTERS_PYTHON WORK

Trains on part of Fashion-MNIST, shortly, one network whose activations are numbers and one whose are signs, exports
them, and runs consumers_test.py on all 10,000 test pictures.
"""

import pathlib
import shutil
import subprocess
import sys

PICTURES = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz"
METHODS = ("lightnn-1", "binarynet")


def run(*command):
    subprocess.run([str(part) for part in command], check=True)


def main():
    kones, driver, python, work = (pathlib.Path(argument) for argument in sys.argv[1:])
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    config = work / "short.toml"
    config.write_text("train_images = 2000\nvalidation_images = 500\n", encoding="utf-8")
    for method in METHODS:
        folder, package = work / method, work / f"{method}.kones"
        run(kones, "train", "--model", "mnist-2conv", "--method", method, "--dataset", "fashion-mnist", "--epochs", 1,
            "--config", config, "--out", folder)
        run(kones, "export", folder, "--out", package)
        run(python, pathlib.Path(__file__).with_name("consumers_test.py"), "--driver", driver, "--work",
            work / f"{method}-consumers", "--package", package, "--images", PICTURES)


main()
