// Barriers of a block.
#pragma once

#include "simt/build.h"
#include "simt/location.h"

namespace simt {

/// What the threads that meet at a barrier learn of each other's predicates.
enum class BarrierResult { none, count, all, any };

/// Waits until every thread of the block has come here. Threads that meet elsewhere, or have ended, are an
/// error: a device may forgive some of it, a portable kernel may not.
int barrier(BarrierResult result, bool predicate, Location at);

}  // namespace simt

__forceinline__ void __syncthreads(simt::Location at = simt::Location::here()) {
  simt::barrier(simt::BarrierResult::none, false, at);
  simt::compiler_barrier();
}

__forceinline__ int __syncthreads_count(int predicate, simt::Location at = simt::Location::here()) {
  const int result = simt::barrier(simt::BarrierResult::count, predicate != 0, at);
  simt::compiler_barrier();
  return result;
}

__forceinline__ int __syncthreads_and(int predicate, simt::Location at = simt::Location::here()) {
  const int result = simt::barrier(simt::BarrierResult::all, predicate != 0, at);
  simt::compiler_barrier();
  return result;
}

__forceinline__ int __syncthreads_or(int predicate, simt::Location at = simt::Location::here()) {
  const int result = simt::barrier(simt::BarrierResult::any, predicate != 0, at);
  simt::compiler_barrier();
  return result;
}
