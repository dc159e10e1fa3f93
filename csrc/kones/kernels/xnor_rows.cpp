#include "kones/kernels/xnor_rows.h"

namespace kones::kernels {
namespace {

/// Parameters first .. first + outputs - 1 of `values`, or what stands for absent ones, for the lanes of a
/// panel.
template <typename T>
void fill_lanes(T* lanes, const T* values, int64_t first, int64_t outputs, T absent) {
  const int64_t given = values == nullptr ? 0 : outputs;
  std::copy_n(values + (given == 0 ? 0 : first), given, lanes);
  std::fill(lanes + given, lanes + xnor_panel, absent);
}

}  // namespace

const XnorTier& xnor_tier(CpuTier tier) {
  switch (tier) {
#if defined(__x86_64__)
    case CpuTier::amx_int8:
      return xnor_amx_int8;
    case CpuTier::avx512_vpopcntdq:
      return xnor_avx512_vpopcntdq;
    case CpuTier::avx512_vnni:
    case CpuTier::avx512:
      return xnor_avx512;
    case CpuTier::avx2:
      return xnor_avx2;
#endif
    default:
      return xnor_scalar;
  }
}

std::vector<PanelPlace> panel_places(const XnorPlan& plan) {
  const int64_t group_outputs = plan.shape.group_out_channels();
  std::vector<PanelPlace> places;
  for (int64_t group = 0; group < plan.shape.groups; ++group)
    for (int64_t within = 0; within < group_outputs; within += xnor_panel)
      places.push_back(
          {group, group * group_outputs + within, std::min<int64_t>(xnor_panel, group_outputs - within)});
  return places;
}

std::vector<XnorPanel> make_panels(const std::vector<PanelPlace>& places, const XnorEpilogue& epilogue,
                                   const float* sign_threshold, const XnorThresholds& thresholds) {
  std::vector<XnorPanel> panels(places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    XnorPanel& panel = panels[i];
    const auto [group, first, outputs] = places[i];
    fill_lanes(panel.scale, epilogue.scale, first, outputs, 1.0f);
    fill_lanes(panel.bias, epilogue.bias, first, outputs, 0.0f);
    fill_lanes(panel.slope, epilogue.slope, first, outputs, 1.0f);
    fill_lanes(panel.shift, epilogue.shift, first, outputs, 0.0f);
    fill_lanes(panel.sign_threshold, sign_threshold, first, outputs, 0.0f);
    fill_lanes(panel.threshold, thresholds.threshold, first, outputs, 0);
    for (int lane = 0; lane < xnor_panel; ++lane) {
      // Of a bias of -0 and a product of -0 a sum of -0 would come.
      panel.bias[lane] += 0.0f;
      panel.shift[lane] += 0.0f;
    }
    for (int64_t lane = 0; thresholds.flipped != nullptr && lane < outputs; ++lane)
      if (thresholds.flipped[first + lane] != 0) panel.flipped |= 1u << lane;
  }
  return panels;
}

}  // namespace kones::kernels
