#include "simt/matrix.h"

#include <cstddef>
#include <cstring>

#include "simt/error.h"
#include "simt/memory.h"
#include "simt/runtime/check/check.h"
#include "simt/warp.h"

// popcount is an instruction on every processor that matters and a table in the baseline; the choice is made
// at start. Sanitizers do not take functions that are chosen so early.
#if defined(__SANITIZE_ADDRESS__)
#define SIMT_POPCOUNT_CLONES
#else
#define SIMT_POPCOUNT_CLONES __attribute__((target_clones("popcnt", "default")))
#endif

namespace simt {
namespace {

constexpr unsigned full_mask = 0xFFFFFFFFu;

int group(int lane) {
  return lane / 4;
}
int place(int lane) {
  return lane % 4;
}

template <int ARegisters, int BRegisters, int Results>
struct Fragments {
  uint32_t a[ARegisters];
  uint32_t b[BRegisters];
  int32_t c[Results];
};
using SmallFragments = Fragments<1, 1, 2>;
using LargeFragments = Fragments<4, 2, 4>;

/// The tiles of an m16n8 product, rows of eight words.
struct Tiles {
  alignas(32) uint32_t a[16][8];
  alignas(32) uint32_t b[8][8];
};

Tiles gather_tiles(void* const* operands) {
  Tiles tiles;
  for (int lane = 0; lane < 32; ++lane) {
    const auto& mine = *static_cast<const LargeFragments*>(operands[lane]);
    for (int i = 0; i < 4; ++i) tiles.a[group(lane) + 8 * (i % 2)][place(lane) + 4 * (i / 2)] = mine.a[i];
    for (int i = 0; i < 2; ++i) tiles.b[group(lane)][place(lane) + 4 * i] = mine.b[i];
  }
  return tiles;
}

void scatter_sums(void* const* operands, const int32_t (&sums)[16][8]) {
  for (int lane = 0; lane < 32; ++lane) {
    auto& mine = *static_cast<LargeFragments*>(operands[lane]);
    for (int i = 0; i < 4; ++i) {
      const uint32_t sum = static_cast<uint32_t>(sums[group(lane) + 8 * (i / 2)][2 * place(lane) + i % 2]);
      mine.c[i] = static_cast<int32_t>(static_cast<uint32_t>(mine.c[i]) + sum);
    }
  }
}

SIMT_POPCOUNT_CLONES
void count_and(const Tiles& tiles, int32_t (&sums)[16][8]) {
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      uint64_t a[4];
      uint64_t b[4];
      std::memcpy(a, tiles.a[row], sizeof(a));
      std::memcpy(b, tiles.b[column], sizeof(b));
      int sum = 0;
      for (int word = 0; word < 4; ++word) sum += __builtin_popcountll(a[word] & b[word]);
      sums[row][column] = sum;
    }
  }
}

SIMT_POPCOUNT_CLONES
void count_exclusive_or(const Tiles& tiles, int32_t (&sums)[16][8]) {
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      uint64_t a[4];
      uint64_t b[4];
      std::memcpy(a, tiles.a[row], sizeof(a));
      std::memcpy(b, tiles.b[column], sizeof(b));
      int sum = 0;
      for (int word = 0; word < 4; ++word) sum += __builtin_popcountll(a[word] ^ b[word]);
      sums[row][column] = sum;
    }
  }
}

template <bool ExclusiveOr>
void multiply_small(void* const* operands, unsigned) {
  const auto of = [&](int lane) -> SmallFragments& { return *static_cast<SmallFragments*>(operands[lane]); };
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 2; ++i) {
      const int column = 2 * place(lane) + i;
      int sum = 0;
      for (int word = 0; word < 4; ++word) {
        const uint32_t a = of(4 * group(lane) + word).a[0];
        const uint32_t b = of(4 * column + word).b[0];
        sum += __builtin_popcount(ExclusiveOr ? a ^ b : a & b);
      }
      of(lane).c[i] += sum;
    }
  }
}

template <typename Byte>
void multiply_bytes(void* const* operands, unsigned) {
  const Tiles tiles = gather_tiles(operands);
  int32_t sums[16][8];
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      int32_t sum = 0;
      for (int k = 0; k < 32; ++k) {
        sum += static_cast<Byte>(tiles.a[row][k / 4] >> (8 * (k % 4))) *
               static_cast<Byte>(tiles.b[column][k / 4] >> (8 * (k % 4)));
      }
      sums[row][column] = sum;
    }
  }
  scatter_sums(operands, sums);
}

void multiply_large(const char* name, WarpFunction function, int32_t (&c)[4], const uint32_t (&a)[4],
                    const uint32_t (&b)[2], Location at) {
  LargeFragments mine;
  std::memcpy(mine.a, a, sizeof(a));
  std::memcpy(mine.b, b, sizeof(b));
  std::memcpy(mine.c, c, sizeof(c));
  collective(name, full_mask, &mine, function, MemoryOrder::none, at);
  std::memcpy(c, mine.c, sizeof(c));
}

}  // namespace

void mma_b1_m8n8k128(BitOperation operation, int32_t (&c)[2], uint32_t a, uint32_t b, Location at) {
  at.return_address = __builtin_return_address(0);
  const bool exclusive_or = operation == BitOperation::exclusive_or;
  SmallFragments mine{{a}, {b}, {c[0], c[1]}};
  collective(exclusive_or ? "mma m8n8k128 xor" : "mma m8n8k128 and", full_mask, &mine,
             exclusive_or ? &multiply_small<true> : &multiply_small<false>, MemoryOrder::none, at);
  c[0] = mine.c[0];
  c[1] = mine.c[1];
}

void mma_b1_m16n8k256(BitOperation operation, int32_t (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                      Location at) {
  at.return_address = __builtin_return_address(0);
  if (operation == BitOperation::exclusive_or) {
    const WarpFunction function = [](void* const* operands, unsigned) {
      int32_t sums[16][8];
      count_exclusive_or(gather_tiles(operands), sums);
      scatter_sums(operands, sums);
    };
    multiply_large("mma m16n8k256 xor", function, c, a, b, at);
  } else {
    const WarpFunction function = [](void* const* operands, unsigned) {
      int32_t sums[16][8];
      count_and(gather_tiles(operands), sums);
      scatter_sums(operands, sums);
    };
    multiply_large("mma m16n8k256 and", function, c, a, b, at);
  }
}

void mma_s8_m16n8k32(int32_t (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Location at) {
  at.return_address = __builtin_return_address(0);
  multiply_large("mma m16n8k32 s8", &multiply_bytes<int8_t>, c, a, b, at);
}

void mma_u8_m16n8k32(int32_t (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Location at) {
  at.return_address = __builtin_return_address(0);
  multiply_large("mma m16n8k32 u8", &multiply_bytes<uint8_t>, c, a, b, at);
}

void load_matrix(uint32_t* result, int count, bool transpose, const void* row, Location at) {
  struct Operands {
    const unsigned char* row;
    bool transpose;
    int count;
    uint32_t result[4];
  };
  at.return_address = __builtin_return_address(0);
  Operands mine{static_cast<const unsigned char*>(row), transpose, count, {}};
  // The addresses of the lanes past the last matrix are not used.
  if (lane < 8 * count) {
    if (reinterpret_cast<uintptr_t>(row) % 16 != 0) {
      check::misaligned(row, "read", "a row of ldmatrix", 16, __builtin_return_address(0));
      fail("MISALIGNED read of 16 bytes: a row of ldmatrix at %p", row);
    }
    if (!is_shared(row))
      fail("OUT OF BOUNDS read of 16 bytes: a row of ldmatrix that is not in shared memory");
    check::access(row, 16, check::Access::read, __builtin_return_address(0));
  }
  collective(
      "ldmatrix", full_mask, &mine,
      [](void* const* operands, unsigned) {
        const auto element = [&](int matrix, int row_number, int column) {
          uint16_t value;
          std::memcpy(&value,
                      static_cast<const Operands*>(operands[8 * matrix + row_number])->row + 2 * column,
                      sizeof(value));
          return uint32_t{value};
        };
        for (int lane = 0; lane < 32; ++lane) {
          auto& to = *static_cast<Operands*>(operands[lane]);
          for (int matrix = 0; matrix < to.count; ++matrix) {
            const int g = group(lane);
            const int q = place(lane);
            to.result[matrix] = to.transpose
                                    ? element(matrix, 2 * q, g) | element(matrix, 2 * q + 1, g) << 16
                                    : element(matrix, g, 2 * q) | element(matrix, g, 2 * q + 1) << 16;
          }
        }
      },
      MemoryOrder::none, at);
  std::memcpy(result, mine.result, static_cast<size_t>(count) * sizeof(uint32_t));
}

}  // namespace simt
