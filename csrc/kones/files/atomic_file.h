// Files that appear whole or not at all: written beside their place, synced, renamed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace kones {

/// A file being written. Write to temporary_path(), then call commit(); without commit() nothing appears at
/// `path`, and what was written is removed.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::filesystem::path& temporary_path() const { return temporary_; }

  /// Syncs the temporary file and its folder, and renames it into place. Throws Error.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  bool committed_ = false;
};

/// Makes `path` hold `bytes`, whole or not at all. Throws Error.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// The bytes of a regular file of at most `max_bytes`. Throws Error.
std::string read_file(const std::filesystem::path& path, std::uintmax_t max_bytes);

}  // namespace kones
