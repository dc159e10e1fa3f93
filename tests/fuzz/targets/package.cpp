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
  // One in four is read from an address that is not aligned.
  const std::size_t shift = size > 0 && (data[size / 2] & 3) == 3 ? 1 : 0;
  std::string file(shift, '\0');
  file += kones::package::make_header(payload);
  file += payload;
  kones::fuzz::check_package(std::string_view(file).substr(shift));
  return 0;
}
