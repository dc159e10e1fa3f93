// Transposition of small matrices, for the instruction set of the file that includes it.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

namespace kones::kernels {
namespace {

#if defined(__AVX512BW__)
constexpr int transpose_lanes = 16;
#elif defined(__AVX2__)
constexpr int transpose_lanes = 8;
#else
constexpr int transpose_lanes = 4;
#endif

template <typename T, int N>
struct Line {
  static_assert(sizeof(T) == 2 || sizeof(T) == 4);
  using Lane = std::conditional_t<sizeof(T) == 2, uint16_t, uint32_t>;
  typedef Lane Vector __attribute__((vector_size(N * sizeof(T))));

  /// Lanes first, first + 1 ... of a and b in turn, N in all.
  template <int first, size_t... lane>
  static Vector interleaved(Vector a, Vector b, std::index_sequence<lane...>) {
    return __builtin_shuffle(a, b, Vector{static_cast<Lane>(first + lane / 2 + lane % 2 * N)...});
  }
};

/// N rows of N elements: each step halves the distance of a row's neighbours.
template <int N, typename T>
inline void transpose_block(const T* from, int64_t from_stride, T* to, int64_t to_stride) {
  using L = Line<T, N>;
  constexpr auto lanes = std::make_index_sequence<N>();
  typename L::Vector rows[N];
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) __builtin_memcpy(&rows[i], from + i * from_stride, sizeof(rows[i]));
#pragma GCC unroll 4
  for (int step = 1; step < N; step *= 2) {
    typename L::Vector next[N];
#pragma GCC unroll 8
    for (int i = 0; i < N / 2; ++i) {
      next[2 * i] = L::template interleaved<0>(rows[i], rows[i + N / 2], lanes);
      next[2 * i + 1] = L::template interleaved<N / 2>(rows[i], rows[i + N / 2], lanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) rows[i] = next[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) __builtin_memcpy(to + i * to_stride, &rows[i], sizeof(rows[i]));
}

/// to[c * to_stride + r] = from[r * from_stride + c]. The last blocks of N overlap those before.
template <int N = transpose_lanes, typename T>
inline void transpose(const T* from, int64_t rows, int64_t columns, int64_t from_stride, T* to,
                      int64_t to_stride) {
  if (rows >= N && columns >= N) {
    for (int64_t r = 0; r < rows; r += N) {
      const int64_t row = r + N <= rows ? r : rows - N;
      for (int64_t c = 0; c < columns; c += N) {
        const int64_t column = c + N <= columns ? c : columns - N;
        transpose_block<N>(from + row * from_stride + column, from_stride, to + column * to_stride + row,
                           to_stride);
      }
    }
  } else if constexpr (N > 4) {
    transpose<N / 2>(from, rows, columns, from_stride, to, to_stride);
  } else {
    for (int64_t c = 0; c < columns; ++c)
      for (int64_t r = 0; r < rows; ++r) to[c * to_stride + r] = from[r * from_stride + c];
  }
}

}  // namespace
}  // namespace kones::kernels
