#include "kones/kernels/xnor_plan.h"

#include <algorithm>

namespace kones::kernels {
namespace {

XnorShape simplified(XnorShape shape) {
  const bool is_pointwise = shape.taps() == 1 && shape.stride_height == 1 && shape.stride_width == 1 &&
                            shape.padding_height == 0 && shape.padding_width == 0;
  if (is_pointwise) {
    shape.in_width *= shape.in_height;
    shape.in_height = 1;
  }
  return shape;
}

/// sum + 2 count, modulo 2^32: twice a count may be past int32, a whole sum is not.
int32_t add_twice(int32_t sum, int32_t count) {
  return static_cast<int32_t>(static_cast<uint32_t>(sum) + 2 * static_cast<uint32_t>(count));
}

/// From so many channels on, a word a tap that is mostly empty takes less time than putting signs together
/// across taps.
constexpr int64_t xnor_direct_channels = 16;

int64_t padded_to_line(int64_t bytes) {
  return (bytes + 63) / 64 * 64;
}

}  // namespace

XnorPrepackedLayout::XnorPrepackedLayout(const XnorShape& shape)
    : patches(shape.taps() > 1 && shape.group_in_channels() < xnor_direct_channels),
      words(patches ? (shape.inputs() + 63) / 64 : shape.taps() * shape.group_words()),
      panels((shape.group_out_channels() + xnor_panel - 1) / xnor_panel),
      tap_counts(sizeof(XnorPrepackedHeader)),
      weights(padded_to_line(tap_counts +
                             shape.groups * shape.taps() * padded_outputs() * int64_t{sizeof(int32_t)})) {}

XnorPrepackedHeader XnorPrepackedHeader::of(const XnorShape& shape) {
  XnorPrepackedHeader header;
  header.out_channels = shape.out_channels;
  header.group_in_channels = shape.group_in_channels();
  header.kernel_height = shape.kernel_height;
  header.kernel_width = shape.kernel_width;
  header.groups = shape.groups;
  return header;
}

AxisTaps::AxisTaps(int64_t outputs, int64_t stride, int64_t padding, int64_t dilation, int64_t taps,
                   int64_t size) {
  of_output.reserve(outputs);
  for (int64_t output = 0; output < outputs; ++output) {
    const int64_t first = output * stride - padding;  // the input under tap 0
    TapRange range;
    range.begin = std::min(taps, first < 0 ? (-first + dilation - 1) / dilation : 0);
    range.end = std::max(range.begin, first < size ? std::min(taps, (size - 1 - first) / dilation + 1) : 0);
    auto known = std::find(distinct.begin(), distinct.end(), range);
    if (known == distinct.end()) known = distinct.insert(known, range);
    of_output.push_back(static_cast<int32_t>(known - distinct.begin()));
  }
}

XnorPlan::XnorPlan(const XnorShape& given, const void* prepacked)
    : shape(simplified(given)),
      layout(shape),
      tap_counts(reinterpret_cast<const int32_t*>(static_cast<const char*>(prepacked) + layout.tap_counts)),
      weights(reinterpret_cast<const uint32_t*>(static_cast<const char*>(prepacked) + layout.weights)),
      rows(shape.out_height(), shape.stride_height, shape.padding_height, shape.dilation_height,
           shape.kernel_height, shape.in_height),
      columns(shape.out_width(), shape.stride_width, shape.padding_width, shape.dilation_width,
              shape.kernel_width, shape.in_width) {
  const auto is_real = [this](int64_t output) {
    const TapRange& taps = columns.distinct[columns.of_output[output]];
    return taps.begin < taps.end;
  };
  while (first_column < shape.out_width() && !is_real(first_column)) ++first_column;
  end_column = shape.out_width();
  while (end_column > first_column && !is_real(end_column - 1)) --end_column;
  if (first_column < end_column) {
    const int64_t reach = shape.dilation_width * (shape.kernel_width - 1) + 1;
    const int64_t begin = first_column * shape.stride_width - shape.padding_width;
    const int64_t end = (end_column - 1) * shape.stride_width - shape.padding_width + reach;
    left_padding = std::max<int64_t>(0, -begin);
    right_padding = std::max<int64_t>(0, end - shape.in_width);
  }

  if (layout.patches) {
    for (int64_t word = 0; word < layout.words; ++word) offsets.push_back(word);
  } else {
    for (int64_t y = 0; y < shape.kernel_height; ++y) {
      for (int64_t x = 0; x < shape.kernel_width; ++x) {
        const int64_t pixel = y * shape.dilation_height * plane_width() + x * shape.dilation_width;
        for (int64_t word = 0; word < shape.group_words(); ++word)
          offsets.push_back(pixel * shape.group_words() + word);
      }
    }
  }

  // Of a kernel with gaps wider than the image, also columns between others have no real taps: their words
  // are counted.
  std::vector<bool> counts_words(columns.distinct.size(), layout.patches);
  for (int64_t x = first_column; x < end_column; ++x) counts_words[columns.of_output[x]] = true;

  const int64_t outputs = layout.padded_outputs();
  for (const int32_t column : columns.of_output) column_sums.push_back(column * shape.groups * outputs);
  first_sums.resize(rows.distinct.size() * columns.distinct.size() * shape.groups * outputs);
  int32_t* sums = first_sums.data();
  for (const TapRange& row : rows.distinct) {
    // The rows whose words are counted.
    const TapRange counted = layout.patches ? TapRange{0, shape.kernel_height} : row;
    for (size_t c = 0; c < columns.distinct.size(); ++c) {
      const TapRange& column = columns.distinct[c];
      const int64_t real_taps = (row.end - row.begin) * (column.end - column.begin);
      const auto products = static_cast<int32_t>(real_taps * shape.group_in_channels());
      for (int64_t group = 0; group < shape.groups; ++group, sums += outputs) {
        std::fill_n(sums, outputs, products);
        if (!counts_words[c]) continue;
        for (int64_t y = counted.begin; y < counted.end; ++y) {
          for (int64_t x = 0; x < shape.kernel_width; ++x) {
            const bool is_real = y >= row.begin && y < row.end && x >= column.begin && x < column.end;
            if (is_real) continue;
            const int32_t* counts =
                tap_counts + ((group * shape.kernel_height + y) * shape.kernel_width + x) * outputs;
            for (int64_t o = 0; o < outputs; ++o) sums[o] = add_twice(sums[o], counts[o]);
          }
        }
      }
    }
  }
}

}  // namespace kones::kernels
