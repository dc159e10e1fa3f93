// NumPy's .npy files, version 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#include <nlohmann/json.hpp>

#include "kones/package/convert/arrays.h"
#include "kones/package/convert/formats.h"
#include "kones/package/convert/manifest.h"

namespace kones::package {
namespace {

constexpr std::size_t alignment = 64;  // of the data

const char* description_of(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return "|u1";
    case ElementType::int8:
      return "|i1";
    case ElementType::uint16:
      return "<u2";
    case ElementType::int16:
      return "<i2";
    case ElementType::int32:
      return "<i4";
    case ElementType::int64:
      break;
  }
  return "<i8";
}

std::string npy_file(const Array& array) {
  std::string shape;
  for (const uint64_t extent : array.shape) shape += std::to_string(extent) + ", ";
  std::string header = std::string("{'descr': '") + description_of(array.type) +
                       "', 'fortran_order': False, 'shape': (" + shape + "), }";
  std::string file("\x93NUMPY\x01\x00", 8);
  // Two bytes of length, and a line feed at the end.
  while ((file.size() + 2 + header.size() + 1) % alignment != 0) header += ' ';
  header += '\n';
  file += static_cast<char>(header.size() & 0xff);
  file += static_cast<char>(header.size() >> 8);
  return file + header + array.bytes;
}

}  // namespace

Written convert_to_npy(const ConvertRequest& request) {
  const NetworkNames names(request.source());
  AtomicFolder folder(request.out);
  nlohmann::ordered_json listed = nlohmann::ordered_json::array();
  for (const Array& array : arrays_of(request.source(), names)) {
    const std::string name = array.name + ".npy";
    folder.write(name, npy_file(array));
    listed.push_back({{"file", name}, {"shape", array.shape}, {"meaning", array.meaning}});
  }
  folder.write("manifest.json", manifest("kones npy 1", *request.package, request.source(), names,
                                         nlohmann::ordered_json{{"arrays", listed}}.dump()));
  folder.commit();
  return folder.files();
}

}  // namespace kones::package
