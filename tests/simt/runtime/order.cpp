#include "simt/order.h"

#include <cstdlib>
#include <stdexcept>

namespace simt {
namespace {

uint64_t number(const char* variable, const std::string& value) {
  size_t used = 0;
  unsigned long long result = 0;
  try {
    result = std::stoull(value, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || used != value.size() || value[0] == '-') {
    throw std::runtime_error(std::string(variable) + " is \"" + value + "\", which is no number");
  }
  return result;
}

std::string environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? std::string() : std::string(value);
}

Options from_environment() {
  Options read;
  const std::string order = environment("KONES_SIMT_ORDER");
  if (order == "reverse") {
    read.order = Order::reverse;
  } else if (!order.empty() && order != "forward") {
    read.order = Order::random;
    read.seed = number("KONES_SIMT_ORDER (forward, reverse or a seed)", order);
  }
  const std::string workers = environment("KONES_SIMT_WORKERS");
  if (!workers.empty()) read.workers = static_cast<int>(number("KONES_SIMT_WORKERS", workers));
  const std::string patience = environment("KONES_SIMT_PATIENCE");
  if (!patience.empty()) read.patience = static_cast<double>(number("KONES_SIMT_PATIENCE", patience));
  read.record = environment("KONES_SIMT_RECORD");
  const std::string threads = environment("KONES_SIMT_RECORD_THREADS");
  if (!threads.empty()) read.record_threads = number("KONES_SIMT_RECORD_THREADS", threads);
  return read;
}

}  // namespace

Options& options() {
  static Options current = from_environment();
  return current;
}

}  // namespace simt
