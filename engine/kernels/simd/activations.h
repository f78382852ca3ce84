// SPDX-License-Identifier: Apache-2.0
// Which activations our vector code can apply to what it computes (activations-inl.h).
#pragma once

#include "engine/ops/activation.h"

namespace lathe::simd {

inline bool is_fused_activation(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::none:
    case ActivationKind::relu:
    case ActivationKind::gelu:
    case ActivationKind::gelu_tanh:
    case ActivationKind::sigmoid:
    case ActivationKind::swish:
    case ActivationKind::clip:
    case ActivationKind::hard_swish:
      return true;
    default:
      return false;
  }
}

}  // namespace lathe::simd
