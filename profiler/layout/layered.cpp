// SPDX-License-Identifier: Apache-2.0
#include "profiler/layout/layered.h"

#include <algorithm>
#include <limits>

#include "profiler/layout/layers.h"

namespace lathe {
namespace {

struct Band {
  double top = 0, bottom = 0;
};

/// Heights of layers, one below the other.
std::vector<Band> bands(const LayeredGraph& graph, const LayeredForm& form, const LayeredSpacing& spacing) {
  std::vector<Band> result(form.order.size());
  double y = 0;
  for (size_t layer = 0; layer < result.size(); ++layer) {
    double height = 0;
    for (const uint32_t v : form.order[layer])
      if (!form.is_bend(v)) height = std::max(height, graph.nodes[v].height);
    result[layer] = {y, y + height};
    y += height + spacing.between_layers;
  }
  return result;
}

void add_point(std::vector<Point>& points, Point p) {
  if (!points.empty() && points.back() == p) return;
  // A point on the straight vertical between its neighbours says nothing.
  const size_t n = points.size();
  if (n >= 2 && points[n - 2].x == points[n - 1].x && points[n - 1].x == p.x &&
      (points[n - 1].y - points[n - 2].y) * (p.y - points[n - 1].y) >= 0)
    points.pop_back();
  points.push_back(p);
}

/// A loop beside the node, from its lower to its upper right corner.
std::vector<Point> self_loop(const Rect& rect, double room) {
  const double out = rect.right() + room / 2;
  return {{rect.right(), rect.y + rect.height * 0.75},
          {out, rect.y + rect.height * 0.75},
          {out, rect.y + rect.height * 0.25},
          {rect.right(), rect.y + rect.height * 0.25}};
}

}  // namespace

Result<LayeredLayout> layered_layout(const LayeredGraph& graph, const LayeredSpacing& spacing,
                                     const JobContext& job) {
  LayeredLayout layout;
  LATHE_TRY(job.check());
  if (graph.nodes.empty()) return layout;
  LayeredForm form = make_layers(graph);
  LATHE_TRY(job.check());
  reduce_crossings(form, job);
  LATHE_TRY(job.check());
  std::vector<double> x = x_coordinates(form, spacing, job);
  LATHE_TRY(job.check());
  const std::vector<Band> layers = bands(graph, form, spacing);

  double left = std::numeric_limits<double>::max(), right = std::numeric_limits<double>::lowest();
  for (size_t v = 0; v < x.size(); ++v) {
    left = std::min(left, x[v] - form.width[v] / 2);
    right = std::max(right, x[v] + form.width[v] / 2);
  }
  for (double& each : x) each -= left;
  layout.width = right - left;
  layout.height = layers.back().bottom;
  for (size_t v = 0; v < graph.nodes.size(); ++v) {
    const Band& band = layers[form.layer[v]];
    const LayeredNode& node = graph.nodes[v];
    layout.rects.push_back({x[v] - node.width / 2, band.top + (band.bottom - band.top - node.height) / 2,
                            node.width, node.height});
  }
  layout.points.resize(graph.edges.size());
  for (size_t e = 0; e < graph.edges.size(); ++e) {
    const LayeredEdge& edge = graph.edges[e];
    const Rect& from = layout.rects[edge.from];
    const Rect& to = layout.rects[edge.to];
    std::vector<Point>& points = layout.points[e];
    if (edge.from == edge.to) {
      points = self_loop(from, spacing.between_nodes);
      continue;
    }
    const bool up = form.reversed[e];
    add_point(points, {from.center_x() + edge.from_offset, up ? from.y : from.bottom()});
    std::vector<uint32_t> route = form.routes[e];
    if (up) std::reverse(route.begin(), route.end());
    for (const uint32_t bend : route) {
      const Band& band = layers[form.layer[bend]];
      add_point(points, {x[bend], up ? band.bottom : band.top});
      add_point(points, {x[bend], up ? band.top : band.bottom});
    }
    add_point(points, {to.center_x() + edge.to_offset, up ? to.bottom() : to.y});
  }
  return layout;
}

}  // namespace lathe
