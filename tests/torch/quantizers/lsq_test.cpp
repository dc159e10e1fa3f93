// LSQ against the definition in float64, per tensor and per channel, and gradients by hand.
#include "kones/torch/quantizers/lsq.h"

#include <sstream>

#include "torch/quantizers/values.h"
#include <torch/serialize.h>

namespace kones::quantizers {
namespace {

LsqOptions options(int64_t bits, bool is_signed, LsqOperand operand = LsqOperand::weight,
                   ChannelDimension channels = {}) {
  LsqOptions made;
  made.bits = bits;
  made.is_signed = is_signed;
  made.operand = operand;
  made.channels = channels;
  return made;
}

// Seen to fail on: the gradient to v passing at the ends; -v/s left out of the slope; the scale without QP.
TEST(Lsq, SignedLevelsAndGradientsByHand) {
  // 3 bits: -4 .. 3; s = 0.5: v / s = -5, -4, -1.6, 0, 0.4, 2.5, 3, 7.
  const at::Tensor v = trained(tensor({-2.5f, -2, -0.8f, 0, 0.2f, 1.25f, 1.5f, 3.5f}));
  const at::Tensor s = trained(at::full({}, 0.5f));
  const at::Tensor y = lsq(v, s, options(3, true));
  expect_equal(y, {-2, -2, -1, 0, 0, 1.5, 1.5, 1.5});
  const at::Tensor g = tensor({1, 2, 4, 8, 16, 32, 64, 128});
  const std::vector<at::Tensor> d = gradients(y, {v, s}, g);
  expect_equal(d[0], {0, 0, 4, 8, 16, 32, 0, 0});
  const double sum =
      -4.0 * 1 - 4.0 * 2 + (-2 + 1.6) * 4 + 0 + (0 - 0.4) * 16 + (3 - 2.5) * 32 + 3.0 * 64 + 3.0 * 128;
  expect_near(d[1], {sum / std::sqrt(8 * 3.0)}, 1e-4);
}

// Seen to fail on: the samples counted in n; the gradient to v passing at the ends.
TEST(Lsq, UnsignedLevelsAndGradientsByHand) {
  // 2 bits: 0 .. 3, s = 2: v / s = -1, 0, 0.5, 1.25, 3, 4. Two samples of three features.
  const at::Tensor v = trained(tensor({-2, 0, 1, 2.5f, 6, 8}).view({2, 3}));
  const at::Tensor s = trained(tensor({2}));
  const at::Tensor y = lsq(v, s, options(2, false, LsqOperand::activation));
  expect_equal(y, {0, 0, 2, 2, 6, 6});
  const std::vector<at::Tensor> d = gradients(y, {v, s}, tensor({1, 2, 4, 8, 16, 32}).view({2, 3}));
  expect_equal(d[0], {0, 0, 4, 8, 0, 0});
  const double sum = 0.5 * 4 - 0.25 * 8 + 3.0 * 16 + 3.0 * 32;
  // n is 3, the features of a sample.
  expect_near(d[1], {sum / std::sqrt(3 * 3.0)}, 1e-5);
  EXPECT_EQ(d[1].sizes(), s.sizes());
}

// Seen to fail on: n of the whole tensor; -v/s left out of the slope.
TEST(Lsq, ChannelsAreTheDefinition) {
  at::manual_seed(8);
  for (const int64_t channel : {0, 1, 2}) {
    for (const int64_t bits : {2, 4, 8}) {
      SCOPED_TRACE(std::to_string(channel) + ", " + std::to_string(bits));
      const at::Tensor v = trained(at::randn({4, 3, 5})), g = at::randn({4, 3, 5});
      const int64_t count = v.size(channel);
      const at::Tensor s = trained(at::rand({count}) * 0.3 + 0.2);
      const std::vector<double> x = values(v), step = values(s), cotangent = values(g);
      const double low = -std::ldexp(1.0, static_cast<int>(bits - 1)), high = -low - 1;
      std::vector<double> expected, to_v, to_s(static_cast<size_t>(count), 0.0);
      for (size_t i = 0; i < x.size(); ++i) {
        const size_t index[] = {i / 15, i / 5 % 3, i % 5};
        const size_t c = index[channel];
        const double r = x[i] / step[c];
        const double level = std::floor(std::min(std::max(r, low), high) + 0.5);
        expected.push_back(level * step[c]);
        to_v.push_back(r > low && r < high ? cotangent[i] : 0.0);
        to_s[c] += cotangent[i] * (r <= low ? low : r >= high ? high : level - r);
      }
      const double n = 60.0 / static_cast<double>(count);
      for (double& sum : to_s) sum /= std::sqrt(n * high);
      const at::Tensor y = lsq(v, s, options(bits, true, LsqOperand::weight, channel));
      expect_near(y, expected, 1e-5);
      const std::vector<at::Tensor> d = gradients(y, {v, s}, g);
      expect_equal(d[0], to_v);
      expect_near(d[1], to_s, 1e-4);
    }
  }
}

// Seen to fail on: the step used as it is.
TEST(Lsq, StepAtOrBelowZeroComesBack) {
  for (const float step : {0.0f, -0.5f}) {
    const at::Tensor v = trained(tensor({-1, 0, 2})), s = trained(at::full({}, step));
    const at::Tensor y = lsq(v, s, options(2, true));
    expect_equal(y, {-0x1p-59, 0, 0x1p-60});
    const std::vector<at::Tensor> d = gradients(y, {v, s}, tensor({1, 2, 4}));
    expect_equal(d[0], {0, 2, 0});
    expect_near(d[1], {(-2.0 + 4.0) / std::sqrt(3.0)}, 1e-6);
  }
}

// Seen to fail on: mean |v| without the factor 2.
TEST(Lsq, FirstStep) {
  const at::Tensor v = tensor({1, -2, 3, -6}).view({2, 2});
  expect_near(lsq_initial_step(v, options(3, true)), {2 * 3 / std::sqrt(3.0)}, 1e-6);
  expect_near(lsq_initial_step(v, options(3, false)), {2 * 3 / std::sqrt(7.0)}, 1e-6);
  expect_near(lsq_initial_step(v, options(3, true, LsqOperand::weight, 0)),
              {2 * 1.5 / std::sqrt(3.0), 2 * 4.5 / std::sqrt(3.0)}, 1e-6);
  expect_equal(lsq_initial_step(at::zeros({3}), options(4, true)), {0x1p-60});
  expect_equal(lsq_initial_step(at::empty({0}), options(4, true)), {0x1p-60});
}

// Seen to fail on: `initialized` not set.
TEST(Lsq, ModuleSetsItsStepOnceAndStoresThat) {
  Lsq layer(options(2, false, LsqOperand::activation));
  layer->forward(tensor({1, 3}));
  const std::vector<double> first = values(layer->step);
  expect_near(layer->step, {4 / std::sqrt(3.0)}, 1e-6);
  layer->forward(tensor({100, 300}));
  expect_equal(layer->step, first);
  layer->forward(tensor({1, 300})).sum().backward();
  EXPECT_TRUE(layer->step.grad().defined());
  std::stringstream stored;
  torch::save(layer, stored);
  Lsq other(options(2, false, LsqOperand::activation));
  torch::load(other, stored);
  other->forward(tensor({100, 300}));
  expect_equal(other->step, first);
  Lsq channels(options(4, true, LsqOperand::weight, 0), 2);
  channels->initialize(tensor({1, -2, 3, -6}).view({2, 2}));
  expect_near(channels->step, {3 / std::sqrt(7.0), 9 / std::sqrt(7.0)}, 1e-6);
}

TEST(Lsq, AtTheEdges) {
  const at::Tensor v = trained(tensor({nan_value, 1})), s = trained(at::full({}, 0.5f));
  const at::Tensor y = lsq(v, s, options(4, true));
  expect_equal(y, {nan_value, 1});
  const std::vector<at::Tensor> d = gradients(y, {v, s}, at::ones({2}));
  expect_equal(d[0], {0, 1});
  expect_equal(d[1], {nan_value});
  const at::Tensor none = trained(at::empty({0, 2}));
  const std::vector<at::Tensor> nothing =
      gradients(lsq(none, s, options(4, true, LsqOperand::activation)), {none, s}, at::empty({0, 2}));
  EXPECT_EQ(nothing[0].numel(), 0);
  expect_equal(nothing[1], {0});
  EXPECT_EQ(lsq(at::ones({2}).to(at::kBFloat16), s, options(4, true)).scalar_type(), at::kBFloat16);
  expect_equal(lsq(at::zeros({2}) * -1, s, options(4, true)), {0, 0});
}

TEST(Lsq, RefusesWhatItCannotTake) {
  const at::Tensor v = at::ones({2, 3}), s = at::ones({});
  expect_refused([&] { lsq(v, s, options(1, true)); }, {"lsq: bits (signed) is 1", "2 to 24"});
  expect_refused([&] { lsq(v, s, options(0, false)); }, {"lsq: bits is 0", "1 to 24"});
  expect_refused([&] { lsq(v, s, options(25, true)); }, {"is 25"});
  expect_refused([&] { lsq(v.to(at::kInt), s, options(4, true)); }, {"lsq: v is Int"});
  expect_refused([&] { lsq(v, s.to(at::kDouble), options(4, true)); }, {"lsq: step is Double"});
  expect_refused([&] { lsq(v, at::ones({2}), options(4, true)); }, {"lsq: step", "one element"});
  expect_refused([&] { lsq(v, at::ones({2}), options(4, true, LsqOperand::weight, 1)); },
                 {"lsq: step", "[3]"});
  expect_refused([&] { lsq(v, at::ones({2}), options(4, true, LsqOperand::weight, 2)); }, {"dimension is 2"});
  expect_refused([&] { lsq(v, at::ones({2}), options(4, true, LsqOperand::activation, 0)); },
                 {"lsq: the channels of an activation"});
  expect_refused([&] { lsq(at::ones({}), s, options(4, true, LsqOperand::activation)); }, {"no dimension"});
  expect_refused([&] { Lsq(options(4, true), 3); }, {"lsq: channel_count is 3"});
  expect_refused([&] { Lsq(options(4, true, LsqOperand::weight, 0)); }, {"lsq: channel_count is 0"});
  Lsq layer(options(4, true));
  expect_refused([&] { layer->initialize(tensor({1, nan_value})); }, {"lsq: v has a NaN"});
  Lsq channels(options(4, true, LsqOperand::weight, 0), 2);
  expect_refused([&] { channels->initialize(at::ones({3, 2})); }, {"lsq: v is of shape [3, 2]", "has 2"});
}

}  // namespace
}  // namespace kones::quantizers
