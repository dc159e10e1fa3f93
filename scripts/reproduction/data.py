"""Where the data sets lie."""

import os
import pathlib

from cell import Failed

DEFAULT = "~/.cache/kones-data"


def add_options(parser):
    parser.add_argument(
        "--data",
        type=pathlib.Path,
        default=os.environ.get("KONES_DATA", DEFAULT),
        help="folder with mnist (IDX files), cifar10 (binary version) and uci (a folder a table) "
        f"(default: $KONES_DATA, else {DEFAULT})",
    )


class Data:
    """Names a config's data set as kones does."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).expanduser().resolve()

    def __call__(self, config):
        if config.startswith("uci-"):
            return f"uci:{config.removeprefix('uci-')}:{self._existing('uci')}"
        name = "mnist" if config.startswith("mnist") else "cifar10"
        return f"{name}:{self._existing(name)}"

    def _existing(self, name):
        path = self.folder / name
        if not path.is_dir():
            raise Failed(
                f"there is no folder {path}: put the data set {name} there, or give --data another folder that has it"
            )
        return path
