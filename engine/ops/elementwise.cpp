// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/elementwise.h"

namespace lathe {

BroadcastLoop::BroadcastLoop(const Shape& target, std::span<const Shape> operands)
    : count_(element_count(target)) {
  std::array<std::vector<int64_t>, max_operands> strides;
  for (size_t i = 0; i < operands.size(); ++i) strides[i] = broadcast_strides(operands[i], target);
  for (size_t axis = 0; axis < target.size(); ++axis) {
    if (target[axis] == 1) continue;
    Axis next{target[axis], {}};
    for (size_t i = 0; i < operands.size(); ++i) next.strides[i] = strides[i][axis];
    // Joined with the axis before it when every operand goes on where that one ends.
    bool joins = !outer_.empty();
    for (size_t i = 0; joins && i < max_operands; ++i)
      joins = outer_.back().strides[i] == next.strides[i] * next.size;
    if (joins) {
      next.size *= outer_.back().size;
      outer_.back() = next;
    } else {
      outer_.push_back(next);
    }
  }
  if (outer_.empty()) return;
  run_ = outer_.back().size;
  inner_ = outer_.back().strides;
  outer_.pop_back();
}

Result<BroadcastPair> broadcast_pair(const RunContext& context, const Shape& a, const Shape& b) {
  BroadcastPair pair{legacy_broadcast(context.node(), a.size(), b), {}};
  auto output = broadcast(a, pair.b);
  if (!output)
    return context.error("has shapes " + to_string(a) + " and " + to_string(b) + ", which do not broadcast");
  pair.output = *std::move(output);
  return pair;
}

}  // namespace lathe
