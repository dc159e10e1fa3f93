// PACT against the definition in float64 and gradients by hand.
#include "kones/torch/quantizers/pact.h"

#include <sstream>

#include "torch/quantizers/values.h"
#include <torch/serialize.h>

namespace kones::quantizers {
namespace {

// Seen to fail on: the gradient to x passing at alpha; the levels' distance alpha / 2^k.
TEST(Pact, LevelsAndGradientsByHand) {
  const at::Tensor x = trained(tensor({-1, 0, 0.5f, 0.49f, 1.4f, 2.6f, 3, 3.5f, infinity}));
  const at::Tensor alpha = trained(tensor({3}));
  const at::Tensor y = pact(x, alpha, 2);
  expect_equal(y, {0, 0, 1, 0, 1, 3, 3, 3, 3});
  const at::Tensor g = tensor({1, 2, 4, 8, 16, 32, 64, 128, 256});
  const std::vector<at::Tensor> d = gradients(y, {x, alpha}, g);
  expect_equal(d[0], {0, 0, 4, 8, 16, 32, 0, 0, 0});
  expect_equal(d[1], {64 + 128 + 256});
  EXPECT_EQ(d[1].sizes(), alpha.sizes());
}

TEST(Pact, IsTheDefinition) {
  at::manual_seed(4);
  for (const int64_t bits : {1, 2, 4, 8}) {
    for (const float a : {0.7f, 6.0f, 10.3f}) {
      const at::Tensor x = at::randn({500}) * 6;
      const double n = std::ldexp(1.0, static_cast<int>(bits)) - 1, top = static_cast<double>(a);
      std::vector<double> expected;
      for (const double v : values(x)) {
        const double clipped = 0.5 * (std::fabs(v) - std::fabs(v - top) + top);
        expected.push_back(std::floor(clipped * n / top + 0.5) * top / n);
      }
      const at::Tensor y = pact(x, at::full({}, a), bits);
      expect_near(y, expected, 2e-6);
      expect_equal(y.amax(), {top});
    }
  }
}

// Seen to fail on: alpha used as it is.
TEST(Pact, AlphaAtOrBelowZeroComesBack) {
  for (const float a : {0.0f, -1.0f}) {
    const at::Tensor x = trained(tensor({-1, 0, 2})), alpha = trained(tensor({a}));
    const at::Tensor y = pact(x, alpha, 4);
    expect_equal(y, {0, 0, 0x1p-60});
    const std::vector<at::Tensor> d = gradients(y, {x, alpha}, tensor({1, 2, 4}));
    expect_equal(d[0], {0, 0, 0});
    expect_equal(d[1], {4});
  }
}

TEST(Pact, AtTheEdges) {
  const at::Tensor x = trained(tensor({nan_value, 1, 5})), alpha = trained(tensor({3}));
  const at::Tensor y = pact(x, alpha, 2);
  expect_equal(y, {nan_value, 1, 3});
  const std::vector<at::Tensor> d = gradients(y, {x, alpha}, tensor({1, 2, 4}));
  expect_equal(d[0], {0, 2, 0});
  expect_equal(d[1], {4});
  const at::Tensor none = trained(at::empty({0, 2}));
  const std::vector<at::Tensor> nothing = gradients(pact(none, alpha, 2), {none, alpha}, at::empty({0, 2}));
  EXPECT_EQ(nothing[0].sizes(), (at::IntArrayRef{0, 2}));
  expect_equal(nothing[1], {0});
  const at::Tensor half = trained(tensor({1, 5}).to(at::kHalf));
  const at::Tensor z = pact(half, alpha, 2);
  EXPECT_EQ(z.scalar_type(), at::kHalf);
  EXPECT_EQ(gradients(z, {half}, at::ones_like(half))[0].scalar_type(), at::kHalf);
}

TEST(Pact, ModuleTrainsAndStoresAlpha) {
  Pact layer(4, 2.5);
  EXPECT_EQ(layer->parameters().size(), 1u);
  layer->forward(tensor({1, 9, 9})).sum().backward();
  expect_equal(layer->alpha.grad(), {2});
  std::stringstream stored;
  torch::save(layer, stored);
  Pact other(4);
  expect_equal(other->alpha, {10});
  torch::load(other, stored);
  expect_equal(other->alpha, {2.5});
}

TEST(Pact, RefusesWhatItCannotTake) {
  const at::Tensor x = at::ones({2}), alpha = at::ones({});
  expect_refused([&] { pact(x, alpha, 0); }, {"pact: bits is 0", "1 to 24"});
  expect_refused([&] { pact(x, alpha, 25); }, {"pact: bits is 25"});
  expect_refused([&] { pact(x.to(at::kDouble), alpha, 2); }, {"pact: x is Double"});
  expect_refused([&] { pact(x, at::ones({2}), 2); }, {"pact: alpha", "[2]", "one float32"});
  expect_refused([&] { pact(x, alpha.to(at::kHalf), 2); }, {"pact: alpha is Half"});
  expect_refused([&] { Pact(2, 0.0); }, {"pact: initial_alpha is 0"});
  expect_refused([&] { Pact(2, -1.0); }, {"pact: initial_alpha is -1"});
  expect_refused([&] { Pact(2, std::nan("")); }, {"pact: initial_alpha is nan"});
  expect_refused([&] { Pact(0); }, {"pact: bits is 0"});
}

}  // namespace
}  // namespace kones::quantizers
