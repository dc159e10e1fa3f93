#include "kones/cuda/xnor_conv2d.h"

#include <limits>

#include "cuda/quantizer_test.h"
#include "cuda/xnor_problem.h"

#include "kones/cuda/xnor_launch.h"

namespace kones {
namespace {

using cuda::XnorEngine;
using cuda::XnorTile;

/// On a device all three are that of the device.
constexpr XnorEngine engines[] = {XnorEngine::exclusive_or, XnorEngine::conjunction, XnorEngine::bytes};
constexpr XnorTile tiles[] = {XnorTile::small, XnorTile::medium, XnorTile::large};

/// Prepacked weights and words on the device.
class OnDevice {
 public:
  explicit OnDevice(const XnorProblem& problem, bool odd_address = false)
      : x_([&] {
          std::vector<uint64_t> words = problem.x_words;
          words.insert(words.begin(), odd_address ? 1 : 0, 0);
          return words;
        }()),
        offset_(odd_address ? 1 : 0),
        prepacked_(static_cast<size_t>(problem.shape.prepacked_bytes())) {
    const DeviceArray<uint64_t> weights(problem.weight_words);
    cuda::xnor_prepack(weights.data(), problem.shape, prepacked_.data(), nullptr);
    require_success(cudaDeviceSynchronize());
  }

  const uint64_t* x() const { return x_.data() + offset_; }
  const void* prepacked() const { return prepacked_.data(); }

 private:
  DeviceArray<uint64_t> x_;
  int64_t offset_;
  DeviceArray<uint8_t> prepacked_;
};

template <typename T>
T value_from(int32_t sum, float value) {
  if constexpr (std::is_same_v<T, int32_t>) {
    static_cast<void>(value);
    return sum;
  } else {
    static_cast<void>(sum);
    return from_float<T>(value);
  }
}

template <typename T>
float held(T value) {
  if constexpr (std::is_same_v<T, int32_t>) {
    return static_cast<float>(value);
  } else {
    return to_float(value);
  }
}

/// Numbers for each output channel, in eighths, so that ties and zeros come.
std::vector<float> channel_numbers(int64_t channels, uint64_t seed) {
  Scatter random(seed);
  std::vector<float> numbers(static_cast<size_t>(channels));
  for (float& number : numbers) number = static_cast<float>(random.in(-24, 24)) / 8.0f;
  return numbers;
}

/// Everything that was asked for, next to what plain code makes of the sums. `convolve(epilogue, output)`
/// runs the operator.
template <typename T, typename Convolve>
void expect_request(const XnorProblem& problem, const XnorRequest& request, const std::string& name,
                    Convolve convolve) {
  const XnorShape& shape = problem.shape;
  const int64_t channels = shape.out_channels;
  const int64_t pixels = problem.out_pixels();
  XnorOutput<T> output;
  output.channel_stride = request.channels_first ? pixels + request.between : 1;
  output.pixel_stride = request.channels_first ? 1 : channels + request.between;
  output.batch_stride =
      request.channels_first ? channels * output.channel_stride : pixels * output.pixel_stride;
  const auto elements = static_cast<size_t>(request.first + shape.batch * output.batch_stride);

  // Around the values is what was there.
  std::vector<T> values(elements, value_from<T>(77, 77.0f));
  std::vector<T> residual(elements, value_from<T>(0, 0.0f));
  Scatter random(5);
  for (T& one : residual) one = value_from<T>(0, static_cast<float>(random.in(-40, 40)) / 4.0f);
  const std::vector<float> scale = channel_numbers(channels, 1);
  const std::vector<float> bias = channel_numbers(channels, 2);
  const std::vector<float> slope = channel_numbers(channels, 3);
  const std::vector<float> shift = channel_numbers(channels, 4);
  // Large enough that bfloat16 rounds values to them, from either side.
  std::vector<float> sign_threshold = channel_numbers(channels, 6);
  for (float& one : sign_threshold) one *= 8.0f;
  std::vector<int32_t> threshold(static_cast<size_t>(channels));
  std::vector<uint8_t> flipped(threshold.size());
  for (size_t o = 0; o < threshold.size(); ++o) {
    threshold[o] = static_cast<int32_t>(random.in(-9, 9));
    flipped[o] = random.next() % 3 == 0 ? static_cast<uint8_t>(random.in(1, 255)) : 0;
  }
  threshold[0] = std::numeric_limits<int32_t>::min();

  const DeviceArray<float> device_scale(scale), device_bias(bias), device_slope(slope), device_shift(shift),
      device_sign_threshold(sign_threshold);
  const DeviceArray<int32_t> device_threshold(threshold);
  const DeviceArray<uint8_t> device_flipped(flipped);
  const DeviceArray<T> device_residual(residual);
  DeviceArray<T> device_values(values);
  const int64_t pixel_words = (channels + 63) / 64;
  const auto word_count = static_cast<size_t>(shape.batch * pixels * pixel_words);
  const bool has_words = request.words != XnorRequest::Words::none;
  DeviceArray<uint64_t> device_words(std::vector<uint64_t>(word_count, ~uint64_t{0}));
  XnorEpilogue epilogue;
  if (request.scale) epilogue.scale = device_scale.data();
  if (request.bias) epilogue.bias = device_bias.data();
  epilogue.activation = request.activation;
  if (request.activation == XnorActivation::prelu) epilogue.slope = device_slope.data();
  if (request.shift) epilogue.shift = device_shift.data();
  if (request.values) output.values = device_values.data() + request.first;
  if (request.residual) output.residual = device_residual.data() + request.first;
  if (has_words) output.words = device_words.data();
  if (request.words == XnorRequest::Words::by_value) output.sign_threshold = device_sign_threshold.data();
  if (request.words == XnorRequest::Words::by_sum)
    output.thresholds = {device_threshold.data(), device_flipped.data()};
  convolve(epilogue, output);

  std::vector<uint64_t> words(word_count, has_words ? 0 : ~uint64_t{0});
  for (int64_t row = 0; row < shape.batch * pixels; ++row) {
    for (int64_t o = 0; o < channels; ++o) {
      const auto channel = static_cast<size_t>(o);
      const int32_t sum = problem.sums[static_cast<size_t>(row * channels + o)];
      const auto place = static_cast<size_t>(request.first + row / pixels * output.batch_stride +
                                             row % pixels * output.pixel_stride + o * output.channel_stride);
      float value = static_cast<float>(sum);
      if (request.scale) value *= scale[channel];
      value += request.bias ? bias[channel] : 0.0f;
      if (request.residual) value += held(residual[place]);
      if (request.activation == XnorActivation::relu && value < 0.0f) value = 0.0f;
      if (request.activation == XnorActivation::prelu && value < 0.0f) value *= slope[channel];
      value += request.shift ? shift[channel] : 0.0f;
      const T result = value_from<T>(sum, value);
      if (request.values) values[place] = result;
      bool negative = false;
      if (request.words == XnorRequest::Words::by_sign) negative = held(result) < 0.0f;
      if (request.words == XnorRequest::Words::by_value) negative = held(result) < sign_threshold[channel];
      if (request.words == XnorRequest::Words::by_sum)
        negative = (sum < threshold[channel]) != (flipped[channel] != 0);
      if (negative) words[static_cast<size_t>(row * pixel_words + o / 64)] |= uint64_t{1} << (o % 64);
    }
  }
  const auto same = [&](const std::vector<T>& got, const std::vector<T>& expected) {
    for (size_t i = 0; i < got.size(); ++i) {
      if (std::memcmp(&got[i], &expected[i], sizeof(T)) != 0) {
        return testing::AssertionFailure()
               << "element " << i << " is " << held(got[i]) << " instead of " << held(expected[i]);
      }
    }
    return testing::AssertionSuccess();
  };
  EXPECT_TRUE(same(device_values.to_host(), values)) << name;
  const std::vector<uint64_t> got_words = device_words.to_host();
  for (size_t i = 0; i < words.size(); ++i) {
    if (got_words[i] == words[i]) continue;
    ADD_FAILURE() << name << ": word " << i << " is " << std::hex << got_words[i] << " instead of "
                  << words[i];
    break;
  }
}

std::string name_of(XnorEngine engine, XnorTile tile, const XnorShape& shape) {
  return "engine " + std::to_string(static_cast<int>(engine)) + ", tile " +
         std::to_string(static_cast<int>(tile)) + ", " + shape_text(shape);
}

template <typename T>
void expect_with(XnorEngine engine, XnorTile tile, const XnorProblem& problem, const OnDevice& device,
                 const XnorRequest& request) {
  expect_request<T>(problem, request, name_of(engine, tile, problem.shape),
                    [&](const XnorEpilogue& epilogue, const XnorOutput<T>& output) {
                      cuda::xnor_conv2d_with(engine, tile, device.x(), device.prepacked(), problem.shape,
                                             epilogue, output, nullptr);
                    });
}

/// Every channel count from 1 to 130, of a group, with kernels of 1 to 7, strides and dilations of 1 to 3 and
/// paddings of 0 to 3, each drawn for itself, mostly not square; few pixels, most of them at a border.
XnorShape drawn_shape(int64_t number) {
  Scatter random(static_cast<uint64_t>(number) + 1000);
  XnorShape shape;
  shape.batch = random.in(1, 2);
  shape.groups = number % 5 == 0 ? random.in(2, 3) : 1;
  shape.in_channels = (number % 130 + 1) * shape.groups;
  shape.out_channels = random.in(1, number % 3 == 0 ? 70 : 20) * shape.groups;
  shape.kernel_height = random.in(1, number % 4 == 0 ? 3 : 7);
  shape.kernel_width = random.in(1, number % 4 == 1 ? 3 : 7);
  shape.stride_height = random.in(1, 3);
  shape.stride_width = random.in(1, 3);
  shape.dilation_height = random.in(1, 3);
  shape.dilation_width = random.in(1, 3);
  shape.padding_height = random.in(0, 3);
  shape.padding_width = random.in(0, 3);
  const auto size = [&](int64_t kernel, int64_t dilation, int64_t padding) {
    const int64_t least = dilation * (kernel - 1) + 1 - 2 * padding;
    return (least < 1 ? 1 : least) + random.in(0, 4);
  };
  shape.in_height = size(shape.kernel_height, shape.dilation_height, shape.padding_height);
  shape.in_width = size(shape.kernel_width, shape.dilation_width, shape.padding_width);
  return shape;
}

/// Seen to fail on: no correction at borders, or one with a corner's sign exchanged, or for AND in XOR's
/// place; a dilation of 1; a column's bound left out (a read outside, too); ones of two rows counted as
/// one's; x, or the table of ones, of the first group for all; fragments read from pieces in their plain
/// order; a wait, or a barrier, left out; the eighth bit of bytes left out; pieces of 16 bytes at odd
/// addresses; images that lie densely whatever their stride; weights read past a group's channels or the last
/// step.
TEST(CudaXnorConv2d, SumsOfManyShapes) {
  for (int64_t number = 0; number < 390; ++number) {
    const XnorProblem problem(drawn_shape(number), static_cast<uint64_t>(number));
    const OnDevice device(problem, number % 7 == 0);
    const XnorEngine engine = engines[number / 130];
    XnorRequest request;
    request.channels_first = number % 4 == 1;
    expect_with<int32_t>(engine, XnorTile::small, problem, device, request);
  }
}

XnorShape square(int64_t batch, int64_t in, int64_t out, int64_t size, int64_t kernel, int64_t groups = 1) {
  XnorShape shape;
  shape.batch = batch;
  shape.in_channels = in;
  shape.out_channels = out;
  shape.in_height = shape.in_width = size;
  shape.kernel_height = shape.kernel_width = kernel;
  shape.padding_height = shape.padding_width = kernel / 2;
  shape.groups = groups;
  return shape;
}

/// Several blocks of rows and of columns, the last of each not full, for each tile and engine, with pieces of
/// 16 bytes and of 8. Seen to fail on: ones of the same rows counted by both warps that share them, tables of
/// ones read past the last column, a word's second half left as it was, no flips.
TEST(CudaXnorConv2d, TilesOfEverySize) {
  for (const XnorShape& shape :
       {square(3, 128, 200, 7, 3), square(3, 64, 70, 7, 3), square(1, 512, 33, 3, 3)}) {
    const XnorProblem problem(shape, 7);
    const OnDevice device(problem);
    for (const XnorTile tile : tiles) {
      for (const XnorEngine engine : engines) {
        XnorRequest request;
        request.words = XnorRequest::Words::by_sum;
        expect_with<int32_t>(engine, tile, problem, device, request);
      }
    }
  }
}

template <typename T>
class CudaXnorOutputs : public testing::Test {};
using OutputTypes = testing::Types<float, Float16, BFloat16, int32_t>;
TYPED_TEST_SUITE(CudaXnorOutputs, OutputTypes);

/// Seen to fail on: the shift before the activation, the residual of a pair's second channel left out, signs
/// of values that are one unit of their last place off, no flips; in the sanitizers' build on pairs at odd
/// addresses.
TYPED_TEST(CudaXnorOutputs, EveryPartOfTheEpilogue) {
  constexpr bool floats = !std::is_same_v<TypeParam, int32_t>;
  constexpr XnorActivation activations[] = {XnorActivation::none, XnorActivation::relu,
                                            XnorActivation::prelu};
  using Words = XnorRequest::Words;
  const XnorProblem odd(square(1, 5, 35, 4, 3), 8);
  const XnorProblem even(square(1, 40, 64, 3, 3), 9);
  const OnDevice odd_device(odd);
  const OnDevice even_device(even);
  for (int part = 0; part < 24; ++part) {
    XnorRequest request;
    request.channels_first = part % 2 == 1;
    request.words = floats ? Words(part / 2 % 4) : (part % 3 == 0 ? Words::by_sum : Words::none);
    request.values = request.words == Words::none || part % 3 != 2;
    if (floats) {
      request.scale = part % 4 != 0;
      request.bias = part % 5 != 0;
      request.activation = activations[part / 2 % 3];
      request.shift = part % 3 == 1;
      request.residual = part / 3 % 2 == 1;
    }
    request.first = part % 7 == 4 ? 1 : 0;
    request.between = part / 8;
    expect_with<TypeParam>(XnorEngine::conjunction, XnorTile::small, odd, odd_device, request);
    expect_with<TypeParam>(XnorEngine::conjunction, XnorTile::small, even, even_device, request);
    if (part % 4 == 2) {
      expect_with<TypeParam>(XnorEngine::conjunction, XnorTile::medium, even, even_device, request);
      expect_with<TypeParam>(XnorEngine::conjunction, XnorTile::large, odd, odd_device, request);
    }
  }
}

/// Groups share words where their channels do not fill halves. Seen to fail on: the bits of the next half
/// left out.
TEST(CudaXnorConv2d, WordsOfGroups) {
  for (const auto& [groups, of_group] :
       {std::pair<int, int>{3, 5}, {2, 32}, {3, 33}, {70, 1}, {2, 48}, {3, 64}}) {
    const XnorProblem problem(square(1, 3 * groups, of_group * groups, 3, 3, groups), 10);
    const OnDevice device(problem);
    for (const XnorRequest::Words words : {XnorRequest::Words::by_value, XnorRequest::Words::by_sum}) {
      XnorRequest request;
      request.words = words;
      request.values = false;
      expect_with<float>(XnorEngine::conjunction, XnorTile::small, problem, device, request);
    }
  }
}

/// As where the pixels of all images are 2^31 or more.
TEST(CudaXnorConv2d, SeveralLaunches) {
  const XnorProblem problem(square(5, 20, 40, 4, 3, 2), 13);
  const OnDevice device(problem);
  XnorRequest request;
  request.residual = true;
  request.words = XnorRequest::Words::by_value;
  for (const int64_t images : {1, 2}) {
    expect_request<Float16>(problem, request, std::to_string(images) + " images a launch",
                            [&](const XnorEpilogue& epilogue, const XnorOutput<Float16>& output) {
                              cuda::xnor_conv2d_with(XnorEngine::conjunction, XnorTile::small, device.x(),
                                                     device.prepacked(), problem.shape, epilogue, output,
                                                     nullptr, images);
                            });
  }
}

/// The operator itself, whose tile follows from the shape.
TEST(CudaXnorConv2d, ChoosesATile) {
  for (const XnorShape& shape : {square(1, 64, 16, 3, 1), square(4, 64, 64, 12, 3), square(4, 64, 128, 12, 1),
                                 square(1, 64, 128, 4, 3)}) {
    const XnorProblem problem(shape, 11);
    const OnDevice device(problem);
    XnorRequest request;
    request.words = XnorRequest::Words::by_value;
    expect_request<BFloat16>(problem, request, shape_text(shape),
                             [&](const XnorEpilogue& epilogue, const XnorOutput<BFloat16>& output) {
                               cuda::xnor_conv2d(device.x(), device.prepacked(), shape, epilogue, output,
                                                 nullptr);
                             });
  }
}

TEST(CudaXnorConv2d, NothingToDo) {
  XnorShape shape = square(1, 8, 8, 4, 3);
  const XnorProblem problem(shape, 12);
  const OnDevice device(problem);
  shape.batch = 0;
  DeviceArray<float> values(std::vector<float>(4, 5.0f));
  XnorOutput<float> output;
  output.values = values.data();
  output.pixel_stride = 8;
  output.channel_stride = 1;
  output.batch_stride = 128;
  cuda::xnor_conv2d(device.x(), device.prepacked(), shape, {}, output, nullptr);
  EXPECT_EQ(values.to_host(), std::vector<float>(4, 5.0f));
}

TEST(CudaXnorConv2d, RefusesSizesPastItsIndices) {
  XnorShape shape = square(1, 8, 8, 4, 3);
  shape.in_height = int64_t{1} << 32;
  XnorOutput<float> output;
  EXPECT_THROW(cuda::xnor_conv2d(nullptr, nullptr, shape, {}, output, nullptr), std::invalid_argument);
}

}  // namespace
}  // namespace kones
