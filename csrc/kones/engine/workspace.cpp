#include "kones/engine/workspace.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace kones::engine {

Workspace::Workspace(const Plan& plan, int64_t batch, Keep keep) : plan_(plan), batch_(batch), keep_(keep) {
  assign_slots();
}

/// Tensors whose lives do not overlap share memory: each takes the free slot that fits it best.
void Workspace::assign_slots() {
  const std::vector<PlannedTensor>& tensors = plan_.tensors;
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return tensors[a].begin < tensors[b].begin; });
  slot_of_.resize(tensors.size());
  std::vector<int64_t> sizes;
  std::vector<std::size_t> free_from;  // the first layer that may write the slot
  for (const std::size_t index : order) {
    const PlannedTensor& tensor = tensors[index];
    const int64_t bytes = tensor.form.bytes() * images_of(index);
    std::size_t best = sizes.size();
    for (std::size_t slot = 0; slot < sizes.size() && keep_ != Keep::all; ++slot) {
      const bool fits_better =
          best == sizes.size() || std::abs(sizes[slot] - bytes) < std::abs(sizes[best] - bytes);
      if (free_from[slot] <= tensor.begin && fits_better) best = slot;
    }
    if (best == sizes.size()) {
      sizes.push_back(0);
      free_from.push_back(0);
    }
    sizes[best] = std::max(sizes[best], bytes);
    free_from[best] = tensor.end;
    slot_of_[index] = best;
  }
  for (const int64_t size : sizes) slots_.emplace_back(size);
}

int64_t Workspace::images_of(std::size_t index) const {
  const PlannedTensor& tensor = plan_.tensors[index];
  return keep_ == Keep::all || tensor.is_batched ? batch_ : std::min(batch_, tensor.images);
}

const std::byte* Workspace::place(std::size_t index, int64_t image) const {
  return slots_[slot_of_[index]].data() + image % images_of(index) * plan_.tensors[index].form.bytes();
}

std::byte* Workspace::place(std::size_t index, int64_t image) {
  return const_cast<std::byte*>(static_cast<const Workspace*>(this)->place(index, image));
}

int64_t Workspace::bytes() const {
  int64_t bytes = 0;
  for (const std::vector<std::byte>& slot : slots_) bytes += static_cast<int64_t>(slot.size());
  return bytes;
}

void Workspace::store_input(const uint8_t* bytes, int64_t image) {
  const StoredTensor& form = plan_.tensors[plan_.input.tensor].form;
  if (form.has_constant_channel) {
    auto* pixel = reinterpret_cast<uint8_t*>(place(plan_.input.tensor, image));
    for (int64_t index = 0; index < form.pixels(); ++index, pixel += form.stored_channels()) {
      for (int64_t c = 0; c < form.channels; ++c) pixel[c] = bytes[c * form.pixels() + index];
      pixel[form.channels] = static_cast<uint8_t>(form.zero_point + 1);
    }
    return;
  }
  with_element(form.element, [&](auto zero) {
    using T = decltype(zero);
    T* target = reinterpret_cast<T*>(place(plan_.input.tensor, image));
    for (int64_t pixel = 0; pixel < form.pixels(); ++pixel) {
      for (int64_t c = 0; c < form.channels; ++c) {
        *target++ = static_cast<T>(int64_t{plan_.input.multiplier} * bytes[c * form.pixels() + pixel] +
                                   plan_.input.offset);
      }
    }
  });
}

void Workspace::run_layer(const PlannedLayer& layer, int64_t first_image, int64_t images) {
  std::vector<const void*> inputs;
  for (const uint32_t input : layer.inputs) inputs.push_back(place(input, first_image));
  layer.kernel->run(inputs, place(layer.output, first_image), images, scratch_);
}

void Workspace::compute(const uint8_t* images, int64_t count) {
  const int64_t image_bytes = plan_.tensors[plan_.input.tensor].form.elements();
  for (const Stage& stage : plan_.stages) {
    // The input enters with the first stage.
    const bool is_first = stage.first == 0;
    const int64_t step = stage.is_batched ? count : stage.images;
    for (int64_t image = 0; image < count; image += step) {
      const int64_t end = std::min(image + step, count);
      for (int64_t entering = image; is_first && entering < end; ++entering)
        store_input(images + entering * image_bytes, entering);
      for (std::size_t layer = stage.first; layer < stage.last; ++layer)
        run_layer(plan_.layers[layer], image, end - image);
    }
  }
}

void Workspace::read(uint32_t tensor, int64_t image, int64_t* integers) const {
  plan_.tensors[tensor].form.read(place(tensor, image), integers);
}

}  // namespace kones::engine
