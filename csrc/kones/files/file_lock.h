// A lock among processes.
#pragma once

#include <filesystem>
#include <memory>

namespace kones {

/// Holds an empty file locked, and removes it at the end. A process that is killed leaves the file, unlocked.
class FileLock {
 public:
  /// Makes and locks the file `path`; null when another process holds it. Throws Error when it cannot be
  /// made.
  static std::unique_ptr<FileLock> try_lock(const std::filesystem::path& path);

  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  FileLock(std::filesystem::path path, int descriptor);

  std::filesystem::path path_;
  int descriptor_;
};

}  // namespace kones
