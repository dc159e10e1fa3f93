#include "kones/kernels/integer_conv2d.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "kones/kernels/integer_plan.h"
#include "kones/kernels/scratch.h"

namespace kones::kernels {
namespace {

/// Bytes of activations that are worked on at a time: they stay in the second-level cache beside a panel's
/// weights. With more weights than that cache holds there are more, so that fewer passes read them.
constexpr int64_t least_unit_bytes = int64_t{192} << 10;
constexpr int64_t most_unit_bytes = int64_t{1} << 20;
/// Pixels that are worked on at a time: at most, and what is not divided among threads.
constexpr int64_t most_unit_pixels = 4096;
constexpr int64_t divided_unit_pixels = 96;
/// Bytes of a panel's weights that are multiplied for all of these pixels before the next ones: they stay in
/// the second-level cache.
constexpr int64_t block_weight_bytes = int64_t{256} << 10;

/// What is computed at a time: some images, some rows of one, or some pixels of a row.
struct Unit {
  int64_t image;
  int64_t images;
  int64_t row;
  int64_t rows;
  int64_t column;
  int64_t columns;

  int64_t pixels() const { return images * rows * columns; }
};

template <typename T, typename Sum>
class Run {
 public:
  Run(const IntegerPlan& plan, const T* x, int64_t in_stride, int64_t batch, Sum* sums, int64_t sum_stride,
      const Parallel& parallel)
      : plan_(plan),
        shape_(plan.shape),
        x_(x),
        in_stride_(in_stride),
        batch_(batch),
        sums_(sums),
        sum_stride_(sum_stride),
        parallel_(parallel),
        in_place_(!plan.has_padding() && !plan.patches && plan.ends_with_runs &&
                  plan.element_bytes() == sizeof(T) &&
                  (in_stride == shape_.in_channels || shape_.taps() == 1)) {
    choose_units();
  }

  void operator()() const {
    // Panels are divided where there are too few units for the threads.
    const auto panels = static_cast<int64_t>(plan_.panels.size());
    const int64_t parts = std::min(panels, (wanted_tasks() + units() - 1) / units());
    parallel_.run(units() * parts, [&](int64_t begin, int64_t end) {
      const Scratch scratch((unit_pixels_ + 1) + (in_place_ ? 0 : unit_bytes_ / 8 + 2));
      auto* offsets = reinterpret_cast<int64_t*>(scratch.data());
      uint8_t* copy = reinterpret_cast<uint8_t*>(scratch.data() + unit_pixels_ + 1);
      int64_t ready = -1;
      for (int64_t task = begin; task < end; ++task) {
        const Unit unit = this->unit(task / parts);
        const uint8_t* activations = in_place_ ? reinterpret_cast<const uint8_t*>(x_) : copy;
        if (ready != task / parts) {
          ready = task / parts;
          if (!in_place_) fill(unit, copy);
          find_pixels(unit, offsets);
        }
        const int64_t part = task % parts;
        compute(unit, activations, offsets, panels * part / parts, panels * (part + 1) / parts);
      }
    });
  }

 private:
  int64_t copied_bytes(int64_t rows) const {
    if (plan_.patches) return rows * shape_.out_width() * patch_bytes();
    return plan_.reached_rows(rows) * plan_.copy_width() * shape_.in_channels * plan_.element_bytes();
  }
  int64_t patch_bytes() const { return shape_.taps() * shape_.in_channels * plan_.element_bytes(); }

  int64_t wanted_tasks() const { return parallel_.threads > 1 ? 4 * parallel_.threads : 1; }

  void choose_units() {
    const int64_t limit = std::min(std::max(plan_.weight_bytes / 2, least_unit_bytes), most_unit_bytes);
    const int64_t height = shape_.out_height();
    const int64_t width = shape_.out_width();
    const auto panels = static_cast<int64_t>(plan_.panels.size());
    const int64_t wanted_units = (wanted_tasks() + panels - 1) / panels;
    const int64_t pixels =
        std::min(most_unit_pixels, std::max(divided_unit_pixels, batch_ * height * width / wanted_units));
    unit_images_ = std::min({batch_, limit / copied_bytes(height), pixels / (height * width)});
    unit_rows_ = height;
    unit_columns_ = width;
    if (unit_images_ == 0) {
      unit_images_ = 1;
      unit_rows_ = std::min(height, std::max<int64_t>(1, pixels / width));
      while (unit_rows_ > 1 && copied_bytes(unit_rows_) > limit) unit_rows_ = (unit_rows_ + 1) / 2;
      if (plan_.patches && unit_rows_ == 1)
        unit_columns_ = std::min(width, std::max<int64_t>(1, limit / patch_bytes()));
    }
    unit_pixels_ = unit_images_ * unit_rows_ * unit_columns_;
    unit_bytes_ =
        unit_columns_ < width ? unit_columns_ * patch_bytes() : unit_images_ * copied_bytes(unit_rows_);
  }

  int64_t row_units() const { return (shape_.out_height() + unit_rows_ - 1) / unit_rows_; }
  int64_t column_units() const { return (shape_.out_width() + unit_columns_ - 1) / unit_columns_; }
  int64_t units() const { return (batch_ + unit_images_ - 1) / unit_images_ * row_units() * column_units(); }

  Unit unit(int64_t number) const {
    Unit unit;
    unit.column = number % column_units() * unit_columns_;
    unit.columns = std::min(unit_columns_, shape_.out_width() - unit.column);
    unit.row = number / column_units() % row_units() * unit_rows_;
    unit.rows = std::min(unit_rows_, shape_.out_height() - unit.row);
    unit.image = number / column_units() / row_units() * unit_images_;
    unit.images = std::min(unit_images_, batch_ - unit.image);
    return unit;
  }

  /// The elements of `count` pixels, of which the first is at `from`, as they are multiplied.
  template <typename Element>
  void copy_pixels(const T* from, int64_t count, Element* to) const {
    int64_t channels = shape_.in_channels;
    if (in_stride_ == channels) {
      channels *= count;
      count = 1;
    }
    for (; count > 0; --count, from += in_stride_, to += channels) {
      if constexpr (std::is_same_v<T, Element>) {
        std::memcpy(to, from, static_cast<size_t>(channels) * sizeof(T));
      } else {
        const auto zero = static_cast<Element>(plan_.zero_point);
        for (int64_t c = 0; c < channels; ++c) to[c] = static_cast<Element>(from[c] - zero);
      }
    }
  }

  /// Input columns column .. column + columns - 1, `step` apart, of an input row, any of which may lie in the
  /// padding.
  template <typename Element>
  void copy_columns(int64_t image, int64_t row, int64_t column, int64_t columns, int64_t step,
                    Element* to) const {
    const auto zero = static_cast<Element>(std::is_same_v<T, Element> ? plan_.zero_point : 0);
    const int64_t channels = shape_.in_channels;
    if (row < 0 || row >= shape_.in_height) {
      std::fill_n(to, columns * channels, zero);
      return;
    }
    const T* line = x_ + (image * shape_.in_height + row) * shape_.in_width * in_stride_;
    if (step > 1) {
      for (int64_t i = 0; i < columns; ++i)
        copy_columns(image, row, column + i * step, 1, 1, to + i * channels);
      return;
    }
    const int64_t begin = std::min(columns, std::max<int64_t>(0, -column));
    const int64_t end = std::max(begin, std::min(columns, shape_.in_width - column));
    std::fill_n(to, begin * channels, zero);
    if (begin < end) copy_pixels(line + (column + begin) * in_stride_, end - begin, to + begin * channels);
    std::fill_n(to + end * channels, (columns - end) * channels, zero);
  }

  template <typename Element>
  void fill_elements(const Unit& unit, Element* to) const {
    const ConvolutionShape& s = shape_;
    if (plan_.patches) {
      for (int64_t image = unit.image; image < unit.image + unit.images; ++image) {
        for (int64_t y = unit.row; y < unit.row + unit.rows; ++y) {
          for (int64_t x = unit.column; x < unit.column + unit.columns; ++x) {
            for (int64_t ky = 0; ky < s.kernel_height; ++ky, to += s.kernel_width * s.in_channels) {
              copy_columns(image, y * s.stride_height - s.padding_height + ky * s.dilation_height,
                           x * s.stride_width - s.padding_width, s.kernel_width, s.dilation_width, to);
            }
          }
        }
      }
    } else {
      const int64_t first = unit.row * s.stride_height - s.padding_height;
      for (int64_t image = unit.image; image < unit.image + unit.images; ++image) {
        for (int64_t row = 0; row < plan_.reached_rows(unit.rows); ++row) {
          copy_columns(image, first + row, -s.padding_width, plan_.copy_width(), 1, to);
          to += plan_.copy_width() * s.in_channels;
        }
      }
    }
    std::memset(to, 0, integer_step);  // the last step may read past the last run
  }

  void fill(const Unit& unit, uint8_t* copy) const {
    if constexpr (std::is_same_v<T, uint8_t>) {
      if (plan_.form == IntegerForm::halves) return fill_elements(unit, reinterpret_cast<int16_t*>(copy));
    }
    fill_elements(unit, reinterpret_cast<T*>(copy));
  }

  /// Where the window of each output pixel of a unit begins, in bytes.
  void find_pixels(const Unit& unit, int64_t* offsets) const {
    int64_t pixel = plan_.patches ? patch_bytes() : in_stride_bytes() * shape_.stride_width;
    int64_t row =
        plan_.patches ? unit.columns * pixel : in_stride_bytes() * plan_.copy_width() * shape_.stride_height;
    int64_t image = plan_.patches ? unit.rows * row
                                  : in_stride_bytes() * plan_.copy_width() *
                                        (in_place_ ? shape_.in_height : plan_.reached_rows(unit.rows));
    const int64_t first = in_place_ ? unit.image * image + unit.row * row : 0;
    for (int64_t n = 0; n < unit.images; ++n)
      for (int64_t y = 0; y < unit.rows; ++y)
        for (int64_t x = 0; x < unit.columns; ++x) *offsets++ = first + n * image + y * row + x * pixel;
  }
  int64_t in_stride_bytes() const {
    return (in_place_ ? in_stride_ : shape_.in_channels) * plan_.element_bytes();
  }

  void compute(const Unit& unit, const uint8_t* activations, const int64_t* offsets, int64_t first_panel,
               int64_t end_panel) const {
    IntegerRows<Sum> rows;
    rows.activations = activations;
    rows.pixel_offsets = offsets;
    rows.pixels = unit.pixels();
    rows.sum_stride = sum_stride_;
    const int64_t first_pixel =
        (unit.image * shape_.out_height() + unit.row) * shape_.out_width() + unit.column;
    for (int64_t number = first_panel; number < end_panel; ++number) {
      const IntegerPanel& panel = plan_.panels[number];
      rows.vectors = panel.vectors;
      rows.outputs = panel.outputs;
      rows.scale = plan_.scale.data() + panel.first_lane;
      rows.sums = sums_ + first_pixel * sum_stride_ + panel.first_output;
      const int64_t step_bytes = panel.vectors * integer_vector * integer_step;
      const int64_t blocks = std::max<int64_t>(1, panel.steps * step_bytes / block_weight_bytes);
      for (int64_t block = 0; block < blocks; ++block) {
        const int64_t begin = panel.steps * block / blocks;
        const int64_t end = panel.steps * (block + 1) / blocks;
        rows.step_offsets = plan_.step_offsets.data() + panel.first_step + begin;
        rows.steps = end - begin;
        rows.weights = plan_.weights.get() + panel.weights + begin * step_bytes;
        rows.first_sums = block == 0 ? first_sums(panel) : nullptr;
        multiply(rows);
      }
    }
  }

  const Sum* first_sums(const IntegerPanel& panel) const {
    if constexpr (std::is_same_v<Sum, int32_t>) {
      return plan_.first_sums.data() + panel.first_lane;
    } else {
      static constexpr Sum zeros[integer_vector] = {};  // there is no zero point, and a panel is one vector
      return zeros;
    }
  }

  void multiply(const IntegerRows<int32_t>& rows) const {
    (plan_.form == IntegerForm::bytes ? plan_.tier->bytes : plan_.tier->halves)(rows);
  }
  void multiply(const IntegerRows<int64_t>& rows) const { plan_.tier->words(rows); }

  const IntegerPlan& plan_;
  const ConvolutionShape& shape_;
  const T* x_;
  int64_t in_stride_;
  int64_t batch_;
  Sum* sums_;
  int64_t sum_stride_;
  const Parallel& parallel_;
  bool in_place_;  ///< without a copy

  int64_t unit_images_;
  int64_t unit_rows_;
  int64_t unit_columns_;
  int64_t unit_pixels_;
  int64_t unit_bytes_;
};

template <typename T, typename Sum>
void run_plan(const IntegerPlan& plan, IntegerOperand operand, const T* x, int64_t in_stride, int64_t batch,
              Sum* sums, int64_t sum_stride, const Parallel& parallel) {
  if (plan.operand != operand) throw std::invalid_argument("the activations are not of the weights' operand");
  if (batch > 0) Run<T, Sum>(plan, x, in_stride, batch, sums, sum_stride, parallel)();
}

}  // namespace

void IntegerConv2d::run(const uint8_t* x, int64_t in_stride, int64_t batch, int32_t* sums, int64_t sum_stride,
                        const Parallel& parallel) const {
  run_plan(*plan_, IntegerOperand::uint8, x, in_stride, batch, sums, sum_stride, parallel);
}

void IntegerConv2d::run(const int16_t* x, int64_t in_stride, int64_t batch, int32_t* sums, int64_t sum_stride,
                        const Parallel& parallel) const {
  run_plan(*plan_, IntegerOperand::int16, x, in_stride, batch, sums, sum_stride, parallel);
}

void IntegerConv2d::run(const int32_t* x, int64_t in_stride, int64_t batch, int64_t* sums, int64_t sum_stride,
                        const Parallel& parallel) const {
  run_plan(*plan_, IntegerOperand::int32, x, in_stride, batch, sums, sum_stride, parallel);
}

}  // namespace kones::kernels
