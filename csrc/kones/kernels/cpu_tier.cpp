#include "kones/kernels/cpu_tier.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace kones::kernels {
namespace {

std::vector<CpuTier> detect() {
  std::vector<CpuTier> tiers = {CpuTier::scalar};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) tiers.push_back(CpuTier::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    tiers.push_back(CpuTier::avx512);
    if (__builtin_cpu_supports("avx512vpopcntdq")) tiers.push_back(CpuTier::avx512_vpopcntdq);
  }
#endif
  return tiers;
}

CpuTier choose() {
  const char* wanted = std::getenv("KONES_CPU_TIER");
  if (wanted == nullptr || *wanted == '\0') return available_cpu_tiers().back();
  std::string names;
  for (const CpuTier tier : available_cpu_tiers()) {
    if (wanted == cpu_tier_name(tier)) return tier;
    names += (names.empty() ? "" : ", ") + std::string(cpu_tier_name(tier));
  }
  throw std::invalid_argument("KONES_CPU_TIER is \"" + std::string(wanted) + "\"; this machine has " + names);
}

}  // namespace

std::string_view cpu_tier_name(CpuTier tier) {
  switch (tier) {
    case CpuTier::scalar:
      return "scalar";
    case CpuTier::avx2:
      return "avx2";
    case CpuTier::avx512:
      return "avx512";
    case CpuTier::avx512_vpopcntdq:
      return "avx512_vpopcntdq";
  }
  return "";
}

const std::vector<CpuTier>& available_cpu_tiers() {
  static const std::vector<CpuTier> tiers = detect();
  return tiers;
}

CpuTier cpu_tier() {
  static const CpuTier tier = choose();
  return tier;
}

}  // namespace kones::kernels
