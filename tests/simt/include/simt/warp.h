// Warp collectives: each lane of the mask deposits its operands, and the last one to come computes for all.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "simt/build.h"
#include "simt/error.h"
#include "simt/location.h"
#include "simt/thread.h"

namespace simt {

/// Computes a collective: operands[i] is what lane i of the mask deposited; results go to the same place.
using WarpFunction = void (*)(void* const* operands, unsigned mask);

enum class MemoryOrder { none, warp };

/// Waits until every lane of `mask` has called this for the same operation, mask and place, then runs
/// `function` once. MemoryOrder::warp makes what each lane did to memory before visible to the others after,
/// as __syncwarp does; the other collectives do not.
void collective(const char* name, unsigned mask, void* operands, WarpFunction function, MemoryOrder order,
                Location at);

inline bool in_mask(unsigned mask, int lane) {
  return (mask >> lane & 1u) != 0;
}

/// The lanes of a mask, for a loop over them.
template <typename Body>
void for_each_lane(unsigned mask, Body body) {
  for (int i = 0; i < 32; ++i) {
    if (in_mask(mask, i)) body(i);
  }
}

enum class ShuffleKind { index, up, down, exclusive_or };

/// Where a shuffle reads: a lane, or the lane itself if that lies outside its segment of `width` lanes (PTX
/// ISA, shfl).
int shuffle_source(ShuffleKind kind, int lane, unsigned operand, int width);

[[noreturn]] void fail_shuffle(int reader, int source);

template <typename T>
T shuffle(ShuffleKind kind, unsigned mask, T value, unsigned operand, int width, Location at) {
  static_assert(std::is_trivially_copyable<T>::value && sizeof(T) <= 8, "shuffles move up to 8 bytes");
  struct Operands {
    T value;
    T result;
    int source;
  };
  Operands mine{value, value, shuffle_source(kind, lane, operand, width)};
  collective(
      "shuffle", mask, &mine,
      [](void* const* operands, unsigned lanes) {
        for_each_lane(lanes, [&](int i) {
          auto* reader = static_cast<Operands*>(operands[i]);
          if (!in_mask(lanes, reader->source)) fail_shuffle(i, reader->source);
          reader->result = static_cast<Operands*>(operands[reader->source])->value;
        });
      },
      MemoryOrder::none, at);
  return mine.result;
}

/// The lanes of the mask whose predicate is true.
inline unsigned ballot(unsigned mask, bool predicate, Location at) {
  struct Operands {
    bool predicate;
    unsigned result;
  };
  Operands mine{predicate, 0};
  collective(
      "ballot", mask, &mine,
      [](void* const* operands, unsigned lanes) {
        unsigned votes = 0;
        for_each_lane(lanes, [&](int i) {
          if (static_cast<Operands*>(operands[i])->predicate) votes |= 1u << i;
        });
        for_each_lane(lanes, [&](int i) { static_cast<Operands*>(operands[i])->result = votes; });
      },
      MemoryOrder::none, at);
  return mine.result;
}

/// The lanes of the mask whose value has the same bits.
template <typename T>
unsigned match(unsigned mask, T value, Location at) {
  static_assert(std::is_trivially_copyable<T>::value && (sizeof(T) == 4 || sizeof(T) == 8), "4 or 8 bytes");
  struct Operands {
    T value;
    unsigned result;
  };
  Operands mine{value, 0};
  collective(
      "match", mask, &mine,
      [](void* const* operands, unsigned lanes) {
        for_each_lane(lanes, [&](int i) {
          auto* one = static_cast<Operands*>(operands[i]);
          one->result = 0;
          for_each_lane(lanes, [&](int j) {
            if (std::memcmp(&one->value, &static_cast<Operands*>(operands[j])->value, sizeof(T)) == 0) {
              one->result |= 1u << j;
            }
          });
        });
      },
      MemoryOrder::none, at);
  return mine.result;
}

/// Folds the values of the mask's lanes with Combine, which is associative and commutative.
template <typename Combine, typename T>
T reduce(unsigned mask, T value, Location at) {
  T mine = value;
  collective(
      "reduce", mask, &mine,
      [](void* const* operands, unsigned lanes) {
        T result{};
        bool first = true;
        for_each_lane(lanes, [&](int i) {
          const T operand = *static_cast<T*>(operands[i]);
          result = first ? operand : Combine()(result, operand);
          first = false;
        });
        for_each_lane(lanes, [&](int i) { *static_cast<T*>(operands[i]) = result; });
      },
      MemoryOrder::none, at);
  return mine;
}

// Sums wrap, as on a device.
struct Add {
  unsigned operator()(unsigned a, unsigned b) const { return a + b; }
  int operator()(int a, int b) const {
    return static_cast<int>(static_cast<unsigned>(a) + static_cast<unsigned>(b));
  }
};
struct Minimum {
  template <typename T>
  T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};
struct Maximum {
  template <typename T>
  T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};
struct And {
  unsigned operator()(unsigned a, unsigned b) const { return a & b; }
};
struct Or {
  unsigned operator()(unsigned a, unsigned b) const { return a | b; }
};
struct ExclusiveOr {
  unsigned operator()(unsigned a, unsigned b) const { return a ^ b; }
};

}  // namespace simt

inline void __syncwarp(unsigned mask = 0xffffffffu, simt::Location at = simt::Location::here()) {
  simt::collective(
      "__syncwarp", mask, nullptr, [](void* const*, unsigned) {}, simt::MemoryOrder::warp, at);
  simt::compiler_barrier();
}

/// Only the calling lane: a device may call any lanes active together, and promises none.
inline unsigned __activemask() {
  return 1u << simt::lane;
}

inline unsigned __ballot_sync(unsigned mask, int predicate, simt::Location at = simt::Location::here()) {
  return simt::ballot(mask, predicate != 0, at);
}
inline int __any_sync(unsigned mask, int predicate, simt::Location at = simt::Location::here()) {
  return simt::ballot(mask, predicate != 0, at) != 0;
}
inline int __all_sync(unsigned mask, int predicate, simt::Location at = simt::Location::here()) {
  return simt::ballot(mask, predicate == 0, at) == 0;
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              simt::Location at = simt::Location::here()) {
  return simt::shuffle(simt::ShuffleKind::index, mask, value, static_cast<unsigned>(source), width, at);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 simt::Location at = simt::Location::here()) {
  return simt::shuffle(simt::ShuffleKind::up, mask, value, delta, width, at);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   simt::Location at = simt::Location::here()) {
  return simt::shuffle(simt::ShuffleKind::down, mask, value, delta, width, at);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32,
                  simt::Location at = simt::Location::here()) {
  return simt::shuffle(simt::ShuffleKind::exclusive_or, mask, value, static_cast<unsigned>(lane_mask), width,
                       at);
}

template <typename T>
unsigned __match_any_sync(unsigned mask, T value, simt::Location at = simt::Location::here()) {
  return simt::match(mask, value, at);
}
template <typename T>
unsigned __match_all_sync(unsigned mask, T value, int* predicate,
                          simt::Location at = simt::Location::here()) {
  const bool all = simt::match(mask, value, at) == mask;
  *predicate = all;
  return all ? mask : 0u;
}

inline unsigned __reduce_add_sync(unsigned mask, unsigned value, simt::Location at = simt::Location::here()) {
  return simt::reduce<simt::Add>(mask, value, at);
}
inline int __reduce_add_sync(unsigned mask, int value, simt::Location at = simt::Location::here()) {
  return simt::reduce<simt::Add>(mask, value, at);
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value, simt::Location at = simt::Location::here()) {
  return simt::reduce<simt::Minimum>(mask, value, at);
}
inline int __reduce_min_sync(unsigned mask, int value, simt::Location at = simt::Location::here()) {
  return simt::reduce<simt::Minimum>(mask, value, at);
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value, simt::Location at = simt::Location::here()) {
  return simt::reduce<simt::Maximum>(mask, value, at);
}
inline int __reduce_max_sync(unsigned mask, int value, simt::Location at = simt::Location::here()) {
  return simt::reduce<simt::Maximum>(mask, value, at);
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value, simt::Location at = simt::Location::here()) {
  return simt::reduce<simt::And>(mask, value, at);
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value, simt::Location at = simt::Location::here()) {
  return simt::reduce<simt::Or>(mask, value, at);
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value, simt::Location at = simt::Location::here()) {
  return simt::reduce<simt::ExclusiveOr>(mask, value, at);
}
