// The toolkit's float16 for a host compiler, with the functions that its header gives to devices alone.
#pragma once

// clang-format off
#include_next <cuda_fp16.h>
#include "simt/half_float16.h"
// clang-format on
