#include "kones/files/atomic_folder.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kones/error.h"

namespace kones {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw Error("cannot write " + path.string() + ": " + std::strerror(error));
}

/// "folder/" and "folder" are one place, and names beside it come from the second.
std::filesystem::path without_last_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

bool is_empty_folder(const std::filesystem::path& path) {
  DIR* stream = ::opendir(path.c_str());
  if (stream == nullptr) fail(path, errno);
  bool empty = true;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    empty = empty && (name == "." || name == "..");
  }
  ::closedir(stream);
  return empty;
}

void refuse_what_is_there(const std::filesystem::path& path) {
  struct stat status = {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) fail(path, errno);
    return;
  }
  if (!S_ISDIR(status.st_mode)) {
    throw Error("cannot write the folder " + path.string() + ": there is something else; name a new folder");
  }
  if (!is_empty_folder(path)) {
    throw Error("cannot write the folder " + path.string() +
                ": it is there and not empty; remove it or name a new one");
  }
}

/// Writes all bytes or sets errno.
bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Some file systems cannot sync a folder and say so.
bool sync_folder(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool synced = ::fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return synced;
}

}  // namespace

AtomicFolder::AtomicFolder(const std::filesystem::path& path) : path_(without_last_slash(path.string())) {
  refuse_what_is_there(path_);
  std::string name = path_.string() + ".partial-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) fail(path_, errno);
  temporary_ = name;
}

AtomicFolder::~AtomicFolder() {
  if (committed_) return;
  for (const WrittenFile& file : files_) ::unlink((temporary_ / file.name).c_str());
  ::rmdir(temporary_.c_str());
}

void AtomicFolder::write(const std::string& name, std::string_view bytes) {
  const std::filesystem::path path = path_ / name;
  const int descriptor =
      ::open((temporary_ / name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(path, errno);
  files_.push_back({name, bytes.size()});
  const bool written = write_all(descriptor, bytes) && ::fsync(descriptor) == 0;
  const int error = errno;
  const bool closed = ::close(descriptor) == 0;
  if (!written) fail(path, error);
  if (!closed) fail(path, errno);
}

void AtomicFolder::commit() {
  // mkdtemp's folders are their owner's alone; the result is as open as any other folder.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::chmod(temporary_.c_str(), 0777 & ~mask) != 0 || !sync_folder(temporary_)) fail(path_, errno);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail(path_, errno);
  committed_ = true;
  const std::filesystem::path parent = path_.has_parent_path() ? path_.parent_path() : ".";
  if (!sync_folder(parent)) fail(path_, errno);
}

}  // namespace kones
