#include "kones/data/byte_source.h"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include <zlib.h>

#include "kones/data/image_set.h"
#include "kones/error.h"

namespace kones {
namespace {

// Deflate's best case is a match of 258 bytes in two bits (RFC 1951), so no file expands to more than this
// times its size.
constexpr uint64_t max_deflate_ratio = 258 * 8 / 2;

constexpr size_t compressed_buffer_bytes = size_t{1} << 18;

// zlib's window bits: the largest window, and a gzip header and trailer around the data.
constexpr int gzip_window_bits = 15 + 16;

}  // namespace

void ByteSource::InflateEnd::operator()(z_stream_s* stream) const {
  inflateEnd(stream);
  delete stream;
}

ByteSource::ByteSource(std::filesystem::path path) : path_(std::move(path)) {
  // Looked at before it is opened: opening a pipe would wait for its writer.
  std::error_code error;
  const auto status = std::filesystem::status(path_, error);
  if (!std::filesystem::exists(status)) throw Error(path_.string() + " does not exist");
  if (!std::filesystem::is_regular_file(status)) throw Error(path_.string() + " is not a file");
  const uint64_t size = std::filesystem::file_size(path_, error);
  if (error) throw Error("cannot read " + path_.string() + ": " + error.message());
  if (size > max_data_file_bytes) {
    throw Error(path_.string() + " has " + std::to_string(size) + " bytes, more than the " +
                std::to_string(max_data_file_bytes) + " that a data file may have");
  }
  file_.open(path_, std::ios::binary);
  if (!file_) throw Error("cannot open " + path_.string() + "; check its permissions");

  std::array<uint8_t, 2> start{};
  const bool gzip =
      read_file(start.data(), start.size()) == start.size() && start[0] == 0x1f && start[1] == 0x8b;
  file_.clear();
  file_.seekg(0);
  max_bytes_ = size;
  if (!gzip) return;

  max_bytes_ = std::min(size * max_deflate_ratio, max_data_file_bytes);
  compressed_.resize(compressed_buffer_bytes);
  auto stream = std::make_unique<z_stream>();
  if (inflateInit2(stream.get(), gzip_window_bits) != Z_OK) throw std::bad_alloc();
  inflater_.reset(stream.release());
}

ByteSource::~ByteSource() = default;

size_t ByteSource::read(uint8_t* destination, size_t bytes) {
  return is_gzip() ? inflate(destination, bytes) : read_file(destination, bytes);
}

size_t ByteSource::read_file(uint8_t* destination, size_t bytes) {
  file_.read(reinterpret_cast<char*>(destination), static_cast<std::streamsize>(bytes));
  if (file_.bad()) throw Error("cannot read " + path_.string() + ": the disk reports an error");
  return static_cast<size_t>(file_.gcount());
}

size_t ByteSource::inflate(uint8_t* destination, size_t bytes) {
  z_stream& stream = *inflater_;
  size_t filled = 0;
  while (filled < bytes) {
    if (stream.avail_in == 0) {
      stream.next_in = compressed_.data();
      stream.avail_in = static_cast<uInt>(read_file(compressed_.data(), compressed_.size()));
    }
    if (stream.avail_in == 0 && between_members_) break;
    const uInt room = static_cast<uInt>(std::min<size_t>(bytes - filled, std::numeric_limits<uInt>::max()));
    stream.next_out = destination + filled;
    stream.avail_out = room;
    const int status = ::inflate(&stream, Z_NO_FLUSH);
    filled += room - stream.avail_out;
    // A gzip file is one member or several in a row, each with its own checksum.
    between_members_ = status == Z_STREAM_END;
    if (status == Z_STREAM_END) {
      inflateReset(&stream);
    } else if (status == Z_BUF_ERROR) {
      throw Error(path_.string() + " is a damaged gzip file: it ends too early; copy or download it again");
    } else if (status != Z_OK) {
      throw Error(path_.string() + " is a damaged gzip file (" +
                  (stream.msg != nullptr ? stream.msg : zError(status)) + "); copy or download it again");
    }
  }
  return filled;
}

}  // namespace kones
