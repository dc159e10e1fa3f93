// The tile registers in plain C++, in the place of csrc/kones/kernels/tiers/tile_registers.h: the operations
// and the conditions of faults as Intel's "Software Developer's Manual", volume 2, gives them for LDTILECFG,
// TILERELEASE, TILEZERO, TILELOADD, TILESTORED and TDPBSSD. A fault ends the program, and so does a thread
// that ends before it releases its tiles.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace kones::kernels {
namespace {

constexpr int tile_rows = 16;
constexpr int tile_row_bytes = 64;

struct alignas(64) TileConfiguration {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfiguration) == 64);

[[noreturn]] inline void fault(const char* instruction, const char* reason) {
  std::fprintf(stderr, "%s: %s\n", instruction, reason);
  std::abort();
}

inline void check(bool holds, const char* instruction, const char* reason) {
  if (!holds) fault(instruction, reason);
}

struct Tile {
  int rows = 0;
  int row_bytes = 0;
  uint8_t data[tile_rows][tile_row_bytes] = {};

  /// write_row_and_zero: all of the register's row, the bytes past the configured ones as zeros.
  void write_row(int row, const void* bytes) {
    std::memcpy(data[row], bytes, static_cast<size_t>(row_bytes));
    std::memset(data[row] + row_bytes, 0, static_cast<size_t>(tile_row_bytes - row_bytes));
  }
  void zero_upper_rows() {
    for (int row = rows; row < tile_rows; ++row) std::memset(data[row], 0, tile_row_bytes);
  }
};

struct TileState {
  bool configured = false;
  Tile tiles[8];

  ~TileState() { check(!configured, "end of a thread", "tiles are not released"); }

  Tile& used(int number, const char* instruction) {
    check(configured, instruction, "tiles are not configured (#UD)");
    Tile& tile = tiles[number];
    check(tile.rows > 0 && tile.row_bytes > 0, instruction, "the tile has no size (#UD)");
    return tile;
  }
};

inline TileState& tile_state() {
  static thread_local TileState state;
  return state;
}

inline void configure_tiles(const TileConfiguration& configuration) {
  const char* const name = "LDTILECFG";
  const auto* const bytes = reinterpret_cast<const uint8_t*>(&configuration);
  check(configuration.palette == 1, name, "the palette is not 1 (#GP, or tiles stay without sizes)");
  check(configuration.start_row == 0, name, "a start row, which restarts an interrupted instruction");
  for (int i = 2; i < 64; ++i) {
    const bool reserved = i < 16 || (i >= 32 && i < 48) || i >= 56;
    check(!reserved || bytes[i] == 0, name, "a reserved byte is set (#GP)");
  }
  TileState& state = tile_state();
  for (int number = 0; number < 8; ++number) {
    Tile& tile = state.tiles[number];
    tile = {};
    tile.rows = bytes[48 + number];
    std::memcpy(&tile.row_bytes, bytes + 16 + 2 * number, 2);
    check(tile.rows <= tile_rows && tile.row_bytes <= tile_row_bytes, name, "too large a tile (#GP)");
    check((tile.rows == 0) == (tile.row_bytes == 0), name, "one size of a tile is 0 (#GP)");
  }
  state.configured = true;
}

inline void release_tiles() {
  TileState& state = tile_state();
  for (Tile& tile : state.tiles) tile = {};
  state.configured = false;
}

template <int Number>
inline void clear_tile() {
  Tile& tile = tile_state().used(Number, "TILEZERO");
  std::memset(tile.data, 0, sizeof(tile.data));
}

template <int Number>
inline void load_tile(const void* from, int64_t stride) {
  Tile& tile = tile_state().used(Number, "TILELOADD");
  for (int row = 0; row < tile.rows; ++row)
    tile.write_row(row, static_cast<const uint8_t*>(from) + row * stride);
  tile.zero_upper_rows();
}

template <int Number>
inline void store_tile(void* to, int64_t stride) {
  const Tile& tile = tile_state().used(Number, "TILESTORED");
  for (int row = 0; row < tile.rows; ++row)
    std::memcpy(static_cast<uint8_t*>(to) + row * stride, tile.data[row],
                static_cast<size_t>(tile.row_bytes));
}

template <int Sums, int A, int B>
inline void multiply_tiles() {
  const char* const name = "TDPBSSD";
  static_assert(Sums != A && A != B && Sums != B, "#UD");
  Tile& sums = tile_state().used(Sums, name);
  const Tile& a = tile_state().used(A, name);
  const Tile& b = tile_state().used(B, name);
  check(sums.row_bytes % 4 == 0 && a.row_bytes % 4 == 0 && b.row_bytes % 4 == 0, name,
        "rows are not of whole numbers (#UD)");
  check(sums.rows == a.rows, name, "sums and A have different rows (#UD)");
  check(sums.row_bytes == b.row_bytes, name, "sums and B have different columns (#UD)");
  check(a.row_bytes / 4 == b.rows, name, "A's columns are not B's rows (#UD)");
  for (int m = 0; m < sums.rows; ++m) {
    uint32_t row[tile_row_bytes / 4];
    std::memcpy(row, sums.data[m], sizeof(row));
    for (int k = 0; k < a.row_bytes / 4; ++k) {
      for (int n = 0; n < sums.row_bytes / 4; ++n) {
        for (int i = 0; i < 4; ++i) {
          const int32_t product =
              static_cast<int8_t>(a.data[m][4 * k + i]) * static_cast<int8_t>(b.data[k][4 * n + i]);
          row[n] += static_cast<uint32_t>(product);
        }
      }
    }
    sums.write_row(m, row);
  }
  sums.zero_upper_rows();
}

}  // namespace
}  // namespace kones::kernels
