// Atomic operations on global and shared memory. As on a device they are relaxed: what else a thread wrote is
// visible to who reads the atomic only with a fence before it (and, for the reader, one after).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "simt/build.h"

namespace simt {

/// The new bits of an atomic's location, of its old bits and the operand at `operand`.
using AtomicFunction = uint64_t (*)(uint64_t old, const void* operand);

/// Applies `function` to the `size` bytes (2, 4 or 8) at `address` as one step; returns the old bits.
uint64_t atomic_update(void* address, size_t size, AtomicFunction function, const void* operand);

template <typename T>
T from_bits(uint64_t bits) {
  T value;
  std::memcpy(static_cast<void*>(&value), &bits, sizeof(value));
  return value;
}

template <typename T>
uint64_t to_bits(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(value));
  return bits;
}

/// *address = combine(*address, operand), with a stateless combine; returns the old value.
template <typename T, typename Combine>
__forceinline__ T atomic(T* address, T operand, Combine) {
  static_assert(std::is_empty<Combine>::value, "combine must not capture");
  const uint64_t old = atomic_update(
      address, sizeof(T),
      [](uint64_t bits, const void* operand_bytes) {
        T value;
        std::memcpy(static_cast<void*>(&value), operand_bytes, sizeof(value));
        // An empty type's object has no state to read, so one made of nothing will do (lambdas lack a
        // constructor).
        alignas(Combine) char nothing[sizeof(Combine)] = {};
        return to_bits<T>((*reinterpret_cast<Combine*>(nothing))(from_bits<T>(bits), value));
      },
      &operand);
  return from_bits<T>(old);
}

/// Integer sums wrap, as on a device.
template <typename T>
T wrapping_add(T a, T b) {
  if constexpr (std::is_integral<T>::value) {
    using Unsigned = typename std::make_unsigned<T>::type;
    return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
  } else {
    return a + b;
  }
}

}  // namespace simt

#define SIMT_ATOMIC(name, T, expression)                                                   \
  __forceinline__ T name(T* address, T value) {                                            \
    return simt::atomic(address, value, [](T old, T operand) -> T { return expression; }); \
  }
#define SIMT_ATOMIC_INTEGERS(name, expression) \
  SIMT_ATOMIC(name, int, expression)           \
  SIMT_ATOMIC(name, unsigned, expression)      \
  SIMT_ATOMIC(name, unsigned long long, expression)

SIMT_ATOMIC_INTEGERS(atomicAdd, simt::wrapping_add(old, operand))
SIMT_ATOMIC(atomicAdd, float, old + operand)
SIMT_ATOMIC(atomicAdd, double, old + operand)
SIMT_ATOMIC(atomicSub, int, simt::wrapping_add(old, simt::wrapping_add(~operand, 1)))
SIMT_ATOMIC(atomicSub, unsigned, old - operand)
SIMT_ATOMIC_INTEGERS(atomicMin, operand < old ? operand : old)
SIMT_ATOMIC(atomicMin, long long, operand < old ? operand : old)
SIMT_ATOMIC_INTEGERS(atomicMax, old < operand ? operand : old)
SIMT_ATOMIC(atomicMax, long long, old < operand ? operand : old)
SIMT_ATOMIC_INTEGERS(atomicAnd, old& operand)
SIMT_ATOMIC_INTEGERS(atomicOr, old | operand)
SIMT_ATOMIC_INTEGERS(atomicXor, old ^ operand)
SIMT_ATOMIC_INTEGERS(atomicExch, (static_cast<void>(old), operand))
SIMT_ATOMIC(atomicExch, float, (static_cast<void>(old), operand))
SIMT_ATOMIC(atomicInc, unsigned, old >= operand ? 0u : old + 1u)
SIMT_ATOMIC(atomicDec, unsigned, old == 0u || old > operand ? operand : old - 1u)

#undef SIMT_ATOMIC_INTEGERS
#undef SIMT_ATOMIC

namespace simt {

template <typename T>
__forceinline__ T compare_and_swap(T* address, T compare, T value) {
  struct Operands {
    T compare;
    T value;
  };
  const Operands operands{compare, value};
  return from_bits<T>(atomic_update(
      address, sizeof(T),
      [](uint64_t bits, const void* operand) {
        const auto* both = static_cast<const Operands*>(operand);
        return from_bits<T>(bits) == both->compare ? to_bits(both->value) : bits;
      },
      &operands));
}

}  // namespace simt

__forceinline__ int atomicCAS(int* address, int compare, int value) {
  return simt::compare_and_swap(address, compare, value);
}
__forceinline__ unsigned atomicCAS(unsigned* address, unsigned compare, unsigned value) {
  return simt::compare_and_swap(address, compare, value);
}
__forceinline__ unsigned long long atomicCAS(unsigned long long* address, unsigned long long compare,
                                             unsigned long long value) {
  return simt::compare_and_swap(address, compare, value);
}
__forceinline__ unsigned short atomicCAS(unsigned short* address, unsigned short compare,
                                         unsigned short value) {
  return simt::compare_and_swap(address, compare, value);
}
