// SPDX-License-Identifier: Apache-2.0
// Larger engines than modules: pieces that touch become one, together with single nodes that stand between
// them.
#pragma once

#include <vector>

#include "engine/graph/graph.h"
#include "engine/runtime/converted.h"

namespace lathe {

/// What may be inside an engine besides the pieces.
struct MergeRequest {
  const Partition* pieces = nullptr;
  std::vector<bool> free;  ///< by node: belongs to no piece and could be compiled
  /// Whatever runs before the first node that cannot be compiled becomes one piece, the first of the result,
  /// even where it holds no piece yet; nodes further on are joined to pieces only.
  bool cut = false;
};

/// Every node has a level: the number of times that a path from the inputs to it enters a node that cannot be
/// compiled. What can be compiled and has the same level becomes one piece. A path that leaves such a piece
/// through a node that cannot be compiled ends on a higher level, so that pieces are convex and never wait
/// for each other in a circle. Pieces come in order of their level; nodes that follow from constants alone
/// stay outside, where they cost no copies.
Partition merge_pieces(const Model& model, const MergeRequest& request);

/// The first piece that waits, with those before it, for itself: each can be cut out alone, not all of them
/// at once. -1 where there is none.
int first_in_circle(const Model& model, const Partition& partition);

}  // namespace lathe
