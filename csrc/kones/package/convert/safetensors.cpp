// safetensors: https://github.com/huggingface/safetensors
#include <algorithm>
#include <tuple>

#include <nlohmann/json.hpp>

#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/package/convert/arrays.h"
#include "kones/package/convert/formats.h"
#include "kones/package/convert/manifest.h"

namespace kones::package {
namespace {

constexpr std::size_t most_header_bytes = 100'000'000;
constexpr std::size_t alignment = 8;

const char* dtype_of(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return "U8";
    case ElementType::int8:
      return "I8";
    case ElementType::uint16:
      return "U16";
    case ElementType::int16:
      return "I16";
    case ElementType::int32:
      return "I32";
    case ElementType::int64:
      break;
  }
  return "I64";
}

/// The order that the format's own library writes: larger elements first, so that each is aligned.
void sort_by_alignment(std::vector<Array>& arrays) {
  std::sort(arrays.begin(), arrays.end(), [](const Array& a, const Array& b) {
    return std::make_tuple(-size_of(a.type), a.name) < std::make_tuple(-size_of(b.type), b.name);
  });
}

std::string header_of(const ConvertRequest& request, const NetworkNames& names,
                      const std::vector<Array>& arrays) {
  nlohmann::ordered_json entries{{"kones.format_version", "1"},
                                 {"kones.producer", request.package->producer},
                                 {"kones.network", network_json(request.source(), names)}};
  for (const Array& array : arrays) entries["kones." + array.name] = array.meaning;
  nlohmann::ordered_json header{{"__metadata__", std::move(entries)}};
  std::size_t begin = 0;
  for (const Array& array : arrays) {
    const std::size_t end = begin + array.bytes.size();
    header[array.name] = {
        {"dtype", dtype_of(array.type)}, {"shape", array.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  text.append((alignment - text.size() % alignment) % alignment, ' ');
  if (text.size() > most_header_bytes) {
    throw Error("cannot write " + request.out.string() + ": its header would have " +
                std::to_string(text.size()) + " bytes, and safetensors allows " +
                std::to_string(most_header_bytes));
  }
  return text;
}

}  // namespace

Written convert_to_safetensors(const ConvertRequest& request) {
  const NetworkNames names(request.source());
  std::vector<Array> arrays = arrays_of(request.source(), names);
  sort_by_alignment(arrays);
  const std::string header = header_of(request, names, arrays);
  std::string file;
  for (std::size_t byte = 0; byte < sizeof(uint64_t); ++byte)
    file += static_cast<char>(header.size() >> (8 * byte) & 0xff);
  file += header;
  for (const Array& array : arrays) file += array.bytes;
  write_file_atomically(request.out, file);
  return {{request.out.string(), file.size()}};
}

}  // namespace kones::package
