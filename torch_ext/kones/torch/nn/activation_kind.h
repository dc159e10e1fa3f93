// The kinds of activation that a network may have.
#pragma once

namespace kones::nn {

enum class ActivationKind {
  relu,  ///< max(x, 0)
  sign,  ///< -1 or +1, sign(0) = +1; the gradient passes where |x| <= 1 (BinaryNet: Courbariaux et al., 2016,
         ///< section 1.3)
};

}  // namespace kones::nn
