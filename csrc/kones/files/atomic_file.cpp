#include "kones/files/atomic_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "kones/error.h"

namespace kones {
namespace {

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

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path)
    : path_(std::move(path)), temporary_(path_.string() + ".partial-" + std::to_string(::getpid())) {}

AtomicFile::~AtomicFile() {
  std::error_code ignored;
  if (!committed_) std::filesystem::remove(temporary_, ignored);
}

void AtomicFile::commit() {
  sync_path(temporary_, O_RDONLY);
  std::error_code error;
  std::filesystem::rename(temporary_, path_, error);
  if (error) fail("cannot write", path_, error.value());
  committed_ = true;
  sync_path(folder_of(path_), O_RDONLY | O_DIRECTORY);
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
