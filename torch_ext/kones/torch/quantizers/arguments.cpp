#include "kones/torch/quantizers/arguments.h"

#include <ATen/ATen.h>

namespace kones::quantizers {

void check_operand(const char* quantizer, const char* argument, const at::Tensor& x) {
  TORCH_CHECK_VALUE(x.defined(), quantizer, ": ", argument, " is an undefined tensor");
  const at::ScalarType type = x.scalar_type();
  TORCH_CHECK_TYPE(type == at::kFloat || type == at::kHalf || type == at::kBFloat16, quantizer, ": ",
                   argument, " is ", type, "; it takes float32, float16 or bfloat16");
}

void check_integer(const char* quantizer, const char* argument, int64_t value, int64_t low, int64_t high) {
  TORCH_CHECK_VALUE(value >= low && value <= high, quantizer, ": ", argument, " is ", value, "; it takes ",
                    low, " to ", high);
}

void check_number(const char* quantizer, const char* argument, double value, double low, double high) {
  TORCH_CHECK_VALUE(value >= low && value <= high, quantizer, ": ", argument, " is ", value, "; it takes ",
                    low, " to ", high);
}

}  // namespace kones::quantizers
