// Files that appear whole or not at all: written beside their place, synced, renamed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace kones {

/// A file being written. Write to temporary_path(), then call commit(); without commit() nothing appears at
/// `path`, and what was written is removed. A symbolic link stays: the file that it leads to is replaced.
class AtomicFile {
 public:
  /// Throws Error for a path that exists and is no regular file: a device or a pipe is not replaced.
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::filesystem::path& temporary_path() const { return temporary_; }

  /// Syncs the temporary file and its folder, and renames it into place. Throws Error.
  void commit();

 private:
  std::filesystem::path path_;    ///< as the caller names it
  std::filesystem::path target_;  ///< where its links lead
  std::filesystem::path temporary_;
  bool committed_ = false;
};

/// Makes `path` hold `bytes`, whole or not at all. Throws Error.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Removes what writers of `path` that were killed left beside it. Only for a path that nobody is writing.
void remove_partial_files(const std::filesystem::path& path);

/// The bytes of a regular file of at most `max_bytes`. Throws Error.
std::string read_file(const std::filesystem::path& path, std::uintmax_t max_bytes);

}  // namespace kones
