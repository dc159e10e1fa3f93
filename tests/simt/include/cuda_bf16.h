// The toolkit's bfloat16 for a host compiler, with the functions that its header gives to devices alone.
#pragma once

// clang-format off
#include_next <cuda_bf16.h>
#include "simt/half_bfloat16.h"
// clang-format on
