"""The worker that times the Larq Compute Engine's binary convolution with both of its kernels: the default one, and the
indirect one, which the interpreter takes when asked for and which is several times faster on x86.

A layer's time is half of what a model of three of them takes longer than a model of one: packing the input and entering
the interpreter are in both. Layers that keep the shape follow each other and pass signs on; others stand side by side.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from importlib.metadata import version

import larq
import larq_compute_engine
import numpy
import tensorflow
from larq_compute_engine.tflite.python.interpreter import Interpreter
from tensorflow.lite.python import schema_py_generated as schema

from xnor_workers.worker import Failed, serve, shortest_call


def binary_convolution(layer):
    return larq.layers.QuantConv2D(
        layer.out_channels,
        layer.kernel,
        strides=layer.stride,
        padding="same",
        pad_values=1.0,  # zeros are no signs
        input_quantizer="ste_sign",
        kernel_quantizer="ste_sign",
        kernel_constraint="weight_clip",
        use_bias=False,
    )


def binary_convolutions_in(flatbuffer):
    model = schema.Model.GetRootAsModel(flatbuffer, 0)
    graph = model.Subgraphs(0)
    codes = [model.OperatorCodes(graph.Operators(i).OpcodeIndex()) for i in range(graph.OperatorsLength())]
    return sum(code.CustomCode() == b"LceBconv2d" for code in codes)


def converted(layer, batch, count):
    picture = tensorflow.keras.Input((layer.size, layer.size, layer.in_channels), batch_size=batch)
    if layer.keeps_shape:
        outputs = picture
        for _ in range(count):
            outputs = binary_convolution(layer)(outputs)
    else:
        outputs = [binary_convolution(layer)(picture) for _ in range(count)]
    flatbuffer = larq_compute_engine.convert_keras_model(tensorflow.keras.Model(picture, outputs))
    found = binary_convolutions_in(flatbuffer)
    if found != count:
        raise Failed(f"the converted model has {found} LceBconv2d, not {count}")
    return flatbuffer


def kernel(**options):
    def make(layer, batch, threads):
        pictures = numpy.random.default_rng(1).standard_normal(
            (batch, layer.size, layer.size, layer.in_channels), numpy.float32
        )
        one, three = (
            Interpreter(converted(layer, batch, count), num_threads=threads, **options) for count in (1, 3)
        )

        def timer(windows):
            longer = shortest_call(lambda: three.predict(pictures), windows)
            return (longer - shortest_call(lambda: one.predict(pictures), windows)) / 2

        return timer

    return make


def start():
    about = {name: version(name) for name in ("larq-compute-engine", "tensorflow-cpu")}
    return about, {"LCE": kernel(), "LCE, indirect": kernel(use_indirect_bgemm=True)}


if __name__ == "__main__":
    serve(start)
