// What a program that trains asks of its memory allocator.
#pragma once

namespace kones {

/// Keeps memory that is freed for the process's next allocations. glibc gives large blocks back to the system
/// at once, which has to clear them anew when the next step of a training asks for as much: that took half of
/// a step of mnist-3hidden (docs/results/training.md). For the whole process, so a program calls it, not the
/// library; without glibc it does nothing. Before other threads are started.
void keep_freed_memory();

}  // namespace kones
