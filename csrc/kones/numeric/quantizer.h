// The elementwise quantizers as function objects, for kernels of every device: with_quantizer turns a format
// and a rounding, known when the program runs, into one of them, known when the kernel is compiled.
//
// A quantizer has `static constexpr bool random`, whether it draws random numbers, and
// `float operator()(float x, float uniform) const`, where uniform is in [0, 1) if random, else not looked at.
#pragma once

#include "kones/numeric/binary.h"
#include "kones/numeric/fixed_point.h"
#include "kones/numeric/format.h"
#include "kones/numeric/host_device.h"
#include "kones/numeric/k_ones.h"
#include "kones/numeric/power_of_two.h"
#include "kones/numeric/rounding.h"
#include "kones/numeric/ternary.h"

namespace kones {

template <int Terms, Rounding rounding>
struct KOnesQuantizer {
  static constexpr bool random = rounding == Rounding::stochastic;
  int max_shift;

  KONES_HOST_DEVICE float operator()(float x, float uniform) const {
    if constexpr (rounding == Rounding::stochastic) {
      return k_ones_stochastic<Terms>(x, max_shift, uniform);
    } else if constexpr (rounding == Rounding::truncate) {
      return k_ones_truncate<Terms>(x, max_shift);
    } else {
      return k_ones_nearest<Terms>(x, max_shift);
    }
  }
};

template <Rounding rounding>
struct PowerOfTwoQuantizer {
  static constexpr bool random = rounding == Rounding::stochastic;
  PowerOfTwoRange range;

  KONES_HOST_DEVICE float operator()(float x, float uniform) const {
    if constexpr (rounding == Rounding::stochastic) {
      return power_of_two_stochastic(x, range, uniform);
    } else if constexpr (rounding == Rounding::truncate) {
      return power_of_two_truncate(x, range);
    } else if constexpr (rounding == Rounding::nearest_log) {
      return power_of_two_nearest_log(x, range);
    } else {
      return power_of_two_nearest(x, range);
    }
  }
};

template <Rounding rounding>
struct FixedPointQuantizer {
  static constexpr bool random = rounding == Rounding::stochastic;
  FixedPointGrid grid;

  KONES_HOST_DEVICE float operator()(float x, float uniform) const {
    if constexpr (rounding == Rounding::stochastic) {
      return fixed_point_stochastic(x, grid, uniform);
    } else if constexpr (rounding == Rounding::truncate) {
      return fixed_point_truncate(x, grid);
    } else {
      return fixed_point_nearest(x, grid);
    }
  }
};

template <Rounding rounding>
struct BinaryQuantizer {
  static constexpr bool random = rounding == Rounding::stochastic;

  KONES_HOST_DEVICE float operator()(float x, float uniform) const {
    if constexpr (random) {
      return binarize_stochastic(x, uniform);
    } else {
      return binarize_nearest(x);
    }
  }
};

struct TernaryQuantizer {
  static constexpr bool random = false;
  TernaryScales scales;

  KONES_HOST_DEVICE float operator()(float x, float) const { return ternarize(x, scales); }
};

namespace quantizer_detail {

template <int Terms, typename Function>
void with_k_ones(const NumberFormat& format, Rounding rounding, Function& function) {
  switch (rounding) {
    case Rounding::nearest:
      return function(KOnesQuantizer<Terms, Rounding::nearest>{format.max_shift});
    case Rounding::stochastic:
      return function(KOnesQuantizer<Terms, Rounding::stochastic>{format.max_shift});
    case Rounding::truncate:
      return function(KOnesQuantizer<Terms, Rounding::truncate>{format.max_shift});
    case Rounding::nearest_log:
      return;
  }
}

template <template <Rounding> class Quantizer, typename Parameters, typename Function>
void with_rounding(Parameters parameters, Rounding rounding, Function& function) {
  switch (rounding) {
    case Rounding::nearest:
      return function(Quantizer<Rounding::nearest>{parameters});
    case Rounding::stochastic:
      return function(Quantizer<Rounding::stochastic>{parameters});
    case Rounding::truncate:
      return function(Quantizer<Rounding::truncate>{parameters});
    case Rounding::nearest_log:
      return;
  }
}

}  // namespace quantizer_detail

// Each calls `function` with the quantizer of a format of its family and a rounding that the format has
// (NumberFormat::roundings); for other pairs it calls nothing.

template <typename Function>
void with_k_ones_quantizer(const NumberFormat& format, Rounding rounding, Function function) {
  using quantizer_detail::with_k_ones;
  if (format.terms == 1) with_k_ones<1>(format, rounding, function);
  if (format.terms == 2) with_k_ones<2>(format, rounding, function);
  if (format.terms == 3) with_k_ones<3>(format, rounding, function);
  if (format.terms == 4) with_k_ones<4>(format, rounding, function);
}

template <typename Function>
void with_power_of_two_quantizer(const NumberFormat& format, Rounding rounding, Function function) {
  const PowerOfTwoRange range = {format.min_exponent, format.max_exponent, format.zero};
  if (rounding == Rounding::nearest_log) return function(PowerOfTwoQuantizer<Rounding::nearest_log>{range});
  quantizer_detail::with_rounding<PowerOfTwoQuantizer>(range, rounding, function);
}

template <typename Function>
void with_fixed_point_quantizer(const NumberFormat& format, Rounding rounding, Function function) {
  const FixedPointGrid grid =
      fixed_point_grid({format.integer_bits, -format.step_exponent, format.is_signed});
  quantizer_detail::with_rounding<FixedPointQuantizer>(grid, rounding, function);
}

template <typename Function>
void with_binary_quantizer(const NumberFormat&, Rounding rounding, Function function) {
  if (rounding == Rounding::stochastic) return function(BinaryQuantizer<Rounding::stochastic>{});
  function(BinaryQuantizer<Rounding::nearest>{});
}

/// The same for a format of any family but ternary, whose threshold is no part of the format.
template <typename Function>
void with_quantizer(const NumberFormat& format, Rounding rounding, Function function) {
  switch (format.family) {
    case FormatFamily::k_ones:
      return with_k_ones_quantizer(format, rounding, function);
    case FormatFamily::binary:
      return with_binary_quantizer(format, rounding, function);
    case FormatFamily::power_of_two:
      return with_power_of_two_quantizer(format, rounding, function);
    case FormatFamily::fixed_point:
      return with_fixed_point_quantizer(format, rounding, function);
    case FormatFamily::ternary:
      return;
  }
}

}  // namespace kones
