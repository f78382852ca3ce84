// SPDX-License-Identifier: Apache-2.0
// Reading a value through what made it: transposes, reshapes, slices and picks become strides over an earlier
// value.
#pragma once

#include "engine/ops/fused_attention.h"
#include "engine/passes/match.h"

namespace lathe {

/// Row-major, all of it.
StridedView whole(const Shape& shape);
StridedView permuted(const StridedView& view, const std::vector<int64_t>& perm);
/// Leading axes of size 1 or stride 0 until it has the batch axes of `batch` and repeats along them; nothing
/// when it does not broadcast.
std::optional<StridedView> broadcast_batch(StridedView view, const Shape& batch);

struct ViewedValue {
  ValueId source;
  StridedView view;  ///< over `source`, which lies row-major
};
/// `view` of `value`, followed up through operators that only rearrange as far as strides can say it.
ViewedValue follow_up(const PassContext& context, ValueId value, StridedView view);

}  // namespace lathe
