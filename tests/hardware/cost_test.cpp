#include "kones/hardware/cost.h"

#include <cmath>
#include <string>
#include <vector>

#include "package/random_network.h"
#include <gtest/gtest.h>

#include "kones/hardware/network_shape.h"

namespace kones::hardware {
namespace {

const Constants& constants() {
  return built_in_constants();
}

NetworkCost cost(std::size_t network, std::size_t method, const Assumptions& assumptions = {}) {
  return cost_of(work_of(paper_networks()[network], paper_methods()[method]), assumptions, constants());
}

int64_t bytes(int64_t bits) {
  return (bits + 7) / 8;
}

double total(const NetworkCost& cost) {
  return cost.energy.total().value;
}

/// Two inputs, three neurons.
NetworkWork tiny(const MethodFormats& method) {
  return work_of(NetworkShape{"tiny", 1, 1, 2, {LayerShape::linear(3)}}, method);
}

TEST(Cost, OfOneLayerByHand) {
  Assumptions assumptions;
  assumptions.energies = Energies::horowitz;
  const NetworkCost cost =
      cost_of(tiny({"lightnn-1", NumberFormat::k_ones(1), false}), assumptions, constants());
  const double add = 0.9 * 1.578;
  const double shift = 0.1 * 1.578 * 0.179 / 0.311;
  EXPECT_NEAR(cost.energy.logic.value, 6 * (add + shift) / (1 - 0.316), 1e-9);
  // Six weights of 4 bits once, two inputs for each of three neurons, three outputs.
  EXPECT_NEAR(cost.energy.memory.value, 0.22 * (6 * 4 + 6 * 32 + 3 * 32), 1e-9);
  EXPECT_NEAR(cost.energy.registers.value, 0.009 * 1.578 * (6 * 4 + 6 * 32), 1e-9);
  EXPECT_NEAR(cost.area.value, 2 * (100 + 1856 + (4 + 32) * 5.67) * 1.44, 1e-6);
  EXPECT_EQ(cost.cycles, 3 + 2);
  EXPECT_NEAR(cost.microseconds, 0.05, 1e-12);
  EXPECT_EQ(cost.products, 6);
  EXPECT_EQ(cost.storage_bits, (6 + 3) * 4);
  EXPECT_NEAR(cost.energy.memory.low, cost.energy.memory.value / 2, 1e-9);
  EXPECT_NEAR(cost.energy.memory.high, cost.energy.memory.value * 2, 1e-9);
  EXPECT_NEAR(cost.area.high, cost.area.value * 1.4 * 1.2, 1e-6);
}

TEST(Cost, OfOneTileByHand) {
  Assumptions assumptions;
  assumptions.energies = Energies::horowitz;
  assumptions.accelerator = Accelerator::tile;
  assumptions.operands = Operands::integers;
  const NetworkCost cost =
      cost_of(tiny({"fixed", NumberFormat::fixed_point(1, 7), false}), assumptions, constants());
  // Two products of at most 128 * 255: 17 bits. 8 by 9 bits is between the points of 64 and 1024.
  EXPECT_EQ(cost.cycles, 1);
  EXPECT_EQ(cost.storage_bits, (256 + 3) * 8);
  EXPECT_NEAR(cost.energy.memory.value, 0.22 * (256 * 8 + 16 * 8 + 3 * 17), 1e-9);
  EXPECT_NEAR(cost.energy.registers.value, 0.009 * 1.578 * (256 * 8 + 16 * 8 + 16 * 17), 1e-9);
  const Constants& c = constants();
  const double gates = c.get("area.integer_multiply").at(8 * 9) + c.get("area.integer_add").at(17);
  EXPECT_NEAR(cost.area.value, (256 * gates + (256 * 8 + 16 * 8 + 16 * 17) * 5.67) * 1.44, 1e-6);
}

// uJ, methods in the order of the paper's table 3: another program's results for the formulas of
// docs/cost.md.
TEST(Cost, EnergiesOfThePapersConfigurations) {
  const double expected[5][7] = {{2.04, 1.26, 0.956, 0.885, 1.25, 0.945, 0.873},
                                 {44.9, 33.1, 25.9, 25.2, 6.01, 4.56, 3.75},
                                 {944, 586, 443, 410, 134, 86.3, 52.1},
                                 {224, 173, 137, 134, 40.3, 32.1, 29.3},
                                 {11940, 9089, 7160, 7009, 491, 383, 210}};
  for (std::size_t network = 0; network < 5; ++network) {
    for (std::size_t method = 0; method < 7; ++method) {
      EXPECT_NEAR(total(cost(network, method)) / 1e6 / expected[network][method], 1, 0.005)
          << paper_networks()[network].name << " " << paper_methods()[method].name;
    }
  }
}

TEST(Cost, EnergiesOfTheExtremes) {
  Assumptions least;
  least.energies = Energies::horowitz;
  least.memory_energy = 0.112;
  least.input_reuse = InputReuse::per_window;
  Assumptions most;
  most.energies = Energies::measured;
  most.memory_energy = 0.39;
  most.weight_reuse = WeightReuse::per_product;
  const double low[7] = {27.3, 10.9, 6.6, 6.1, 2.3, 1.4, 0.9};
  const double high[7] = {86, 62, 47, 43, 16, 10.6, 7.1};
  for (std::size_t method = 0; method < 7; ++method) {
    EXPECT_NEAR(total(cost(1, method, least)) / 1e6, low[method], 0.051);
    EXPECT_NEAR(total(cost(1, method, most)) / 1e6, high[method], high[method] > 20 ? 0.51 : 0.051);
  }
}

// mm2. The largest neuron has 800, 4096 and 32768 inputs; BinaryNet's 3-hidden stage is sized by its first
// layer's 784 bytes.
TEST(Cost, AreasOfThePapersConfigurations) {
  Assumptions assumptions;
  assumptions.first_layer = FirstLayer::integer;
  const struct {
    std::size_t network;
    double area[7];
  } cases[] = {{1, {9.16, 4.29, 2.49, 2.36, 0.305, 0.1775, 0.0225}},
               {2, {46.9, 21.9, 12.7, 12.1, 1.56, 0.909, 0.188}},
               {4, {375, 176, 102, 96.5, 12.5, 7.27, 0.922}}};
  for (const auto& [network, area] : cases) {
    for (std::size_t method = 0; method < 7; ++method)
      EXPECT_NEAR(cost(network, method, assumptions).area.value / 1e6 / area[method], 1, 0.005)
          << paper_networks()[network].name << " " << paper_methods()[method].name;
  }
}

TEST(Cost, CyclesOfTheTile) {
  Assumptions assumptions;
  assumptions.accelerator = Accelerator::tile;
  const int64_t cycles[] = {350, 12128, 143872, 48704, 2510912};
  for (std::size_t network = 0; network < 5; ++network)
    EXPECT_EQ(cost(network, 0, assumptions).cycles, cycles[network]) << paper_networks()[network].name;
  NetworkShape pooled = paper_networks()[4];
  pooled.layers[5] = LayerShape::conv2d(512, 3, 1, 2, 2);
  EXPECT_EQ(cost_of(work_of(pooled, paper_methods()[0]), assumptions, constants()).cycles, 2412608);
}

TEST(Cost, CyclesOfThePipeline) {
  EXPECT_EQ(cost(0, 0).cycles, 100 + 10 + 2 * 2);
  EXPECT_EQ(cost(1, 0).cycles, 24 * 24 * 20 + 8 * 8 * 50 + 500 + 10 + 4 * 2);
}

// Ding et al., section V.C, for table 3's numbers of parameters; 3-conv is another network there.
TEST(Cost, StorageOfThePapersConfigurations) {
  const struct {
    std::size_t network;
    int64_t bytes[4];
  } cases[] = {{0, {318040, 79510, 39755, 9939}},
               {1, {1724320, 431080, 215540, 53885}},
               {2, {147275816, 36818954, 18409477, 4602370}},
               {4, {156766760, 39191690, 19595845, 4898962}}};
  for (const auto& [network, expected] : cases) {
    for (std::size_t method = 0; method < 4; ++method)
      EXPECT_EQ(bytes(cost(network, method).storage_bits), expected[method])
          << paper_networks()[network].name;
  }
}

// Seen to fail on: every neuron's inputs counted for a window.
TEST(Cost, ReuseSavesMemory) {
  for (Accelerator accelerator : {Accelerator::pipelined, Accelerator::tile}) {
    for (std::size_t network = 0; network < 5; ++network) {
      Assumptions assumptions;
      assumptions.accelerator = accelerator;
      const double once = cost(network, 1, assumptions).energy.memory.value;
      assumptions.input_reuse = InputReuse::per_window;
      const double window = cost(network, 1, assumptions).energy.memory.value;
      assumptions.input_reuse = InputReuse::once;
      const double distinct = cost(network, 1, assumptions).energy.memory.value;
      EXPECT_LE(distinct, window);
      EXPECT_LT(window, once);
      assumptions.weight_reuse = WeightReuse::per_product;
      // A linear layer has one position.
      if (network == 0 || network == 2) {
        EXPECT_DOUBLE_EQ(cost(network, 1, assumptions).energy.memory.value, distinct);
      } else {
        EXPECT_GT(cost(network, 1, assumptions).energy.memory.value, distinct);
      }
    }
  }
}

// 784 inputs for 100 neurons: by every neuron, by each of seven groups of 16, or once.
TEST(Cost, InputsAreReadAsOftenAsTheyAreReused) {
  const auto inputs = [](Accelerator accelerator, InputReuse reuse) {
    Assumptions assumptions;
    assumptions.accelerator = accelerator;
    assumptions.input_reuse = reuse;
    assumptions.memory_energy = 1;
    const LayerCost layer = cost(0, 3, assumptions).layers[0];
    const double weights = accelerator == Accelerator::tile ? 7 * 49 * 256 : 78400;
    return (layer.energy.memory.value - weights - 100 * 32) / 32;
  };
  EXPECT_NEAR(inputs(Accelerator::pipelined, InputReuse::per_neuron), 78400, 1e-6);
  EXPECT_NEAR(inputs(Accelerator::pipelined, InputReuse::per_window), 784, 1e-6);
  EXPECT_NEAR(inputs(Accelerator::pipelined, InputReuse::once), 784, 1e-6);
  EXPECT_NEAR(inputs(Accelerator::tile, InputReuse::per_neuron), 7 * 784, 1e-6);
  EXPECT_NEAR(inputs(Accelerator::tile, InputReuse::once), 784, 1e-6);
}

TEST(Cost, MemoryByCapacity) {
  Assumptions assumptions;
  assumptions.memory = Memory::capacity;
  const LayerCost layer = cost(0, 0, assumptions).layers[0];
  const auto bit = [](double capacity) { return 0.00101 * std::pow(capacity, 0.534); };
  EXPECT_NEAR(layer.energy.memory.value, bit(79400 * 4) * 78400 * 32 + bit(784 * 4) * (78400 + 100) * 32,
              1e-3);
  // Not below what the law was fitted to.
  const NetworkCost small =
      cost_of(tiny({"binary", NumberFormat::binary(), false}), assumptions, constants());
  EXPECT_NEAR(small.energy.memory.value, bit(512) * (6 + 6 * 32 + 3 * 32), 1e-9);
}

TEST(Cost, RegistersCanBeLeftOut) {
  Assumptions assumptions;
  assumptions.registers = false;
  const NetworkCost without = cost(1, 2, assumptions);
  EXPECT_EQ(without.energy.registers.value, 0);
  EXPECT_NEAR(without.area.value, 800 * (100 + 1856) * 1.44, 1e-3);
  EXPECT_EQ(without.energy.logic.value, cost(1, 2).energy.logic.value);
}

TEST(Cost, TheFirstLayerOfSignsIsAnAssumption) {
  Assumptions integer;
  integer.first_layer = FirstLayer::integer;
  for (std::size_t method = 0; method < 7; ++method) {
    const NetworkCost one = cost(1, method);
    const NetworkCost other = cost(1, method, integer);
    EXPECT_EQ(one.layers[0].operands, "float32");
    EXPECT_EQ(other.layers[0].operands, method < 4 ? "float32" : "9 bits");
    EXPECT_EQ(total(one) == total(other), method < 4);
    EXPECT_EQ(one.layers[1].energy.total().value, other.layers[1].energy.total().value);
  }
}

TEST(Cost, MoreBitsTakeMore) {
  Assumptions assumptions;
  assumptions.operands = Operands::integers;
  double last = 0;
  for (int bits = 2; bits <= 16; ++bits) {
    const NetworkCost now =
        cost_of(work_of(paper_networks()[1], {"fixed", NumberFormat::fixed_point(1, bits - 1), false}),
                assumptions, constants());
    EXPECT_GT(total(now), last);
    last = total(now);
  }
  assumptions.operands = Operands::float32;
  EXPECT_GT(total(cost(1, 1, assumptions)), total(cost(1, 2, assumptions)));
}

TEST(Cost, Float32WeightsComputeInFloat32) {
  Assumptions assumptions;
  const double expected = total(cost(1, 0, assumptions));
  assumptions.operands = Operands::integers;
  EXPECT_EQ(total(cost(1, 0, assumptions)), expected);
  EXPECT_LT(total(cost(1, 1, assumptions)), expected);
}

TEST(Cost, TotalsAreThoseOfTheLayers) {
  for (Accelerator accelerator : {Accelerator::pipelined, Accelerator::tile}) {
    Assumptions assumptions;
    assumptions.accelerator = accelerator;
    assumptions.operands = Operands::integers;
    const NetworkCost cost = cost_of(work_of(package::example_network(0)), assumptions, constants());
    double energy = 0;
    double area = 0;
    int64_t bits = 0;
    int64_t cycles = 0;
    for (const LayerCost& layer : cost.layers) {
      energy += layer.energy.total().value;
      area = std::max(area, layer.area.value);
      bits += layer.storage_bits;
      cycles += layer.cycles;
      EXPECT_GT(layer.energy.total().value, 0) << layer.name;
      EXPECT_EQ(layer.products == 0, layer.weights.empty()) << layer.name;
    }
    EXPECT_NEAR(total(cost), energy, 1e-9);
    EXPECT_EQ(cost.area.value, area);
    EXPECT_EQ(cost.storage_bits, bits);
    EXPECT_EQ(cost.cycles, cycles);
  }
}

// What follows the sums of a package's layers: pooling adds, requantization multiplies; not beside float32
// operands.
TEST(Cost, OperationsWithoutWeights) {
  Assumptions assumptions;
  assumptions.operands = Operands::integers;
  assumptions.energies = Energies::measured;
  const NetworkWork work = work_of(package::example_network(0));
  const NetworkCost cost = cost_of(work, assumptions, constants());
  const Constants& c = constants();
  const double add = c.get("energy.measured.integer_add").at(work.layers[1].addition_bits) * 1.098;
  EXPECT_NEAR(cost.layers[1].energy.total().value,
              static_cast<double>(work.layers[1].additions) * add / (1 - 0.316), 1e-9);
  EXPECT_GT(cost.layers[2].energy.logic.value, cost.layers[1].energy.logic.value);
  assumptions.operands = Operands::float32;
  EXPECT_EQ(cost_of(work, assumptions, c).layers[1].energy.total().value, 0);
}

TEST(Cost, GroupsShareNoTile) {
  package::Conv2d geometry;
  geometry.groups = 4;
  package::RandomNetwork random(8, 3, 3, 7);
  random.conv(NumberFormat::k_ones(1), 8, geometry).threshold().linear(NumberFormat::k_ones(1), 2);
  Assumptions assumptions;
  assumptions.accelerator = Accelerator::tile;
  assumptions.operands = Operands::integers;
  EXPECT_EQ(cost_of(work_of(random.build()), assumptions, constants()).layers[0].cycles, 4 * 9);
}

}  // namespace
}  // namespace kones::hardware
