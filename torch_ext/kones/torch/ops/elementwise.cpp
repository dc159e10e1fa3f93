#include "kones/torch/ops/elementwise.h"

namespace kones::ops {

RoundingArguments check_rounding(const char* name, std::string_view rounding, const c10::SymInt& seed,
                                 const c10::SymInt& offset) {
  const std::optional<Rounding> known = rounding_from_name(rounding);
  TORCH_CHECK_VALUE(known.has_value(), "kones::", name, ": rounding is \"", rounding, "\"; it takes one of ",
                    rounding_names);
  const auto value = [](const c10::SymInt& number) {
    return static_cast<uint64_t>(number.guard_int(__FILE__, __LINE__));
  };
  return {*known, {value(seed), value(offset)}};
}

void check_operand(const char* name, const at::Tensor& x) {
  const at::ScalarType type = x.scalar_type();
  TORCH_CHECK_TYPE(type == at::kFloat || type == at::kHalf || type == at::kBFloat16, "kones::", name,
                   ": x is ", type, "; it takes float32, float16 or bfloat16");
}

}  // namespace kones::ops
