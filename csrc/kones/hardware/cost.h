// Storage, energy, area and latency of a network on an accelerator. docs/cost.md derives the formulas.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kones/hardware/assumptions.h"
#include "kones/hardware/constants.h"
#include "kones/hardware/estimate.h"
#include "kones/hardware/layer_work.h"

namespace kones::hardware {

/// Energy of one picture, in pJ at 65 nm, 1.0 V.
struct Energy {
  Estimate logic;      ///< multiply and add units, leakage among it
  Estimate memory;     ///< reads of weights and inputs, writes of outputs
  Estimate registers;  ///< operands' registers

  Estimate total() const { return logic + memory + registers; }

  Energy& operator+=(const Energy& other) {
    logic += other.logic;
    memory += other.memory;
    registers += other.registers;
    return *this;
  }
};

struct LayerCost {
  std::string name;
  std::string operation;
  std::string weights;       ///< the weights' format, "float32", or empty
  std::string operands;      ///< "float32", "8 bits", "sign"
  int64_t products = 0;      ///< multiplications of a weight and an activation
  int64_t storage_bits = 0;  ///< of weights, biases and constants
  Energy energy;
  Estimate area;  ///< um2 at 65 nm: the logic and registers that this layer needs; no memories
  int64_t cycles = 0;
};

struct NetworkCost {
  std::string name;
  std::string method;
  std::vector<LayerCost> layers;
  int64_t parameters = 0;  ///< weights and biases
  int64_t products = 0;
  int64_t storage_bits = 0;
  Energy energy;
  Estimate area;  ///< um2: of the one stage, or tile, that is large enough for every layer
  int64_t cycles = 0;
  double microseconds = 0.0;  ///< the cycles at the assumed clock
};

/// The cost of one picture.
///
/// Logic: sum of products * (multiply unit + accumulate unit) / (1 - leakage share). Memory: for each layer,
/// bits of weights, inputs and outputs that pass, as the assumptions on reuse say, times the energy of a bit.
/// Registers: bits of weights and operands that are clocked times a flip-flop's energy.
///
/// Pipelined (Ding, Liu, Blanton and Marculescu, section V.A): outputs + depth cycles a layer; area fan_in *
/// (multiply unit + accumulate unit + registers), the largest layer's. Tile: positions * ceil(channels / 16)
/// * ceil(fan_in / 16) cycles a layer and group; area 256 multiply and accumulate units and their registers,
/// the largest layer's; weights are stored, and read, in whole tiles.
///
/// Operations without weights count with Operands::integers alone: their additions and products, no cycles,
/// no area. float32 weights have float32 activations also with Operands::integers. Throws
/// std::invalid_argument for a format without codes.
NetworkCost cost_of(const NetworkWork& work, const Assumptions& assumptions, const Constants& constants);

}  // namespace kones::hardware
