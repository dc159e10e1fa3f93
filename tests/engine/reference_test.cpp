// The reference is the definition, so it is compared with integers worked out by hand.
#include "kones/engine/reference.h"

#include <vector>

#include <gtest/gtest.h>

#include "kones/package/geometry.h"

namespace kones::engine {
namespace {

using package::Network;
using package::Tensor;

Integers run(const Tensor& from, const Tensor& to, const package::Operation& operation,
             const Integers& input) {
  Network network;
  network.tensors = {from, to};
  return reference_layer(network, {"layer", {0}, 1, operation}, {&input});
}

TEST(Reference, Linear) {
  const package::Linear linear{{NumberFormat::k_ones(1), 2, 3, {128, -64, 1, -128, 32, -1}}};
  EXPECT_EQ(run(Tensor::integer("x", 3), Tensor::integer("y", 2), linear, {1, 2, -5}), (Integers{-5, -59}));
}

// 3x3 kernel with padding 1 on 2x2: each output sums the kernel's entries that meet a pixel.
TEST(Reference, ConvWithPadding) {
  package::Conv2d conv;
  conv.weights = {NumberFormat::k_ones(1), 1, 9, {1, 2, 4, 8, 16, 32, 64, 128, 1}};
  conv.kernel_height = conv.kernel_width = 3;
  conv.padding_height = conv.padding_width = 1;
  const Integers result =
      run(Tensor::integer("x", 1, 2, 2), Tensor::integer("y", 1, 2, 2), conv, {1, 10, 100, 1000});
  EXPECT_EQ(result, (Integers{16 + 320 + 12800 + 1000, 8 + 160 + 6400 + 128000, 2 + 40 + 1600 + 32000,
                              1 + 20 + 800 + 16000}));
}

// Stride 2, dilation 2, two groups, not square. Group 1 reads channel 1 alone.
TEST(Reference, ConvWithStrideDilationAndGroups) {
  package::Conv2d conv;
  conv.weights = {NumberFormat::binary(), 2, 2, {1, -1, -1, -1}};
  conv.kernel_height = 1;
  conv.kernel_width = 2;
  conv.stride_height = 2;
  conv.stride_width = 1;
  conv.dilation_width = 2;
  conv.groups = 2;
  const Integers input = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19};
  EXPECT_EQ(run(Tensor::integer("x", 2, 3, 3), Tensor::integer("y", 2, 2, 1), conv, input),
            (Integers{-2, -2, -24, -36}));
}

// Rounding half up: (3 * x + 4) >> 3 for x = 4: 12 / 8 = 1.5 -> 2; x = -4: -1.5 -> -1. Then saturation to
// 0..15 and to -8..7. Seen to fail on: division toward zero instead of the shift.
TEST(Reference, Requantize) {
  const package::Requantize requantize{{3}, {4}, {3}};
  const Tensor from = Tensor::integer("x", 1, 1, 8);
  const Integers input = {4, -4, -5, -6, 39, 41, 1000, -1000};
  EXPECT_EQ(run(from, Tensor::fixed_point("y", 1, 1, 8, 4, false, 0), requantize, input),
            (Integers{2, 0, 0, 0, 15, 15, 15, 0}));
  EXPECT_EQ(run(from, Tensor::fixed_point("y", 1, 1, 8, 4, true, 0), requantize, input),
            (Integers{2, -1, -2, -2, 7, 7, 7, -8}));
}

TEST(Reference, Threshold) {
  const package::Threshold threshold{{5, -2}, {1, 0}};
  EXPECT_EQ(run(Tensor::integer("x", 2, 1, 3), Tensor::sign("y", 2, 1, 3), threshold, {4, 5, 6, -3, -2, -1}),
            (Integers{-1, 1, 1, 1, 1, -1}));
}

// An overlapping window of 3 with stride 2 and padding 1, which never counts a padded pixel.
TEST(Reference, MaxPool) {
  const package::MaxPool2d pool{1, 3, 1, 2, 0, 1, true};
  EXPECT_EQ(run(Tensor::integer("x", 1, 1, 4), Tensor::integer("y", 1, 1, 3), pool, {-9, -7, -8, -3}),
            (Integers{-7, -3, -3}));
}

// The same windows on 5 pixels: the sums of 2, 3 and 2 of them, times 6 / 2, 6 / 3 and 6 / 2.
TEST(Reference, AvgPool) {
  const package::AvgPool2d pool{1, 3, 1, 2, 0, 1, true, 6};
  EXPECT_EQ(run(Tensor::integer("x", 1, 1, 5), Tensor::integer("y", 1, 1, 3), pool, {-9, -7, -8, -3, 5}),
            (Integers{-48, -36, 6}));
}

// (3 * a - 2 * b + 4) >> 3, to 0..15 and -8..7, rounding down.
TEST(Reference, Add) {
  const package::Add add{{3}, {-2}, {4}, {3}};
  const Tensor from = Tensor::fixed_point("a", 1, 1, 4, 8, true, 0);
  const Integers first = {4, -4, 100, -100};
  const Integers second = {1, 1, -100, 100};
  for (const bool is_signed : {false, true}) {
    Network network;
    network.tensors = {from, from, Tensor::fixed_point("y", 1, 1, 4, 4, is_signed, 0)};
    EXPECT_EQ(reference_layer(network, {"layer", {0, 1}, 2, add}, {&first, &second}),
              is_signed ? (Integers{1, -2, 7, -8}) : (Integers{1, 0, 15, 0}));
  }
}

TEST(Reference, PoolingMultiples) {
  EXPECT_EQ(package::pooling_multiple(32, 3, 2, 0, true), 6);  // 15 windows of 3, the last of 2
  EXPECT_EQ(package::pooling_multiple(32, 2, 2, 0, false), 2);
  EXPECT_EQ(package::pooling_multiple(5, 3, 2, 1, true), 6);  // 2, 3, 2
  EXPECT_EQ(package::pooling_multiple(300, 255, 1, 127, false), 0);
}

// From PyTorch's rule; the last window may not start in the right padding or beyond (input 2, kernel 1,
// stride 3; input 3, kernel 2, stride 4, padding 1). Seen to fail on: that rule dropped.
TEST(Reference, PoolingExtents) {
  EXPECT_EQ(package::pooling_extent(5, 2, 2, 0, false), 2);
  EXPECT_EQ(package::pooling_extent(5, 2, 2, 0, true), 3);
  EXPECT_EQ(package::pooling_extent(6, 3, 2, 1, true), 4);
  EXPECT_EQ(package::pooling_extent(2, 1, 3, 0, true), 1);
  EXPECT_EQ(package::pooling_extent(3, 2, 4, 1, true), 1);
  EXPECT_EQ(package::pooling_extent(2, 3, 1, 0, true), 0);
}

TEST(Reference, ConvolutionExtents) {
  EXPECT_EQ(package::convolution_extent(28, 5, 1, 0, 1), 24);
  EXPECT_EQ(package::convolution_extent(7, 3, 2, 1, 2), 3);
  EXPECT_EQ(package::convolution_extent(4, 3, 1, 0, 2), 0);
}

}  // namespace
}  // namespace kones::engine
