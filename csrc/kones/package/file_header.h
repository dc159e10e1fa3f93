// The 32 bytes before a .kones file's payload, little-endian: magic (8 bytes), u32 major, u32 minor, u64
// payload bytes, u32 CRC-32 of the 24 bytes before it and the payload, u32 zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kones::package {

inline constexpr std::size_t header_bytes = 32;
inline constexpr uint32_t format_major = 1;
inline constexpr uint32_t format_minor = 1;
inline constexpr uint64_t max_file_bytes = uint64_t{1} << 30;

/// The header of a payload, for this version of the format.
std::string make_header(std::string_view payload);

/// The payload of a whole file, after checking its header: magic, version (any minor of this major), size,
/// checksum. Throws Error.
std::string_view check_header(std::string_view file);

}  // namespace kones::package
