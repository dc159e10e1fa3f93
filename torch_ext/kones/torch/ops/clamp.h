// Keeping latent weights inside their range.
#pragma once

#include <ATen/core/Tensor.h>

namespace kones {

/// x.clamp_(low, high) that, for float32 on the CPU, writes only where something is outside. The gradient is
/// not recorded.
void clamp_(at::Tensor& x, double low, double high);

}  // namespace kones
