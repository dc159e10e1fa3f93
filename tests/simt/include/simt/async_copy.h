// cp.async: copies from global to shared memory that are complete only after a wait. The bytes arrive at the
// wait, not before; until then the destination holds a pattern that no kernel takes for data.
#pragma once

#include <cstddef>

namespace simt {

/// Starts a copy of `size` bytes (4, 8 or 16; both addresses aligned to it), of which the first `source_size`
/// are read and the others become 0.
void copy_async(void* shared, const void* global, size_t size, size_t source_size);

/// Closes the running thread's group of copies.
void copy_async_commit();

/// Waits until at most `pending` of the running thread's newest groups are under way.
void copy_async_wait(int pending);

/// Waits for all copies of the running thread, in closed groups or not.
void copy_async_wait_all();

}  // namespace simt
