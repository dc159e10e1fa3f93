// INQ's level set (Zhou, Yao, Guo, Xu and Chen, "Incremental Network Quantization: Towards Lossless CNNs with
// Low-Precision Weights", ICLR 2017, section 2.1).
#pragma once

#include <ATen/core/Tensor.h>

namespace kones::quantizers {

/// 0 and +-2^e, min_exponent (the paper's n2) <= e <= max_exponent (n1): the arguments of the operator
/// power_of_two with zero.
struct InqLevels {
  int64_t min_exponent;
  int64_t max_exponent;
};

/// n1 = floor(log2(4 s / 3)) and n2 = n1 + 1 - 2^(bits - 2), for
/// s = max_abs, the largest |w| of a layer: 2^(bits-2) exponents, one code for zero, bits - 1 bits for the
/// others. The logarithm is never computed: its floor is read from the exponent and a comparison, so that no
/// s falls on the wrong side. bits is 2 to 8, max_abs positive and finite, and the exponents within
/// -126..126. Throws c10::Error otherwise.
///
/// A layer's levels come from its trained float weights, once: do not compute them again while training.
InqLevels inq_levels(double max_abs, int64_t bits);

/// The same from the weights themselves; they must have an element other than zero.
InqLevels inq_levels(const at::Tensor& w, int64_t bits);

/// Each w to its level: +-b for (a + b) / 2 <= |w| < 3 b / 2, where b is a level and a the next
/// smaller one (0 below 2^n2), else 0. That is the nearest level in the linear domain, ties away from zero,
/// and zero for |w| < 2^(n2 - 1): the operator power_of_two, with zero, to nearest, which is what this calls.
/// No weight that n1 came from is 3/2 2^n1 or more; one that training has made so large is clamped to 2^n1,
/// as in the authors' code, where the letter of the rule would make it 0. The gradient passes straight
/// through; what is frozen is the training loop's to mask. NaN stays NaN. Throws c10::Error.
at::Tensor inq(const at::Tensor& w, InqLevels levels);

}  // namespace kones::quantizers
