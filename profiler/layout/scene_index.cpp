// SPDX-License-Identifier: Apache-2.0
#include "profiler/layout/scene_index.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lathe {
namespace {

constexpr double wanted_cell = 256;
constexpr double most_cells = 65536;

Rect around(Point a, Point b) {
  return {std::min(a.x, b.x), std::min(a.y, b.y), std::abs(a.x - b.x), std::abs(a.y - b.y)};
}

bool touches(const Rect& a, const Rect& b) {
  return a.x <= b.right() && b.x <= a.right() && a.y <= b.bottom() && b.y <= a.bottom();
}

double distance_to_segment(Point a, Point b, Point p) {
  const double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  const double t = length > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0.0, 1.0) : 0;
  return std::hypot(a.x + t * dx - p.x, a.y + t * dy - p.y);
}

}  // namespace

double distance_to(const std::vector<Point>& line, Point point) {
  double nearest = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i + 1 < line.size(); ++i)
    nearest = std::min(nearest, distance_to_segment(line[i], line[i + 1], point));
  return nearest;
}

template <class ForEach>
void SceneIndex::fill(Cells& cells, ForEach&& for_each) {
  cells.begins.assign(static_cast<size_t>(columns_) * static_cast<size_t>(rows_) + 1, 0);
  const auto each_cell = [&](const Rect& rect, auto&& visit) {
    const Span s = span(rect);
    for (int y = s.y0; y <= s.y1; ++y)
      for (int x = s.x0; x <= s.x1; ++x)
        visit(static_cast<size_t>(y) * static_cast<size_t>(columns_) + static_cast<size_t>(x));
  };
  for_each([&](int, const Rect& rect) { each_cell(rect, [&](size_t cell) { ++cells.begins[cell + 1]; }); });
  std::partial_sum(cells.begins.begin(), cells.begins.end(), cells.begins.begin());
  cells.entries.resize(cells.begins.back());
  std::vector<uint32_t> next(cells.begins.begin(), cells.begins.end() - 1);
  for_each([&](int item, const Rect& rect) {
    each_cell(rect, [&](size_t cell) { cells.entries[next[cell]++] = item; });
  });
}

SceneIndex::SceneIndex(const SceneLayout& scene) {
  cell_ =
      std::max(wanted_cell, std::sqrt(std::max(1.0, scene.width) * std::max(1.0, scene.height) / most_cells));
  // A scene may be very long and narrow: never more cells a side than in all.
  cell_ = std::max(cell_, std::max(scene.width, scene.height) / most_cells);
  columns_ = std::max(1, static_cast<int>(std::ceil(scene.width / cell_)));
  rows_ = std::max(1, static_cast<int>(std::ceil(scene.height / cell_)));
  fill(boxes_, [&](auto&& visit) {
    for (size_t i = 0; i < scene.boxes.size(); ++i) visit(static_cast<int>(i), scene.boxes[i].rect);
  });
  fill(edges_, [&](auto&& visit) {
    for (size_t i = 0; i < scene.edges.size(); ++i)
      for (size_t k = 0; k + 1 < scene.edges[i].points.size(); ++k)
        visit(static_cast<int>(i), around(scene.edges[i].points[k], scene.edges[i].points[k + 1]));
  });
}

SceneIndex::Span SceneIndex::span(const Rect& rect) const {
  const auto cell = [&](double at, int count) {
    return static_cast<int>(std::clamp(std::floor(at / cell_), 0.0, count - 1.0));
  };
  return {cell(rect.x, columns_), cell(rect.y, rows_), cell(rect.right(), columns_),
          cell(rect.bottom(), rows_)};
}

std::vector<int> SceneIndex::query(const Cells& cells, const Rect& window) const {
  std::vector<int> found;
  if (columns_ == 0) return found;
  const Span s = span(window);
  for (int y = s.y0; y <= s.y1; ++y) {
    for (int x = s.x0; x <= s.x1; ++x) {
      const size_t cell = static_cast<size_t>(y) * static_cast<size_t>(columns_) + static_cast<size_t>(x);
      found.insert(found.end(), cells.entries.begin() + cells.begins[cell],
                   cells.entries.begin() + cells.begins[cell + 1]);
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::vector<int> SceneIndex::boxes_in(const SceneLayout& scene, const Rect& window) const {
  std::vector<int> found = query(boxes_, window);
  std::erase_if(found, [&](int i) { return !touches(scene.boxes[static_cast<size_t>(i)].rect, window); });
  return found;
}

std::vector<int> SceneIndex::edges_in(const SceneLayout& scene, const Rect& window) const {
  std::vector<int> found = query(edges_, window);
  std::erase_if(found, [&](int i) {
    const std::vector<Point>& points = scene.edges[static_cast<size_t>(i)].points;
    for (size_t k = 0; k + 1 < points.size(); ++k)
      if (touches(around(points[k], points[k + 1]), window)) return false;
    return true;
  });
  return found;
}

int SceneIndex::box_at(const SceneLayout& scene, Point point) const {
  int best = -1;
  for (const int i : boxes_in(scene, {point.x, point.y, 0, 0}))
    if (best < 0 || scene.boxes[static_cast<size_t>(i)].depth >= scene.boxes[static_cast<size_t>(best)].depth)
      best = i;
  return best;
}

int SceneIndex::edge_at(const SceneLayout& scene, Point point, double distance) const {
  int best = -1;
  double nearest = distance;
  for (const int i : query(edges_, {point.x - distance, point.y - distance, 2 * distance, 2 * distance})) {
    const double d = distance_to(scene.edges[static_cast<size_t>(i)].points, point);
    if (d > nearest) continue;
    nearest = d;
    best = i;
  }
  return best;
}

}  // namespace lathe
