#include "kones/torch/train/memory.h"

#include <cstdlib>  // which defines __GLIBC__

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace kones {

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);         // no block of its own from the system, however large
  mallopt(M_TRIM_THRESHOLD, -1);  // nothing back to it
#endif
}

}  // namespace kones
