// Which instruction set the CPU kernels use.
#pragma once

#include <string_view>
#include <vector>

namespace kones::kernels {

/// From the least to the most capable.
enum class CpuTier {
  scalar,            ///< what the compiler targets by default
  avx2,              ///< AVX2
  avx512,            ///< AVX-512 F, BW, DQ and VL
  avx512_vnni,       ///< the same and VNNI, which adds up products of bytes
  avx512_vpopcntdq,  ///< the same and VPOPCNTDQ, which counts the bits of words
  amx_int8,          ///< the same, AMX-TILE and AMX-INT8, which multiplies tiles of bytes
};

std::string_view cpu_tier_name(CpuTier tier);

/// The tiers that this build and this machine have, scalar first. Linux lets a process use tile registers
/// when it has asked: the first call does.
const std::vector<CpuTier>& available_cpu_tiers();

/// The tier that kernels use: the one that the environment variable KONES_CPU_TIER names (scalar, avx2,
/// avx512, avx512_vnni, avx512_vpopcntdq, amx_int8) when the process first asks, else the most capable but
/// for amx_int8, which has run in an emulation alone: its speed is not known. Throws std::invalid_argument,
/// each time, for a name that is none or a tier that this machine lacks.
CpuTier cpu_tier();

}  // namespace kones::kernels
