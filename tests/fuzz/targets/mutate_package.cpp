// Mutations that know what a payload holds: one that reads as a FlatBuffer is taken apart, edited and put
// together again, so that most inputs are well-formed, and wrong in one place. The rest is libFuzzer's own.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <flatbuffers/flatbuffers.h>

#include "kones/numeric/format.h"
#include "kones/package/geometry.h"
#include "kones/package/kones_generated.h"
#include "kones/package/tiles.h"

extern "C" std::size_t LLVMFuzzerMutate(uint8_t* data, std::size_t size, std::size_t most_bytes);

namespace kones::fuzz {
namespace {

using schema::AddT;
using schema::AvgPool2dT;
using schema::Conv2dT;
using schema::LayerT;
using schema::LinearT;
using schema::MaxPool2dT;
using schema::NetworkT;
using schema::NumberFormatT;
using schema::OperationUnion;
using schema::PackageT;
using schema::RequantizeT;
using schema::TensorT;
using schema::ThresholdT;
using schema::WeightsT;

// Beyond these a mutation would cost more than it finds.
constexpr std::size_t most_list = 40;
constexpr uint64_t most_codes = 1 << 12;

/// Whether the arrays of 64-bit integers are aligned, which the verifier does not ask, and taking apart
/// needs.
template <typename... Values>
bool are_aligned(const flatbuffers::Vector<Values>*... arrays) {
  return ((arrays == nullptr || reinterpret_cast<std::uintptr_t>(arrays->Data()) % 8 == 0) && ...);
}

bool is_aligned(const schema::Layer& layer) {
  if (const auto* requantize = layer.operation_as_Requantize()) return are_aligned(requantize->addend());
  if (const auto* add = layer.operation_as_Add()) return are_aligned(add->addend());
  if (const auto* threshold = layer.operation_as_Threshold()) return are_aligned(threshold->wide_threshold());
  return true;
}

bool is_aligned(const schema::GoldenVector& golden);
bool is_aligned(const schema::Network& network);

bool is_aligned(const schema::TensorValues& values) {
  return are_aligned(values.wide_values());
}

template <typename Table>
bool all_aligned(const flatbuffers::Vector<flatbuffers::Offset<Table>>* tables) {
  return tables == nullptr ||
         std::all_of(tables->begin(), tables->end(), [](const Table* table) { return is_aligned(*table); });
}

bool is_aligned(const schema::GoldenVector& golden) {
  return all_aligned(golden.tensors());
}

bool is_aligned(const schema::Network& network) {
  return all_aligned(network.layers()) && all_aligned(network.golden());
}

/// The payload as plain values; null where it is no FlatBuffer of a package, or one that is much larger taken
/// apart.
std::unique_ptr<PackageT> taken_apart(const uint8_t* data, std::size_t size) {
  std::vector<uint64_t> aligned(size / sizeof(uint64_t) + 1);
  std::memcpy(aligned.data(), data, size);
  const auto* bytes = reinterpret_cast<const uint8_t*>(aligned.data());
  flatbuffers::Verifier verifier(bytes, size, 16, 400);
  if (size < 8 || !schema::VerifyPackageBuffer(verifier)) return nullptr;
  if (!all_aligned(schema::GetPackage(bytes)->networks())) return nullptr;
  std::unique_ptr<PackageT> package = schema::UnPackPackage(bytes);
  // What has a type and no table cannot be put together again; nor can a type that the schema does not know.
  for (const auto& network : package->networks) {
    for (const auto& layer : network->layers) {
      if (layer->operation.value == nullptr) layer->operation.Reset();
    }
  }
  return package;
}

class Mutator {
 public:
  explicit Mutator(unsigned int seed) : random_(seed) {}

  uint32_t below(uint32_t count) { return static_cast<uint32_t>(random_() >> 8) % count; }
  bool one_in(int count) { return below(count) == 0; }

  void mutate(PackageT& package) {
    NetworkT* network = any(package.networks);
    if (network == nullptr || one_in(32)) {
      edit_list(package.networks);
      return;
    }
    switch (below(12)) {
      case 0:
        edit_list(network->layers);
        break;
      case 1:
        edit_list(network->tensors);
        break;
      case 2:
        edit_list(network->golden);
        break;
      case 3:
        edit_heading(package, *network);
        break;
      case 4:
        append_layer(*network);
        break;
      case 5:
        if (TensorT* tensor = any(network->tensors)) edit(*tensor);
        break;
      case 6:
        edit_golden(*network);
        break;
      default:
        if (LayerT* layer = any(network->layers)) edit(*layer);
    }
    if (!one_in(4)) {
      for (const auto& each : package.networks) fit(*each);
    }
  }

 private:
  template <typename Table>
  Table* any(std::vector<std::unique_ptr<Table>>& tables) {
    return tables.empty() ? nullptr : tables[below(static_cast<uint32_t>(tables.size()))].get();
  }

  template <typename Value>
  void edit(Value& value) {
    switch (below(7)) {
      case 0:
        value = static_cast<Value>(static_cast<uint64_t>(value) + 1);
        break;
      case 1:
        value = static_cast<Value>(static_cast<uint64_t>(value) - 1);
        break;
      case 2:
        value = static_cast<Value>(below(5));
        break;
      case 3:
        value = static_cast<Value>((uint64_t{1} << below(8 * sizeof(Value))) - below(2));
        break;
      case 4:
        // Towards the end of a range, where sums and products leave it.
        value = static_cast<Value>(static_cast<uint64_t>(value) << below(8 * sizeof(Value)));
        break;
      case 5:
        value = one_in(2) ? std::numeric_limits<Value>::max() : std::numeric_limits<Value>::min();
        break;
      default:
        LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(&value), sizeof(value), sizeof(value));
    }
  }

  void edit(bool& value) { value = !value; }

  template <typename... Values>
  void edit_one(Values&... values) {
    int chosen = static_cast<int>(below(sizeof...(values)));
    ((chosen-- == 0 ? edit(values) : void()), ...);
  }

  void edit(std::string& text) {
    std::vector<uint8_t> bytes(text.begin(), text.end());
    bytes.resize(text.size() + 4);
    bytes.resize(LLVMFuzzerMutate(bytes.data(), text.size(), bytes.size()));
    text.assign(bytes.begin(), bytes.end());
  }

  template <typename Value>
  void edit(std::vector<Value>& values) {
    if (values.empty() || one_in(8)) {
      values.resize(one_in(2) ? values.size() + 1 : values.size() / 2);
      return;
    }
    const std::size_t at = below(static_cast<uint32_t>(values.size()));
    Value value = values[at];
    edit(value);
    if (one_in(8)) {
      std::fill(values.begin(), values.end(), value);
    } else {
      values[at] = value;
    }
  }

  template <typename Enum>
  void edit_enum(Enum& value) {
    value = static_cast<Enum>(below(10));
  }

  /// Removes, repeats or moves an entry.
  template <typename Table>
  void edit_list(std::vector<std::unique_ptr<Table>>& tables) {
    if (tables.empty()) return;
    const std::size_t at = below(static_cast<uint32_t>(tables.size()));
    switch (below(3)) {
      case 0:
        tables.erase(tables.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 1:
        if (tables.size() < most_list) tables.push_back(copy_of(*tables[at]));
        break;
      default:
        std::swap(tables[at], tables[below(static_cast<uint32_t>(tables.size()))]);
    }
  }

  template <typename Table>
  static std::unique_ptr<Table> copy_of(const Table& table) {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(Table::TableType::Pack(builder, &table));
    return std::unique_ptr<Table>(
        flatbuffers::GetRoot<typename Table::TableType>(builder.GetBufferPointer())->UnPack());
  }

  void edit_heading(PackageT& package, NetworkT& network) {
    if (network.input == nullptr || one_in(4)) {
      edit_one(package.producer, network.name, network.model, network.class_names, network.output);
    } else {
      edit_one(network.input->tensor, network.input->multiplier, network.input->offset,
               network.input->divisor, network.output);
    }
  }

  void edit(TensorT& tensor) {
    if (one_in(6)) {
      edit_enum(tensor.kind);
    } else {
      edit_one(tensor.channels, tensor.height, tensor.width, tensor.bits, tensor.is_signed,
               tensor.fraction_bits, tensor.name);
    }
  }

  void edit_golden(NetworkT& network) {
    if (one_in(3)) network.golden.clear();
    auto* golden = any(network.golden);
    if (golden == nullptr) return;
    auto* values = any(golden->tensors);
    if (values == nullptr || one_in(3)) {
      edit_one(golden->input, golden->label);
    } else {
      edit_one(values->values, values->wide_values);
    }
  }

  void edit(LayerT& layer) {
    if (one_in(8)) {
      edit_one(layer.name, layer.inputs, layer.output);
      return;
    }
    OperationUnion& operation = layer.operation;
    if (auto* linear = operation.AsLinear()) edit(linear->weights);
    if (auto* conv = operation.AsConv2d()) {
      if (one_in(2)) {
        edit(conv->weights);
      } else {
        edit_one(conv->kernel_height, conv->kernel_width, conv->stride_height, conv->stride_width,
                 conv->padding_height, conv->padding_width, conv->dilation_height, conv->dilation_width,
                 conv->groups);
      }
    }
    if (auto* pool = operation.AsMaxPool2d()) {
      edit_one(pool->kernel_height, pool->kernel_width, pool->stride_height, pool->stride_width,
               pool->padding_height, pool->padding_width, pool->ceil_mode);
    }
    if (auto* pool = operation.AsAvgPool2d()) {
      edit_one(pool->kernel_height, pool->kernel_width, pool->stride_height, pool->stride_width,
               pool->padding_height, pool->padding_width, pool->ceil_mode, pool->multiple);
    }
    if (auto* requantize = operation.AsRequantize())
      edit_one(requantize->multiplier, requantize->addend, requantize->shift);
    if (auto* threshold = operation.AsThreshold())
      edit_one(threshold->threshold, threshold->rising, threshold->wide_threshold);
    if (auto* add = operation.AsAdd())
      edit_one(add->first_multiplier, add->second_multiplier, add->addend, add->shift);
  }

  void edit(std::unique_ptr<WeightsT>& weights) {
    if (weights == nullptr) {
      weights = std::make_unique<WeightsT>();
      return;
    }
    switch (below(8)) {
      case 0:
        edit_one(weights->outputs, weights->inputs, weights->tile_outputs, weights->tile_inputs);
        break;
      case 1:
        edit_format(*weights);
        break;
      case 2:
      case 3:
        weights->outputs = 1 + below(20);
        break;
      default:
        edit(weights->codes);
    }
  }

  void edit_format(WeightsT& weights) {
    if (weights.format == nullptr) weights.format = std::make_unique<NumberFormatT>();
    NumberFormatT& format = *weights.format;
    if (one_in(3)) {
      format = NumberFormatT();
      edit_enum(format.family);
      format.terms = static_cast<uint8_t>(below(5));
      format.max_shift = static_cast<uint8_t>(below(17));
    }
    edit_one(format.terms, format.max_shift, format.code_bits, format.storage_bits, format.fraction_bits,
             format.min_exponent, format.max_exponent, format.zero, format.integer_bits, format.is_signed);
  }

  void append_layer(NetworkT& network) {
    if (network.tensors.empty() || network.layers.size() > most_list) return;
    auto layer = std::make_unique<LayerT>();
    layer->name = "l" + std::to_string(below(1000));
    layer->output = static_cast<uint32_t>(network.tensors.size());
    layer->inputs.push_back(one_in(2) ? network.output
                                      : below(static_cast<uint32_t>(network.tensors.size())));
    auto output = std::make_unique<TensorT>();
    output->name = "t" + std::to_string(below(1000));
    if (layer->inputs[0] < network.tensors.size()) *output = *copy_of(*network.tensors[layer->inputs[0]]);
    output->name += "'";
    const auto fixed_point = [&] {
      output->kind = schema::TensorKind::FixedPoint;
      output->bits = static_cast<uint8_t>(1 + below(31));
    };
    const auto integer = [&] {
      output->kind = schema::TensorKind::Integer;
      output->bits = one_in(2) ? 64 : 32;
      output->is_signed = true;
      output->fraction_bits = 0;
    };
    switch (below(7)) {
      case 0: {
        LinearT linear;
        linear.weights = std::make_unique<WeightsT>();
        linear.weights->outputs = 1 + below(4);
        edit_format(*linear.weights);
        layer->operation.Set(std::move(linear));
        integer();
        break;
      }
      case 1: {
        Conv2dT conv;
        conv.weights = std::make_unique<WeightsT>();
        conv.weights->outputs = 1 + below(4);
        edit_format(*conv.weights);
        layer->operation.Set(std::move(conv));
        integer();
        break;
      }
      case 2: {
        MaxPool2dT pool;
        pool.kernel_height = 1 + below(4);
        pool.kernel_width = 1 + below(4);
        layer->operation.Set(std::move(pool));
        break;
      }
      case 3: {
        AvgPool2dT pool;
        pool.kernel_height = 1 + below(4);
        pool.kernel_width = 1 + below(4);
        layer->operation.Set(std::move(pool));
        integer();
        break;
      }
      case 4:
        layer->operation.Set(RequantizeT());
        fixed_point();
        break;
      case 5:
        layer->operation.Set(ThresholdT());
        output->kind = schema::TensorKind::Sign;
        output->bits = 1;
        output->is_signed = true;
        output->fraction_bits = 0;
        break;
      default:
        layer->operation.Set(AddT());
        layer->inputs.push_back(below(static_cast<uint32_t>(network.tensors.size())));
        fixed_point();
    }
    network.output = layer->output;
    network.tensors.push_back(std::move(output));
    network.layers.push_back(std::move(layer));
  }

  /// Makes sizes fit each other again, so that an edit is all that is wrong with the network, or nothing is.
  void fit(NetworkT& network) {
    const std::size_t tensors = network.tensors.size();
    bool is_changed = false;
    for (const auto& layer : network.layers) {
      if (layer->inputs.empty() || layer->inputs[0] >= tensors || layer->output >= tensors) continue;
      const TensorT& from = *network.tensors[layer->inputs[0]];
      TensorT& to = *network.tensors[layer->output];
      const TensorT before = to;
      fit(layer->operation, from, to);
      is_changed = is_changed || before.channels != to.channels || before.height != to.height ||
                   before.width != to.width;
    }
    if (is_changed) network.golden.clear();
  }

  void fit(OperationUnion& operation, const TensorT& from, TensorT& to) {
    if (auto* linear = operation.AsLinear()) {
      to.height = to.width = 1;
      if (linear->weights != nullptr) fit(*linear->weights, from.channels * from.height * from.width, to);
    }
    if (auto* conv = operation.AsConv2d()) {
      const uint32_t most =
          std::max({conv->kernel_height, conv->kernel_width, conv->stride_height, conv->stride_width,
                    conv->padding_height, conv->padding_width, conv->dilation_height, conv->dilation_width});
      if (conv->stride_height < 1 || conv->stride_width < 1 || conv->groups < 1 || most > 255) return;
      to.height = static_cast<uint32_t>(package::convolution_extent(from.height, conv->kernel_height,
                                                                    conv->stride_height, conv->padding_height,
                                                                    conv->dilation_height));
      to.width = static_cast<uint32_t>(package::convolution_extent(
          from.width, conv->kernel_width, conv->stride_width, conv->padding_width, conv->dilation_width));
      if (conv->weights != nullptr)
        fit(*conv->weights, from.channels / conv->groups * conv->kernel_height * conv->kernel_width, to);
    }
    if (auto* pool = operation.AsMaxPool2d()) {
      fit_pool(*pool, from, to);
      to.kind = from.kind;
      to.bits = from.bits;
      to.is_signed = from.is_signed;
      to.fraction_bits = from.fraction_bits;
    }
    if (auto* pool = operation.AsAvgPool2d()) {
      if (!fit_pool(*pool, from, to)) return;
      const auto along = [&](uint32_t input, uint32_t kernel, uint32_t stride, uint32_t padding) {
        return package::pooling_multiple(input, kernel, stride, padding, pool->ceil_mode);
      };
      pool->multiple = static_cast<uint32_t>(
          along(from.height, pool->kernel_height, pool->stride_height, pool->padding_height) *
          along(from.width, pool->kernel_width, pool->stride_width, pool->padding_width));
    }
    if (auto* requantize = operation.AsRequantize()) {
      same_shape(from, to);
      fit_all(to.channels, requantize->multiplier, requantize->addend, requantize->shift);
    }
    if (auto* threshold = operation.AsThreshold()) {
      same_shape(from, to);
      const bool is_wide = from.kind == schema::TensorKind::Integer && from.bits == 64;
      fit_all(to.channels, threshold->rising);
      fit_all(is_wide ? 0 : to.channels, threshold->threshold);
      fit_all(is_wide ? to.channels : 0, threshold->wide_threshold);
    }
    if (auto* add = operation.AsAdd()) {
      same_shape(from, to);
      fit_all(to.channels, add->first_multiplier, add->second_multiplier, add->addend, add->shift);
    }
  }

  static void same_shape(const TensorT& from, TensorT& to) {
    to.channels = from.channels;
    to.height = from.height;
    to.width = from.width;
  }

  template <typename... Values>
  static void fit_all(uint32_t channels, std::vector<Values>&... values) {
    if (channels <= most_codes) (values.resize(channels), ...);
  }

  template <typename Pool>
  static bool fit_pool(const Pool& pool, const TensorT& from, TensorT& to) {
    const auto is_fine = [](uint32_t stride, uint32_t kernel, uint32_t padding, uint32_t input) {
      return stride >= 1 && stride < 256 && kernel >= 1 && kernel < 256 && padding <= kernel / 2 &&
             input >= 1 && input <= 1 << 16;
    };
    if (!is_fine(pool.stride_height, pool.kernel_height, pool.padding_height, from.height) ||
        !is_fine(pool.stride_width, pool.kernel_width, pool.padding_width, from.width)) {
      return false;
    }
    to.channels = from.channels;
    to.height = static_cast<uint32_t>(package::pooling_extent(
        from.height, pool.kernel_height, pool.stride_height, pool.padding_height, pool.ceil_mode));
    to.width = static_cast<uint32_t>(package::pooling_extent(from.width, pool.kernel_width, pool.stride_width,
                                                             pool.padding_width, pool.ceil_mode));
    return true;
  }

  static void fit(WeightsT& weights, uint32_t inputs, TensorT& to) {
    to.channels = weights.outputs;
    weights.inputs = inputs;
    if (weights.format == nullptr) return;
    NumberFormatT& stored = *weights.format;
    NumberFormat format;
    format.family = static_cast<FormatFamily>(stored.family);
    format.terms = stored.terms;
    format.max_shift = stored.max_shift;
    format.min_exponent = stored.min_exponent;
    format.max_exponent = stored.max_exponent;
    format.zero = stored.zero;
    format.integer_bits = stored.integer_bits;
    format.is_signed = stored.is_signed;
    if (format.family == FormatFamily::fixed_point) format.step_exponent = -stored.fraction_bits;
    if (!format.is_valid() || !format.has_codes()) return;
    stored.code_bits = static_cast<uint8_t>(format.code_bits());
    stored.storage_bits = static_cast<uint8_t>(format.storage_bits());
    stored.fraction_bits = static_cast<int16_t>(format.fraction_bits());
    const uint64_t bytes = package::packed_bytes(format, weights.outputs, weights.inputs);
    if (bytes <= most_codes) weights.codes.resize(bytes);
  }

  std::minstd_rand random_;
};

}  // namespace
}  // namespace kones::fuzz

namespace kones::fuzz {
namespace {

/// The bytes of the package; with `share`, of one that names its first network so many times.
flatbuffers::FlatBufferBuilder put_together(const PackageT& package, uint32_t share) {
  flatbuffers::FlatBufferBuilder builder;
  if (share == 0 || package.networks.empty()) {
    schema::FinishPackageBuffer(builder, schema::Package::Pack(builder, &package));
  } else {
    const auto network = schema::Network::Pack(builder, package.networks[0].get());
    const auto networks =
        builder.CreateVector(std::vector<flatbuffers::Offset<schema::Network>>(share, network));
    schema::FinishPackageBuffer(builder, schema::CreatePackage(builder, 0, networks));
  }
  return builder;
}

/// Makes one offset lead where another does, if these two words are offsets.
void redirect(uint8_t* data, std::size_t size, Mutator& mutator) {
  if (size < 8) return;
  const auto words = static_cast<uint32_t>(size / 4);
  const uint32_t from = 4 * mutator.below(words);
  const uint32_t to = 4 * mutator.below(words);
  uint32_t offset = 0;
  std::memcpy(&offset, data + to, sizeof(offset));
  offset += to - from;
  std::memcpy(data + from, &offset, sizeof(offset));
}

}  // namespace
}  // namespace kones::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t most_bytes,
                                               unsigned int seed) {
  using namespace kones::fuzz;
  Mutator mutator(seed);
  if (!mutator.one_in(4)) {
    if (const auto package = taken_apart(data, size)) {
      do {
        mutator.mutate(*package);
      } while (!mutator.one_in(2));
      const auto builder = put_together(*package, mutator.one_in(64) ? 1 + mutator.below(200) : 0);
      if (builder.GetSize() <= most_bytes) {
        std::memcpy(data, builder.GetBufferPointer(), builder.GetSize());
        return builder.GetSize();
      }
    }
  }
  if (mutator.one_in(4)) {
    redirect(data, size, mutator);
    return size;
  }
  return LLVMFuzzerMutate(data, size, most_bytes);
}
