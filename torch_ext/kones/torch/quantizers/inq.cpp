#include "kones/torch/quantizers/inq.h"

#include <cmath>
#include <limits>

#include <ATen/ATen.h>

#include "kones/numeric/power_of_two.h"
#include "kones/torch/ops/power_of_two.h"
#include "kones/torch/quantizers/arguments.h"
#include "kones/torch/quantizers/scale.h"

namespace kones::quantizers {

InqLevels inq_levels(double max_abs, int64_t bits) {
  check_integer("inq_levels", "bits", bits, 2, 8);
  TORCH_CHECK_VALUE(max_abs > 0.0 && max_abs <= std::numeric_limits<double>::max(), "inq_levels: max_abs is ",
                    max_abs, "; it takes a positive finite number");
  // max_abs = m 2^exponent with m in [1/2, 1): 4 m / 3 is in [2/3, 4/3), and at least 1 from m = 3/4 on.
  int exponent = 0;
  const double m = std::frexp(max_abs, &exponent);
  const int64_t largest = m >= 0.75 ? exponent : exponent - 1;
  const int64_t smallest = largest + 1 - (int64_t{1} << (bits - 2));
  TORCH_CHECK_VALUE(smallest >= power_of_two_min_exponent && largest <= power_of_two_max_exponent,
                    "inq_levels: max_abs is ", max_abs, ", whose exponents with ", bits, " bits are ",
                    smallest, " to ", largest, "; it takes what has them within ", power_of_two_min_exponent,
                    " to ", power_of_two_max_exponent);
  return {smallest, largest};
}

InqLevels inq_levels(const at::Tensor& w, int64_t bits) {
  check_operand("inq_levels", "w", w);
  return inq_levels(max_abs(w).item<double>(), bits);
}

at::Tensor inq(const at::Tensor& w, InqLevels levels) {
  return power_of_two(w, levels.min_exponent, levels.max_exponent, true);
}

}  // namespace kones::quantizers
