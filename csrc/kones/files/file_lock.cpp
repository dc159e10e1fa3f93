#include "kones/files/file_lock.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kones/error.h"

namespace kones {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw Error("cannot lock " + path.string() + ": " + std::strerror(error));
}

/// Whether `path` still names the open file: its last holder removes it.
bool is_in_place(const std::filesystem::path& path, int descriptor) {
  struct stat named = {};
  struct stat opened = {};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(descriptor, &opened) == 0 &&
         named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

/// Some network file systems have no locks; work goes on there as if nobody else were at it.
bool is_without_locks(int error) {
  return error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP;
}

}  // namespace

FileLock::FileLock(std::filesystem::path path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

std::unique_ptr<FileLock> FileLock::try_lock(const std::filesystem::path& path) {
  while (true) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) fail(path, errno);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      if (error == EWOULDBLOCK || !is_without_locks(error)) ::close(descriptor);
      if (error == EWOULDBLOCK) return nullptr;
      if (!is_without_locks(error)) fail(path, error);
    }
    if (is_in_place(path, descriptor)) return std::unique_ptr<FileLock>(new FileLock(path, descriptor));
    ::close(descriptor);
  }
}

FileLock::~FileLock() {
  // In this order: who opens the file in between finds it locked, or out of place.
  ::unlink(path_.c_str());
  ::close(descriptor_);
}

}  // namespace kones
