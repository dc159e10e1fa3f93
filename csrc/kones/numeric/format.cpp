#include "kones/numeric/format.h"

#include <cstdlib>
#include <stdexcept>
#include <tuple>

#include "kones/numeric/binary.h"
#include "kones/numeric/fixed_point.h"
#include "kones/numeric/k_ones.h"
#include "kones/numeric/power_of_two.h"
#include "kones/numeric/ternary.h"

namespace kones {
namespace {

PowerOfTwoRange power_of_two_range(const NumberFormat& f) {
  return {f.min_exponent, f.max_exponent, f.zero};
}

FixedPointRange fixed_point_range(const NumberFormat& f) {
  return {f.integer_bits, -f.step_exponent, f.is_signed};
}

bool is_within(int value, int bound) {
  return value >= -bound && value <= bound;
}

bool is_power_of_two(int64_t value) {
  return value > 0 && (value & (value - 1)) == 0;
}

/// One family's answers.
struct FormatRow {
  FormatFamily family;
  std::string (*name)(const NumberFormat&);
  bool (*is_valid)(const NumberFormat&);
  std::vector<Rounding> (*roundings)();
  int (*code_bits)(const NumberFormat&);
  int (*fraction_bits)(const NumberFormat&);
  int32_t (*min_level)(const NumberFormat&);
  int32_t (*max_level)(const NumberFormat&);
  bool (*is_level)(const NumberFormat&, int32_t level);  ///< for levels from min_level to max_level
  uint32_t (*encode)(const NumberFormat&, int32_t level);
  int32_t (*decode)(const NumberFormat&, uint32_t code);
};

constexpr FormatRow rows[] = {
    {FormatFamily::k_ones,
     [](const NumberFormat& f) {
       return std::to_string(f.terms) + "-ones, shifts 0.." + std::to_string(f.max_shift);
     },
     [](const NumberFormat& f) {
       return f.terms >= 1 && f.terms <= k_ones_max_terms && f.max_shift >= 0 &&
              f.max_shift <= k_ones_max_max_shift && f == NumberFormat::k_ones(f.terms, f.max_shift);
     },
     [] {
       return std::vector{Rounding::nearest, Rounding::stochastic, Rounding::truncate};
     },
     [](const NumberFormat& f) { return k_ones_code_bits(f.terms, f.max_shift); },
     [](const NumberFormat& f) { return f.max_shift; },
     [](const NumberFormat& f) { return -(static_cast<int32_t>(f.terms) << f.max_shift); },
     [](const NumberFormat& f) { return static_cast<int32_t>(f.terms) << f.max_shift; },
     [](const NumberFormat& f, int32_t level) {
       return k_ones_representable(static_cast<uint32_t>(std::abs(level)), f.terms, f.max_shift);
     },
     [](const NumberFormat& f, int32_t level) { return k_ones_encode(level, f.terms, f.max_shift); },
     [](const NumberFormat& f, uint32_t code) { return k_ones_decode(code, f.terms, f.max_shift); }},
    {FormatFamily::binary, [](const NumberFormat&) { return std::string("binary"); },
     [](const NumberFormat& f) { return f == NumberFormat::binary(); },
     [] {
       return std::vector{Rounding::nearest, Rounding::stochastic, Rounding::truncate};
     },
     [](const NumberFormat&) { return 1; }, [](const NumberFormat&) { return 0; },
     [](const NumberFormat&) { return int32_t{-1}; }, [](const NumberFormat&) { return int32_t{1}; },
     [](const NumberFormat&, int32_t level) { return level != 0; },
     [](const NumberFormat&, int32_t level) { return binary_encode(level); },
     [](const NumberFormat&, uint32_t code) { return binary_decode(code); }},
    {FormatFamily::power_of_two,
     [](const NumberFormat& f) {
       return "powers of two, exponents " + std::to_string(f.min_exponent) + ".." +
              std::to_string(f.max_exponent) + (f.zero ? ", and zero" : "");
     },
     [](const NumberFormat& f) {
       return f.min_exponent >= power_of_two_min_exponent && f.min_exponent <= f.max_exponent &&
              f.max_exponent <= power_of_two_max_exponent &&
              f == NumberFormat::power_of_two(f.min_exponent, f.max_exponent, f.zero);
     },
     [] {
       return std::vector{Rounding::nearest, Rounding::stochastic, Rounding::truncate, Rounding::nearest_log};
     },
     [](const NumberFormat& f) { return 1 + power_of_two_shift_bits(power_of_two_range(f)); },
     [](const NumberFormat& f) { return -f.min_exponent; },
     [](const NumberFormat& f) { return -(int32_t{1} << (f.max_exponent - f.min_exponent)); },
     [](const NumberFormat& f) { return int32_t{1} << (f.max_exponent - f.min_exponent); },
     [](const NumberFormat& f, int32_t level) {
       return level == 0 ? f.zero : is_power_of_two(std::abs(static_cast<int64_t>(level)));
     },
     [](const NumberFormat& f, int32_t level) { return power_of_two_encode(level, power_of_two_range(f)); },
     [](const NumberFormat& f, uint32_t code) { return power_of_two_decode(code, power_of_two_range(f)); }},
    {FormatFamily::ternary, [](const NumberFormat&) { return std::string("ternary"); },
     [](const NumberFormat& f) { return f == NumberFormat::ternary(); },
     [] { return std::vector{Rounding::nearest}; }, [](const NumberFormat&) { return 2; },
     [](const NumberFormat&) { return 0; }, [](const NumberFormat&) { return int32_t{-1}; },
     [](const NumberFormat&) { return int32_t{1}; }, [](const NumberFormat&, int32_t) { return true; },
     [](const NumberFormat&, int32_t level) { return ternary_encode(level); },
     [](const NumberFormat&, uint32_t code) { return ternary_decode(code); }},
    {FormatFamily::fixed_point,
     [](const NumberFormat& f) {
       return std::string(f.is_signed ? "signed" : "unsigned") + " fixed point [" +
              std::to_string(f.integer_bits) + ", " + std::to_string(-f.step_exponent) + "]";
     },
     [](const NumberFormat& f) {
       const int bits = f.integer_bits - f.step_exponent;
       return is_within(f.integer_bits, fixed_point_max_exponent) &&
              is_within(f.step_exponent, fixed_point_max_exponent) && bits >= 1 &&
              bits <= fixed_point_max_bits &&
              f == NumberFormat::fixed_point(f.integer_bits, -f.step_exponent, f.is_signed);
     },
     [] {
       return std::vector{Rounding::nearest, Rounding::stochastic, Rounding::truncate};
     },
     [](const NumberFormat& f) { return f.integer_bits - f.step_exponent; },
     [](const NumberFormat& f) { return -f.step_exponent; },
     [](const NumberFormat& f) { return fixed_point_min_level(fixed_point_range(f)); },
     [](const NumberFormat& f) { return fixed_point_max_level(fixed_point_range(f)); },
     [](const NumberFormat&, int32_t) { return true; },
     [](const NumberFormat& f, int32_t level) { return fixed_point_encode(level, fixed_point_range(f)); },
     [](const NumberFormat& f, uint32_t code) { return fixed_point_decode(code, fixed_point_range(f)); }},
};

const FormatRow* find_row(FormatFamily family) {
  for (const FormatRow& row : rows) {
    if (row.family == family) return &row;
  }
  return nullptr;
}

const FormatRow& row_of(const NumberFormat& format) {
  const FormatRow* row = find_row(format.family);
  if (row == nullptr || !row->is_valid(format)) throw std::invalid_argument("not a number format of kones");
  return *row;
}

const FormatRow& row_with_codes(const NumberFormat& format) {
  const FormatRow& row = row_of(format);
  if (!format.has_codes()) throw std::invalid_argument(row.name(format) + ": too far apart to have codes");
  return row;
}

}  // namespace

NumberFormat NumberFormat::k_ones(int terms, int max_shift) {
  NumberFormat format = {FormatFamily::k_ones};
  format.terms = terms;
  format.max_shift = max_shift;
  return format;
}

NumberFormat NumberFormat::binary() {
  return {FormatFamily::binary};
}

NumberFormat NumberFormat::power_of_two(int min_exponent, int max_exponent, bool zero) {
  NumberFormat format = {FormatFamily::power_of_two};
  format.min_exponent = min_exponent;
  format.max_exponent = max_exponent;
  format.zero = zero;
  return format;
}

NumberFormat NumberFormat::ternary() {
  return {FormatFamily::ternary};
}

NumberFormat NumberFormat::fixed_point(int integer_bits, int fraction_bits, bool is_signed) {
  NumberFormat format = {FormatFamily::fixed_point};
  format.integer_bits = integer_bits;
  format.step_exponent = -fraction_bits;
  format.is_signed = is_signed;
  return format;
}

std::string NumberFormat::name() const {
  return row_of(*this).name(*this);
}

bool NumberFormat::is_valid() const {
  const FormatRow* row = find_row(family);
  return row != nullptr && row->is_valid(*this);
}

bool NumberFormat::has_codes() const {
  return is_valid() && max_exponent - min_exponent <= 30;
}

std::vector<Rounding> NumberFormat::roundings() const {
  return row_of(*this).roundings();
}

int NumberFormat::code_bits() const {
  return row_with_codes(*this).code_bits(*this);
}

int NumberFormat::storage_bits() const {
  int bits = 1;
  while (bits < code_bits()) bits *= 2;
  return bits;
}

int NumberFormat::fraction_bits() const {
  return row_with_codes(*this).fraction_bits(*this);
}

int32_t NumberFormat::min_level() const {
  return row_with_codes(*this).min_level(*this);
}

int32_t NumberFormat::max_level() const {
  return row_with_codes(*this).max_level(*this);
}

bool NumberFormat::is_level(int32_t level) const {
  const FormatRow& row = row_with_codes(*this);
  return level >= row.min_level(*this) && level <= row.max_level(*this) && row.is_level(*this, level);
}

uint32_t NumberFormat::encode(int32_t level) const {
  const FormatRow& row = row_with_codes(*this);
  if (!is_level(level)) {
    throw std::invalid_argument(std::to_string(level) + " * 2^" + std::to_string(-row.fraction_bits(*this)) +
                                " is no level of " + row.name(*this));
  }
  return row.encode(*this, level);
}

int32_t NumberFormat::decode(uint32_t code) const {
  return row_with_codes(*this).decode(*this, code);
}

bool NumberFormat::is_canonical(uint32_t code) const {
  const FormatRow& row = row_with_codes(*this);
  return row.encode(*this, row.decode(*this, code)) == code;
}

std::vector<int32_t> NumberFormat::levels() const {
  const FormatRow& row = row_with_codes(*this);
  std::vector<int32_t> result;
  for (int64_t level = row.min_level(*this); level <= row.max_level(*this); ++level) {
    if (row.is_level(*this, static_cast<int32_t>(level))) result.push_back(static_cast<int32_t>(level));
  }
  return result;
}

bool NumberFormat::operator==(const NumberFormat& other) const {
  const auto members = [](const NumberFormat& f) {
    return std::tie(f.family, f.terms, f.max_shift, f.min_exponent, f.max_exponent, f.zero, f.integer_bits,
                    f.step_exponent, f.is_signed);
  };
  return members(*this) == members(other);
}

}  // namespace kones
