#include "kones/kernels/xnor_operand.h"

#include <algorithm>

namespace kones::kernels {

void OperandMaker::make_planes(int64_t image, uint64_t* operand, int64_t begin, int64_t end) const {
  const XnorShape& shape = plan_.shape;
  const int64_t words = shape.group_words();
  for (int64_t group = 0; group < shape.groups; ++group) {
    for (int64_t y = begin; y < end; ++y) {
      uint64_t* row = operand + plan_.plane_offset(group) + y * plan_.plane_row_words();
      uint64_t* pixels = row + plan_.left_padding * words;
      std::fill(row, pixels, 0);
      pack_row(image, group, y * shape.in_width, pixels);
      std::fill(pixels + shape.in_width * words, row + plan_.plane_row_words(), 0);
    }
  }
}

int64_t OperandMaker::rows_needed(int64_t y) const {
  const XnorShape& shape = plan_.shape;
  const int64_t last_row =
      y * shape.stride_height - shape.padding_height + (shape.kernel_height - 1) * shape.dilation_height;
  return std::clamp<int64_t>(last_row + 1, 0, shape.in_height);
}

void OperandMaker::make_patches(uint64_t* operand, int64_t begin, int64_t end) const {
  const XnorShape& shape = plan_.shape;
  const int64_t row_words = shape.out_width() * plan_.layout.words;
  for (int64_t group = 0; group < shape.groups; ++group) {
    const uint64_t* plane = operand + plan_.plane_offset(group);
    uint64_t* patches = operand + group * plan_.patch_words();
    for (int64_t y = begin; y < end; ++y) make_patch_row(plane, y, patches + y * row_words);
  }
}

template <typename T>
void OperandMaker::pack(const SignFunctions<T>& functions, int64_t element, uint64_t* to) const {
  const SignLayout& layout = input_.layout;
  functions.pack(static_cast<const T*>(input_.data) + element, plan_.shape.in_width, layout.pixel_stride,
                 layout.group_channels, layout.channel_stride, to, nullptr, layout.group_words());
}

void OperandMaker::pack_row(int64_t image, int64_t group, int64_t first_pixel, uint64_t* to) const {
  const XnorShape& shape = plan_.shape;
  const int64_t words = shape.group_words();
  if (input_.kind == XnorInput::Kind::words) {
    const int64_t pixel = image * shape.in_height * shape.in_width + first_pixel;
    const auto* from = static_cast<const uint64_t*>(input_.data) + (pixel * shape.groups + group) * words;
    for (int64_t x = 0; x < shape.in_width; ++x, from += shape.groups * words)
      for (int64_t word = 0; word < words; ++word) *to++ = from[word];
    return;
  }
  const SignLayout& layout = input_.layout;
  const int64_t element = image * layout.batch_stride + first_pixel * layout.pixel_stride +
                          group * layout.group_channels * layout.channel_stride;
  switch (input_.kind) {
    case XnorInput::Kind::float16:
      return pack(signs_.float16, element, to);
    case XnorInput::Kind::bfloat16:
      return pack(signs_.bfloat16, element, to);
    default:
      return pack(signs_.float32, element, to);
  }
}

void OperandMaker::make_patch_row(const uint64_t* plane, int64_t y, uint64_t* patches) const {
  const XnorShape& shape = plan_.shape;
  const int64_t channels = shape.group_in_channels();
  const int64_t words = plan_.layout.words;
  const TapRange rows = plan_.rows.distinct[plan_.rows.of_output[y]];
  std::fill_n(patches, shape.out_width() * words, 0);
  for (int64_t tap = rows.begin; tap < rows.end; ++tap) {
    const int64_t from_row = y * shape.stride_height - shape.padding_height + tap * shape.dilation_height;
    // Where output 0 would begin.
    const uint64_t* from =
        plane + from_row * plan_.plane_row_words() + plan_.left_padding - shape.padding_width;
    const int64_t first_bit = tap * shape.kernel_width * channels;
    if (shape.dilation_width == 1 && shape.kernel_width * channels <= 64) {
      append_runs(from, first_bit, patches);
      continue;
    }
    for (int64_t x = plan_.first_column; x < plan_.end_column; ++x) {
      int64_t end = first_bit;
      const uint64_t* pixel = from + x * shape.stride_width;
      for (int64_t column = 0; column < shape.kernel_width; ++column)
        append_bits(patches + x * words, end, pixel[column * shape.dilation_width], channels);
    }
  }
}

void OperandMaker::append_runs(const uint64_t* from, int64_t first_bit, uint64_t* patches) const {
  const XnorShape& shape = plan_.shape;
  const int64_t channels = shape.group_in_channels();
  const int64_t words = plan_.layout.words;
  const int64_t bits = shape.kernel_width * channels;
  const int64_t kept = std::max<int64_t>(0, shape.kernel_width - shape.stride_width);
  uint64_t run = 0;
  for (int64_t x = plan_.first_column; x < plan_.end_column; ++x) {
    const uint64_t* pixel = from + x * shape.stride_width;
    const int64_t known = x == plan_.first_column ? 0 : kept;
    run = known == 0 ? 0 : run >> (shape.stride_width * channels);
    for (int64_t column = known; column < shape.kernel_width; ++column)
      run |= pixel[column] << (column * channels);
    int64_t end = first_bit;
    append_bits(patches + x * words, end, run, bits);
  }
}

}  // namespace kones::kernels
