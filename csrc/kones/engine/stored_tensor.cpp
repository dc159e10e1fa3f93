#include "kones/engine/stored_tensor.h"

namespace kones::engine {
namespace {

Element narrowest(const package::IntegerRange& range) {
  if (range.minimum >= 0 && range.maximum <= UINT8_MAX) return Element::uint8;
  if (range.minimum >= INT16_MIN && range.maximum <= INT16_MAX) return Element::int16;
  if (range.minimum >= INT32_MIN && range.maximum <= INT32_MAX) return Element::int32;
  return Element::int64;
}

}  // namespace

int64_t element_bytes(Element element) {
  return with_element(element, [](auto zero) { return static_cast<int64_t>(sizeof(zero)); });
}

void StoredTensor::read(const void* image, int64_t* integers) const {
  with_element(element, [&](auto zero) {
    const auto* stored = static_cast<const decltype(zero)*>(image);
    for (int64_t pixel = 0; pixel < pixels(); ++pixel, stored += stored_channels()) {
      for (int64_t c = 0; c < channels; ++c)
        integers[c * pixels() + pixel] = scale * (int64_t{stored[c]} - zero_point) + constant;
    }
  });
}

StoredTensor stored_form(const package::Tensor& tensor, const package::IntegerRange& range, bool is_input) {
  StoredTensor stored{narrowest(range), 0, tensor.channels, tensor.height, tensor.width};
  if (tensor.kind == package::TensorKind::sign) {
    stored.element = Element::uint8;
    stored.zero_point = 1;
  } else if (tensor.kind == package::TensorKind::fixed_point && tensor.is_signed && tensor.bits <= 8) {
    stored.element = Element::uint8;
    stored.zero_point = 128;
  } else if (tensor.kind == package::TensorKind::integer && !is_input && stored.element != Element::int64) {
    stored.element = Element::int32;
  }
  return stored;
}

}  // namespace kones::engine
