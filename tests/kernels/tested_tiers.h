// The tiers that a test of convolutions of signs runs.
#pragma once

#include <algorithm>
#include <vector>

#include "kones/kernels/cpu_tier.h"

namespace kones::kernels {

/// Those that the machine has; in the program with emulated registers of tiles, amx_int8, the rest of which
/// is AVX-512.
inline std::vector<CpuTier> tested_tiers() {
  const std::vector<CpuTier>& tiers = available_cpu_tiers();
#if defined(KONES_EMULATED_TILES)
  const bool has_avx512 = std::find(tiers.begin(), tiers.end(), CpuTier::avx512) != tiers.end();
  return has_avx512 ? std::vector<CpuTier>{CpuTier::amx_int8} : std::vector<CpuTier>{};
#else
  return tiers;
#endif
}

}  // namespace kones::kernels
