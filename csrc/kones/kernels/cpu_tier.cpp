#include "kones/kernels/cpu_tier.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace kones::kernels {
namespace {

#if defined(__x86_64__)

/// Whether the processor has AMX-TILE and AMX-INT8, and the kernel lets this process use their registers.
bool may_use_tiles() {
  // Older compilers' __builtin_cpu_supports does not know the names.
  constexpr unsigned amx_tile = 1u << 24;
  constexpr unsigned amx_int8 = 1u << 25;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  if ((edx & amx_tile) == 0 || (edx & amx_int8) == 0) return false;
#if defined(__linux__)
  constexpr int request_permission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int tile_data = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

#endif

std::vector<CpuTier> detect() {
  std::vector<CpuTier> tiers = {CpuTier::scalar};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) tiers.push_back(CpuTier::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    tiers.push_back(CpuTier::avx512);
    if (__builtin_cpu_supports("avx512vnni")) {
      tiers.push_back(CpuTier::avx512_vnni);
      if (__builtin_cpu_supports("avx512vpopcntdq")) {
        tiers.push_back(CpuTier::avx512_vpopcntdq);
        if (may_use_tiles()) tiers.push_back(CpuTier::amx_int8);
      }
    }
  }
#endif
  return tiers;
}

CpuTier default_cpu_tier() {
  const std::vector<CpuTier>& tiers = available_cpu_tiers();
  return tiers.back() == CpuTier::amx_int8 ? CpuTier::avx512_vpopcntdq : tiers.back();
}

CpuTier choose() {
  const char* wanted = std::getenv("KONES_CPU_TIER");
  if (wanted == nullptr || *wanted == '\0') return default_cpu_tier();
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
    case CpuTier::avx512_vnni:
      return "avx512_vnni";
    case CpuTier::avx512_vpopcntdq:
      return "avx512_vpopcntdq";
    case CpuTier::amx_int8:
      return "amx_int8";
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
