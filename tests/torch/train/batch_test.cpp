// Batches: normalisation, augmentation, labels, and shuffles.
#include "kones/torch/data/batch.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace kones {
namespace {

ImageSet images_of(int64_t count, int channels, int height, int width) {
  ImageSet images;
  images.count = count;
  images.channels = channels;
  images.height = height;
  images.width = width;
  images.classes = 10;
  images.pixels.resize(static_cast<size_t>(count * channels * height * width));
  for (size_t i = 0; i < images.pixels.size(); ++i) images.pixels[i] = static_cast<uint8_t>(1 + i * 37 % 251);
  for (int64_t n = 0; n < count; ++n) images.labels.push_back(static_cast<uint8_t>(n * 7 % 10));
  return images;
}

/// Of a statistic for `cells` equally likely cells: beyond this once in ten thousand (Wilson and Hilferty,
/// 1931).
double chi_square_limit(int cells) {
  const double degrees = cells - 1;
  const double cube = 1.0 - 2.0 / (9.0 * degrees) + 3.72 * std::sqrt(2.0 / (9.0 * degrees));
  return degrees * cube * cube * cube;
}

template <typename Counts>
double chi_square(const Counts& counts, int cells, double draws) {
  double sum = draws;  // cells that were never drawn add draws / cells each: start from all of them
  for (const auto& [cell, count] : counts) {
    const double expected = draws / cells;
    sum += (count - expected) * (count - expected) / expected - expected;
  }
  return sum;
}

// Seen to fail on: b / 127.5 - 1 in float32; (2 b - 255) / 256.
TEST(Batch, EveryByteIsTheFloatNearestToItsExactValue) {
  ImageSet images = images_of(1, 1, 16, 16);
  std::iota(images.pixels.begin(), images.pixels.end(), uint8_t{0});
  const int64_t index = 0;
  const at::Tensor batch = make_batch(images, &index, 1, {});
  ASSERT_EQ(batch.sizes(), (at::IntArrayRef{1, 1, 16, 16}));
  for (int byte = 0; byte < 256; ++byte) {
    const float value = batch.data_ptr<float>()[byte];
    // Products of a float32 and 255 are exact in float64.
    const auto distance = [byte](float candidate) {
      return std::fabs(candidate * 255.0 - (2.0 * byte - 255.0));
    };
    EXPECT_LE(distance(value), distance(std::nextafterf(value, 2.0f))) << byte;
    EXPECT_LE(distance(value), distance(std::nextafterf(value, -2.0f))) << byte;
  }
}

TEST(Batch, TakesPicturesAndLabelsAtTheIndices) {
  const ImageSet images = images_of(9, 3, 4, 5);
  const std::vector<int64_t> indices = {8, 0, 3, 3};
  const at::Tensor batch = make_batch(images, indices.data(), 4, {});
  const at::Tensor labels = make_labels(images, indices.data(), 4);
  ASSERT_EQ(batch.sizes(), (at::IntArrayRef{4, 3, 4, 5}));
  ASSERT_EQ(labels.scalar_type(), at::kLong);
  for (int64_t n = 0; n < 4; ++n) {
    EXPECT_EQ(labels[n].item<int64_t>(), indices[n] * 7 % 10);
    for (int64_t i = 0; i < 60; ++i) {
      const int byte = images.pixels[indices[n] * 60 + i];
      ASSERT_EQ(batch.data_ptr<float>()[n * 60 + i], static_cast<float>(2 * byte - 255) / 255.0f)
          << n << ", " << i;
    }
  }
}

/// The picture `index` moved, then mirrored, by definition; what comes in is black.
std::vector<float> moved(const ImageSet& images, int64_t index, int down, int right, bool mirrored) {
  std::vector<float> result;
  for (int c = 0; c < images.channels; ++c) {
    for (int y = 0; y < images.height; ++y) {
      for (int x = 0; x < images.width; ++x) {
        const int from_y = y - down;
        const int from_x = (mirrored ? images.width - 1 - x : x) - right;
        const bool inside = from_y >= 0 && from_y < images.height && from_x >= 0 && from_x < images.width;
        const int64_t place =
            ((index * images.channels + c) * images.height + from_y) * images.width + from_x;
        const int byte = inside ? images.pixels[static_cast<size_t>(place)] : 0;
        result.push_back(static_cast<float>(2 * byte - 255) / 255.0f);
      }
    }
  }
  return result;
}

// Every picture is one of the 5 * 5 * 2 placements, and all are equally likely. Seen to fail on: rows of one
// channel that come in from the next; a shift drawn from 2 * shift values; mirroring without a draw; the same
// picture moved in the same way every epoch.
TEST(Batch, AugmentationMovesAndMirrors) {
  const ImageSet images = images_of(60, 2, 6, 7);
  const std::vector<int64_t> indices = consecutive_indices(0, 60);
  std::map<int, int> counts;
  constexpr int epochs = 50;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const at::Tensor batch =
        make_batch(images, indices.data(), 60, {2, true, 99, static_cast<uint64_t>(epoch)});
    for (int64_t n = 0; n < 60; ++n) {
      const float* got = batch.data_ptr<float>() + n * 84;
      const std::vector<float> picture(got, got + 84);
      int found = -1;
      for (int placement = 0; placement < 50; ++placement) {
        if (moved(images, n, placement / 10 - 2, placement / 2 % 5 - 2, placement % 2 != 0) != picture)
          continue;
        ASSERT_EQ(found, -1) << "two placements give the same picture";
        found = placement;
      }
      ASSERT_NE(found, -1) << "epoch " << epoch << ", picture " << n << " is no placement";
      ++counts[found];
    }
  }
  EXPECT_EQ(counts.size(), 50u);
  EXPECT_LT(chi_square(counts, 50, 60.0 * epochs), chi_square_limit(50));
}

TEST(Batch, AugmentationDependsOnIndexSeedAndEpochAlone) {
  const ImageSet images = images_of(40, 1, 8, 8);
  const std::vector<int64_t> all = consecutive_indices(0, 40);
  const std::vector<int64_t> some = {31, 4, 17};
  const at::Tensor whole = make_batch(images, all.data(), 40, {3, true, 5, 2});
  const at::Tensor part = make_batch(images, some.data(), 3, {3, true, 5, 2});
  for (int64_t n = 0; n < 3; ++n) EXPECT_TRUE(at::equal(part[n], whole[some[n]])) << n;
  EXPECT_FALSE(at::equal(whole, make_batch(images, all.data(), 40, {3, true, 5, 3})));
  EXPECT_FALSE(at::equal(whole, make_batch(images, all.data(), 40, {3, true, 6, 2})));
}

TEST(Batch, WithoutFlipOrShiftNothingElseChanges) {
  const ImageSet images = images_of(30, 1, 5, 5);
  const std::vector<int64_t> all = consecutive_indices(0, 30);
  const at::Tensor plain = make_batch(images, all.data(), 30, {});
  EXPECT_TRUE(at::equal(plain, make_batch(images, all.data(), 30, {0, false, 7, 1})));
  const at::Tensor flipped = make_batch(images, all.data(), 30, {0, true, 7, 1});
  for (int64_t n = 0; n < 30; ++n) {
    EXPECT_TRUE(at::equal(flipped[n], plain[n]) || at::equal(flipped[n], plain[n].flip({2}))) << n;
  }
}

/// A picture whose value is its row plus a hundredth of its column, so that a place can be read off it.
ImageSet ramp_images(int64_t count, int side) {
  ImageSet images{count, 1, side, side, 10, {}, {}};
  for (int64_t n = 0; n < count; ++n) {
    for (int y = 0; y < side; ++y) {
      for (int x = 0; x < side; ++x)
        images.pixels.push_back(static_cast<uint8_t>(n % 2 == 0 ? 5 * y : 5 * x));
    }
  }
  images.labels.assign(static_cast<size_t>(count), 0);
  return images;
}

// A linear picture is interpolated without error, so every pixel tells where it came from: a turn by an angle
// and a scale that are the same for the whole picture and lie in the range. Seen to fail on: degrees taken as
// radians; the scale multiplied instead of divided.
TEST(Batch, TurnsAndScalesAboutTheMiddle) {
  constexpr int side = 21;
  constexpr int64_t count = 400;
  const ImageSet images = ramp_images(count, side);
  const std::vector<int64_t> all = consecutive_indices(0, count);
  Augmentation augmentation;
  augmentation.seed = 3;
  augmentation.rotation = 20.0;
  augmentation.zoom = 0.2;
  augmentation.edge = true;
  const at::Tensor batch = make_batch(images, all.data(), count, augmentation);
  double largest_angle = 0.0;
  double largest_scale = 1.0;
  double least_scale = 1.0;
  for (int64_t n = 0; n < count; ++n) {
    // In pixels about the middle, from the value (2 * 5 p - 255) / 255.
    const auto place = [&](int64_t y, int64_t x) {
      return (batch[n][0][y][x].item<double>() * 255 + 255) / 10 - 10;
    };
    const double down = (place(13, 10) - place(7, 10)) / 6;
    const double right = (place(10, 13) - place(10, 7)) / 6;
    const double along = n % 2 == 0 ? down : right;
    const double across = n % 2 == 0 ? -right : down;
    EXPECT_NEAR(place(10, 10), 0.0, 1e-3) << n;
    EXPECT_NEAR(place(8, 12), (n % 2 == 0 ? -2 * down + 2 * right : 2 * right - 2 * down), 1e-3) << n;
    const double scale = 1.0 / std::hypot(along, across);
    const double angle = std::atan2(across, along) * 180.0 / std::acos(-1.0);
    EXPECT_LE(std::fabs(angle), 20.001);
    EXPECT_LE(std::fabs(scale - 1.0), 0.2001);
    largest_angle = std::max(largest_angle, std::fabs(angle));
    largest_scale = std::max(largest_scale, scale);
    least_scale = std::min(least_scale, scale);
  }
  EXPECT_GT(largest_angle, 19.0);
  EXPECT_GT(largest_scale, 1.19);
  EXPECT_LT(least_scale, 0.81);
}

// Seen to fail on: the border black all the same.
TEST(Batch, TheEdgeComesInFromOutside) {
  const ImageSet images = images_of(50, 1, 6, 6);
  const std::vector<int64_t> all = consecutive_indices(0, 50);
  Augmentation augmentation;
  augmentation.shift = 2;
  augmentation.seed = 4;
  const at::Tensor black = make_batch(images, all.data(), 50, augmentation);
  augmentation.edge = true;
  const at::Tensor edge = make_batch(images, all.data(), 50, augmentation);
  EXPECT_EQ((black == -1).sum().item<int64_t>() > 0, true);
  EXPECT_EQ((edge == -1).sum().item<int64_t>(), 0) << "no picture has a black pixel";
  EXPECT_TRUE(at::equal(at::where(black == -1, edge, black), edge));
  // Rows that come in are the outermost one.
  for (int64_t n = 0; n < 50; ++n) {
    for (int64_t row = 0; row + 1 < 6; ++row) {
      const at::Tensor upper = black[n][0][row];
      if ((upper == -1).all().item<bool>() && !(black[n][0][row + 1] == -1).all().item<bool>())
        EXPECT_TRUE(at::equal(edge[n][0][row], edge[n][0][row + 1])) << n;
    }
  }
}

// Turning moves what shifting and mirroring do, no matter whether there is turning.
TEST(Batch, ATurnByNothingChangesNothing) {
  const ImageSet images = images_of(30, 3, 7, 5);
  const std::vector<int64_t> all = consecutive_indices(0, 30);
  Augmentation augmentation{2, true, 8, 3};
  const at::Tensor moved_only = make_batch(images, all.data(), 30, augmentation);
  augmentation.rotation = 1e-9;
  EXPECT_LT((make_batch(images, all.data(), 30, augmentation) - moved_only).abs().max().item<double>(), 1e-6);
}

// Seen to fail on: a swap with any place below count (biased); the last place left out.
TEST(Shuffle, EveryOrderIsEquallyLikely) {
  constexpr int seeds = 6000;
  std::map<std::vector<int64_t>, int> counts;
  for (uint64_t seed = 0; seed < seeds; ++seed) ++counts[shuffled_indices(4, seed)];
  EXPECT_EQ(counts.size(), 24u);
  EXPECT_LT(chi_square(counts, 24, seeds), chi_square_limit(24));
}

TEST(Shuffle, IsAPermutationThatDependsOnTheSeedAlone) {
  for (const int64_t count : {0, 1, 2, 1000, 60000}) {
    const std::vector<int64_t> order = shuffled_indices(count, 3);
    EXPECT_EQ(order, shuffled_indices(count, 3));
    if (count > 100) {
      EXPECT_NE(order, shuffled_indices(count, 4));
      EXPECT_NE(order, shuffled_indices(count, uint64_t{3} << 32)) << "the seed's upper half is not used";
    }
    std::vector<int64_t> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(sorted, consecutive_indices(0, count));
  }
  EXPECT_EQ(consecutive_indices(5, 3), (std::vector<int64_t>{5, 6, 7}));
}

}  // namespace
}  // namespace kones
