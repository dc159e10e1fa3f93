// Weights of integers in the order of the kernels. An output's levels are divided by the power of two that
// they have in common, and its sign is changed if fewer are then beyond the weights' type, as +128 is beyond
// int8: its scale takes both back. What a level still has beyond the type is for further steps of its panel,
// at the same activations; steps without any number but 0 are left out.
//
// Products of uint8 are made of bytes if that takes no more steps than int16, and the tier multiplies bytes:
// vpdpbusd and vpdpwssd take the same time for a step. Of LightNN-1 all levels are bytes but +128 in an
// output that also has -128; with every level as likely it comes to twice the steps, as int16 would.
#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "kones/kernels/integer_plan.h"

namespace kones::kernels {
namespace {

const IntegerTier& integer_tier(CpuTier tier) {
  switch (tier) {
#if defined(__x86_64__)
    case CpuTier::amx_int8:
    case CpuTier::avx512_vpopcntdq:
    case CpuTier::avx512_vnni:
      return integer_avx512_vnni;
    case CpuTier::avx512:
      return integer_avx512;
    case CpuTier::avx2:
      return integer_avx2;
#endif
    default:
      return integer_scalar;
  }
}

/// The numbers that a form's weights may be.
struct WeightRange {
  explicit WeightRange(IntegerForm form)
      : least(form == IntegerForm::bytes    ? INT8_MIN
              : form == IntegerForm::halves ? INT16_MIN
                                            : INT32_MIN),
        most(form == IntegerForm::bytes    ? INT8_MAX
             : form == IntegerForm::halves ? INT16_MAX
                                           : INT32_MAX) {}

  int32_t clamped(int32_t level) const { return std::min(std::max(level, least), most); }
  /// How many numbers of the range add up to a level, at least.
  int64_t terms(int32_t level) const {
    if (level >= least && level <= most) return level == 0 ? 0 : 1;
    const int64_t end = level < 0 ? least : most;
    return (level + end + (level < 0 ? 1 : -1)) / end;
  }

  int32_t least;
  int32_t most;
};

int64_t step_elements(IntegerForm form) {
  return form == IntegerForm::bytes ? 4 : form == IntegerForm::halves ? 2 : 1;
}

/// Puts one form's weights together.
class Packer {
 public:
  Packer(const int32_t* levels, IntegerPlan& plan, IntegerForm form)
      : levels_(levels), plan_(plan), form_(form), range_(form), elements_(step_elements(form)) {
    make_order();
    choose_scales();
  }

  /// The vector multiplications of a pixel.
  int64_t cost() {
    int64_t cost = 0;
    visit([&](const IntegerPanel& panel, int64_t, int64_t terms, const int32_t*) {
      cost += terms * panel.vectors;
    });
    return cost;
  }

  void pack() {
    plan_.form = form_;
    plan_.ends_with_runs = ends_with_runs_;
    plan_.weight_bytes = cost() * integer_vector * integer_step;
    plan_.weights.reset(static_cast<int8_t*>(
        ::operator new(static_cast<size_t>(std::max<int64_t>(plan_.weight_bytes, 1)), IntegerPlan::line)));
    int8_t* next = plan_.weights.get();
    visit([&](IntegerPanel& panel, int64_t offset, int64_t terms, int32_t* numbers) {
      if (panel.steps == 0) {
        panel.first_step = static_cast<int64_t>(plan_.step_offsets.size());
        panel.weights = next - plan_.weights.get();
      }
      panel.steps += terms;
      // What a term leaves of the numbers is for the next.
      for (; terms > 0; --terms) {
        plan_.step_offsets.push_back(offset);
        for (int64_t i = 0; i < panel.vectors * integer_vector * elements_; ++i) {
          const int32_t term = range_.clamped(numbers[i]);
          numbers[i] -= term;
          std::memcpy(next, &term, static_cast<size_t>(integer_step / elements_));  // the low bytes
          next += integer_step / elements_;
        }
      }
    });
    fill_constants();
  }

 private:
  /// order_[step * elements_ + i]: the level of the step's element i, -1 past the end of a run; and the
  /// steps' offsets in the window of group 0.
  void make_order() {
    const ConvolutionShape& s = plan_.shape;
    const int64_t bytes = integer_step / elements_;
    const int64_t row = plan_.patches ? s.kernel_width * s.in_channels
                                      : s.dilation_height * plan_.copy_width() * s.in_channels;
    const int64_t column = (plan_.patches ? 1 : s.dilation_width) * s.in_channels;
    int64_t run_taps = 1;
    if (column == s.group_in_channels())
      run_taps = row == s.kernel_width * column ? s.taps() : s.kernel_width;
    for (int64_t tap = 0; tap < s.taps(); tap += run_taps) {
      const int64_t begin = tap / s.kernel_width * row + tap % s.kernel_width * column;
      const int64_t length = run_taps * s.group_in_channels();
      for (int64_t i = 0; i < (length + elements_ - 1) / elements_ * elements_; ++i) {
        if (i % elements_ == 0) offsets_.push_back((begin + i) * bytes);
        const int64_t channel = i % s.group_in_channels();
        order_.push_back(i < length ? channel * s.taps() + tap + i / s.group_in_channels() : -1);
      }
      if (length % elements_ != 0) ends_with_runs_ = false;
    }
  }

  /// Divides an output's levels by the largest power of two that divides all; and changes their signs if they
  /// are then sums of fewer numbers of the form.
  void choose_scales() {
    const int64_t inputs = plan_.shape.inputs();
    for (int64_t o = 0; o < plan_.shape.out_channels; ++o) {
      const int32_t* levels = levels_ + o * inputs;
      shifts_.push_back(0);
      negated_.push_back(false);
      if (form_ == IntegerForm::words) continue;
      uint32_t bits = 0;
      for (int64_t i = 0; i < inputs; ++i) bits |= static_cast<uint32_t>(levels[i]);
      if (bits != 0) shifts_.back() = __builtin_ctz(bits);
      int64_t terms = 0;
      for (int64_t i = 0; i < inputs; ++i) {
        const int32_t level = levels[i] >> shifts_.back();
        terms += range_.terms(level) - range_.terms(-level);
      }
      negated_.back() = terms > 0;
    }
  }

  /// function(panel, offset of a step, terms that its numbers take, [outputs][elements_] numbers) for all.
  /// The first step of a panel has a term even if all its numbers are 0: a panel has a step.
  template <typename Function>
  void visit(const Function& function) {
    const ConvolutionShape& s = plan_.shape;
    const int64_t group_bytes = s.group_in_channels() * integer_step / elements_;
    std::vector<int32_t> numbers;
    for (IntegerPanel& panel : plan_.panels) {
      numbers.assign(static_cast<size_t>(panel.vectors * integer_vector * elements_), 0);
      const int64_t group = panel.first_output / s.group_out_channels();
      for (size_t step = 0; step < offsets_.size(); ++step) {
        int64_t terms = step == 0 ? 1 : 0;
        for (int64_t lane = 0; lane < panel.outputs; ++lane) {
          const int64_t output = panel.first_output + lane;
          const int32_t* levels = levels_ + output * s.inputs();
          for (int64_t i = 0; i < elements_; ++i) {
            const int64_t input = order_[static_cast<int64_t>(step) * elements_ + i];
            int32_t level = input < 0 ? 0 : levels[input] >> shifts_[output];
            if (negated_[output]) level = -level;
            numbers[lane * elements_ + i] = level;
            terms = std::max(terms, range_.terms(level));
          }
        }
        function(panel, offsets_[step] + group * group_bytes, terms, numbers.data());
      }
    }
  }

  void fill_constants() {
    const int64_t inputs = plan_.shape.inputs();
    for (IntegerPanel& panel : plan_.panels) {
      panel.first_lane = static_cast<int64_t>(plan_.scale.size());
      for (int64_t lane = 0; lane < panel.vectors * integer_vector; ++lane) {
        const int64_t output = panel.first_output + lane;
        int32_t scale = 1;
        uint32_t first = 0;
        if (lane < panel.outputs) {
          scale = (negated_[output] ? -1 : 1) * (1 << shifts_[output]);
          // Of bytes the zero point is part, in padding too.
          uint32_t sum = 0;
          for (int64_t i = 0; i < inputs; ++i) sum += static_cast<uint32_t>(levels_[output * inputs + i]);
          if (form_ == IntegerForm::bytes) first = 0 - static_cast<uint32_t>(plan_.zero_point) * sum;
        }
        plan_.scale.push_back(scale);
        plan_.first_sums.push_back(static_cast<int32_t>(first));
      }
    }
  }

  const int32_t* levels_;
  IntegerPlan& plan_;
  IntegerForm form_;
  WeightRange range_;
  int64_t elements_;
  bool ends_with_runs_ = true;
  std::vector<int64_t> order_;
  std::vector<int64_t> offsets_;
  std::vector<int> shifts_;  ///< of outputs
  std::vector<bool> negated_;
};

/// As many vectors in each panel as in the others, or one less.
std::vector<IntegerPanel> make_panels(const ConvolutionShape& shape, int max_vectors) {
  const int64_t outputs = shape.group_out_channels();
  const int64_t vectors = (outputs + integer_vector - 1) / integer_vector;
  const int64_t panels = (vectors + max_vectors - 1) / max_vectors;
  std::vector<IntegerPanel> made;
  for (int64_t group = 0; group < shape.groups; ++group) {
    for (int64_t panel = 0; panel < panels; ++panel) {
      const int64_t first_vector = vectors * panel / panels;
      const int64_t end_vector = vectors * (panel + 1) / panels;
      IntegerPanel one = {};
      one.first_output = group * outputs + first_vector * integer_vector;
      one.outputs = std::min(outputs, end_vector * integer_vector) - first_vector * integer_vector;
      one.vectors = static_cast<int>(end_vector - first_vector);
      made.push_back(one);
    }
  }
  return made;
}

/// Bytes of a copy past which windows are copied instead, if they are less.
constexpr int64_t max_copy_bytes = int64_t{1} << 22;

}  // namespace

IntegerPlan::IntegerPlan(const int32_t* levels, const ConvolutionShape& shape, IntegerOperand operand,
                         int zero_point, CpuTier tier)
    : shape(shape), operand(operand), zero_point(zero_point), tier(&integer_tier(tier)) {
  const int64_t copied = reached_rows(1) * copy_width();
  patches = copied * shape.in_channels > max_copy_bytes && copied > shape.out_width() * shape.taps();
  panels = make_panels(shape, operand == IntegerOperand::int32 ? 1 : this->tier->max_vectors);
  if (operand == IntegerOperand::int32) {
    Packer(levels, *this, IntegerForm::words).pack();
    return;
  }
  for (int64_t i = 0; i < shape.out_channels * shape.inputs(); ++i) {
    if (levels[i] > IntegerConv2d::max_level || levels[i] < -IntegerConv2d::max_level) {
      throw std::invalid_argument("a level is " + std::to_string(levels[i]) +
                                  ", and activations of 8 and 16 bits take " +
                                  std::to_string(IntegerConv2d::max_level) + " at most");
    }
  }
  Packer halves(levels, *this, IntegerForm::halves);
  if (operand == IntegerOperand::uint8 && this->tier->bytes != nullptr) {
    Packer bytes(levels, *this, IntegerForm::bytes);
    if (bytes.cost() <= halves.cost()) {
      bytes.pack();
      return;
    }
  }
  halves.pack();
}

IntegerConv2d::IntegerConv2d(const int32_t* levels, const ConvolutionShape& shape, IntegerOperand operand,
                             int zero_point, CpuTier tier)
    : plan_(std::make_unique<const IntegerPlan>(levels, shape, operand, zero_point, tier)) {}
IntegerConv2d::IntegerConv2d(IntegerConv2d&&) noexcept = default;
IntegerConv2d& IntegerConv2d::operator=(IntegerConv2d&&) noexcept = default;
IntegerConv2d::~IntegerConv2d() = default;

const ConvolutionShape& IntegerConv2d::shape() const {
  return plan_->shape;
}

IntegerOperand IntegerConv2d::operand() const {
  return plan_->operand;
}

}  // namespace kones::kernels
