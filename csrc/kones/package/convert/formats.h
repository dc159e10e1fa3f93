// The converters, one a format; convert.cpp has their table, docs/converting.md what they write.
#pragma once

#include "kones/package/convert/convert.h"

namespace kones::package {

Written convert_to_c(const ConvertRequest& request);
Written convert_to_readmemh(const ConvertRequest& request);
Written convert_to_npy(const ConvertRequest& request);
Written convert_to_safetensors(const ConvertRequest& request);
/// These two run the program kones_onnx, which lies beside the running one: LibTorch brings a protobuf of its
/// own, so what writes ONNX must not be linked to it.
Written convert_to_onnx(const ConvertRequest& request);
Written convert_to_qonnx(const ConvertRequest& request);

}  // namespace kones::package
