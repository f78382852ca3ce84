// SPDX-License-Identifier: Apache-2.0
// Layered drawing of a directed graph (Sugiyama's method): layers from top to bottom, few crossings, straight
// long edges.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"
#include "profiler/layout/geometry.h"

namespace lathe {

struct LayeredNode {
  enum class Pin : uint8_t { none, top, bottom };
  double width = 0, height = 0;
  Pin pin = Pin::none;  ///< kept in the first layer (then without edges into it) or the last (without edges
                        ///< out of it)
};

/// Edges of one bundle (same source) share the long part of their way. Offsets are from the centre of the
/// side.
struct LayeredEdge {
  uint32_t from = 0, to = 0;
  uint32_t bundle = 0;
  double from_offset = 0, to_offset = 0;
};

struct LayeredSpacing {
  double between_nodes = 24;  ///< in a layer
  double between_lines = 10;  ///< of edges that pass through a layer
  double between_layers = 44;
};

struct LayeredGraph {
  std::vector<LayeredNode> nodes;
  std::vector<LayeredEdge> edges;  ///< cycles and self-loops are allowed
};

struct LayeredLayout {
  std::vector<Rect> rects;                 ///< by node; the drawing begins at (0, 0)
  std::vector<std::vector<Point>> points;  ///< by edge, from source to target
  double width = 0, height = 0;
};

/// Deterministic. Time grows with nodes, edges and layers crossed: effort per part is reduced for large
/// graphs.
Result<LayeredLayout> layered_layout(const LayeredGraph& graph, const LayeredSpacing& spacing,
                                     const JobContext& job);

}  // namespace lathe
