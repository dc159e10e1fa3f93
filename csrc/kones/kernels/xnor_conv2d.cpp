#include "kones/kernels/xnor_conv2d.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <optional>

#include "kones/kernels/subnormal_numbers.h"
#include "kones/kernels/tiers/signs.h"
#include "kones/kernels/xnor_plan.h"
#include "kones/kernels/xnor_tiles.h"

namespace kones::kernels {
namespace {

const XnorTier& functions_of(CpuTier tier) {
  switch (tier) {
#if defined(__x86_64__)
    case CpuTier::amx_int8:
      return xnor_amx_int8;
    case CpuTier::avx512_vpopcntdq:
      return xnor_avx512_vpopcntdq;
    case CpuTier::avx512:
      return xnor_avx512;
    case CpuTier::avx2:
      return xnor_avx2;
#endif
    default:
      return xnor_scalar;
  }
}

void compute_row(const XnorTier& tier, const XnorRow<float>& row) {
  tier.float32(row);
}
void compute_row(const XnorTier& tier, const XnorRow<Float16>& row) {
  tier.float16(row);
}
void compute_row(const XnorTier& tier, const XnorRow<BFloat16>& row) {
  tier.bfloat16(row);
}
void compute_row(const XnorTier& tier, const XnorRow<int32_t>& row) {
  tier.int32(row);
}

/// Memory for one call, which a thread keeps for the next unless it is large.
class Scratch {
 public:
  explicit Scratch(int64_t words) {
    if (words > kept_words) {
      own_ = Words(allocate(words));
    } else if (kept().get() == nullptr) {
      kept() = Words(allocate(kept_words));
    }
    data_ = own_ != nullptr ? own_.get() : kept().get();
  }
  uint64_t* data() const { return data_; }

 private:
  static constexpr int64_t kept_words = int64_t{1} << 17;  // 1 MiB
  static constexpr std::align_val_t line{64};
  struct Free {
    void operator()(uint64_t* words) const { ::operator delete(words, line); }
  };
  using Words = std::unique_ptr<uint64_t, Free>;

  static uint64_t* allocate(int64_t words) {
    return static_cast<uint64_t*>(::operator new(static_cast<size_t>(words) * sizeof(uint64_t), line));
  }
  static Words& kept() {
    thread_local Words words;
    return words;
  }

  Words own_;
  uint64_t* data_;
};

/// Adds the lowest `count` bits of `bits` to the string of bits that ends at bit `end` of `words`, which are
/// 0 from there on.
inline void append_bits(uint64_t* words, int64_t& end, uint64_t bits, int64_t count) {
  const int64_t shift = end % 64;
  words[end / 64] |= bits << shift;
  if (shift + count > 64) words[end / 64 + 1] |= bits >> (64 - shift);
  end += count;
}

/// Makes operands of images.
class OperandMaker {
 public:
  OperandMaker(const XnorPlan& plan, const XnorInput& input, CpuTier tier)
      : plan_(plan), input_(input), signs_(sign_tier(tier)) {}

  /// Rows begin .. end - 1 of the planes of all groups.
  void make_planes(int64_t image, uint64_t* operand, int64_t begin, int64_t end) const {
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

  /// How many of an image's first rows output row y needs.
  int64_t rows_needed(int64_t y) const {
    const XnorShape& shape = plan_.shape;
    const int64_t last_row =
        y * shape.stride_height - shape.padding_height + (shape.kernel_height - 1) * shape.dilation_height;
    return std::clamp<int64_t>(last_row + 1, 0, shape.in_height);
  }

  /// Rows begin .. end - 1 of output pixels, from the planes.
  void make_patches(uint64_t* operand, int64_t begin, int64_t end) const {
    const XnorShape& shape = plan_.shape;
    const int64_t row_words = shape.out_width() * plan_.layout.words;
    for (int64_t group = 0; group < shape.groups; ++group) {
      const uint64_t* plane = operand + plan_.plane_offset(group);
      uint64_t* patches = operand + group * plan_.patch_words();
      for (int64_t y = begin; y < end; ++y) make_patch_row(plane, y, patches + y * row_words);
    }
  }

 private:
  void pack_row(int64_t image, int64_t group, int64_t first_pixel, uint64_t* to) const {
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

  template <typename T>
  void pack(const SignFunctions<T>& functions, int64_t element, uint64_t* to) const {
    const SignLayout& layout = input_.layout;
    functions.pack(static_cast<const T*>(input_.data) + element, plan_.shape.in_width, layout.pixel_stride,
                   layout.group_channels, layout.channel_stride, to, nullptr, layout.group_words());
  }

  void make_patch_row(const uint64_t* plane, int64_t y, uint64_t* patches) const {
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

  /// Adds the signs of a row of the kernel, which one word holds, to each patch of a row: the word of the
  /// next pixel is that of the last one without its first pixels.
  void append_runs(const uint64_t* from, int64_t first_bit, uint64_t* patches) const {
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

  const XnorPlan& plan_;
  const XnorInput& input_;
  const SignTier& signs_;
};

/// Which outputs a panel holds.
struct PanelPlace {
  int64_t group;
  int64_t output;  ///< the first
  int64_t outputs;
};

/// By panels: [groups][panels].
std::vector<PanelPlace> panel_places(const XnorPlan& plan) {
  const int64_t group_outputs = plan.shape.group_out_channels();
  std::vector<PanelPlace> places;
  for (int64_t group = 0; group < plan.shape.groups; ++group)
    for (int64_t within = 0; within < group_outputs; within += xnor_panel)
      places.push_back(
          {group, group * group_outputs + within, std::min<int64_t>(xnor_panel, group_outputs - within)});
  return places;
}

/// Parameters first .. first + outputs - 1 of `values`, or what stands for absent ones, for the lanes of a
/// panel.
template <typename T>
void fill_lanes(T* lanes, const T* values, int64_t first, int64_t outputs, T absent) {
  const int64_t given = values == nullptr ? 0 : outputs;
  std::copy_n(values + (given == 0 ? 0 : first), given, lanes);
  std::fill(lanes + given, lanes + xnor_panel, absent);
}

/// The epilogue's parameters by panels: [groups][panels].
std::vector<XnorPanel> make_panels(const std::vector<PanelPlace>& places, const XnorEpilogue& epilogue,
                                   const float* sign_threshold, const XnorThresholds& thresholds) {
  std::vector<XnorPanel> panels(places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    XnorPanel& panel = panels[i];
    const auto [group, first, outputs] = places[i];
    fill_lanes(panel.scale, epilogue.scale, first, outputs, 1.0f);
    fill_lanes(panel.bias, epilogue.bias, first, outputs, 0.0f);
    fill_lanes(panel.slope, epilogue.slope, first, outputs, 1.0f);
    fill_lanes(panel.shift, epilogue.shift, first, outputs, 0.0f);
    fill_lanes(panel.sign_threshold, sign_threshold, first, outputs, 0.0f);
    fill_lanes(panel.threshold, thresholds.threshold, first, outputs, 0);
    for (int lane = 0; lane < xnor_panel; ++lane) {
      // Of a bias of -0 and a product of -0 a sum of -0 would come.
      panel.bias[lane] += 0.0f;
      panel.shift[lane] += 0.0f;
    }
    for (int64_t lane = 0; thresholds.flipped != nullptr && lane < outputs; ++lane)
      if (thresholds.flipped[first + lane] != 0) panel.flipped |= 1u << lane;
  }
  return panels;
}

/// Whether images are one pixel without a border, and outputs neighbours.
template <typename T>
bool is_linear(const XnorShape& shape, const XnorOutput<T>& output) {
  return shape.in_height == 1 && shape.in_width == 1 && shape.taps() == 1 && shape.padding_height == 0 &&
         shape.padding_width == 0 &&
         ((output.values == nullptr && output.residual == nullptr) || output.channel_stride == 1);
}

/// Computes rows of outputs of images whose operands there are.
template <typename T>
class RowComputer {
 public:
  /// `tiles` is null in a tier that counts bits.
  RowComputer(const XnorPlan& plan, const XnorEpilogue& epilogue, const XnorOutput<T>& output, CpuTier tier,
              const XnorTiles* tiles)
      : plan_(plan),
        output_(output),
        tier_(functions_of(tier)),
        tiles_(tiles),
        places_(panel_places(plan)),
        panels_(make_panels(places_, epilogue, output.sign_threshold, output.thresholds)),
        activation_(epilogue.activation),
        is_plain_(output.residual == nullptr && activation_ == XnorActivation::none &&
                  epilogue.shift == nullptr && output.words == nullptr) {}

  /// Panels, counted through the groups, that different threads may compute for a pixel at once: the sign
  /// bits of one word belong to one thread.
  int64_t divisible_panels() const {
    if (output_.words == nullptr) return tiles_ == nullptr ? 1 : block_panels;
    const int64_t panels_of_word = 64 / xnor_panel;
    const bool aligned = plan_.shape.groups == 1 || plan_.shape.group_out_channels() % 64 == 0;
    return aligned ? panels_of_word : static_cast<int64_t>(panels_.size());
  }
  int64_t panels() const { return static_cast<int64_t>(panels_.size()); }

  void compute(int64_t image, const uint64_t* operand, int64_t y, int64_t begin_panel,
               int64_t end_panel) const {
    const XnorShape& shape = plan_.shape;
    const XnorPrepackedLayout& layout = plan_.layout;
    const int64_t row_class = plan_.rows.of_output[y];
    const TapRange taps = plan_.rows.distinct[row_class];
    const int64_t first_pixel = y * shape.out_width();
    const int64_t tap_row_words = layout.patches ? 0 : shape.kernel_width * shape.group_words();
    const int64_t skipped_words = taps.begin * tap_row_words;

    XnorRow<T> row = {};
    row.pixels = shape.out_width();
    row.offsets = plan_.offsets.data();
    row.words = layout.patches ? layout.words : (taps.end - taps.begin) * tap_row_words;
    row.pixel_stride = layout.patches ? layout.words : shape.stride_width * shape.group_words();
    row.column_sums = plan_.column_sums.data();
    row.activation = activation_;
    row.is_plain = is_plain_;
    row.value_pixel_stride = output_.pixel_stride;
    row.value_channel_stride = output_.channel_stride;
    row.word_stride = (shape.out_channels + 63) / 64;
    row.from_sums = output_.thresholds.threshold != nullptr;
    const int64_t first_row =
        y * shape.stride_height - shape.padding_height + taps.begin * shape.dilation_height;
    const int64_t sums_of_class = row_class * static_cast<int64_t>(plan_.columns.distinct.size()) *
                                  shape.groups * layout.padded_outputs();
    const int64_t first_value = image * output_.batch_stride + first_pixel * output_.pixel_stride;
    uint64_t* row_words =
        output_.words + (image * shape.out_height() * row.pixels + first_pixel) * row.word_stride;
    if (output_.words != nullptr) clear_words(row_words, row, begin_panel, end_panel);

    const auto finish = [this](const XnorRow<T>& part) { compute_row(tier_, part); };
    XnorRow<T> block[block_panels];  // what tiles are yet to multiply
    int count = 0;
    for (int64_t panel = begin_panel; panel < end_panel; ++panel) {
      const auto [group, o, outputs] = places_[panel];
      row.outputs = outputs;
      row.activations =
          operand + (layout.patches   ? group * plan_.patch_words() + first_pixel * layout.words
                     : row.words == 0 ? 0
                                      : plan_.plane_offset(group) + first_row * plan_.plane_row_words() +
                                            plan_.first_column_words());
      row.weights = plan_.weights + 2 * (panel * layout.words + skipped_words) * xnor_panel;
      row.first_sums = plan_.first_sums.data() + sums_of_class + panel * xnor_panel;
      row.panel = &panels_[panel];
      const int64_t offset = first_value + o * output_.channel_stride;
      if (output_.values != nullptr) row.values = output_.values + offset;
      if (output_.residual != nullptr) row.residual = output_.residual + offset;
      if (output_.words != nullptr) {
        row.sign_words = row_words + o / 64;
        row.first_bit = static_cast<int>(o % 64);
      }
      if (tiles_ == nullptr) {
        compute_columns(row, finish);
        continue;
      }
      compute_columns(row, [&](const XnorRow<T>& part) {
        if (part.words == 0) {
          finish(XnorTiles::without_products(part));
        } else {
          block[count++] = part;
        }
      });
      const bool is_last = panel + 1 == end_panel || places_[panel + 1].group != group;
      if (count < block_panels && !is_last) continue;
      if (count > 0) tiles_->compute(operand, block, count, finish);
      count = 0;
    }
  }

 private:
  /// compute(part) for a row of all columns; those whose taps are all outside have no words to count.
  template <typename Compute>
  void compute_columns(const XnorRow<T>& row, const Compute& compute) const {
    const int64_t begin = plan_.layout.patches ? 0 : plan_.first_column;
    const int64_t end = plan_.layout.patches ? row.pixels : plan_.end_column;
    if (end - begin == row.pixels) return compute(row);
    const auto compute_part = [&](int64_t first, int64_t last, int64_t words) {
      XnorRow<T> part = row;
      part.pixels = last - first;
      part.words = words;
      part.column_sums += first;
      if (part.values != nullptr) part.values += first * row.value_pixel_stride;
      if (part.residual != nullptr) part.residual += first * row.value_pixel_stride;
      if (part.sign_words != nullptr) part.sign_words += first * row.word_stride;
      if (first < last) compute(part);
    };
    compute_part(0, begin, 0);
    compute_part(begin, end, row.words);
    compute_part(end, row.pixels, 0);
  }

  /// Zeroes the words of a row that the panels' bits go to.
  void clear_words(uint64_t* words, const XnorRow<T>& row, int64_t begin_panel, int64_t end_panel) const {
    const int64_t begin = places_[begin_panel].output / 64;
    const int64_t end = end_panel == panels() ? row.word_stride : places_[end_panel].output / 64;
    if (end - begin == row.word_stride) {
      std::fill_n(words, row.pixels * row.word_stride, 0);
      return;
    }
    for (int64_t pixel = 0; pixel < row.pixels; ++pixel)
      std::fill(words + pixel * row.word_stride + begin, words + pixel * row.word_stride + end, 0);
  }

  const XnorPlan& plan_;
  const XnorOutput<T>& output_;
  const XnorTier& tier_;
  const XnorTiles* tiles_;
  std::vector<PanelPlace> places_;
  std::vector<XnorPanel> panels_;
  XnorActivation activation_;
  bool is_plain_;
};

}  // namespace

bool is_xnor_prepacked(const void* prepacked, int64_t bytes, const XnorShape& shape) {
  const XnorPrepackedHeader expected = XnorPrepackedHeader::of(shape);
  return bytes == shape.prepacked_bytes() && std::memcmp(prepacked, &expected, sizeof(expected)) == 0;
}

void xnor_prepack(const uint64_t* weight_words, const XnorShape& shape, void* prepacked) {
  const XnorPrepackedLayout layout(shape);
  const XnorPrepackedHeader header = XnorPrepackedHeader::of(shape);
  auto* bytes = static_cast<char*>(prepacked);
  std::memset(bytes, 0, shape.prepacked_bytes());
  std::memcpy(bytes, &header, sizeof(header));
  auto* counts = reinterpret_cast<int32_t*>(bytes + layout.tap_counts);
  auto* halves = reinterpret_cast<uint32_t*>(bytes + layout.weights);
  const int64_t channels = shape.group_in_channels();
  const int64_t outputs = shape.group_out_channels();
  const int64_t tap_words = shape.group_words();
  std::vector<uint64_t> patches(layout.patches ? xnor_panel * layout.words : 0);
  for (int64_t panel = 0; panel < shape.groups * layout.panels;
       ++panel, halves += 2 * layout.words * xnor_panel) {
    const int64_t group = panel / layout.panels;
    const int64_t first = panel % layout.panels * xnor_panel;
    const int64_t panel_outputs = std::min<int64_t>(xnor_panel, outputs - first);
    std::fill(patches.begin(), patches.end(), 0);
    const uint64_t* rows[xnor_panel];
    for (int64_t lane = 0; lane < panel_outputs; ++lane) {
      const uint64_t* taps = weight_words + (group * outputs + first + lane) * shape.taps() * tap_words;
      rows[lane] = layout.patches ? &patches[lane * layout.words] : taps;
      int64_t end = 0;
      for (int64_t tap = 0; tap < shape.taps(); ++tap, taps += tap_words) {
        int32_t negative = 0;
        for (int64_t word = 0; word < tap_words; ++word) negative += __builtin_popcountll(taps[word]);
        counts[(group * shape.taps() + tap) * layout.padded_outputs() + first + lane] = negative;
        if (layout.patches) append_bits(&patches[lane * layout.words], end, taps[0], channels);
      }
    }
    for (int64_t word = 0; word < layout.words; ++word) {
      uint32_t* low = halves + 2 * word * xnor_panel;
      for (int64_t lane = 0; lane < panel_outputs; ++lane) {
        low[lane] = static_cast<uint32_t>(rows[lane][word]);
        low[xnor_panel + lane] = static_cast<uint32_t>(rows[lane][word] >> 32);
      }
    }
  }
}

template <typename T>
void xnor_conv2d(const XnorInput& input, const void* prepacked, const XnorShape& shape,
                 const XnorEpilogue& epilogue, const XnorOutput<T>& output, const Parallel& parallel,
                 CpuTier tier) {
  if (shape.batch == 0) return;
  const SubnormalNumbers scope;
  if (shape.batch > 1 && is_linear(shape, output)) {
    // One image whose pixels are the batch: a panel's weights are read once for several of them.
    XnorShape one = shape;
    std::swap(one.batch, one.in_width);
    one.stride_width = 1;
    XnorInput pixels = input;
    std::swap(pixels.layout.batch, pixels.layout.pixels);
    pixels.layout.pixel_stride = input.layout.batch_stride;
    XnorOutput<T> results = output;
    results.pixel_stride = output.batch_stride;
    results.channel_stride = 1;
    return xnor_conv2d(pixels, prepacked, one, epilogue, results, parallel, tier);
  }
  const XnorPlan plan(shape, prepacked);
  std::optional<XnorTiles> expanded;
  if (const TileProducts* products = tile_products(tier)) expanded.emplace(plan, *products, parallel);
  const XnorTiles* tiles = expanded ? &*expanded : nullptr;
  const int64_t words_before = tiles == nullptr ? 0 : tiles->words_before_operand();
  const OperandMaker maker(plan, input, tier);
  const RowComputer<T> computer(plan, epilogue, output, tier, tiles);
  const int64_t in_rows = plan.shape.in_height;
  const int64_t out_rows = plan.shape.out_height();

  // With images enough for all threads, each thread computes whole ones, whose operands stay in its cache.
  if (shape.batch >= parallel.threads) {
    parallel.run(shape.batch, [&](int64_t begin, int64_t end) {
      const SubnormalNumbers scope;
      const XnorTiles::Scope registers(tiles);
      const Scratch scratch(words_before + plan.operand_words());
      uint64_t* operand = scratch.data() + words_before;
      for (int64_t image = begin; image < end; ++image) {
        if (tiles != nullptr) {
          maker.make_planes(image, operand, 0, in_rows);
          if (plan.layout.patches) maker.make_patches(operand, 0, out_rows);
          tiles->expand_rows(operand, 0, tiles->operand_rows());
          const int64_t block = std::max<int64_t>(block_panels, computer.divisible_panels());
          for (int64_t panel = 0; panel < computer.panels(); panel += block) {
            for (int64_t y = 0; y < out_rows; ++y)
              computer.compute(image, operand, y, panel, std::min(panel + block, computer.panels()));
          }
          continue;
        }
        int64_t packed = 0;
        for (int64_t y = 0; y < out_rows; ++y) {
          const int64_t needed = std::max(packed, maker.rows_needed(y));
          maker.make_planes(image, operand, packed, needed);
          if (plan.layout.patches) maker.make_patches(operand, y, y + 1);
          packed = needed;
          computer.compute(image, operand, y, 0, computer.panels());
        }
      }
    });
    return;
  }

  // Otherwise they share an image, its rows and, where those are few, its panels.
  const Scratch scratch(words_before + plan.operand_words());
  uint64_t* operand = scratch.data() + words_before;
  const int64_t wanted_tasks = 4 * parallel.threads;
  const int64_t divisible =
      (computer.panels() + computer.divisible_panels() - 1) / computer.divisible_panels();
  const int64_t blocks = std::min(divisible, std::max<int64_t>(1, (wanted_tasks + out_rows - 1) / out_rows));
  const auto first_panel = [&](int64_t block) {
    return std::min(computer.panels(), block * divisible / blocks * computer.divisible_panels());
  };
  for (int64_t image = 0; image < shape.batch; ++image) {
    parallel.run(in_rows, [&](int64_t begin, int64_t end) {
      const SubnormalNumbers scope;
      maker.make_planes(image, operand, begin, end);
    });
    if (plan.layout.patches) {
      parallel.run(out_rows, [&](int64_t begin, int64_t end) { maker.make_patches(operand, begin, end); });
    }
    if (tiles != nullptr) {
      parallel.run(tiles->operand_rows(),
                   [&](int64_t begin, int64_t end) { tiles->expand_rows(operand, begin, end); });
    }
    parallel.run(out_rows * blocks, [&](int64_t begin, int64_t end) {
      const SubnormalNumbers scope;
      const XnorTiles::Scope registers(tiles);
      for (int64_t task = begin; task < end; ++task) {
        const int64_t block = task / out_rows;
        computer.compute(image, operand, task % out_rows, first_panel(block), first_panel(block + 1));
      }
    });
  }
}

#define KONES_INSTANTIATE(T)                                                                      \
  template void xnor_conv2d(const XnorInput&, const void*, const XnorShape&, const XnorEpilogue&, \
                            const XnorOutput<T>&, const Parallel&, CpuTier);
KONES_INSTANTIATE(float)
KONES_INSTANTIATE(Float16)
KONES_INSTANTIATE(BFloat16)
KONES_INSTANTIATE(int32_t)
#undef KONES_INSTANTIATE

}  // namespace kones::kernels
