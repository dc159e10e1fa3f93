// Memory that kernels see: fences, read-only loads, dynamic shared memory, and device memory for the host.
#pragma once

#include <cstddef>
#include <cstdint>

#include "simt/build.h"

namespace simt {

enum class FenceScope { block, device };

void fence(FenceScope scope);

/// The running block's dynamic shared memory.
void* dynamic_shared();

/// Whether an address is in the running block's shared memory.
bool is_shared(const void* address);

/// Lets other threads run, as a spinning thread must: __nanosleep does. Atomics that leave memory as it is do
/// so by themselves now and then, and in the check build volatile reads of the same address too.
void sleep();

}  // namespace simt

inline void __threadfence() {
  simt::fence(simt::FenceScope::device);
}
inline void __threadfence_system() {
  simt::fence(simt::FenceScope::device);
}
inline void __threadfence_block() {
  simt::fence(simt::FenceScope::block);
}
inline void __nanosleep(unsigned) {
  simt::sleep();
}

template <typename T>
T __ldg(const T* address) {
  return *address;
}
template <typename T>
T __ldcg(const T* address) {
  return *address;
}
template <typename T>
T __ldcs(const T* address) {
  return *address;
}
template <typename T>
void __stcs(T* address, T value) {
  *address = value;
}
template <typename T>
void __stcg(T* address, T value) {
  *address = value;
}
inline unsigned __isShared(const void* address) {
  return simt::is_shared(address) ? 1u : 0u;
}
inline unsigned __isGlobal(const void* address) {
  return simt::is_shared(address) ? 0u : 1u;
}
