// Where channels lie densely, a thread takes the eight of one byte of a word: its loads are 16 bytes wide,
// and those of a warp follow each other, as do its bytes. Elsewhere a thread takes the word of one pixel, and
// a warp's threads neighbouring pixels: where those lie densely, each load of a warp is of one piece.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "kones/cuda/divider.h"
#include "kones/cuda/elementwise.cuh"
#include "kones/cuda/pack_signs.h"

namespace kones::cuda {
namespace {

constexpr int threads = 256;
/// Blocks of a multiprocessor that registers are to leave room for where a thread takes a word: four of those
/// that read or write its elements, three of those that do both.
template <bool Both>
constexpr int pixel_blocks = Both ? 3 : 4;
/// Blocks side by side along a row, the words of a pixel, and the images; threads go round beyond.
constexpr int64_t row_blocks = 16;
constexpr int64_t word_blocks = 1024;
constexpr int64_t image_blocks = 256;

/// Dense rows of channels, one for each group of each pixel.
struct Rows {
  int64_t count;
  int64_t channels;
  int64_t bytes;  ///< of a row's words
  bool aligned;   ///< each row begins at a multiple of 16 bytes, and so ends
};

/// Calls take(byte, first, left) for this thread's bytes of words: `first` is the number of the byte's first
/// element, and `left` how many its row has from there on.
template <typename Take>
__device__ __forceinline__ void for_each_byte(const Rows& rows, Take take) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (row >= rows.count) return;
  const int64_t byte_stride = static_cast<int64_t>(gridDim.y) * blockDim.x;
  // Not unrolled: nvcc would divide to find the number of turns, and a thread takes one or few.
#pragma unroll 1
  for (int64_t byte = static_cast<int64_t>(blockIdx.y) * blockDim.x + threadIdx.x; byte < rows.bytes;
       byte += byte_stride) {
    take(row * rows.bytes + byte, row * rows.channels + 8 * byte, rows.channels - 8 * byte);
  }
}

__device__ __forceinline__ int valid_elements(int64_t left, int most) {
  return left >= most ? most : (left > 0 ? static_cast<int>(left) : 0);
}

template <typename T>
__global__ void __launch_bounds__(threads)
    pack_rows_kernel(const T* x, const Rows rows, uint8_t* signs, uint8_t* inside) {
  constexpr int elements = vector_elements<T>;
  for_each_byte(rows, [&](int64_t byte, int64_t first, int64_t left) {
    uint32_t negative = 0;
    uint32_t in_range = 0;
#pragma unroll
    for (int part = 0; part < 8 / elements; ++part) {
      const int valid = valid_elements(left - elements * part, elements);
      const ElementVector<T> values =
          load_vector(x, first + elements * part, valid, rows.aligned && valid == elements);
#pragma unroll
      for (int i = 0; i < elements; ++i) {
        const float value = to_float(values.element[i]);
        const uint32_t bit = 1u << (elements * part + i);
        if (i < valid && value < 0.0f) negative |= bit;
        if (i < valid && is_inside(value, -1.0f, 1.0f)) in_range |= bit;
      }
    }
    signs[byte] = static_cast<uint8_t>(negative);
    if (inside != nullptr) inside[byte] = static_cast<uint8_t>(in_range);
  });
}

/// What an element becomes by its bit.
template <typename T>
struct SignOfBit {
  static constexpr bool reads = false;
  __device__ T operator()(bool bit, T) const { return from_float<T>(bit ? -1.0f : 1.0f); }
};
template <typename T>
struct KeptByBit {
  static constexpr bool reads = true;
  __device__ T operator()(bool bit, T value) const { return bit ? value : T{}; }
};

/// y = result(bit, x); x is read where `Result` wants it.
template <typename T, typename Result>
__global__ void __launch_bounds__(threads)
    unpack_rows_kernel(const uint8_t* bits, const T* x, const Rows rows, T* y, Result result) {
  constexpr int elements = vector_elements<T>;
  for_each_byte(rows, [&](int64_t byte, int64_t first, int64_t left) {
    const uint32_t mask = bits[byte];
#pragma unroll
    for (int part = 0; part < 8 / elements; ++part) {
      const int64_t place = first + elements * part;
      const int valid = valid_elements(left - elements * part, elements);
      const bool whole = rows.aligned && valid == elements;
      ElementVector<T> values = {};
      if (Result::reads) values = load_vector(x, place, valid, whole);
#pragma unroll
      for (int i = 0; i < elements; ++i) {
        values.element[i] = result((mask >> (elements * part + i) & 1u) != 0, values.element[i]);
      }
      store_vector(values, y, place, valid, whole);
    }
  });
}

/// Elements at any strides.
struct Pixels {
  SignLayout layout;
  Divider group_words;
  int64_t words;  ///< of a pixel
};

/// Calls take(word, first, valid) for this thread's words: the number of the word, that of its first
/// channel's element, and its channels.
template <typename Take>
__device__ __forceinline__ void for_each_word(const Pixels& all, Take take) {
  const SignLayout& layout = all.layout;
  const int64_t pixel = static_cast<int64_t>(blockIdx.x) * threads + threadIdx.x;
  if (pixel >= layout.pixels) return;
#pragma unroll 1
  for (int64_t image = blockIdx.z; image < layout.batch; image += gridDim.z) {
#pragma unroll 1
    for (uint32_t word = blockIdx.y; word < all.words; word += gridDim.y) {
      const uint32_t group = divide(word, all.group_words);
      const int64_t channel = 64 * static_cast<int64_t>(word - group * all.group_words.divisor);
      const int64_t first = image * layout.batch_stride + pixel * layout.pixel_stride +
                            (group * layout.group_channels + channel) * layout.channel_stride;
      take((image * layout.pixels + pixel) * all.words + word, first,
           valid_elements(layout.group_channels - channel, 64));
    }
  }
}

template <typename T>
__global__ void __launch_bounds__(threads, pixel_blocks<false>)
    pack_pixels_kernel(const T* x, const Pixels pixels, uint64_t* signs, uint64_t* inside) {
  const int64_t stride = pixels.layout.channel_stride;
  for_each_word(pixels, [&](int64_t word, int64_t first, int valid) {
    uint64_t negative = 0;
    uint64_t in_range = 0;
    // Eight loads are under way together.
#pragma unroll 1
    for (int channel = 0; channel < valid; channel += 8) {
      T values[8] = {};
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        if (channel + i < valid) values[i] = x[first + (channel + i) * stride];
      }
      uint32_t negative_byte = 0;
      uint32_t in_range_byte = 0;
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const float value = to_float(values[i]);
        if (value < 0.0f) negative_byte |= 1u << i;
        if (channel + i < valid && is_inside(value, -1.0f, 1.0f)) in_range_byte |= 1u << i;
      }
      negative |= static_cast<uint64_t>(negative_byte) << channel;
      in_range |= static_cast<uint64_t>(in_range_byte) << channel;
    }
    signs[word] = negative;
    if (inside != nullptr) inside[word] = in_range;
  });
}

template <typename T, typename Result>
__global__ void __launch_bounds__(threads, pixel_blocks<Result::reads>)
    unpack_pixels_kernel(const uint64_t* bits, const T* x, const Pixels pixels, T* y, Result result) {
  const int64_t stride = pixels.layout.channel_stride;
  for_each_word(pixels, [&](int64_t word, int64_t first, int valid) {
    const uint64_t mask = bits[word];
#pragma unroll 1
    for (int channel = 0; channel < valid; channel += 8) {
      const uint32_t byte = static_cast<uint32_t>(mask >> channel);
      T values[8] = {};
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        if (Result::reads && channel + i < valid) values[i] = x[first + (channel + i) * stride];
      }
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        if (channel + i < valid) y[first + (channel + i) * stride] = result((byte >> i & 1u) != 0, values[i]);
      }
    }
  });
}

bool is_dense(const SignLayout& layout) {
  return layout.channel_stride == 1 && (layout.pixels == 1 || layout.pixel_stride == layout.channels()) &&
         (layout.batch == 1 || layout.batch_stride == layout.pixels * layout.channels());
}

bool is_empty(const SignLayout& layout) {
  return layout.batch == 0 || layout.pixels == 0 || layout.channels() == 0;
}

Rows rows_of(const SignLayout& layout, int64_t element_bytes, bool aligned) {
  return {layout.batch * layout.pixels * layout.groups, layout.group_channels, 8 * layout.group_words(),
          aligned && layout.group_channels * element_bytes % 16 == 0};
}

unsigned grid_size(int64_t blocks) {
  if (blocks > INT32_MAX) throw std::invalid_argument("pack_signs: 2^31 blocks or more");
  return static_cast<unsigned>(blocks);
}

/// A block takes as much of a row as it has threads for, and as many rows as fill it.
template <typename Launch>
void launch_rows(const Rows& rows, Launch launch) {
  unsigned width = 8;
  while (width < threads && width < rows.bytes) width *= 2;
  const unsigned height = threads / width;
  launch(dim3(grid_size((rows.count + height - 1) / height),
              grid_size(std::min((rows.bytes + width - 1) / width, row_blocks))),
         dim3(width, height));
}

template <typename Launch>
void launch_pixels(SignLayout layout, Launch launch) {
  if (layout.pixels == 1) {
    std::swap(layout.batch, layout.pixels);
    std::swap(layout.batch_stride, layout.pixel_stride);
  }
  const Pixels pixels{layout, Divider(layout.group_words()), layout.groups * layout.group_words()};
  launch(
      dim3(grid_size((layout.pixels + threads - 1) / threads), grid_size(std::min(pixels.words, word_blocks)),
           grid_size(std::min(layout.batch, image_blocks))),
      pixels);
}

template <typename T, typename Result>
void unpack(const uint64_t* bits, const T* x, const SignLayout& layout, T* y, Result result, Stream stream) {
  if (is_empty(layout)) return;
  if (is_dense(layout)) {
    const Rows rows = rows_of(layout, sizeof(T), are_aligned({x, y}));
    launch_rows(rows, [&](dim3 grid, dim3 block) {
      KONES_LAUNCH((unpack_rows_kernel<T, Result>), grid, block, 0, stream,
                   reinterpret_cast<const uint8_t*>(bits), x, rows, y, result);
    });
  } else {
    launch_pixels(layout, [&](dim3 grid, const Pixels& pixels) {
      KONES_LAUNCH((unpack_pixels_kernel<T, Result>), grid, dim3(threads), 0, stream, bits, x, pixels, y,
                   result);
    });
  }
}

template <typename T>
void pack(const T* x, const SignLayout& layout, uint64_t* words, uint64_t* inside, Stream stream) {
  if (is_empty(layout)) return;
  if (is_dense(layout)) {
    const Rows rows = rows_of(layout, sizeof(T), are_aligned({x}));
    launch_rows(rows, [&](dim3 grid, dim3 block) {
      KONES_LAUNCH(pack_rows_kernel<T>, grid, block, 0, stream, x, rows, reinterpret_cast<uint8_t*>(words),
                   reinterpret_cast<uint8_t*>(inside));
    });
  } else {
    launch_pixels(layout, [&](dim3 grid, const Pixels& pixels) {
      KONES_LAUNCH(pack_pixels_kernel<T>, grid, dim3(threads), 0, stream, x, pixels, words, inside);
    });
  }
}

}  // namespace

template <typename T>
void pack_signs(const T* x, const SignLayout& layout, uint64_t* words, uint64_t* inside, Stream stream) {
  pack(x, layout, words, inside, stream);
}

template <typename T>
void unpack_signs(const uint64_t* words, const SignLayout& layout, T* y, Stream stream) {
  unpack(words, static_cast<const T*>(nullptr), layout, y, SignOfBit<T>{}, stream);
}

template <typename T>
void apply_sign_mask(const T* gradient, const uint64_t* mask, const SignLayout& layout, T* y, Stream stream) {
  unpack(mask, gradient, layout, y, KeptByBit<T>{}, stream);
}

template void pack_signs(const float*, const SignLayout&, uint64_t*, uint64_t*, Stream);
template void pack_signs(const Float16*, const SignLayout&, uint64_t*, uint64_t*, Stream);
template void pack_signs(const BFloat16*, const SignLayout&, uint64_t*, uint64_t*, Stream);
template void unpack_signs(const uint64_t*, const SignLayout&, float*, Stream);
template void unpack_signs(const uint64_t*, const SignLayout&, Float16*, Stream);
template void unpack_signs(const uint64_t*, const SignLayout&, BFloat16*, Stream);
template void apply_sign_mask(const float*, const uint64_t*, const SignLayout&, float*, Stream);
template void apply_sign_mask(const Float16*, const uint64_t*, const SignLayout&, Float16*, Stream);
template void apply_sign_mask(const BFloat16*, const uint64_t*, const SignLayout&, BFloat16*, Stream);

}  // namespace kones::cuda
