// What the papers leave open and what decides results: every result is printed with them.
#pragma once

#include <string>
#include <vector>

namespace kones::hardware {

/// Which accelerator.
enum class Accelerator {
  pipelined,  ///< one pipeline stage a neuron: fan_in multiply units, an output a cycle (Ding et al., section
              ///< V.A)
  tile,       ///< 16 neurons by 16 synapses, an output-stationary tile (DianNao; Tann, Hashemi and Reda)
};

/// What activations are.
enum class Operands {
  float32,   ///< as in Ding et al.: float32, or signs
  integers,  ///< as in a package: fixed point, or signs
};

/// The layer that reads the picture, in networks with sign activations beside float32 operands.
enum class FirstLayer {
  float32,  ///< reads float32, with the multiply units of the method without signs (Ding et al., table 1)
  integer,  ///< reads bytes, with integer multiply units
};

/// How often a weight is read from memory.
enum class WeightReuse {
  once,         ///< once a layer and picture
  per_product,  ///< for every product
};

/// How often an input is read from memory.
enum class InputReuse {
  per_neuron,  ///< every neuron reads all of its inputs; on the tile, 16 neurons together
  per_window,  ///< once for all neurons of a window's position
  once,        ///< once a layer
};

/// The unit of two powers of two beside float32 operands.
enum class TwoShifts {
  generic,    ///< two exponent subtractions and a float32 adder (Ding et al., section V.D)
  optimised,  ///< one exponent adder: both terms have the same mantissa
};

/// Which energies of arithmetic.
enum class Energies {
  measured,   ///< the units of kones, synthesised
  horowitz,   ///< Horowitz (ISSCC 2014); what his table lacks, in measured proportion to it
  geometric,  ///< the geometric mean of both
};

/// Energy of memory.
enum class Memory {
  flat,      ///< the same for every bit
  capacity,  ///< as CACTI says for memories as large as the weights, and as the largest tensor
};

struct Assumptions {
  Accelerator accelerator = Accelerator::pipelined;
  Operands operands = Operands::float32;
  FirstLayer first_layer = FirstLayer::float32;
  WeightReuse weight_reuse = WeightReuse::once;
  InputReuse input_reuse = InputReuse::per_neuron;
  TwoShifts two_shifts = TwoShifts::generic;
  Energies energies = Energies::geometric;
  Memory memory = Memory::flat;
  double memory_energy = 0.0;  ///< pJ/bit, of Memory::flat; 0: the constants' own
  bool registers = true;       ///< whether operands' registers count
  double clock = 0.0;          ///< MHz; 0: the constants' own
};

/// One way to choose an assumption.
template <typename Value>
struct Choice {
  Value value;
  const char* name;     ///< in options, tables and JSON
  const char* meaning;  ///< for help texts
};

/// The choices of each assumption; the argument only names the type.
const std::vector<Choice<Accelerator>>& choices(Accelerator);
const std::vector<Choice<Operands>>& choices(Operands);
const std::vector<Choice<FirstLayer>>& choices(FirstLayer);
const std::vector<Choice<WeightReuse>>& choices(WeightReuse);
const std::vector<Choice<InputReuse>>& choices(InputReuse);
const std::vector<Choice<TwoShifts>>& choices(TwoShifts);
const std::vector<Choice<Energies>>& choices(Energies);
const std::vector<Choice<Memory>>& choices(Memory);

/// Calls visit(name, value) for each assumption that is a choice, with its name in options, tables and JSON:
/// the one list of them.
template <typename SomeAssumptions, typename Visit>
void for_each_choice(SomeAssumptions& assumptions, Visit visit) {
  visit("accelerator", assumptions.accelerator);
  visit("operands", assumptions.operands);
  visit("first-layer", assumptions.first_layer);
  visit("weight-reuse", assumptions.weight_reuse);
  visit("input-reuse", assumptions.input_reuse);
  visit("ln2-unit", assumptions.two_shifts);
  visit("energies", assumptions.energies);
  visit("memory", assumptions.memory);
}

/// Sets the assumption called `name` to the choice called `choice`. Throws UsageError that says which there
/// are.
void choose(Assumptions& assumptions, const std::string& name, const std::string& choice);

/// The name of a choice.
template <typename Value>
std::string choice_name(Value value) {
  for (const Choice<Value>& choice : choices(value)) {
    if (choice.value == value) return choice.name;
  }
  return {};
}

}  // namespace kones::hardware
