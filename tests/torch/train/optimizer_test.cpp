// FusedOptimizer against plain Adam and SGD in double precision.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "kones/torch/train/fused_optimizer.h"

namespace kones {
namespace {

/// One scalar parameter under the written rule.
class PlainOptimizer {
 public:
  PlainOptimizer(const OptimizerOptions& options, double scale, bool decays)
      : options_(options), scale_(scale), decay_(decays ? options.weight_decay : 0.0) {}

  double step(double parameter, double gradient, double learning_rate) {
    const double rate = learning_rate * scale_;
    ++steps_;
    if (options_.algorithm == "sgd") {
      const double whole = gradient + decay_ * parameter;
      first_ = options_.momentum * first_ + whole;
      return parameter - rate * first_;
    }
    first_ = 0.9 * first_ + 0.1 * gradient;
    second_ = 0.999 * second_ + 0.001 * gradient * gradient;
    const double mean = first_ / (1.0 - std::pow(0.9, steps_));
    const double square = second_ / (1.0 - std::pow(0.999, steps_));
    return parameter * (1.0 - rate * decay_) - rate * mean / (std::sqrt(square) + 1e-8);
  }

 private:
  OptimizerOptions options_;
  double scale_;
  double decay_;
  double first_ = 0.0;
  double second_ = 0.0;
  int steps_ = 0;
};

/// Two parameters at scale 1 without decay, and one at scale 3.5 with it: as batch norms and weights are.
struct Parameters {
  at::Tensor gamma = at::randn({5}).requires_grad_(true);
  at::Tensor beta = at::randn({4}).requires_grad_(true);
  at::Tensor weight = at::randn({6, 3}).requires_grad_(true);

  std::vector<at::Tensor> all() const { return {gamma, beta, weight}; }
  std::vector<ParameterGroup> groups() const { return {{{gamma, beta}, 1.0, false}, {{weight}, 3.5, true}}; }

  Parameters copy() const {
    Parameters result;
    result.gamma = gamma.detach().clone().requires_grad_(true);
    result.beta = beta.detach().clone().requires_grad_(true);
    result.weight = weight.detach().clone().requires_grad_(true);
    return result;
  }

  /// The gradients of step `step`; some are as small as Adam's epsilon, and some are 0.
  void set_gradients(int64_t step) {
    at::manual_seed(static_cast<uint64_t>(100 + step));
    for (const at::Tensor& parameter : all()) {
      at::Tensor gradient = at::randn(parameter.sizes());
      gradient.view(-1)[0] = 1e-8;
      gradient.view(-1)[1] = 0.0;
      parameter.mutable_grad() = gradient;
    }
  }
};

double rate_at(int64_t step) {
  return 0.01 / static_cast<double>(1 + step % 5);
}

void expect_plain(const OptimizerOptions& options) {
  at::manual_seed(5);
  Parameters parameters;
  FusedOptimizer optimizer(parameters.groups(), options);
  std::vector<std::vector<double>> expected;
  std::vector<std::vector<PlainOptimizer>> plain;
  for (const at::Tensor& parameter : parameters.all()) {
    const bool is_weight = parameter.dim() == 2;
    const at::Tensor start = parameter.detach().to(at::kDouble).contiguous();
    expected.emplace_back(start.data_ptr<double>(), start.data_ptr<double>() + start.numel());
    plain.emplace_back(start.numel(), PlainOptimizer(options, is_weight ? 3.5 : 1.0, is_weight));
  }
  for (int64_t step = 0; step < 30; ++step) {
    parameters.set_gradients(step);
    optimizer.step(rate_at(step));
    for (size_t p = 0; p < expected.size(); ++p) {
      const at::Tensor parameter = parameters.all()[p].detach();
      const at::Tensor gradient = parameters.all()[p].grad();
      for (size_t i = 0; i < expected[p].size(); ++i) {
        const int64_t at = static_cast<int64_t>(i);
        expected[p][i] =
            plain[p][i].step(expected[p][i], gradient.view(-1)[at].item<double>(), rate_at(step));
        ASSERT_NEAR(parameter.view(-1)[at].item<double>(), expected[p][i], 2e-6)
            << "step " << step << ", " << p << ", " << i;
      }
    }
  }
}

// Seen to fail on: decay inside the gradient (Adam's L2); the learning-rate scale left out; decay of batch
// norms; the step counter not raised.
TEST(FusedOptimizer, AdamWithoutDecay) {
  expect_plain({"adam", 0.9, 0.0});
}
TEST(FusedOptimizer, AdamWithDecoupledDecay) {
  expect_plain({"adam", 0.9, 0.3});
}
// Seen to fail on: every step taken for the first.
TEST(FusedOptimizer, SgdWithMomentum) {
  expect_plain({"sgd", 0.9, 0.0});
}
TEST(FusedOptimizer, SgdWithMomentumAndDecay) {
  expect_plain({"sgd", 0.5, 0.2});
}
TEST(FusedOptimizer, SgdWithoutMomentum) {
  expect_plain({"sgd", 0.0, 0.1});
}

// Seen to fail on: "second" left out of the state; SGD's first-step flag left out of it.
TEST(FusedOptimizer, GoesOnFromItsStateToTheSameBits) {
  for (const char* algorithm : {"adam", "sgd"}) {
    SCOPED_TRACE(algorithm);
    const OptimizerOptions options{algorithm, 0.9, 0.1};
    at::manual_seed(6);
    Parameters whole;
    FusedOptimizer uninterrupted(whole.groups(), options);
    std::map<std::string, at::Tensor> state;
    Parameters resumed;
    for (int64_t step = 0; step < 10; ++step) {
      if (step == 4) {
        resumed = whole.copy();
        uninterrupted.for_each_state([&](const std::string& name, at::Tensor& tensor) {
          EXPECT_TRUE(state.emplace(name, tensor.clone()).second) << name << " twice";
        });
      }
      whole.set_gradients(step);
      uninterrupted.step(rate_at(step));
    }
    FusedOptimizer second(resumed.groups(), options);
    second.for_each_state([&](const std::string& name, at::Tensor& tensor) {
      c10::NoGradGuard no_gradient;
      tensor.copy_(state.at(name));
    });
    for (int64_t step = 4; step < 10; ++step) {
      resumed.set_gradients(step);
      second.step(rate_at(step));
    }
    for (size_t p = 0; p < whole.all().size(); ++p)
      EXPECT_TRUE(at::equal(whole.all()[p], resumed.all()[p])) << p;
  }
}

TEST(FusedOptimizer, ZeroGradientsFreesThem) {
  at::manual_seed(7);
  Parameters parameters;
  FusedOptimizer optimizer(parameters.groups(), {});
  parameters.set_gradients(0);
  optimizer.zero_gradients();
  for (const at::Tensor& parameter : parameters.all()) EXPECT_FALSE(parameter.grad().defined());
}

}  // namespace
}  // namespace kones
