// The toolkit's bfloat16 for a host compiler, with the functions that its header gives to devices alone.
#pragma once

#include_next <cuda_bf16.h>

#include "simt/half_bfloat16.h"
