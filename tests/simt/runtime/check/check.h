// The check build's view of a kernel: every access of its threads to memory that others can see. In the other
// builds these functions do nothing.
#pragma once

#include <cstddef>

#include "simt/launch.h"
#include "simt/memory.h"

namespace simt {

class Block;

namespace check {

#if defined(SIMT_CHECK)
constexpr bool enabled = true;
#else
constexpr bool enabled = false;
#endif

enum class Access { read, write, atomic };

#if defined(SIMT_CHECK)

void start_launch(const Launch& launch);
void start_block(Block& block);
/// All threads of the block have met.
void barrier(Block& block);
/// The lanes of `mask` in the running thread's warp have met.
void warp_barrier(Block& block, unsigned mask);
void fence(FenceScope scope);

/// The running thread's access to [address, address + size), from the instruction before `site`.
void access(const void* address, size_t size, Access kind, const void* site);
/// The same from compiled code, which also knows its natural alignment.
void aligned_access(const void* address, size_t size, Access kind, const void* site);
/// The running thread uses `what` ("16 bytes", "'float4'") at an address that its alignment does not allow.
void misaligned(const void* address, const char* verb, const char* what, size_t alignment, const void* site);

/// cp.async: the bytes at the address are under way, and have come.
void copy_started(const void* address, size_t size);
void copy_completed(const void* address, size_t size, const void* site);

/// Device memory comes to life, is written by the host, and ends.
void allocated(const void* address, size_t size);
void written_by_host(const void* address, size_t size);
void released(const void* address);

#else

inline void start_launch(const Launch&) {}
inline void start_block(Block&) {}
inline void barrier(Block&) {}
inline void warp_barrier(Block&, unsigned) {}
inline void fence(FenceScope) {}
inline void access(const void*, size_t, Access, const void*) {}
inline void misaligned(const void*, const char*, const char*, size_t, const void*) {}
inline void copy_started(const void*, size_t) {}
inline void copy_completed(const void*, size_t, const void*) {}
inline void allocated(const void*, size_t) {}
inline void written_by_host(const void*, size_t) {}
inline void released(const void*) {}

#endif

}  // namespace check
}  // namespace simt
