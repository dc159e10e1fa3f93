#include "kones/package/file_header.h"

#include <zlib.h>

#include "kones/error.h"

namespace kones::package {
namespace {

constexpr std::string_view magic("KONES\r\n\x1a", 8);
constexpr std::size_t checked_header_bytes = 24;

void append_little_endian(std::string& bytes, uint64_t value, int size) {
  for (int byte = 0; byte < size; ++byte) bytes.push_back(static_cast<char>(value >> (8 * byte) & 0xff));
}

uint64_t little_endian(std::string_view bytes, std::size_t at, int size) {
  uint64_t value = 0;
  for (int byte = size - 1; byte >= 0; --byte) value = value << 8 | static_cast<uint8_t>(bytes[at + byte]);
  return value;
}

uint32_t checksum(std::string_view checked_header, std::string_view payload) {
  uLong crc = crc32(0, Z_NULL, 0);
  crc = crc32_z(crc, reinterpret_cast<const Bytef*>(checked_header.data()), checked_header.size());
  crc = crc32_z(crc, reinterpret_cast<const Bytef*>(payload.data()), payload.size());
  return static_cast<uint32_t>(crc);
}

}  // namespace

std::string make_header(std::string_view payload) {
  std::string header(magic);
  append_little_endian(header, format_major, 4);
  append_little_endian(header, format_minor, 4);
  append_little_endian(header, payload.size(), 8);
  append_little_endian(header, checksum(header, payload), 4);
  append_little_endian(header, 0, 4);
  return header;
}

std::string_view check_header(std::string_view file) {
  if (file.size() > max_file_bytes) {
    throw Error("has " + std::to_string(file.size()) + " bytes, more than the " +
                std::to_string(max_file_bytes) + " that a package may have");
  }
  if (file.substr(0, magic.size()) != magic.substr(0, file.size())) {
    throw Error("is no kones package: its first bytes are not those of one; make one with kones export");
  }
  if (file.size() < header_bytes) {
    throw Error("ends at byte " + std::to_string(file.size()) + ", inside the " +
                std::to_string(header_bytes) + "-byte header: it is cut off; copy or export it again");
  }
  const uint64_t major = little_endian(file, 8, 4);
  const uint64_t minor = little_endian(file, 12, 4);
  if (major != format_major) {
    throw Error("has format " + std::to_string(major) + "." + std::to_string(minor) +
                ", and this program reads " + std::to_string(format_major) +
                ".x; use the kones version that wrote it, or export it again");
  }
  const uint64_t payload_bytes = little_endian(file, 16, 8);
  const std::string_view payload = file.substr(header_bytes);
  if (payload_bytes != payload.size()) {
    throw Error("has " + std::to_string(payload.size()) + " bytes after its header, which announces " +
                std::to_string(payload_bytes) + ": it is cut off or damaged; copy or export it again");
  }
  if (little_endian(file, checked_header_bytes, 4) !=
      checksum(file.substr(0, checked_header_bytes), payload)) {
    throw Error("does not match its checksum: it is damaged; copy or export it again");
  }
  if (little_endian(file, 28, 4) != 0) throw Error("is damaged: bytes 28 to 31 of its header are not zero");
  return payload;
}

}  // namespace kones::package
