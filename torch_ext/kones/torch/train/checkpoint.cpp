#include "kones/torch/train/checkpoint.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <torch/torch.h>

#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/files/hash_bytes.h"

namespace kones {
namespace {

/// The first sentence of a message: LibTorch's go on with guesses and stack traces.
std::string first_sentence(const std::string& text) {
  return text.substr(0, std::min(text.find('\n'), text.find(". ")));
}

/// Of everything that a checkpoint holds. LibTorch's reader does not look at the archive's own checksums.
std::string checksum_of(const Checkpoint& checkpoint) {
  uint64_t hash = 0;
  const auto mix_text = [&hash](const std::string& text) {
    hash = hash_bytes(hash, text.data(), text.size());
  };
  mix_text(checkpoint.model);
  mix_text(checkpoint.method);
  mix_text(checkpoint.state);
  for (const auto& [name, tensor] : checkpoint.tensors) {
    const at::Tensor contiguous = tensor.contiguous();
    mix_text(name);
    hash = hash_bytes(hash, contiguous.data_ptr(), contiguous.nbytes());
  }
  return std::to_string(hash);
}

void restore_tensor(const Checkpoint& checkpoint, const std::filesystem::path& path, const std::string& name,
                    at::Tensor& target) {
  const auto found = checkpoint.tensors.find(name);
  if (found == checkpoint.tensors.end()) throw Error(path.string() + " has no tensor " + name);
  if (found->second.sizes() != target.sizes() || found->second.scalar_type() != target.scalar_type()) {
    throw Error(path.string() + ": tensor " + name + " has another shape or type than " + checkpoint.model +
                "'s");
  }
  torch::NoGradGuard no_gradient;
  target.copy_(found->second);
}

template <typename Visit>
void for_each_tensor(const Network& network, Visit visit) {
  for (auto& item : network->named_parameters()) visit("network/" + item.key(), item.value());
  for (auto& item : network->named_buffers()) visit("network/" + item.key(), item.value());
}

}  // namespace

void save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path) {
  torch::serialize::OutputArchive archive;
  archive.write("model", c10::IValue(checkpoint.model));
  archive.write("method", c10::IValue(checkpoint.method));
  archive.write("state", c10::IValue(checkpoint.state));
  std::string names;
  int64_t number = 0;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    archive.write("tensor" + std::to_string(number++), tensor, /*is_buffer=*/true);
    names += name + "\n";
  }
  archive.write("names", c10::IValue(names));
  archive.write("checksum", c10::IValue(checksum_of(checkpoint)));
  AtomicFile file(path);
  std::ofstream stream(file.temporary_path(), std::ios::binary);
  int error = stream ? 0 : errno;
  // A write that fails is kept for later: LibTorch's writer ends the program on one.
  archive.save_to([&stream, &error](const void* bytes, size_t size) {
    if (stream && !stream.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size)))
      error = errno;
    return size;
  });
  stream.close();
  if (!stream)
    throw Error("cannot write " + path.string() + ": " + std::strerror(error != 0 ? error : errno));
  file.commit();
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path))
    throw Error(path.string() + " does not exist or is not a file");
  Checkpoint checkpoint;
  try {
    torch::serialize::InputArchive archive;
    archive.load_from(path.string(), torch::kCPU);
    const auto text = [&archive](const std::string& key) {
      c10::IValue value;
      archive.read(key, value);
      return value.toStringRef();
    };
    checkpoint.model = text("model");
    checkpoint.method = text("method");
    checkpoint.state = text("state");
    const std::string names = text("names");
    int64_t number = 0;
    for (size_t begin = 0; begin < names.size();) {
      const size_t end = names.find('\n', begin);
      at::Tensor tensor;
      archive.read("tensor" + std::to_string(number++), tensor, /*is_buffer=*/true);
      checkpoint.tensors.emplace(names.substr(begin, end - begin), tensor);
      begin = end == std::string::npos ? names.size() : end + 1;
    }
    if (text("checksum") != checksum_of(checkpoint)) throw Error("its checksum is that of other contents");
  } catch (const std::exception& error) {
    throw Error(path.string() +
                " is not a checkpoint of kones, or is damaged: " + first_sentence(error.what()));
  }
  return checkpoint;
}

void store_network(const Network& network, Checkpoint& checkpoint) {
  checkpoint.model = network->topology().name;
  checkpoint.method = network->method().name;
  for_each_tensor(network, [&checkpoint](const std::string& name, const at::Tensor& tensor) {
    checkpoint.tensors[name] = tensor.detach().cpu().clone(at::MemoryFormat::Contiguous);
  });
}

void restore_network(const Checkpoint& checkpoint, const std::filesystem::path& path, Network& network,
                     bool keep_thresholds) {
  const std::string threshold = "log2_threshold";
  if (checkpoint.model != network->topology().name) {
    throw Error(path.string() + " is a checkpoint of the model " + checkpoint.model + ", not of " +
                network->topology().name);
  }
  for_each_tensor(network, [&](const std::string& name, at::Tensor tensor) {
    const bool is_threshold = name.size() > threshold.size() &&
                              name.compare(name.size() - threshold.size(), threshold.size(), threshold) == 0;
    if (keep_thresholds && is_threshold && checkpoint.tensors.count(name) == 0) return;
    restore_tensor(checkpoint, path, name, tensor);
  });
}

void store_optimizer(FusedOptimizer& optimizer, Checkpoint& checkpoint) {
  optimizer.for_each_state([&checkpoint](const std::string& name, const at::Tensor& tensor) {
    checkpoint.tensors["optimizer/" + name] = tensor.detach().cpu().clone(at::MemoryFormat::Contiguous);
  });
}

void store_average(WeightAverage& average, Checkpoint& checkpoint) {
  average.for_each_state([&checkpoint](const std::string& name, const at::Tensor& tensor) {
    checkpoint.tensors[name] = tensor.detach().cpu().clone(at::MemoryFormat::Contiguous);
  });
}

void restore_average(const Checkpoint& checkpoint, const std::filesystem::path& path,
                     WeightAverage& average) {
  average.for_each_state(
      [&](const std::string& name, at::Tensor& tensor) { restore_tensor(checkpoint, path, name, tensor); });
}

void restore_optimizer(const Checkpoint& checkpoint, const std::filesystem::path& path,
                       FusedOptimizer& optimizer) {
  optimizer.for_each_state([&](const std::string& name, at::Tensor& tensor) {
    restore_tensor(checkpoint, path, "optimizer/" + name, tensor);
  });
}

}  // namespace kones
