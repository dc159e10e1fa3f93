#include <algorithm>
#include <cstring>
#include <vector>

#include "kones/kernels/xnor_conv2d.h"
#include "kones/kernels/xnor_operand.h"
#include "kones/kernels/xnor_plan.h"

namespace kones::kernels {

bool is_xnor_prepacked(const void* prepacked, int64_t bytes, const XnorShape& shape) {
  const XnorPrepackedHeader expected = XnorPrepackedHeader::of(shape);
  return bytes == shape.prepacked_bytes() && std::memcmp(prepacked, &expected, sizeof(expected)) == 0;
}

void xnor_prepack(const uint64_t* weight_words, const XnorShape& shape, void* prepacked) {
  const XnorPrepackedLayout layout(shape);
  const XnorPrepackedHeader header = XnorPrepackedHeader::of(shape);
  auto* bytes = static_cast<char*>(prepacked);
  std::memset(bytes, 0, shape.prepacked_bytes());
  std::memcpy(bytes, &header, sizeof(header));
  auto* counts = reinterpret_cast<int32_t*>(bytes + layout.tap_counts);
  auto* halves = reinterpret_cast<uint32_t*>(bytes + layout.weights);
  const int64_t channels = shape.group_in_channels();
  const int64_t outputs = shape.group_out_channels();
  const int64_t tap_words = shape.group_words();
  std::vector<uint64_t> patches(layout.patches ? xnor_panel * layout.words : 0);
  for (int64_t panel = 0; panel < shape.groups * layout.panels;
       ++panel, halves += 2 * layout.words * xnor_panel) {
    const int64_t group = panel / layout.panels;
    const int64_t first = panel % layout.panels * xnor_panel;
    const int64_t panel_outputs = std::min<int64_t>(xnor_panel, outputs - first);
    std::fill(patches.begin(), patches.end(), 0);
    const uint64_t* rows[xnor_panel];
    for (int64_t lane = 0; lane < panel_outputs; ++lane) {
      const uint64_t* taps = weight_words + (group * outputs + first + lane) * shape.taps() * tap_words;
      rows[lane] = layout.patches ? &patches[lane * layout.words] : taps;
      int64_t end = 0;
      for (int64_t tap = 0; tap < shape.taps(); ++tap, taps += tap_words) {
        int32_t negative = 0;
        for (int64_t word = 0; word < tap_words; ++word) negative += __builtin_popcountll(taps[word]);
        counts[(group * shape.taps() + tap) * layout.padded_outputs() + first + lane] = negative;
        if (layout.patches) append_bits(&patches[lane * layout.words], end, taps[0], channels);
      }
    }
    for (int64_t word = 0; word < layout.words; ++word) {
      uint32_t* low = halves + 2 * word * xnor_panel;
      for (int64_t lane = 0; lane < panel_outputs; ++lane) {
        low[lane] = static_cast<uint32_t>(rows[lane][word]);
        low[xnor_panel + lane] = static_cast<uint32_t>(rows[lane][word] >> 32);
      }
    }
  }
}

}  // namespace kones::kernels
