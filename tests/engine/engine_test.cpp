#include "kones/engine/engine.h"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "package/random_network.h"
#include <gtest/gtest.h>

#include "kones/engine/reference.h"
#include "kones/engine/threads.h"

namespace kones::engine {
namespace {

using package::Conv2d;
using package::MaxPool2d;
using package::Network;
using package::RandomNetwork;

const std::vector<NumberFormat>& formats() {
  static const std::vector<NumberFormat> all = {NumberFormat::k_ones(1),     NumberFormat::k_ones(2),
                                                NumberFormat::k_ones(3, 5),  NumberFormat::k_ones(4, 9),
                                                NumberFormat::k_ones(1, 15), NumberFormat::binary()};
  return all;
}

/// What the engine gives, against the reference, for every integer of some images.
void expect_reference(RandomNetwork& random, int threads, const std::string& what) {
  constexpr int64_t count = 3;
  const Network network = random.build();
  const std::vector<uint8_t> images = random.images(count);
  const Engine engine(network, threads);
  const std::vector<Integers> integers = engine.all_integers(images.data(), count);
  const std::vector<int32_t> predictions = engine.predict(images.data(), count);
  ASSERT_EQ(integers.size(), network.tensors.size());
  for (int64_t image = 0; image < count; ++image) {
    const auto expected = reference_integers(network, images.data() + image * engine.input_bytes());
    for (std::size_t tensor = 0; tensor < integers.size(); ++tensor) {
      const int64_t elements = network.tensors[tensor].elements();
      const Integers of_image(integers[tensor].begin() + image * elements,
                              integers[tensor].begin() + (image + 1) * elements);
      ASSERT_EQ(of_image, expected[tensor]) << what << ", tensor " << network.tensors[tensor].name;
    }
    const Integers& output = expected[network.output];
    ASSERT_EQ(predictions[image], std::max_element(output.begin(), output.end()) - output.begin()) << what;
  }
}

/// Finishes a random network: activations of one of four kinds, and a classifier.
void finish(RandomNetwork& random, int kind) {
  if (kind == 0) random.requantize(8, false);
  if (kind == 1) random.requantize(5, true);
  if (kind == 2) random.threshold();
  if (kind == 3) random.requantize(12, false);
  const NumberFormat formats_of_kinds[] = {NumberFormat::k_ones(2), NumberFormat::k_ones(4, 5),
                                           NumberFormat::k_ones(1, 15), NumberFormat::k_ones(1)};
  random.linear(formats_of_kinds[kind], 7);
}

// Every combination of stride, padding, dilation, groups and kernel on an odd, non-square image. Seen to fail
// on: the group's first channel forgotten, padding above the image not zeroed, the last pixels after blocks
// of four left out.
TEST(Engine, ConvolutionsMatchTheReference) {
  uint32_t seed = 0;
  for (const uint32_t stride : {1u, 2u, 3u}) {
    for (const uint32_t padding : {0u, 1u, 3u}) {
      for (const uint32_t dilation : {1u, 2u}) {
        for (const uint32_t groups : {1u, 2u, 6u}) {
          for (const uint32_t kernel : {1u, 2u, 3u}) {
            Conv2d geometry;
            geometry.kernel_height = kernel;
            geometry.kernel_width = 4 - kernel;
            geometry.stride_height = stride;
            geometry.stride_width = 1 + stride % 2;
            geometry.padding_height = padding;
            geometry.padding_width = padding / 2;
            geometry.dilation_height = dilation;
            geometry.dilation_width = 3 - dilation;
            geometry.groups = groups;
            RandomNetwork random(6, 7, 9, ++seed);
            random.conv(formats()[seed % 6], 12, geometry);
            finish(random, static_cast<int>(seed % 4));
            expect_reference(random, 1 + static_cast<int>(seed % 2), "seed " + std::to_string(seed));
          }
        }
      }
    }
  }
}

// Binary weights on signs are counted, not multiplied: the same combinations, and groups that fill a word or
// more. Seen to fail on: signs packed without their group, the output's channels taken for its pixels.
TEST(Engine, BinaryConvolutionsOfSignsMatchTheReference) {
  uint32_t seed = 300;
  for (const uint32_t stride : {1u, 2u, 3u}) {
    for (const uint32_t padding : {0u, 1u, 3u}) {
      for (const uint32_t dilation : {1u, 2u}) {
        for (const uint32_t groups : {1u, 2u}) {
          for (const uint32_t kernel : {1u, 2u, 3u}) {
            Conv2d first;
            Conv2d geometry;
            geometry.kernel_height = kernel;
            geometry.kernel_width = 4 - kernel;
            geometry.stride_height = stride;
            geometry.stride_width = 1 + stride % 2;
            geometry.padding_height = padding;
            geometry.padding_width = padding / 2;
            geometry.dilation_height = dilation;
            geometry.dilation_width = 3 - dilation;
            geometry.groups = groups;
            RandomNetwork random(3, 7, 9, ++seed);
            random.conv(NumberFormat::k_ones(1), seed % 3 == 0 ? 140 : 12, first).threshold();
            random.conv(NumberFormat::binary(), 18, geometry).threshold().linear(NumberFormat::binary(), 5);
            expect_reference(random, 1 + static_cast<int>(seed % 2), "seed " + std::to_string(seed));
          }
        }
      }
    }
  }
}

// Windows of more than one block of pixels, and deeper than a block: large images and many channels.
TEST(Engine, LargeConvolutionsMatchTheReference) {
  Conv2d geometry;
  geometry.kernel_height = geometry.kernel_width = 5;
  RandomNetwork wide(3, 67, 61, 11);
  wide.conv(NumberFormat::k_ones(1), 5, geometry).requantize(8, false).linear(NumberFormat::binary(), 3);
  expect_reference(wide, 2, "wide");
  RandomNetwork deep(900, 7, 7, 12);
  deep.conv(NumberFormat::binary(), 3, geometry).threshold().linear(NumberFormat::k_ones(2), 3);
  expect_reference(deep, 2, "deep");
}

// Overlapping, padded and ceil-mode windows, on every kind of tensor.
// Seen to fail on: rows.begin of a padded window rounded down instead of up.
TEST(Engine, PoolingMatchesTheReference) {
  uint32_t seed = 100;
  for (const uint32_t kernel : {1u, 2u, 3u}) {
    for (const uint32_t stride : {1u, 2u, 3u}) {
      for (const uint32_t padding : {0u, 1u}) {
        for (const bool ceil_mode : {false, true}) {
          for (const uint32_t size : {5u, 6u, 8u}) {
            if (2 * padding > kernel) continue;
            const MaxPool2d pool{kernel, 2, stride, 2, padding, 1, ceil_mode};
            Conv2d geometry;
            geometry.kernel_height = geometry.kernel_width = 2;
            RandomNetwork accumulators(2, size + 1, size + 2, ++seed);
            accumulators.conv(NumberFormat::k_ones(1), 5, geometry).max_pool(pool);
            finish(accumulators, static_cast<int>(seed % 4));
            expect_reference(accumulators, 1, "accumulators, seed " + std::to_string(seed));
            RandomNetwork activations(2, size + 1, size + 2, seed);
            activations.conv(NumberFormat::k_ones(2), 5, geometry);
            if (seed % 3 == 0) activations.threshold();
            if (seed % 3 == 1) activations.requantize(6, true);
            if (seed % 3 == 2) activations.requantize(8, false);
            activations.max_pool(pool).linear(NumberFormat::k_ones(1), 4);
            expect_reference(activations, 1, "activations, seed " + std::to_string(seed));
          }
        }
      }
    }
  }
}

// The random networks do what they are for: both ends saturate, and signs go both ways.
TEST(Engine, RandomNetworksReachBothEnds) {
  RandomNetwork random(4, 6, 6, 5);
  Conv2d geometry;
  geometry.kernel_height = geometry.kernel_width = 3;
  random.conv(NumberFormat::k_ones(1), 8, geometry).requantize(5, true);
  random.conv(NumberFormat::k_ones(1), 8, geometry).threshold().linear(NumberFormat::binary(), 2);
  const Network network = random.build();
  const auto images = random.images(20);
  const auto integers = Engine(network).all_integers(images.data(), 20);
  const auto [least, most] = std::minmax_element(integers[2].begin(), integers[2].end());
  EXPECT_EQ(*least, -16);
  EXPECT_EQ(*most, 15);
  EXPECT_NE(std::count(integers[4].begin(), integers[4].end(), 1), 0);
  EXPECT_NE(std::count(integers[4].begin(), integers[4].end(), -1), 0);
}

TEST(Engine, LargestShiftsAddendsAndBits) {
  RandomNetwork random(2, 1, 1, 9);
  random.linear(NumberFormat::k_ones(1), 3).requantize(32, true);
  Network network = random.build();
  auto& requantize = std::get<package::Requantize>(network.layers[1].operation);
  requantize.multiplier = {INT32_MIN, INT32_MAX, 1};
  requantize.addend = {-(int64_t{1} << 62), int64_t{1} << 62, 0};
  requantize.shift = {62, 0, 0};
  const std::vector<uint8_t> image = {0, 255};
  EXPECT_EQ(Engine(network).all_integers(image.data(), 1), reference_integers(network, image.data()));
}

TEST(Engine, TheFirstOfEqualOutputsIsPredicted) {
  RandomNetwork random(1, 1, 1, 1);
  Network network = random.linear(NumberFormat::binary(), 4).build();
  std::get<package::Linear>(network.layers[0].operation).weights.levels = {-1, 1, 1, -1};
  const std::vector<uint8_t> images = {255, 0};
  EXPECT_EQ(Engine(network).predict(images.data(), 2), (std::vector<int32_t>{1, 0}));
}

// A graph that is no chain: two layers read one tensor.
TEST(Engine, ATensorIsReadTwice) {
  RandomNetwork random(3, 2, 2, 2);
  Network network = random.linear(NumberFormat::k_ones(1), 4).linear(NumberFormat::k_ones(1), 5).build();
  network.layers[1].inputs = {0};
  std::get<package::Linear>(network.layers[1].operation).weights.inputs = 12;
  std::get<package::Linear>(network.layers[1].operation).weights.levels.assign(60, 64);
  const std::vector<uint8_t> image = random.images(1);
  EXPECT_EQ(Engine(network).all_integers(image.data(), 1), reference_integers(network, image.data()));
}

TEST(Engine, AnyThreadCountGivesTheSame) {
  RandomNetwork random(1, 9, 9, 4);
  Conv2d geometry;
  geometry.kernel_height = geometry.kernel_width = 3;
  random.conv(NumberFormat::k_ones(1), 6, geometry).requantize(8, false).linear(NumberFormat::k_ones(1), 10);
  const Network network = random.build();
  const auto images = random.images(101);
  const auto expected = Engine(network, 1).predict(images.data(), 101);
  for (const int threads : {0, 2, 3, 7, 200})
    EXPECT_EQ(Engine(network, threads).predict(images.data(), 101), expected);
  EXPECT_TRUE(Engine(network, 2).predict(images.data(), 0).empty());
}

TEST(Engine, RefusesInvalidNetworks) {
  Network network = package::example_network(0);
  network.layers[0].inputs = {99};
  EXPECT_THROW(Engine{network}, Error);
  EXPECT_THROW(Engine(package::example_network(0), -1), Error);
}

TEST(Threads, ChunksCoverEverythingOnce) {
  std::vector<std::atomic<int>> seen(1000);
  ChunkQueue queue(1000, 7);
  run_on_threads(4, [&] {
    int64_t begin = 0;
    int64_t end = 0;
    while (queue.take(begin, end)) {
      for (int64_t index = begin; index < end; ++index) ++seen[index];
    }
  });
  for (const auto& count : seen) EXPECT_EQ(count, 1);
}

TEST(Threads, ErrorsReachTheCaller) {
  EXPECT_THROW(run_on_threads(3, [] { throw std::runtime_error("lost"); }), std::runtime_error);
}

}  // namespace
}  // namespace kones::engine
