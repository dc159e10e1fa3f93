// The instructions of AMX-TILE and AMX-INT8 that the kernels use, on the registers tmm0 .. tmm7. A tile has
// up to 16 rows of up to 64 bytes.
//
// GCC's own functions for them take a register's number as a literal alone, and leave untold what they read
// from memory, so that what was written there could come too late.
#pragma once

#include <cstdint>

namespace kones::kernels {
namespace {

constexpr int tile_rows = 16;
constexpr int tile_row_bytes = 64;

/// The operand of LDTILECFG: the sizes of each register.
struct alignas(64) TileConfiguration {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfiguration) == 64);

inline void configure_tiles(const TileConfiguration& configuration) {
  asm volatile("ldtilecfg %0" ::"m"(configuration));
}

inline void release_tiles() {
  asm volatile("tilerelease");
}

template <int Tile>
inline void clear_tile() {
  asm volatile("tilezero %%tmm%c0" ::"i"(Tile));
}

/// Row i of the tile is at from + i * stride bytes.
template <int Tile>
inline void load_tile(const void* from, int64_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(Tile) : "memory");
}

template <int Tile>
inline void store_tile(void* to, int64_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(Tile) : "memory");
}

/// sums[i][j], int32, += a[i][k] * b[k / 4][4 * j + k % 4], int8, over all k.
template <int Sums, int A, int B>
inline void multiply_tiles() {
  asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(Sums), "i"(A), "i"(B));
}

}  // namespace
}  // namespace kones::kernels
