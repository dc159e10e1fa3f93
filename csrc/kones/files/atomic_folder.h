// Folders that appear whole or not at all: made beside their place, synced, renamed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace kones {

/// A file that was written.
struct WrittenFile {
  std::string name;
  std::uintmax_t bytes = 0;
};

/// A folder of files being written. Call write() for each file, then commit(); without commit() nothing
/// appears at `path`, and what was written is removed.
class AtomicFolder {
 public:
  /// Throws Error for a path where there is something else than an empty folder.
  explicit AtomicFolder(const std::filesystem::path& path);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Writes and syncs a new file of the folder. `name` holds no slash. Throws Error, also for a name that is
  /// taken.
  void write(const std::string& name, std::string_view bytes);

  /// The files so far, in the order in which they were written.
  const std::vector<WrittenFile>& files() const { return files_; }

  /// Syncs the folder and renames it into place. Throws Error.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::vector<WrittenFile> files_;
  bool committed_ = false;
};

}  // namespace kones
