#include "kones/hardware/cost.h"

#include <algorithm>
#include <cmath>

#include "kones/hardware/units.h"
#include "kones/package/tiles.h"

namespace kones::hardware {
namespace {

constexpr int64_t tile_outputs = package::tile_outputs;
constexpr int64_t tile_inputs = package::tile_inputs;
constexpr double smallest_memory_bytes = 512;  ///< of the sizes that the law of capacity was fitted to

int64_t tiles_along(int64_t size, int64_t tile) {
  return (size + tile - 1) / tile;
}

bool has_weights(const LayerWork& layer) {
  return layer.fan_in > 0;
}

/// The layer as the assumptions have it: its operands, and the sums' width.
LayerWork assumed(const LayerWork& layer, bool is_first, bool has_signs, const Assumptions& assumptions,
                  const Constants& constants) {
  LayerWork result = layer;
  const auto to_float32 = [](Operand& operand) {
    if (operand.kind != Operand::Kind::sign) operand = Operand::float32();
  };
  if (!has_weights(layer)) return result;
  if (assumptions.operands == Operands::integers && layer.format) return result;
  const bool reads_bytes = is_first && has_signs && assumptions.first_layer == FirstLayer::integer;
  if (!reads_bytes || !layer.format) to_float32(result.input);
  to_float32(result.output);
  if (result.input.kind == Operand::Kind::sign)
    result.accumulator_bits =
        static_cast<int>(constants.get("accelerator.sign_accumulator_bits").points[0].second);
  return result;
}

/// What one layer moves, in elements.
struct Traffic {
  double weights = 0;            ///< read from memory, and clocked into registers
  double inputs = 0;             ///< read from memory
  double registered_inputs = 0;  ///< clocked into registers
};

Traffic pipelined_traffic(const LayerWork& layer, const Assumptions& assumptions) {
  const auto products = static_cast<double>(layer.products());
  Traffic traffic;
  traffic.weights =
      assumptions.weight_reuse == WeightReuse::once ? static_cast<double>(layer.weights()) : products;
  traffic.inputs = products;
  if (assumptions.input_reuse == InputReuse::per_window)
    traffic.inputs = static_cast<double>(layer.positions * layer.fan_in * layer.groups);
  traffic.registered_inputs = products;
  return traffic;
}

/// Tiles of weights, each computed with once a position.
int64_t tiles_of(const LayerWork& layer) {
  return layer.groups * tiles_along(layer.channels / layer.groups, tile_outputs) *
         tiles_along(layer.fan_in, tile_inputs);
}

Traffic tile_traffic(const LayerWork& layer, const Assumptions& assumptions) {
  const auto tiles = static_cast<double>(tiles_of(layer));
  const double cycles = tiles * static_cast<double>(layer.positions);
  Traffic traffic;
  traffic.weights = (assumptions.weight_reuse == WeightReuse::once ? tiles : cycles) *
                    static_cast<double>(tile_outputs * tile_inputs);
  traffic.inputs = cycles * static_cast<double>(tile_inputs);
  if (assumptions.input_reuse == InputReuse::per_window) {
    traffic.inputs = static_cast<double>(layer.positions * layer.groups * tile_inputs *
                                         tiles_along(layer.fan_in, tile_inputs));
  }
  traffic.registered_inputs = cycles * static_cast<double>(tile_inputs);
  return traffic;
}

/// The model under one set of assumptions and constants.
class Model {
 public:
  Model(const NetworkWork& work, const Assumptions& assumptions, const Constants& constants)
      : assumptions_(assumptions),
        constants_(constants),
        parts_(constants, assumptions.energies, assumptions.two_shifts) {
    const auto is_sign = [](const LayerWork& layer) {
      return has_weights(layer) && layer.input.kind == Operand::Kind::sign;
    };
    const bool has_signs = std::any_of(work.layers.begin(), work.layers.end(), is_sign);
    bool is_first = true;
    for (const LayerWork& layer : work.layers) {
      layers_.push_back(assumed(layer, is_first, has_signs, assumptions, constants));
      is_first = is_first && !has_weights(layer);
    }
    set_memory_energies();
  }

  const std::vector<LayerWork>& layers() const { return layers_; }

  LayerCost cost(const LayerWork& layer) const {
    LayerCost cost;
    cost.name = layer.name;
    cost.operation = layer.operation;
    cost.products = layer.products();
    cost.storage_bits = storage(layer);
    if (has_weights(layer)) {
      cost.weights = layer.format ? layer.format->name() : "float32";
      cost.operands = operand_name(layer.input);
      add_products(cost, layer);
    }
    add_followers(cost, layer);
    return cost;
  }

 private:
  static std::string operand_name(const Operand& operand) {
    if (operand.kind == Operand::Kind::float32) return "float32";
    if (operand.kind == Operand::Kind::sign) return "sign";
    return std::to_string(operand.bits) + " bits";
  }

  bool is_tile() const { return assumptions_.accelerator == Accelerator::tile; }

  int64_t stored_weights(const LayerWork& layer) const {
    if (!is_tile()) return layer.weights();
    return tiles_along(layer.channels, tile_outputs) * tile_outputs * tiles_along(layer.fan_in, tile_inputs) *
           tile_inputs;
  }

  int64_t storage(const LayerWork& layer) const {
    if (!has_weights(layer)) return layer.constant_bits;
    return (stored_weights(layer) + layer.biases) * layer.weight_bits() + layer.constant_bits;
  }

  /// pJ of one bit of a memory of so many bytes.
  Estimate bit_energy(double bytes) const {
    const Constant& flat = constants_.get("memory.energy");
    if (assumptions_.memory == Memory::flat) {
      const double value =
          assumptions_.memory_energy > 0 ? assumptions_.memory_energy : flat.points[0].second;
      return Estimate::within(value, flat.factor);
    }
    const double exponent = constants_.get("memory.capacity_exponent").points[0].second;
    return constants_.estimate("memory.capacity_coefficient") *
           std::pow(std::max(bytes, smallest_memory_bytes), exponent);
  }

  void set_memory_energies() {
    double weight_bits = 0;
    double tensor_bits = 0;
    for (const LayerWork& layer : layers_) {
      if (!has_weights(layer)) continue;
      weight_bits += static_cast<double>(stored_weights(layer)) * layer.weight_bits();
      tensor_bits =
          std::max(tensor_bits, static_cast<double>(layer.distinct_inputs) * layer.input.stored_bits);
    }
    weight_bit_ = bit_energy(weight_bits / 8);
    tensor_bit_ = bit_energy(tensor_bits / 8);
  }

  /// Switching and internal energy, with its share of leakage.
  Estimate with_leakage(const Estimate& dynamic) const {
    const Estimate share = constants_.estimate("accelerator.leakage_share");
    return {dynamic.value / (1 - share.value), dynamic.low / (1 - share.low),
            dynamic.high / (1 - share.high)};
  }

  void add_products(LayerCost& cost, const LayerWork& layer) const {
    const UnitCost unit = multiply_unit(parts_, layer.format, layer.input) +
                          accumulate_unit(parts_, layer.format, layer.input, layer.accumulator_bits);
    cost.energy.logic = with_leakage(unit.energy * static_cast<double>(layer.products()));
    Traffic traffic = is_tile() ? tile_traffic(layer, assumptions_) : pipelined_traffic(layer, assumptions_);
    if (assumptions_.input_reuse == InputReuse::once)
      traffic.inputs = static_cast<double>(layer.distinct_inputs);
    const double weight_bits = traffic.weights * layer.weight_bits();
    const double output_bits = static_cast<double>(layer.outputs()) * layer.output.stored_bits;
    cost.energy.memory =
        weight_bit_ * weight_bits + tensor_bit_ * (traffic.inputs * layer.input.stored_bits + output_bits);
    const Estimate flip_flop = parts_.get("flip_flop").energy;
    if (assumptions_.registers)
      cost.energy.registers = flip_flop * (weight_bits + traffic.registered_inputs * layer.input.stored_bits);
    if (is_tile()) {
      add_tile(cost, layer, unit.area);
    } else {
      add_stage(cost, layer, unit.area);
    }
  }

  Estimate square_micrometres(const Estimate& gates) const {
    const Estimate nand2 = constants_.estimate("area.nand2");
    return {gates.value * nand2.value, gates.low * nand2.low, gates.high * nand2.high};
  }

  void add_stage(LayerCost& cost, const LayerWork& layer, Estimate gates) const {
    if (assumptions_.registers)
      gates += parts_.get("flip_flop").area * (layer.weight_bits() + layer.input.stored_bits);
    cost.area = square_micrometres(gates * static_cast<double>(layer.fan_in));
    const double depth = constants_.get("accelerator.pipeline_depth").points[0].second;
    cost.cycles = layer.outputs() + static_cast<int64_t>(depth);
  }

  void add_tile(LayerCost& cost, const LayerWork& layer, Estimate gates) const {
    gates = gates * static_cast<double>(tile_outputs * tile_inputs);
    if (assumptions_.registers) {
      const bool is_float = !layer.format || layer.input.kind == Operand::Kind::float32;
      const int64_t sum_bits = is_float ? 32 : layer.accumulator_bits;
      const int64_t bits = tile_outputs * tile_inputs * layer.weight_bits() +
                           tile_inputs * layer.input.stored_bits + tile_outputs * sum_bits;
      gates += parts_.get("flip_flop").area * static_cast<double>(bits);
      cost.energy.registers +=
          parts_.get("flip_flop").energy *
          static_cast<double>(tiles_of(layer) * layer.positions * tile_outputs * sum_bits);
    }
    cost.area = square_micrometres(gates);
    cost.cycles = tiles_of(layer) * layer.positions;
  }

  /// Pooling, requantization and thresholds work on sums as they come, in no cycle of their own. Ding et al.
  /// do not count what follows sums of float32.
  void add_followers(LayerCost& cost, const LayerWork& layer) const {
    if (assumptions_.operands == Operands::float32) return;
    Estimate dynamic;
    if (layer.additions > 0) {
      dynamic += parts_.get("integer_add", layer.addition_bits).energy * static_cast<double>(layer.additions);
    }
    if (layer.scalings > 0) {
      const double bits = static_cast<double>(layer.addition_bits) * layer.scaling_bits;
      dynamic += parts_.get("integer_multiply", bits).energy * static_cast<double>(layer.scalings);
    }
    cost.energy.logic += with_leakage(dynamic);
    cost.energy.memory += tensor_bit_ * static_cast<double>(layer.branch_bits);
  }

  const Assumptions& assumptions_;
  const Constants& constants_;
  Parts parts_;
  std::vector<LayerWork> layers_;
  Estimate weight_bit_;
  Estimate tensor_bit_;
};

}  // namespace

NetworkCost cost_of(const NetworkWork& work, const Assumptions& assumptions, const Constants& constants) {
  const Model model(work, assumptions, constants);
  NetworkCost total;
  total.parameters = work.parameters();
  total.name = work.name;
  total.method = work.method;
  for (const LayerWork& layer : model.layers()) {
    LayerCost cost = model.cost(layer);
    total.products += cost.products;
    total.storage_bits += cost.storage_bits;
    total.energy += cost.energy;
    total.area = larger(total.area, cost.area);
    total.cycles += cost.cycles;
    total.layers.push_back(std::move(cost));
  }
  const double clock =
      assumptions.clock > 0 ? assumptions.clock : constants.get("accelerator.clock").points[0].second;
  total.microseconds = static_cast<double>(total.cycles) / clock;
  return total;
}

}  // namespace kones::hardware
