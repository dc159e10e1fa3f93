// A folder for the files of one test.
#pragma once

#include <cstdio>
#include <filesystem>
#include <set>
#include <string>

#include <dirent.h>
#include <ftw.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace kones {

/// Made empty, and removed at the end. By the system's own calls: libtorch.so brings a std::filesystem along
/// that takes the place of the compiler's, and its remove_all and folder iterators crash.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = testing::TempDir() + "/kones-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "cannot make " << pattern;
    path_ = pattern;
  }
  ~TemporaryFolder() {
    const auto remove = [](const char* path, const struct stat*, int, FTW*) { return std::remove(path); };
    ::nftw(path_.c_str(), remove, 16, FTW_DEPTH | FTW_PHYS);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

  /// The names of the files and folders in it.
  std::set<std::string> names() const {
    std::set<std::string> names;
    DIR* folder = ::opendir(path_.c_str());
    while (const dirent* entry = ::readdir(folder)) names.insert(entry->d_name);
    ::closedir(folder);
    names.erase(".");
    names.erase("..");
    return names;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace kones
