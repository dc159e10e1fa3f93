// Fuzzes the readers of data sets: the first byte chooses the reader, the rest is the file.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "memory_bound.h"
#include "require.h"
#include <sys/mman.h>
#include <unistd.h>

#include "kones/data/cifar10.h"
#include "kones/data/idx.h"
#include "kones/data/uci.h"
#include "kones/error.h"

namespace kones::fuzz {
namespace {

// A gzip file grows at most 1032 times; ByteSource keeps a buffer, and the stream's and zlib's own.
constexpr std::size_t least_bytes = 1 << 19;
constexpr std::size_t bytes_per_byte = 1100;

/// A file in memory, read by its path under /proc.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("fuzz", 0)) { require(descriptor_ >= 0, "no file in memory"); }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

  void hold(const uint8_t* data, std::size_t size) const {
    require(
        ftruncate(descriptor_, 0) == 0 && pwrite(descriptor_, data, size, 0) == static_cast<ssize_t>(size),
        "the file in memory is not written");
  }

 private:
  int descriptor_;
};

void read(uint8_t reader, const std::string& path) {
  switch (reader % 4) {
    case 0: {
      const IdxImages images = read_idx_images(path);
      require(images.count > 0 && images.height > 0 && images.width > 0 &&
                  images.pixels.size() == static_cast<uint64_t>(images.count) * images.height * images.width,
              "the images have another size than they say");
      return;
    }
    case 1:
      for (const uint8_t label : read_idx_labels(path, 10)) require(label < 10, "a label is no class");
      return;
    case 2: {
      const std::vector<std::string> names = uci_names();
      const std::string& name = names[reader / 4 % names.size()];
      for (const DatasetSplit split : {DatasetSplit::train, DatasetSplit::test}) {
        const ImageSet set = read_uci_file(name, path, split);
        require(set.count > 0 && set.labels.size() == static_cast<uint64_t>(set.count) &&
                    set.pixels.size() == static_cast<uint64_t>(set.count) * set.width,
                "the rows have another size than they say");
        for (const uint8_t label : set.labels) require(label < set.classes, "a label is no class");
      }
      return;
    }
    default: {
      const ImageSet set = read_cifar10_files({path});
      require(set.count > 0 && set.labels.size() == static_cast<uint64_t>(set.count) &&
                  set.pixels.size() == static_cast<uint64_t>(set.count) * 3072,
              "the images have another size than they say");
      for (const uint8_t label : set.labels) require(label < 10, "a label is no class");
    }
  }
}

}  // namespace
}  // namespace kones::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace kones::fuzz;
  static const MemoryFile file;
  if (size == 0) return 0;
  file.hold(data + 1, size - 1);
  try {
    const MemoryBound bound(least_bytes + bytes_per_byte * size);
    read(data[0], file.path());
  } catch (const kones::Error& error) {
    require(std::string_view(error.what()).find('\n') == std::string_view::npos,
            "the message has several lines");
  }
  return 0;
}
