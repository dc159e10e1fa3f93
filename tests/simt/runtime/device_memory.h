// Device memory: allocations that the host makes and kernels use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace simt {

struct Allocation {
  char* start;
  size_t size;
};

/// Memory aligned to 256 bytes, as a device's, filled with bytes 0xFF. Null if there is none.
void* allocate(size_t size);

/// Whether `address` is the start of an allocation, which then ends.
bool release(void* address);

/// Whether `address` was in an allocation that has ended. The sanitizer build, where AddressSanitizer tells,
/// always says no.
bool was_released(const void* address);

/// Whether `address` is where no other memory of the process can be. No in the sanitizer build.
bool in_device_range(const void* address);

/// Every live allocation, by address.
std::vector<Allocation> allocations();

/// Whether [address, address + size) is inside one allocation.
bool is_allocated(const void* address, size_t size);

}  // namespace simt
