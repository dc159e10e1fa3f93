// One binary matrix product, native on sm_80 and emulated on sm_90a (XOR) and sm_120a (both).
#include <cstdint>

#define BINARY_MMA(NAME, OPERATION)                                                            \
  __global__ void NAME(const uint32_t* a, const uint32_t* b, int32_t* c) {                     \
    const int lane = threadIdx.x;                                                              \
    int32_t sum[4] = {0, 0, 0, 0};                                                             \
    asm("mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32." OPERATION                          \
        ".popc {%0,%1,%2,%3}, {%4,%5,%6,%7}, "                                                 \
        "{%8,%9}, {%0,%1,%2,%3};"                                                              \
        : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])                               \
        : "r"(a[lane]), "r"(a[lane + 32]), "r"(a[lane + 64]), "r"(a[lane + 96]), "r"(b[lane]), \
          "r"(b[lane + 32]));                                                                  \
    for (int i = 0; i < 4; ++i) c[4 * lane + i] = sum[i];                                      \
  }

BINARY_MMA(mma_xor, "xor")
BINARY_MMA(mma_and, "and")
