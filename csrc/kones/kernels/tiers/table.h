// The name of a tier's table of kernels: KONES_TIER_TABLE(elementwise) is elementwise_avx2 in the files that
// CMake compiles with KONES_TIER=avx2.
#pragma once

#define KONES_TIER_JOIN_EXPANDED(name, tier) name##_##tier
#define KONES_TIER_JOIN(name, tier) KONES_TIER_JOIN_EXPANDED(name, tier)
#define KONES_TIER_TABLE(name) KONES_TIER_JOIN(name, KONES_TIER)
