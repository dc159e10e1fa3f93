#include "kones/numeric/format.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "kones/numeric/binary.h"
#include "kones/numeric/k_ones.h"

namespace kones {
namespace {

/// One family's answers.
struct FormatRow {
  FormatFamily family;
  std::string (*name)(const NumberFormat&);
  bool (*is_valid)(const NumberFormat&);
  int (*code_bits)(const NumberFormat&);
  int (*fraction_bits)(const NumberFormat&);
  int32_t (*max_level)(const NumberFormat&);
  bool (*is_level)(const NumberFormat&, int32_t level);
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
              f.max_shift <= k_ones_max_max_shift;
     },
     [](const NumberFormat& f) { return k_ones_code_bits(f.terms, f.max_shift); },
     [](const NumberFormat& f) { return f.max_shift; },
     [](const NumberFormat& f) { return static_cast<int32_t>(f.terms) << f.max_shift; },
     [](const NumberFormat& f, int32_t level) {
       return k_ones_representable(static_cast<uint32_t>(std::abs(level)), f.terms, f.max_shift);
     },
     [](const NumberFormat& f, int32_t level) { return k_ones_encode(level, f.terms, f.max_shift); },
     [](const NumberFormat& f, uint32_t code) { return k_ones_decode(code, f.terms, f.max_shift); }},
    {FormatFamily::binary, [](const NumberFormat&) { return std::string("binary"); },
     [](const NumberFormat& f) { return f.terms == 0 && f.max_shift == 0; },
     [](const NumberFormat&) { return 1; }, [](const NumberFormat&) { return 0; },
     [](const NumberFormat&) { return int32_t{1}; },
     [](const NumberFormat&, int32_t level) { return level == 1 || level == -1; },
     [](const NumberFormat&, int32_t level) { return binary_encode(level); },
     [](const NumberFormat&, uint32_t code) { return binary_decode(code); }},
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

}  // namespace

std::string NumberFormat::name() const {
  return row_of(*this).name(*this);
}

bool NumberFormat::is_valid() const {
  const FormatRow* row = find_row(family);
  return row != nullptr && row->is_valid(*this);
}

int NumberFormat::code_bits() const {
  return row_of(*this).code_bits(*this);
}

int NumberFormat::storage_bits() const {
  int bits = 1;
  while (bits < code_bits()) bits *= 2;
  return bits;
}

int NumberFormat::fraction_bits() const {
  return row_of(*this).fraction_bits(*this);
}

int32_t NumberFormat::max_level() const {
  return row_of(*this).max_level(*this);
}

uint32_t NumberFormat::encode(int32_t level) const {
  const FormatRow& row = row_of(*this);
  if (std::abs(static_cast<int64_t>(level)) > row.max_level(*this) || !row.is_level(*this, level)) {
    throw std::invalid_argument(std::to_string(level) + " * 2^-" + std::to_string(row.fraction_bits(*this)) +
                                " is no level of " + row.name(*this));
  }
  return row.encode(*this, level);
}

int32_t NumberFormat::decode(uint32_t code) const {
  return row_of(*this).decode(*this, code);
}

bool NumberFormat::is_canonical(uint32_t code) const {
  const FormatRow& row = row_of(*this);
  return row.encode(*this, row.decode(*this, code)) == code;
}

std::vector<int32_t> NumberFormat::levels() const {
  const FormatRow& row = row_of(*this);
  std::vector<int32_t> result;
  for (int32_t level = -row.max_level(*this); level <= row.max_level(*this); ++level) {
    if (level != 0 && row.is_level(*this, level)) result.push_back(level);
  }
  return result;
}

}  // namespace kones
