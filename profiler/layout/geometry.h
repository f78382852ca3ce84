// SPDX-License-Identifier: Apache-2.0
// Points and rectangles in scene units (pixels at zoom 1), y downwards.
#pragma once

#include <algorithm>

namespace lathe {

struct Point {
  double x = 0, y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

struct Rect {
  double x = 0, y = 0, width = 0, height = 0;
  double right() const { return x + width; }
  double bottom() const { return y + height; }
  double center_x() const { return x + width / 2; }
  /// Borders included.
  bool contains(Point p) const { return p.x >= x && p.x <= right() && p.y >= y && p.y <= bottom(); }
  bool contains(const Rect& r) const {
    return r.x >= x && r.right() <= right() && r.y >= y && r.bottom() <= bottom();
  }
  /// Touching does not count.
  bool overlaps(const Rect& r) const {
    return x < r.right() && r.x < right() && y < r.bottom() && r.y < bottom();
  }
  friend bool operator==(const Rect&, const Rect&) = default;
};

}  // namespace lathe
