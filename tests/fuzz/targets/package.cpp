// Fuzzes the reader of packages with payloads: behind a header with their size and checksum, so that what is
// reached is the FlatBuffer and all that it leads to.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "check_package.h"

#include "kones/package/file_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view payload(reinterpret_cast<const char*>(data), size);
  std::string file = kones::package::make_header(payload);
  file += payload;
  kones::fuzz::check_package(file);
  return 0;
}
