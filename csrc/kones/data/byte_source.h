// The bytes of a data file that may or may not be compressed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

struct z_stream_s;

namespace kones {

/// Reads a regular file from its start to its end, decompressed if it is gzip. The file's first two bytes
/// tell whether it is, not its name. Memory is constant: what is decompressed goes straight to the caller's
/// buffer.
class ByteSource {
 public:
  /// Opens `path`. Throws Error if it does not exist, is not a regular file, cannot be read, or has more than
  /// max_data_file_bytes.
  explicit ByteSource(std::filesystem::path path);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  const std::filesystem::path& path() const { return path_; }
  bool is_gzip() const { return inflater_ != nullptr; }

  /// More bytes than this the whole source cannot give: the size of a plain file; for gzip a bound that
  /// follows from the compressed size, at most max_data_file_bytes. Check against it before allocating what a
  /// header asks for.
  uint64_t max_bytes() const { return max_bytes_; }

  /// Reads the next `bytes` bytes to `destination` and returns how many there were: fewer only at the end. A
  /// gzip file's checksum is checked when its end is read. Throws Error if the gzip data are damaged.
  size_t read(uint8_t* destination, size_t bytes);

 private:
  struct InflateEnd {
    void operator()(z_stream_s* stream) const;
  };

  size_t read_file(uint8_t* destination, size_t bytes);
  size_t inflate(uint8_t* destination, size_t bytes);

  std::filesystem::path path_;
  std::ifstream file_;
  uint64_t max_bytes_ = 0;
  std::unique_ptr<z_stream_s, InflateEnd> inflater_;
  std::vector<uint8_t> compressed_;
  bool between_members_ = false;
};

}  // namespace kones
