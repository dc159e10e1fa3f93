// The runtime's last error on the calling OS thread.
#pragma once

#include <driver_types.h>

namespace simt {

void set_last_error(cudaError_t error);

}  // namespace simt
