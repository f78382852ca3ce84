// SPDX-License-Identifier: Apache-2.0
// Finds what is at a point or in a window of a scene, by a grid of cells.
#pragma once

#include <cstdint>
#include <vector>

#include "profiler/layout/scene.h"

namespace lathe {

/// Does not keep the scene: give it the one it was built from.
class SceneIndex {
 public:
  SceneIndex() = default;
  explicit SceneIndex(const SceneLayout& scene);

  /// Boxes and edges that may be seen in the window, ascending, each once. Frames come before what they
  /// contain.
  std::vector<int> boxes_in(const SceneLayout& scene, const Rect& window) const;
  std::vector<int> edges_in(const SceneLayout& scene, const Rect& window) const;
  /// The innermost box at the point, or -1.
  int box_at(const SceneLayout& scene, Point point) const;
  /// The edge nearest to the point within `distance`, or -1.
  int edge_at(const SceneLayout& scene, Point point, double distance) const;

 private:
  struct Cells {
    std::vector<uint32_t> begins{0};
    std::vector<int> entries;
  };
  struct Span {
    int x0, y0, x1, y1;  ///< cells, inclusive
  };
  Span span(const Rect& rect) const;
  std::vector<int> query(const Cells& cells, const Rect& window) const;
  /// `visit(index, add_cell)` for every cell each item touches; in two passes, counting first.
  template <class ForEach>
  void fill(Cells& cells, ForEach&& for_each);

  double cell_ = 1;
  int columns_ = 0, rows_ = 0;
  Cells boxes_, edges_;
};

/// Distance of a point from a line of points.
double distance_to(const std::vector<Point>& line, Point point);

}  // namespace lathe
