#include "kones/files/atomic_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kones/error.h"

namespace kones {
namespace {

constexpr int max_links = 40;  // as many as Linux itself follows

[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path, int error) {
  throw Error(what + " " + path.string() + ": " + std::strerror(error));
}

void sync_path(const std::filesystem::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) fail("cannot open", path, errno);
  const int failed = ::fsync(descriptor);
  const int error = errno;
  ::close(descriptor);
  // Some file systems cannot sync a folder and say so; the file itself is synced all the same.
  if (failed != 0 && error != EINVAL && error != ENOTSUP) fail("cannot write", path, error);
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

void refuse_what_is_no_file(const std::filesystem::path& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return;
  if (S_ISDIR(status.st_mode)) fail("cannot write", path, EISDIR);
  throw Error("cannot write " + path.string() + ": it is a device, a pipe or a socket; name a file");
}

/// Where the symbolic links at `path` lead, be there a file or not. By the system's own calls: see
/// for_each_name.
std::filesystem::path follow_links(std::filesystem::path path) {
  char target[PATH_MAX];
  for (int link = 0; link < max_links; ++link) {
    const ssize_t size = ::readlink(path.c_str(), target, sizeof(target));
    if (size < 0) return path;
    path = folder_of(path) / std::string(target, static_cast<size_t>(size));
  }
  fail("cannot write", path, ELOOP);
}

std::string partial_prefix(const std::filesystem::path& path) {
  return path.string() + ".partial-";
}

/// Calls visit(name) for the names in a folder. By the system's own calls: libtorch.so brings a
/// std::filesystem along that takes the place of the compiler's, and its folder iterators crash.
template <typename Visit>
void for_each_name(const std::filesystem::path& folder, Visit visit) {
  DIR* stream = ::opendir(folder.c_str());
  if (stream == nullptr) return;
  while (const dirent* entry = ::readdir(stream)) visit(std::string(entry->d_name));
  ::closedir(stream);
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  refuse_what_is_no_file(path_);
  target_ = follow_links(path_);
  temporary_ = partial_prefix(target_) + std::to_string(::getpid());
}

AtomicFile::~AtomicFile() {
  std::error_code ignored;
  if (!committed_) std::filesystem::remove(temporary_, ignored);
}

void AtomicFile::commit() {
  sync_path(temporary_, O_RDONLY);
  std::error_code error;
  std::filesystem::rename(temporary_, target_, error);
  if (error) fail("cannot write", path_, error.value());
  committed_ = true;
  sync_path(folder_of(target_), O_RDONLY | O_DIRECTORY);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  std::ofstream stream(file.temporary_path(), std::ios::binary);
  if (!stream) fail("cannot write", path, errno);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) fail("cannot write", path, errno);
  file.commit();
}

void remove_partial_files(const std::filesystem::path& path) {
  const std::filesystem::path target = follow_links(path);
  const std::string prefix = partial_prefix(target.filename());
  for_each_name(folder_of(target), [&](const std::string& name) {
    if (name.compare(0, prefix.size(), prefix) == 0) ::unlink((folder_of(target) / name).c_str());
  });
}

std::string read_file(const std::filesystem::path& path, std::uintmax_t max_bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw Error(path.string() + " does not exist");
  if (!std::filesystem::is_regular_file(status)) throw Error(path.string() + " is not a file");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) fail("cannot read", path, error.value());
  if (size > max_bytes) {
    throw Error(path.string() + " has " + std::to_string(size) + " bytes, more than the " +
                std::to_string(max_bytes) + " that such a file may have");
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) fail("cannot read", path, errno);
  std::string bytes(size, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(size));
  if (static_cast<std::uintmax_t>(stream.gcount()) != size)
    throw Error("cannot read " + path.string() + " to its end");
  return bytes;
}

}  // namespace kones
