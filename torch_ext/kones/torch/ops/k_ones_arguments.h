// The checked arguments of kones::k_ones, for the registrations of every device.
#pragma once

#include <string_view>

#include <ATen/core/Tensor.h>
#include <c10/core/SymInt.h>

#include "kones/numeric/philox.h"
#include "kones/numeric/rounding.h"

namespace kones::ops {

struct KOnesArguments {
  int terms;
  int max_shift;
  Rounding rounding;
  RandomStream stream;
};

/// Checks every argument of kones::k_ones; throws c10::Error that names the operator, the argument and what
/// it takes.
KOnesArguments check_k_ones(const at::Tensor& x, int64_t k, int64_t max_shift, std::string_view rounding,
                            const c10::SymInt& seed, const c10::SymInt& offset);

}  // namespace kones::ops
