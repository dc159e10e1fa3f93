#include "kones/error.h"
#include "kones/files/child_process.h"
#include "kones/package/convert/formats.h"

namespace kones::package {
namespace {

constexpr const char* program = "kones_onnx";

/// What the program said last, without its name before it.
std::string reason_of(const ChildResult& result) {
  std::string text = result.errors;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  text = text.substr(text.find_last_of('\n') + 1);
  const std::string prefix = std::string(program) + ": ";
  if (text.compare(0, prefix.size(), prefix) == 0) return text.substr(prefix.size());
  return std::string(program) + " ended with status " + std::to_string(result.status) +
         (text.empty() ? "" : ": " + text);
}

Written run_program(const char* dialect, const ConvertRequest& request) {
  const std::filesystem::path path = folder_of_this_program() / program;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    throw Error("cannot write ONNX: " + path.string() +
                " does not exist; build kones with KONES_ONNX=ON, and keep the two programs together");
  }
  const ChildResult result = run_child(
      path, {dialect, request.file.string(), std::to_string(request.network), request.out.string()});
  if (result.status != 0) throw Error(reason_of(result));
  return {{request.out.string(), std::filesystem::file_size(request.out)}};
}

}  // namespace

Written convert_to_onnx(const ConvertRequest& request) {
  return run_program("onnx", request);
}

Written convert_to_qonnx(const ConvertRequest& request) {
  return run_program("qonnx", request);
}

}  // namespace kones::package
