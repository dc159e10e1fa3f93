// Matrix instructions of a whole warp, with the fragment layouts of the PTX ISA (9.7.14, "Matrix Fragments
// for mma.m8n8k128", "… m16n8k256", "… m16n8k32"; "ldmatrix"). Lane l has group g = l / 4 and place q = l % 4
// in it.
#pragma once

#include <cstdint>

#include "simt/location.h"

namespace simt {

enum class BitOperation { exclusive_or, conjunction };

/// c += popcount(a op b) over 128 bits, an 8x8 tile. a: row g, word q. b: column g, word q. c[i]: row g,
/// column 2q + i.
void mma_b1_m8n8k128(BitOperation operation, int32_t (&c)[2], uint32_t a, uint32_t b,
                     Location at = Location::here());

/// c += popcount(a op b) over 256 bits, a 16x8 tile. a[i]: row g + 8 (i % 2), word q + 4 (i / 2).
/// b[i]: column g, word q + 4i. c[i]: row g + 8 (i / 2), column 2q + i % 2.
void mma_b1_m16n8k256(BitOperation operation, int32_t (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                      Location at = Location::here());

/// c += a b over 32 bytes, a 16x8 tile; sums wrap. Fragments as above with four bytes a word, least
/// significant first.
void mma_s8_m16n8k32(int32_t (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                     Location at = Location::here());
void mma_u8_m16n8k32(int32_t (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                     Location at = Location::here());

/// Loads Count (1, 2 or 4) matrices of 8x8 16-bit elements from shared memory: lane 8m + r names row r of
/// matrix m, 16 bytes aligned to 16. result[m] holds elements (g, 2q) and (g, 2q + 1), or with `transpose`
/// (2q, g) and (2q + 1, g).
void load_matrix(uint32_t* result, int count, bool transpose, const void* row,
                 Location at = Location::here());

}  // namespace simt
