// One thread's memory for computing a plan, and the computation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kones/engine/plan.h"

namespace kones::engine {

class Workspace {
 public:
  /// Which tensors can be read after compute.
  enum class Keep {
    output,  ///< memory is used again for later tensors as soon as nobody reads the earlier ones
    all,
  };

  /// Memory for up to `batch` images at a time. `plan` must live as long.
  Workspace(const Plan& plan, int64_t batch, Keep keep);

  /// What the tensors take.
  int64_t bytes() const;

  /// Computes `count` <= batch images, [count][channels][height][width] bytes.
  void compute(const uint8_t* images, int64_t count);

  /// The integers of a kept tensor of one image of the last batch, [channels][height][width].
  void read(uint32_t tensor, int64_t image, int64_t* integers) const;

 private:
  /// Images of a tensor that are in memory at once.
  int64_t images_of(std::size_t index) const;
  /// Where tensor `index` of image `image` is, which is in memory.
  std::byte* place(std::size_t index, int64_t image);
  const std::byte* place(std::size_t index, int64_t image) const;
  void assign_slots();
  void store_input(const uint8_t* bytes, int64_t image);
  void run_layer(const PlannedLayer& layer, int64_t first_image, int64_t images);

  const Plan& plan_;
  const int64_t batch_;
  const Keep keep_;
  std::vector<std::size_t> slot_of_;  ///< of each tensor
  std::vector<std::vector<std::byte>> slots_;
  LayerScratch scratch_;
};

}  // namespace kones::engine
