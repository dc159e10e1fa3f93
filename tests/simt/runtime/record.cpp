#include "simt/runtime/record.h"

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include "simt/order.h"
#include "simt/runtime/symbols.h"

namespace simt {
namespace {

std::string hexadecimal(const ParameterBytes& parameter) {
  std::string text;
  for (size_t i = 0; i < parameter.size; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", static_cast<const unsigned char*>(parameter.address)[i]);
    text += digits;
  }
  return text;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string triple(dim3 size) {
  return "[" + std::to_string(size.x) + ", " + std::to_string(size.y) + ", " + std::to_string(size.z) + "]";
}

void write(const std::string& path, const char* bytes, size_t size) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes, static_cast<std::streamsize>(size));
  if (!file.flush()) throw std::runtime_error("simt: cannot write " + path);
}

}  // namespace

std::string Recording::memory_file(size_t allocation, const char* when) const {
  return std::to_string(number_) + "." + std::to_string(allocation) + "." + when;
}

Recording::Recording(const Launch& launch) {
  static int count = 0;
  const uint64_t threads = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z * launch.block.x *
                           launch.block.y * launch.block.z;
  if (options().record.empty() || threads > options().record_threads) return;
  launch_ = &launch;
  number_ = count++;
  memory_ = allocations();
  for (size_t i = 0; i < memory_.size(); ++i) {
    write(options().record + "/" + memory_file(i, "before"), memory_[i].start, memory_[i].size);
  }
}

void Recording::finish() {
  if (launch_ == nullptr) return;
  const Launch& launch = *launch_;
  std::string json = "{\"kernel\": " + quoted(function_symbol(launch.kernel)) +
                     ", \"name\": " + quoted(launch.name) + ",\n \"grid\": " + triple(launch.grid) +
                     ", \"block\": " + triple(launch.block) +
                     ", \"shared_bytes\": " + std::to_string(launch.shared_bytes) + ",\n \"parameters\": [";
  for (size_t i = 0; i < launch.parameter_count; ++i) {
    json += std::string(i == 0 ? "" : ", ") + quoted(hexadecimal(launch.parameter[i]));
  }
  json += "],\n \"memory\": [";
  for (size_t i = 0; i < memory_.size(); ++i) {
    write(options().record + "/" + memory_file(i, "after"), memory_[i].start, memory_[i].size);
    json += std::string(i == 0 ? "" : ",\n  ") +
            "{\"address\": " + std::to_string(reinterpret_cast<uintptr_t>(memory_[i].start)) +
            ", \"size\": " + std::to_string(memory_[i].size) +
            ", \"before\": " + quoted(memory_file(i, "before")) +
            ", \"after\": " + quoted(memory_file(i, "after")) + "}";
  }
  json += "]}\n";
  write(options().record + "/" + std::to_string(number_) + ".json", json.data(), json.size());
}

}  // namespace simt
