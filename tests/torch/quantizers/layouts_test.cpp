// Every quantizer on channels-last and strided tensors, small types, and CUDA where there is a device:
// values, gradients and memory format.
#include "torch/quantizers/values.h"

#include "kones/torch/quantizers/apot.h"
#include "kones/torch/quantizers/dorefa.h"
#include "kones/torch/quantizers/dynamic_fixed_point.h"
#include "kones/torch/quantizers/inq.h"
#include "kones/torch/quantizers/lsq.h"
#include "kones/torch/quantizers/pact.h"
#include "kones/torch/quantizers/ttq.h"
#include "kones/torch/quantizers/twn.h"

namespace kones::quantizers {
namespace {

struct Named {
  const char* name;
  std::function<at::Tensor(const at::Tensor&)> quantize;
};

std::vector<Named> quantizers() {
  const at::Tensor half = at::full({}, 0.5f), one = at::ones({});
  LsqOptions channels;
  channels.channels = 1;
  return {
      {"dorefa_weight 1", [](const at::Tensor& x) { return dorefa_weight(x, 1); }},
      {"dorefa_weight 3", [](const at::Tensor& x) { return dorefa_weight(x, 3); }},
      {"dorefa_activation", [](const at::Tensor& x) { return dorefa_activation(x, 3); }},
      {"dorefa_gradient",
       [](const at::Tensor& x) {
         return dorefa_gradient(x, 3, {1, 2});
       }},
      {"pact", [=](const at::Tensor& x) { return pact(x, one, 3); }},
      {"lsq", [=](const at::Tensor& x) { return lsq(x, at::full({3}, 0.2f), channels); }},
      {"twn", [](const at::Tensor& x) { return twn(x, 1); }},
      {"ttq", [=](const at::Tensor& x) { return ttq(x, half, one * 2, one * 3); }},
      {"inq",
       [](const at::Tensor& x) {
         return inq(x, {-4, 0});
       }},
      {"apot", [=](const at::Tensor& x) { return ApotProjection(ApotOptions{})(x, one); }},
      {"dynamic_fixed_point", [](const at::Tensor& x) { return DynamicFixedPoint()->forward(x); }},
  };
}

TEST(Layouts, DoNotMatter) {
  at::manual_seed(11);
  const at::Tensor plain = at::randn({4, 3, 6, 5}), g = at::randn({4, 3, 6, 5});
  for (const Named& quantizer : quantizers()) {
    SCOPED_TRACE(quantizer.name);
    const at::Tensor x = trained(plain);
    const at::Tensor y = quantizer.quantize(x);
    const at::Tensor d = gradients(y, {x}, g)[0];
    const at::Tensor last = plain.contiguous(at::MemoryFormat::ChannelsLast).requires_grad_();
    const at::Tensor y_last = quantizer.quantize(last);
    EXPECT_TRUE(y_last.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_TRUE(at::allclose(y_last, y, 1e-6, 1e-7));
    EXPECT_TRUE(at::allclose(gradients(y_last, {last}, g)[0], d, 1e-5, 1e-6));
    at::Tensor wide = at::zeros({4, 3, 6, 10});
    wide.slice(3, 0, 10, 2).copy_(plain);
    const at::Tensor strided = wide.slice(3, 0, 10, 2).requires_grad_();
    EXPECT_TRUE(at::allclose(quantizer.quantize(strided), y, 1e-6, 1e-7));
    EXPECT_TRUE(at::allclose(gradients(quantizer.quantize(strided), {strided}, g)[0], d, 1e-5, 1e-6));
  }
}

// float16 and bfloat16 are computed in float32 and rounded once.
TEST(Layouts, SmallTypesAreRoundedAtTheEnd) {
  at::manual_seed(12);
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    const at::Tensor small = at::randn({4, 3, 6, 5}).to(type);
    for (const Named& quantizer : quantizers()) {
      SCOPED_TRACE(quantizer.name);
      const at::Tensor y = quantizer.quantize(small);
      EXPECT_EQ(y.scalar_type(), type);
      EXPECT_TRUE(at::equal(y, quantizer.quantize(small.to(at::kFloat)).to(type)));
    }
  }
}

// The same bits on a CUDA device, but for the quantizers whose scale or tanh is the device's own.
// Skipped without a device, of which LibTorch's own kernels, that these quantizers consist of, have no
// stand-in: scripts/verify_gpu runs it where there is one.
TEST(Layouts, CudaGivesTheSameBits) {
  if (!at::hasCUDA()) GTEST_SKIP() << "there is no CUDA device";
  at::manual_seed(13);
  const at::Tensor plain = at::randn({4, 3, 6, 5}), g = at::randn({4, 3, 6, 5});
  const auto run = [&](at::Device device, int64_t which) {
    const at::Tensor x = trained(plain.to(device));
    const auto number = [&](float value) { return at::full({}, value, x.options().requires_grad(false)); };
    at::Tensor y;
    switch (which) {
      case 0:
        y = dorefa_activation(x, 3);
        break;
      case 1:
        y = dorefa_gradient(x, 3, {1, 2});
        break;
      case 2:
        y = pact(x, number(0.9f), 3);
        break;
      case 3:
        y = lsq(x, number(0.3f), LsqOptions{});
        break;
      case 4:
        y = ttq(x, number(0.5f), number(0.7f), number(0.9f));
        break;
      case 5:
        y = inq(x, {-4, 0});
        break;
      default:
        y = ApotProjection(ApotOptions{})(x, number(0.9f));
    }
    const at::Tensor d = gradients(y, {x}, g.to(device))[0];
    return at::stack({y.detach().cpu(), d.cpu()});
  };
  for (int64_t which = 0; which < 7; ++which) {
    EXPECT_TRUE(at::equal(run(at::kCPU, which), run(at::kCUDA, which))) << which;
  }
}

}  // namespace
}  // namespace kones::quantizers
