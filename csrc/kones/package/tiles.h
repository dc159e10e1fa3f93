// Weight codes in the order in which a 16 by 16 accelerator tile consumes them, and their bits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kones/numeric/format.h"
#include "kones/package/package.h"

namespace kones::package {

inline constexpr uint32_t tile_outputs = 16;
inline constexpr uint32_t tile_inputs = 16;

/// Bytes of the packed codes of an [outputs][inputs] matrix: its tiles, the edge ones in full. Where that is
/// beyond uint64, the largest uint64.
uint64_t packed_bytes(const NumberFormat& format, uint32_t outputs, uint32_t inputs);

/// Packs levels to codes: [output tile][input tile][16 outputs][16 inputs], each code in storage_bits,
/// element e at bit e * storage_bits % 8 of byte e * storage_bits / 8, least significant bit first (16 and 32
/// bits: little-endian). Elements beyond the matrix are code 0. Throws std::invalid_argument for what is no
/// level of the format.
std::string pack_levels(const Weights& weights);

/// The levels [outputs][inputs] of packed codes, the inverse of pack_levels. `codes` has packed_bytes()
/// bytes. Throws Error for a code that is not canonical and for padding that is not code 0.
std::vector<int32_t> unpack_levels(const NumberFormat& format, uint32_t outputs, uint32_t inputs,
                                   std::string_view codes);

}  // namespace kones::package
