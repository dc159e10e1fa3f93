// Operators by their names, for calls through LibTorch's dispatcher.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

namespace kones::ops {

/// The operator `name` ("kones::xnor_conv2d"), which has the kernels' type. For function-local statics: it is
/// looked up once.
template <typename Kernel>
c10::TypedOperatorHandle<Kernel> operator_named(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Kernel>();
}

}  // namespace kones::ops
