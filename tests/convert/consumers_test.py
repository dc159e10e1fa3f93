"""Runs what `kones convert` writes in the programs that it is for, and compares every integer with the engine's.

    consumers_test.py --driver convert_driver --work FOLDER
    consumers_test.py --driver convert_driver --work FOLDER --package F.kones --images t10k-images-idx3-ubyte.gz

The first form takes the packages that the driver makes, which hold every operation and number format, on random
pictures; the second a trained package on a whole test set (an IDX file, .gz or not, or raw bytes). onnxruntime runs
the ONNX file with and without its optimisations, QONNX's executor the QONNX file, NumPy and safetensors read theirs.
This runs in a process of its own, with requirements-converters.txt: LibTorch brings another protobuf.

Seen to fail on, one at a time: sums or inputs of more than 24 bits in float32; more than 53 in float64; floor left
out, and Div without what brings negative sums to a multiple; the addend's or the multiplier's exponent off by one; a
clip left out, below 8 bits and above; falling thresholds taken for rising ones; the padding behind a pooling window;
the dilation of gathered windows; the weights of a Linear not transposed; activations of 30 bits in float32; IntQuant
with ROUND for FLOOR, or with too few bits for a weight; a wrong type in NumPy's header, a wrong offset in safetensors'.
"""

import argparse
import gzip
import json
import math
import pathlib
import shutil
import subprocess
import sys
import time
import warnings

import numpy
import onnx
import onnxruntime
import safetensors
import safetensors.numpy
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.change_batchsize import ChangeBatchSize
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes

RANDOM_PICTURES = 60
BATCH = 250


def check(condition, message):
    if not condition:
        sys.exit(f"FAILED: {message}")


def drive(arguments, *words, refused=False):
    """Runs the driver; what it said on standard error, where it is to refuse."""
    done = subprocess.run([str(arguments.driver), *map(str, words)], text=True, stderr=subprocess.PIPE)
    check((done.returncode != 0) == refused, f"{' '.join(map(str, words))} ended with {done.returncode}: {done.stderr}")
    return done.stderr


def convert(arguments, package, format):
    out = arguments.work / f"{package.stem}.{format}"
    drive(arguments, "convert", package, format, out)
    return out


def read_pictures(path):
    """The bytes of an IDX file of pictures, .gz or not, or of a raw file."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if data[:3] == b"\0\0\x08":
        data = data[4 + 4 * data[3]:]
    return numpy.frombuffer(data, numpy.uint8)


class Engine:
    """A package's network as its NumPy manifest describes it, and the engine."""

    def __init__(self, arguments, package):
        self.arguments = arguments
        self.package = package
        self.name = package.stem
        self.folder = convert(arguments, package, "npy")
        self.manifest = json.loads((self.folder / "manifest.json").read_text())
        self.network = self.manifest["network"]
        self.tensors = self.network["tensors"]
        self.picture_shape = self.tensors[self.network["input"]["tensor"]]["shape"]

    def compute(self, pictures):
        return Batch(self, pictures)


class Batch:
    """Pictures, and what the engine makes of them."""

    def __init__(self, engine, pictures):
        self.engine = engine
        self.pictures = pictures
        files = engine.arguments.work / "pictures", engine.arguments.work / "integers"
        pictures.tofile(files[0])
        drive(engine.arguments, "integers", engine.package, *files)
        values = numpy.fromfile(files[1], numpy.int64)
        self.integers = []
        for tensor in engine.tensors:
            size = len(pictures) * math.prod(tensor["shape"])
            self.integers.append(values[:size].reshape(len(pictures), *tensor["shape"]))
            values = values[size:]
        self.predictions = values
        check(len(values) == len(pictures), "the driver writes other sizes than the manifest says")

    def output(self):
        return self.integers[self.engine.network["output"]].reshape(len(self.pictures), -1)

    def check_predictions(self, where, predictions):
        check(numpy.array_equal(predictions, self.predictions), f"{self.engine.name}: {where}: other predictions")

    def check_tensors(self, where, tensors, found):
        """Compares every integer; how many."""
        for tensor, described, values, expected in zip(tensors, self.engine.tensors, found, self.integers):
            integers = integers_of(values, tensor["exponent"]).reshape(expected.shape)
            check(numpy.array_equal(integers, expected),
                  f"{self.engine.name}: {where}: tensor {described['name']} differs from the engine's")
        return sum(expected.size for expected in self.integers)


def load_tensors(model):
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return json.loads(metadata["kones.tensors"])


def integers_of(values, exponent):
    scaled = numpy.ldexp(values.astype(numpy.float64), exponent)
    integers = scaled.astype(numpy.int64)
    check(numpy.array_equal(integers, scaled), "a value is no integer times its power of two")
    return integers


class Onnx:
    """The ONNX file in onnxruntime: as it is, and with every tensor of the package as an output, which keeps operators
    from being joined, with optimisations and without."""

    def __init__(self, arguments, package):
        path = convert(arguments, package, "onnx")
        onnx.checker.check_model(str(path), full_check=True)
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        model = onnx.load(path)
        self.tensors = load_tensors(model)
        outputs = {entry.name for entry in model.graph.output}
        wanted = {tensor["value"] for tensor in self.tensors} - outputs
        model.graph.output.extend(info for info in model.graph.value_info if info.name in wanted)
        self.sessions = {}
        for level in ("ORT_ENABLE_ALL", "ORT_DISABLE_ALL"):
            options = onnxruntime.SessionOptions()
            options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
            self.sessions[level] = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                                                providers=["CPUExecutionProvider"])

    def check(self, batch):
        output, predictions = self.session.run(["output", "prediction"], {"input": batch.pictures})
        batch.check_predictions("onnxruntime", predictions)
        check(numpy.array_equal(output, batch.output()), f"{batch.engine.name}: onnxruntime's output differs")
        compared = output.size
        for level, session in self.sessions.items():
            found = session.run([tensor["value"] for tensor in self.tensors], {"input": batch.pictures})
            compared += batch.check_tensors(f"onnxruntime, {level}", self.tensors, found)
        return compared


def check_datatypes(engine, model):
    """The annotations are what QONNX's own inference of data types makes of the nodes."""
    inferred = model.transform(InferDataTypes(allow_scaledint_dtypes=True))
    checked = 0
    for node in model.graph.node:
        if node.op_type in ("IntQuant", "BipolarQuant"):
            name = node.output[0]
            check(model.get_tensor_datatype(name) == inferred.get_tensor_datatype(name),
                  f"{engine.name}: {name} is annotated {model.get_tensor_datatype(name)}, and is "
                  f"{inferred.get_tensor_datatype(name)}")
            checked += 1
    check(checked > 0, f"{engine.name}: QONNX without quantizers")
    check(model.get_tensor_datatype("input") == DataType["UINT8"], f"{engine.name}: the input is not annotated UINT8")


class Qonnx:
    """The QONNX file in QONNX's executor, for one picture as it is, and for many as QONNX's own transformation makes
    it."""

    def __init__(self, arguments, package, engine):
        self.model = ModelWrapper(str(convert(arguments, package, "qonnx")))
        check(self.model.check_all_tensor_shapes_specified(), f"{engine.name}: QONNX leaves shapes open")
        check_datatypes(engine, self.model)
        self.tensors = load_tensors(self.model.model)
        self.of_size = {1: self.model}

    def check(self, batch):
        size = len(batch.pictures)
        if size not in self.of_size:
            self.of_size[size] = self.model.transform(ChangeBatchSize(size)).transform(InferShapes())
        pictures = {"input": batch.pictures.astype(numpy.float32)}
        values = execute_onnx(self.of_size[size], pictures, return_full_exec_context=True)
        batch.check_predictions("QONNX", numpy.argmax(values["output"], axis=1))
        return batch.check_tensors("QONNX", self.tensors, [values[tensor["value"]] for tensor in self.tensors])


def decoded_tiles(codes, weights):
    """Codes of the array `codes`, [output tile][input tile][bytes], as a matrix [outputs][inputs]."""
    bits = weights["storage_bits"]
    if bits < 8:
        unpacked = numpy.unpackbits(codes, axis=2, bitorder="little")
        unpacked = unpacked.reshape(*codes.shape[:2], 256, bits)
        values = (unpacked.astype(numpy.uint32) << numpy.arange(bits, dtype=numpy.uint32)).sum(axis=3)
    else:
        values = codes.view(f"<u{bits // 8}")
    tiles = values.reshape(*codes.shape[:2], 16, 16).transpose(0, 2, 1, 3)
    matrix = tiles.reshape(codes.shape[0] * 16, codes.shape[1] * 16)
    return matrix[:weights["outputs"], :weights["inputs"]]


def check_arrays(engine, arrays):
    """Levels and codes agree, and the levels of the Linear layers give the golden sums."""
    for layer in engine.network["layers"]:
        if "weights" not in layer:
            continue
        levels = arrays[layer["identifier"] + ".levels"]
        codes = decoded_tiles(arrays[layer["identifier"] + ".codes"], layer["weights"])
        pairs = set(zip(codes.ravel().tolist(), levels.ravel().tolist()))
        check(len(pairs) == len({code for code, _ in pairs}) == len({level for _, level in pairs}),
              f"{engine.name}: codes and levels of {layer['name']} are not one to one")
        if layer["operation"] == "Linear":
            tensors = [engine.tensors[index]["identifier"] for index in (layer["inputs"][0], layer["output"])]
            x, sums = [arrays["golden." + name].reshape(len(arrays["golden.labels"]), -1) for name in tensors]
            check(numpy.array_equal(x.astype(numpy.int64) @ levels.astype(numpy.int64).T, sums),
                  f"{engine.name}: the levels of {layer['name']} give other sums")


def check_golden(engine, arrays):
    """The golden vectors are what the engine computes."""
    batch = engine.compute(arrays["golden.pictures"])
    for described, expected in zip(engine.tensors, batch.integers):
        check(numpy.array_equal(arrays["golden." + described["identifier"]], expected),
              f"{engine.name}: golden integers of {described['name']} are not the engine's")


def test_arrays(arguments, package, engine):
    """NumPy's files and safetensors hold the same."""
    listed = engine.manifest["arrays"]
    arrays = {}
    for entry in listed:
        array = numpy.load(engine.folder / entry["file"])
        check(list(array.shape) == entry["shape"], f"{engine.name}: {entry['file']} has the shape {array.shape}")
        arrays[entry["file"][:-len(".npy")]] = array
    files = {path.name for path in engine.folder.iterdir()}
    check(files == {entry["file"] for entry in listed} | {"manifest.json"}, f"{engine.name}: other files: {files}")
    check_arrays(engine, arrays)
    check_golden(engine, arrays)

    path = convert(arguments, package, "safetensors")
    stored = safetensors.numpy.load_file(path)
    check(stored.keys() == arrays.keys(), f"{engine.name}: safetensors holds {stored.keys()}")
    for name, array in arrays.items():
        check(stored[name].dtype == array.dtype and numpy.array_equal(stored[name], array),
              f"{engine.name}: {name} differs in safetensors")
    with safetensors.safe_open(path, "numpy") as file:
        metadata = file.metadata()
    check(json.loads(metadata["kones.network"]) == engine.network, f"{engine.name}: safetensors' network")
    check(all("kones." + name in metadata for name in arrays), f"{engine.name}: arrays without a description")
    return arrays


def random_pictures(shape):
    pictures = numpy.random.default_rng(1).integers(0, 256, (RANDOM_PICTURES, *shape), numpy.uint8)
    pictures[0], pictures[1] = 0, 255
    return pictures


def batches(engine, pictures):
    """One picture, then all in equal parts, as far as they go."""
    yield engine.compute(pictures[:1])
    for first in range(0, len(pictures), BATCH):
        yield engine.compute(pictures[first:first + BATCH])


def test_package(arguments, package, pictures):
    start = time.monotonic()
    engine = Engine(arguments, package)
    arrays = test_arrays(arguments, package, engine)
    consumers = {"onnxruntime": Onnx(arguments, package), "QONNX": Qonnx(arguments, package, engine)}
    if pictures is None:
        pictures = numpy.concatenate([random_pictures(engine.picture_shape), arrays["golden.pictures"]])
    pictures = pictures.reshape(-1, *engine.picture_shape)[:arguments.count]
    compared = dict.fromkeys(consumers, 0)
    for batch in batches(engine, pictures):
        for name, consumer in consumers.items():
            compared[name] += consumer.check(batch)
    counts = ", ".join(f"{name} {count} integers" for name, count in compared.items())
    print(f"{package.stem}: {len(pictures)} predictions, {counts}; NumPy and safetensors {len(arrays)} arrays: all as "
          f"the engine's ({time.monotonic() - start:.1f} s)", flush=True)


def test_refusal(arguments, package):
    """What QONNX cannot say is refused with the layer and the reason; plain ONNX says it."""
    out = arguments.work / "refused.onnx"
    text = drive(arguments, "convert", package, "qonnx", out, refused=True)
    check("layer 'Requantize2': its output has " in text and text.count("\n") == 1, f"refused with: {text}")
    check(not list(out.parent.glob("refused.onnx*")), "a refused conversion leaves a file")
    engine = Engine(arguments, package)
    compared = Onnx(arguments, package).check(engine.compute(random_pictures(engine.picture_shape)))
    print(f"{package.stem}: QONNX refused; onnxruntime {compared} integers as the engine's", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a folder to make anew")
    parser.add_argument("--package", type=pathlib.Path)
    parser.add_argument("--images", type=pathlib.Path)
    parser.add_argument("--count", type=int, help="only the first so many pictures")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", module="qonnx")
    shutil.rmtree(arguments.work, ignore_errors=True)
    arguments.work.mkdir(parents=True)
    if arguments.package:
        test_package(arguments, arguments.package, read_pictures(arguments.images))
        return
    packages = arguments.work / "packages"
    packages.mkdir()
    drive(arguments, "packages", packages)
    for package in sorted(packages.glob("*.kones")):
        if package.stem.startswith("not_in_qonnx"):
            test_refusal(arguments, package)
        else:
            test_package(arguments, package, None)


main()
