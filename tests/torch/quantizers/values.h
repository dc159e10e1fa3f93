// What the tests of the quantizers share.
#pragma once

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace kones::quantizers {

inline constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
inline constexpr float infinity = std::numeric_limits<float>::infinity();

inline at::Tensor tensor(const std::vector<float>& values) {
  return at::tensor(values, at::kFloat);
}

/// The elements in row-major order.
inline std::vector<double> values(const at::Tensor& x) {
  const at::Tensor flat = x.detach().to(at::kDouble).contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

inline void expect_near(const at::Tensor& x, const std::vector<double>& expected, double tolerance) {
  const std::vector<double> found = values(x);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    if (!std::isfinite(expected[i])) {
      EXPECT_TRUE(found[i] == expected[i] || (std::isnan(found[i]) && std::isnan(expected[i])))
          << "element " << i << " is " << found[i];
    } else {
      EXPECT_NEAR(found[i], expected[i], tolerance) << "element " << i;
    }
  }
}

inline void expect_equal(const at::Tensor& x, const std::vector<double>& expected) {
  expect_near(x, expected, 0.0);
}

inline std::vector<at::Tensor> gradients(const at::Tensor& y, const std::vector<at::Tensor>& inputs,
                                         const at::Tensor& g) {
  return torch::autograd::grad({y}, inputs, {g});
}

inline at::Tensor trained(const at::Tensor& x) {
  return x.detach().clone().requires_grad_();
}

/// Expects c10::Error whose message has each of the words.
inline void expect_refused(const std::function<void()>& call, const std::vector<std::string>& words) {
  try {
    call();
    ADD_FAILURE() << "not refused: " << words[0];
  } catch (const c10::Error& error) {
    for (const std::string& word : words) {
      EXPECT_NE(std::string(error.what_without_backtrace()).find(word), std::string::npos)
          << "\"" << word << "\" is not in: " << error.what_without_backtrace();
    }
  }
}

}  // namespace kones::quantizers
