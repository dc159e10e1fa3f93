#include "kones/hardware/assumptions.h"

#include "kones/error.h"

namespace kones::hardware {
namespace {

template <typename Value>
void set(Value& value, const std::string& name, const std::string& wanted) {
  std::string names;
  for (const Choice<Value>& choice : choices(value)) {
    if (choice.name == wanted) {
      value = choice.value;
      return;
    }
    names += (names.empty() ? "" : ", ") + std::string(choice.name);
  }
  throw UsageError("there is no " + name + " \"" + wanted + "\"; there is " + names);
}

}  // namespace

void choose(Assumptions& assumptions, const std::string& name, const std::string& choice) {
  bool found = false;
  for_each_choice(assumptions, [&](const char* known, auto& value) {
    if (name != known) return;
    set(value, name, choice);
    found = true;
  });
  if (!found) throw UsageError("there is no assumption \"" + name + "\"");
}

const std::vector<Choice<Accelerator>>& choices(Accelerator) {
  static const std::vector<Choice<Accelerator>> table = {
      {Accelerator::pipelined, "pipelined", "one pipeline stage a neuron (Ding et al.)"},
      {Accelerator::tile, "tile", "16 neurons by 16 synapses (Tann, Hashemi, Reda)"}};
  return table;
}

const std::vector<Choice<Operands>>& choices(Operands) {
  static const std::vector<Choice<Operands>> table = {
      {Operands::float32, "float32", "float32 activations, or signs (Ding et al.)"},
      {Operands::integers, "package", "fixed-point activations as in a package, or signs"}};
  return table;
}

const std::vector<Choice<FirstLayer>>& choices(FirstLayer) {
  static const std::vector<Choice<FirstLayer>> table = {
      {FirstLayer::float32, "float", "the first layer of networks of signs reads float32"},
      {FirstLayer::integer, "integer", "it reads bytes, with integer units"}};
  return table;
}

const std::vector<Choice<WeightReuse>>& choices(WeightReuse) {
  static const std::vector<Choice<WeightReuse>> table = {
      {WeightReuse::once, "once", "a weight is read once a layer"},
      {WeightReuse::per_product, "per-product", "for every product"}};
  return table;
}

const std::vector<Choice<InputReuse>>& choices(InputReuse) {
  static const std::vector<Choice<InputReuse>> table = {
      {InputReuse::per_neuron, "per-neuron", "every neuron (16 together on the tile) reads its inputs"},
      {InputReuse::per_window, "per-window", "all neurons of a window's position read them together"},
      {InputReuse::once, "once", "an input is read once a layer"}};
  return table;
}

const std::vector<Choice<TwoShifts>>& choices(TwoShifts) {
  static const std::vector<Choice<TwoShifts>> table = {
      {TwoShifts::generic, "generic", "two exponent subtractions and a float32 adder (Ding et al.)"},
      {TwoShifts::optimised, "optimised", "one exponent adder"}};
  return table;
}

const std::vector<Choice<Energies>>& choices(Energies) {
  static const std::vector<Choice<Energies>> table = {
      {Energies::measured, "measured", "kones's units, synthesised"},
      {Energies::horowitz, "horowitz", "Horowitz, ISSCC 2014"},
      {Energies::geometric, "geometric", "the geometric mean of both"}};
  return table;
}

const std::vector<Choice<Memory>>& choices(Memory) {
  static const std::vector<Choice<Memory>> table = {
      {Memory::flat, "flat", "the same energy for every bit"},
      {Memory::capacity, "capacity", "by the size of the memory, as CACTI says"}};
  return table;
}

}  // namespace kones::hardware
