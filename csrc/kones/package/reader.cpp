#include "kones/package/reader.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include <flatbuffers/flatbuffers.h>

#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/package/file_header.h"
#include "kones/package/kones_generated.h"
#include "kones/package/tiles.h"
#include "kones/package/validate.h"

namespace kones::package {
namespace {

using flatbuffers::Offset;
using flatbuffers::Table;
using flatbuffers::Verifier;

void check_count(uint64_t count, uint64_t most, const char* what) {
  if (count > most) {
    throw Error("it has " + std::to_string(count) + " " + what + ", more than " + std::to_string(most));
  }
}

/// Refuses what would make the verifier itself slow. It counts tables, but looks at each string of a list as
/// often as the list is named: networks that share one would take time in proportion to the square of the
/// file. Of a payload of at least 8 bytes; returns false where it is no FlatBuffer.
bool has_short_lists(const uint8_t* bytes, std::size_t size) {
  using List = flatbuffers::Vector<Offset<Table>>;
  Verifier verifier(bytes, size);
  if (verifier.VerifyOffset(std::size_t{0}) == 0) return false;
  const auto list_of = [&](const Table* table, flatbuffers::voffset_t field, const List*& list) {
    if (!table->VerifyTableStart(verifier) || !table->VerifyOffset(verifier, field)) return false;
    list = table->GetPointer<const List*>(field);
    return verifier.VerifyVector(list) && verifier.EndTable();
  };
  const List* networks = nullptr;
  if (!list_of(flatbuffers::GetRoot<Table>(bytes), schema::Package::VT_NETWORKS, networks)) return false;
  if (networks == nullptr) return true;
  check_count(networks->size(), max_networks, "networks");
  for (uint32_t index = 0; index < networks->size(); ++index) {
    const auto at = static_cast<std::size_t>(networks->Data() - bytes) + index * sizeof(Offset<Table>);
    const List* names = nullptr;
    if (verifier.VerifyOffset(at) == 0) return false;
    if (!list_of(networks->Get(index), schema::Network::VT_CLASS_NAMES, names)) return false;
    if (names != nullptr) check_count(names->size(), max_layers, "class names");
  }
  return true;
}

/// Copies a verified FlatBuffer into plain values. The verifier has proved that every offset stays inside the
/// buffer; this bounds what they lead to: a few bytes may name the same vector a million times. So everything
/// is paid for with the bytes that it takes at least in a file that names nothing twice.
class Decoder {
 public:
  explicit Decoder(std::size_t payload_bytes) : bytes_left_(payload_bytes) {}

  Package decode(const schema::Package& stored) {
    Package package;
    package.producer = text(stored.producer());
    decode_list(package.networks, stored.networks(), max_networks, "networks",
                [&](const schema::Network& network, uint32_t index) {
                  std::string name = text(network.name());
                  return in("network", index, name, [&] { return decode(network, std::move(name)); });
                });
    return package;
  }

 private:
  /// What `body` returns; an Error in it is told with the place before it. The name is not checked yet, so
  /// that only a plain one is shown.
  template <typename Body>
  static auto in(const char* what, uint32_t index, const std::string& name, Body body) -> decltype(body()) {
    bool is_plain = name.size() <= max_text_bytes && !name.empty();
    for (const char character : name)
      is_plain = is_plain && static_cast<uint8_t>(character) >= 0x20 && character != 0x7f;
    const std::string place = is_plain ? "'" + name + "'" : std::to_string(index);
    try {
      return body();
    } catch (const Error& error) {
      throw Error(std::string(what) + " " + place + ": " + error.what());
    }
  }

  void spend(uint64_t bytes) {
    if (bytes > bytes_left_) throw Error("its parts overlap, so that they are larger together than the file");
    bytes_left_ -= bytes;
  }

  std::string text(const flatbuffers::String* stored) {
    if (stored == nullptr) return {};
    spend(sizeof(flatbuffers::uoffset_t) + uint64_t{stored->size()} + 1);
    return stored->str();
  }

  template <typename Value>
  std::vector<Value> values(const flatbuffers::Vector<Value>* stored) {
    if (stored == nullptr) return {};
    spend(stored->size() * uint64_t{sizeof(Value)});
    check_alignment(*stored);
    return std::vector<Value>(stored->begin(), stored->end());
  }

  /// The verifier looks at the alignment of a vector's size alone.
  template <typename Value>
  static void check_alignment(const flatbuffers::Vector<Value>& stored) {
    if (reinterpret_cast<std::uintptr_t>(stored.Data()) % sizeof(Value) != 0)
      throw Error("it has integers of " + std::to_string(sizeof(Value)) +
                  " bytes that are not aligned to that");
  }

  /// Integers of a tensor, in the vector of its width; the other one must be absent.
  std::vector<int64_t> integers(const flatbuffers::Vector<int32_t>* narrow,
                                const flatbuffers::Vector<int64_t>* wide, bool is_wide) {
    if (is_wide ? narrow != nullptr : wide != nullptr) {
      throw Error(std::string("it has integers in ") + (is_wide ? "32" : "64") +
                  " bits, and its tensor's are stored in " + (is_wide ? "64" : "32"));
    }
    if (wide != nullptr) return values(wide);
    if (narrow == nullptr) return {};
    // In memory they take twice their bytes in the file, which spend() counts.
    spend(narrow->size() * uint64_t{sizeof(int32_t)});
    return std::vector<int64_t>(narrow->begin(), narrow->end());
  }

  /// The entries of a list of tables or strings. A table begins with an offset; text() pays for strings.
  template <typename Element>
  uint32_t list_size(const flatbuffers::Vector<Offset<Element>>* stored, uint64_t most, const char* what) {
    if (stored == nullptr) return 0;
    check_count(stored->size(), most, what);
    constexpr bool is_table = !std::is_same_v<Element, flatbuffers::String>;
    spend(stored->size() *
          uint64_t{sizeof(Offset<Element>) + (is_table ? sizeof(flatbuffers::soffset_t) : 0)});
    return stored->size();
  }

  /// Appends to `list` what `decode_entry` makes of each entry.
  template <typename Value, typename Element, typename Decode>
  void decode_list(std::vector<Value>& list, const flatbuffers::Vector<Offset<Element>>* stored,
                   uint64_t most, const char* what, Decode decode_entry) {
    const uint32_t count = list_size(stored, most, what);
    list.reserve(count);
    for (uint32_t index = 0; index < count; ++index) list.push_back(decode_entry(*stored->Get(index), index));
  }

  Network decode(const schema::Network& stored, std::string name) {
    Network network;
    network.name = std::move(name);
    network.model = text(stored.model());
    network.method = text(stored.method());
    network.dataset = text(stored.dataset());
    decode_list(network.tensors, stored.tensors(), max_layers, "tensors",
                [&](const schema::Tensor& tensor, uint32_t) { return decode(tensor); });
    if (stored.input() == nullptr) throw Error("it has no input");
    network.input = {stored.input()->tensor(), stored.input()->multiplier(), stored.input()->offset(),
                     stored.input()->divisor()};
    network.output = stored.output();
    decode_list(network.layers, stored.layers(), max_layers, "layers",
                [&](const schema::Layer& layer, uint32_t index) {
                  std::string layer_name = text(layer.name());
                  return in("layer", index, layer_name,
                            [&] { return decode(layer, std::move(layer_name), network); });
                });
    decode_list(network.golden, stored.golden(), max_layers, "golden vectors",
                [&](const schema::GoldenVector& golden, uint32_t) { return decode(golden, network); });
    decode_list(network.class_names, stored.class_names(), max_layers, "class names",
                [&](const flatbuffers::String& class_name, uint32_t) { return text(&class_name); });
    return network;
  }

  Tensor decode(const schema::Tensor& stored) {
    return {text(stored.name()),
            stored.channels(),
            stored.height(),
            stored.width(),
            static_cast<TensorKind>(stored.kind()),
            stored.bits(),
            stored.is_signed(),
            stored.fraction_bits()};
  }

  /// Of indices that there are no tensors for, validate() tells.
  static bool is_wide(const Network& network, std::size_t tensor) {
    return tensor < network.tensors.size() && network.tensors[tensor].is_wide();
  }

  GoldenVector decode(const schema::GoldenVector& stored, const Network& network) {
    GoldenVector golden;
    golden.input = values(stored.input());
    golden.label = stored.label();
    decode_list(golden.tensors, stored.tensors(), max_layers, "tensors",
                [&](const schema::TensorValues& tensor, uint32_t index) {
                  return integers(tensor.values(), tensor.wide_values(), is_wide(network, index));
                });
    return golden;
  }

  Layer decode(const schema::Layer& stored, std::string name, const Network& network) {
    std::vector<uint32_t> inputs = values(stored.inputs());
    Operation operation = decode_operation(stored, !inputs.empty() && is_wide(network, inputs[0]));
    return {std::move(name), std::move(inputs), stored.output(), std::move(operation)};
  }

  Operation decode_operation(const schema::Layer& stored, bool reads_wide) {
    if (stored.operation() == nullptr) throw Error("it has no operation");
    switch (stored.operation_type()) {
      case schema::Operation::Linear:
        return Linear{decode(stored.operation_as_Linear()->weights())};
      case schema::Operation::Conv2d: {
        const schema::Conv2d& conv = *stored.operation_as_Conv2d();
        return Conv2d{decode(conv.weights()), conv.kernel_height(),   conv.kernel_width(),
                      conv.stride_height(),   conv.stride_width(),    conv.padding_height(),
                      conv.padding_width(),   conv.dilation_height(), conv.dilation_width(),
                      conv.groups()};
      }
      case schema::Operation::MaxPool2d: {
        const schema::MaxPool2d& pool = *stored.operation_as_MaxPool2d();
        return MaxPool2d{pool.kernel_height(), pool.kernel_width(),   pool.stride_height(),
                         pool.stride_width(),  pool.padding_height(), pool.padding_width(),
                         pool.ceil_mode()};
      }
      case schema::Operation::Requantize: {
        const schema::Requantize& requantize = *stored.operation_as_Requantize();
        return Requantize{values(requantize.multiplier()), values(requantize.addend()),
                          values(requantize.shift())};
      }
      case schema::Operation::Threshold: {
        const schema::Threshold& threshold = *stored.operation_as_Threshold();
        return Threshold{integers(threshold.threshold(), threshold.wide_threshold(), reads_wide),
                         values(threshold.rising())};
      }
      case schema::Operation::AvgPool2d: {
        const schema::AvgPool2d& pool = *stored.operation_as_AvgPool2d();
        return AvgPool2d{pool.kernel_height(), pool.kernel_width(),   pool.stride_height(),
                         pool.stride_width(),  pool.padding_height(), pool.padding_width(),
                         pool.ceil_mode(),     pool.multiple()};
      }
      case schema::Operation::Add: {
        const schema::Add& add = *stored.operation_as_Add();
        return Add{values(add.first_multiplier()), values(add.second_multiplier()), values(add.addend()),
                   values(add.shift())};
      }
      case schema::Operation::NONE:
        break;
    }
    throw Error("its operation " + std::to_string(static_cast<int>(stored.operation_type())) +
                " is not known to this program; use a newer kones");
  }

  static NumberFormat decode(const schema::NumberFormat& stored) {
    NumberFormat format;
    format.family = static_cast<FormatFamily>(stored.family());
    format.terms = stored.terms();
    format.max_shift = stored.max_shift();
    format.min_exponent = stored.min_exponent();
    format.max_exponent = stored.max_exponent();
    format.zero = stored.zero();
    format.integer_bits = stored.integer_bits();
    format.is_signed = stored.is_signed();
    if (stored.family() == schema::FormatFamily::FixedPoint) format.step_exponent = -stored.fraction_bits();
    if (!format.is_valid() || !format.has_codes()) {
      throw Error("its number format, of family " + std::to_string(static_cast<int>(stored.family())) +
                  ", is not known to this program or has parameters out of range; use a newer kones");
    }
    return format;
  }

  Weights decode(const schema::Weights* stored) {
    if (stored == nullptr || stored->format() == nullptr)
      throw Error("it has no weights, or no number format for them");
    const schema::NumberFormat& format = *stored->format();
    Weights weights;
    weights.format = decode(format);
    weights.outputs = stored->outputs();
    weights.inputs = stored->inputs();
    if (format.code_bits() != weights.format.code_bits() ||
        format.storage_bits() != weights.format.storage_bits() ||
        format.fraction_bits() != weights.format.fraction_bits()) {
      throw Error("its bits do not fit its number format, " + weights.format.name());
    }
    if (stored->tile_outputs() != tile_outputs || stored->tile_inputs() != tile_inputs) {
      throw Error("its tiles are " + std::to_string(stored->tile_outputs()) + " by " +
                  std::to_string(stored->tile_inputs()) + ", and this program reads " +
                  std::to_string(tile_outputs) + " by " + std::to_string(tile_inputs));
    }
    const uint64_t count = uint64_t{weights.outputs} * weights.inputs;
    if (count > max_weights - weights_) {
      throw Error("it brings the package to more than " + std::to_string(max_weights) + " weights");
    }
    weights_ += count;
    const flatbuffers::Vector<uint8_t>* codes = stored->codes();
    const std::size_t code_bytes = codes == nullptr ? 0 : codes->size();
    spend(code_bytes);
    const std::string_view packed(codes == nullptr ? "" : reinterpret_cast<const char*>(codes->data()),
                                  code_bytes);
    weights.levels = unpack_levels(weights.format, weights.outputs, weights.inputs, packed);
    return weights;
  }

  uint64_t bytes_left_;
  uint64_t weights_ = 0;
};

Package parse_payload(std::string_view payload) {
  // FlatBuffers reads its integers in place, so that they must be aligned; a view of a file need not be.
  std::vector<uint64_t> aligned;
  const auto* bytes = reinterpret_cast<const uint8_t*>(payload.data());
  if (reinterpret_cast<std::uintptr_t>(bytes) % alignof(uint64_t) != 0) {
    aligned.resize(payload.size() / sizeof(uint64_t) + 1);
    std::memcpy(aligned.data(), payload.data(), payload.size());
    bytes = reinterpret_cast<const uint8_t*>(aligned.data());
  }
  Verifier::Options limits;
  limits.max_depth = 16;
  // A table takes more bytes, if none is named twice.
  limits.max_tables = static_cast<flatbuffers::uoffset_t>(std::min<uint64_t>(max_tables, payload.size()));
  Verifier verifier(bytes, payload.size(), limits);
  Package package;
  try {
    // The verifier itself reads the first 8 bytes of any buffer.
    if (payload.size() < 8 || !has_short_lists(bytes, payload.size()) ||
        !schema::VerifyPackageBuffer(verifier)) {
      throw Error("its payload is no FlatBuffer of a kones package");
    }
    package = Decoder(payload.size()).decode(*schema::GetPackage(bytes));
    validate(package);
  } catch (const Error& error) {
    throw Error(std::string("is no valid package: ") + error.what());
  }
  return package;
}

}  // namespace

Package parse_package(std::string_view bytes, const std::string& origin) {
  try {
    return parse_payload(check_header(bytes));
  } catch (const Error& error) {
    throw Error(origin + " " + error.what());
  }
}

Package read_package(const std::filesystem::path& path) {
  return parse_package(read_file(path, max_file_bytes), path.string());
}

}  // namespace kones::package
