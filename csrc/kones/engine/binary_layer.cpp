#include "kones/engine/binary_layer.h"

#include <algorithm>
#include <cstring>

#include "kones/kernels/xnor_conv2d.h"

namespace kones::engine {
namespace {

/// The bits of `count` <= 64 stored signs: set where a sign is 0, which is -1.
uint64_t packed(const uint8_t* signs, int64_t count) {
  uint64_t word = 0;
  int64_t first = 0;
  for (; first + 8 <= count; first += 8) {
    uint64_t eight;
    std::memcpy(&eight, signs + first, 8);
    // Bit 1 of byte i is set for +1; the product gathers those bits in its top byte, byte 0's lowest.
    const uint64_t positive = (eight >> 1 & 0x0101010101010101u) * 0x0102040810204080u >> 56;
    word |= (positive ^ 0xff) << first;
  }
  for (; first < count; ++first) word |= static_cast<uint64_t>(signs[first] == 0) << first;
  return word;
}

/// The words of stored signs [pixels][groups][channels], in the order [pixels][groups][words].
void pack(const uint8_t* signs, int64_t rows, int64_t channels, uint64_t* words) {
  for (int64_t row = 0; row < rows; ++row, signs += channels) {
    for (int64_t first = 0; first < channels; first += 64)
      *words++ = packed(signs + first, std::min<int64_t>(channels - first, 64));
  }
}

}  // namespace

BinaryLayer::BinaryLayer(const std::vector<int32_t>& levels, const ConvolutionShape& shape) : shape_{shape} {
  const int64_t tap_words = shape_.taps() * shape_.group_words();
  std::vector<uint64_t> words(shape_.out_channels * tap_words);
  for (int64_t output = 0; output < shape_.out_channels; ++output) {
    for (int64_t channel = 0; channel < shape_.group_in_channels(); ++channel) {
      for (int64_t tap = 0; tap < shape_.taps(); ++tap) {
        const int32_t level = levels[output * shape.inputs() + channel * shape_.taps() + tap];
        words[output * tap_words + tap * shape_.group_words() + channel / 64] |=
            static_cast<uint64_t>(level < 0) << (channel % 64);
      }
    }
  }
  prepacked_.resize((shape_.prepacked_bytes() + 7) / 8);
  kernels::xnor_prepack(words.data(), shape_, prepacked_.data());
}

void BinaryLayer::run(const std::vector<const void*>& inputs, void* output, int64_t images,
                      LayerScratch& scratch) const {
  const int64_t rows = images * shape_.in_height * shape_.in_width * shape_.groups;
  scratch.words.resize(rows * shape_.group_words());
  pack(static_cast<const uint8_t*>(inputs[0]), rows, shape_.group_in_channels(), scratch.words.data());
  XnorShape shape = shape_;
  shape.batch = images;
  kernels::XnorInput input;
  input.data = scratch.words.data();
  XnorOutput<int32_t> sums;
  sums.values = static_cast<int32_t*>(output);
  sums.pixel_stride = shape.out_channels;
  sums.channel_stride = 1;
  sums.batch_stride = shape.out_height() * shape.out_width() * shape.out_channels;
  kernels::xnor_conv2d(input, prepacked_.data(), shape, {}, sums);
}

}  // namespace kones::engine
