// A project outside the tree that calls kones's operators by their names alone: it refers to no symbol of the
// library.
#include <cstdio>

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/tensor.h>

void show(const char* what, const at::Tensor& values) {
  std::printf("%s:", what);
  for (int64_t i = 0; i < values.numel(); ++i) std::printf(" %g", values[i].item<float>());
  std::printf("\n");
}

at::Tensor call(const char* name, std::vector<c10::IValue> stack) {
  c10::Dispatcher::singleton().findSchemaOrThrow(name, "").callBoxed(&stack);
  return stack.front().toTensor();
}

int main() {
  const at::Tensor x = at::tensor({0.3f, -0.75f, 5.0f, 0.0f}).requires_grad_(true);
  const at::Tensor quantized = call("kones::k_ones", {x, 1, 7, "nearest", 0, 0});
  quantized.sum().backward();
  show("k_ones", quantized);
  show("its gradient", x.grad());
  show("binarize", call("kones::binarize", {x, "nearest", 0, 0}));
}
