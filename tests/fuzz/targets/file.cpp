// Fuzzes the reader of packages with whole files. Half of the mutations mend the size and the checksum in the
// header.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "check_package.h"

#include "kones/package/file_header.h"

extern "C" {
std::size_t LLVMFuzzerMutate(uint8_t* data, std::size_t size, std::size_t most_bytes);

int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  // A copy of its own: a byte read beyond the file is seen, at any alignment of its address.
  const std::string file(reinterpret_cast<const char*>(data), size);
  kones::fuzz::check_package(file);
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most_bytes,
                                    unsigned int seed) {
  using kones::package::header_bytes;
  size = LLVMFuzzerMutate(data, size, most_bytes);
  if (seed % 2 == 0 || size < header_bytes) return size;
  const std::string header = kones::package::make_header(
      std::string_view(reinterpret_cast<const char*>(data), size).substr(header_bytes));
  header.copy(reinterpret_cast<char*>(data), header_bytes);
  return size;
}
}
