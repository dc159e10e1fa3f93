// A package's network as an ONNX graph that computes the same integers.
#pragma once

#include "kones/onnx/dialect.h"
#include "kones/onnx/model_proto.h"
#include "kones/package/package.h"

namespace kones::onnx_program {

/// The model of a valid network. Every value is an integer times a power of two, in a type that holds it
/// exactly: float32 where no sum leaves -2^24 .. 2^24, else float64, or int64. So the result does not depend
/// on the order of adding. The metadata say what each tensor of the package is called in the graph. Throws
/// Error, naming layer and reason, where the dialect has no exact form.
onnx::ModelProto lower(const package::Network& network, const Dialect& dialect);

}  // namespace kones::onnx_program
