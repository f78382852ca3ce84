// SPDX-License-Identifier: Apache-2.0
// Each open module is laid out as a graph of its own, innermost first, and is a box in the one around it. An
// edge that crosses frames passes each of them at a port: a place on its upper or lower border that belongs
// to the edge's source.
#include "profiler/layout/scene.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "profiler/layout/scene_boxes.h"

namespace lathe {
namespace {

constexpr double port_width = 6;

/// A way of edges inside one container: from an item or an entry port to an item or an exit port.
struct Segment {
  int from = -1, to = -1;  ///< boxes; -1: the container's port of the source
  int source = -1;         ///< visible box the edges come from
  friend auto operator<=>(const Segment&, const Segment&) = default;
};

/// The scene itself, or a frame.
struct Container {
  int box = -1;
  std::vector<int> items;
  std::vector<Segment> segments;
  std::vector<std::vector<Point>> points;  ///< by segment, relative to the container's content
  std::map<int, double> entries, exits;    ///< by source: x of its port, relative to the frame's left border
};

class SceneArranger {
 public:
  SceneArranger(SceneLayout& scene, const SceneMetrics& metrics, const JobContext& job)
      : scene_(scene), metrics_(metrics), job_(job) {}

  Status arrange() {
    make_containers();
    for (const SceneEdge& edge : scene_.edges) split(edge);
    for (Container& c : containers_) {
      std::sort(c.segments.begin(), c.segments.end());
      c.segments.erase(std::unique(c.segments.begin(), c.segments.end()), c.segments.end());
    }
    // Frames stand before what they contain: backwards is innermost first.
    for (size_t i = containers_.size(); i-- > 0;) LATHE_TRY(lay_out(containers_[i]));
    make_absolute();
    for (SceneEdge& edge : scene_.edges) join(edge);
    return {};
  }

 private:
  void make_containers();
  Container& container_of(int box) {
    return containers_[static_cast<size_t>(container_index_[static_cast<size_t>(box) + 1])];
  }
  int parent(int box) const { return scene_.boxes[static_cast<size_t>(box)].parent; }
  /// Boxes from `box` up to the one directly inside `top`.
  std::vector<int> chain(int box, int top) const;
  int common_container(int a, int b) const;
  /// The segments of an edge in order, each with the frame (or -1) it lies in.
  std::vector<std::pair<int, Segment>> segments(const SceneEdge& edge) const;
  void split(const SceneEdge& edge);
  Status lay_out(Container& c);
  double port_offset(int box, int source, bool entry);
  void make_absolute();
  void join(SceneEdge& edge);

  SceneLayout& scene_;
  const SceneMetrics& metrics_;
  const JobContext& job_;
  std::vector<Container> containers_;
  std::vector<int> container_index_;  ///< by box + 1; -1 for what is no frame
};

void SceneArranger::make_containers() {
  container_index_.assign(scene_.boxes.size() + 1, -1);
  container_index_[0] = 0;
  containers_.emplace_back();
  for (size_t i = 0; i < scene_.boxes.size(); ++i) {
    if (scene_.boxes[i].kind != SceneBox::Kind::frame) continue;
    container_index_[i + 1] = static_cast<int>(containers_.size());
    containers_.emplace_back().box = static_cast<int>(i);
  }
  for (size_t i = 0; i < scene_.boxes.size(); ++i)
    container_of(scene_.boxes[i].parent).items.push_back(static_cast<int>(i));
}

std::vector<int> SceneArranger::chain(int box, int top) const {
  std::vector<int> boxes{box};
  while (parent(boxes.back()) != top) boxes.push_back(parent(boxes.back()));
  return boxes;
}

int SceneArranger::common_container(int a, int b) const {
  const auto depth = [&](int box) { return box < 0 ? -1 : scene_.boxes[static_cast<size_t>(box)].depth; };
  a = parent(a), b = parent(b);
  while (a != b) {
    if (depth(a) >= depth(b))
      a = parent(a);
    else
      b = parent(b);
  }
  return a;
}

std::vector<std::pair<int, Segment>> SceneArranger::segments(const SceneEdge& edge) const {
  const int common = common_container(edge.from, edge.to);
  const std::vector<int> up = chain(edge.from, common), down = chain(edge.to, common);
  std::vector<std::pair<int, Segment>> result;
  for (size_t i = 0; i + 1 < up.size(); ++i) result.push_back({up[i + 1], {up[i], -1, edge.from}});
  result.push_back({common, {up.back(), down.back(), edge.from}});
  for (size_t i = down.size() - 1; i > 0; --i) result.push_back({down[i], {-1, down[i - 1], edge.from}});
  return result;
}

void SceneArranger::split(const SceneEdge& edge) {
  for (const auto& [frame, segment] : segments(edge)) container_of(frame).segments.push_back(segment);
}

/// Where the edges of a source meet the upper (entry) or lower border of a box: from its middle.
double SceneArranger::port_offset(int box, int source, bool entry) {
  if (container_index_[static_cast<size_t>(box) + 1] < 0) return 0;
  const Container& frame = container_of(box);
  const std::map<int, double>& ports = entry ? frame.entries : frame.exits;
  const auto port = ports.find(source);
  return port == ports.end() ? 0 : port->second - scene_.boxes[static_cast<size_t>(box)].rect.width / 2;
}

Status SceneArranger::lay_out(Container& c) {
  LayeredGraph graph;
  std::map<int, uint32_t> items, entries, exits;
  for (const int box : c.items) {
    items[box] = static_cast<uint32_t>(graph.nodes.size());
    const Rect& rect = scene_.boxes[static_cast<size_t>(box)].rect;
    graph.nodes.push_back({rect.width, rect.height, LayeredNode::Pin::none});
  }
  const auto port = [&](std::map<int, uint32_t>& ports, int source, LayeredNode::Pin pin) {
    const auto [found, added] = ports.try_emplace(source, static_cast<uint32_t>(graph.nodes.size()));
    if (added) graph.nodes.push_back({port_width, 0, pin});
    return found->second;
  };
  for (const Segment& segment : c.segments) {
    LayeredEdge edge;
    edge.from =
        segment.from >= 0 ? items.at(segment.from) : port(entries, segment.source, LayeredNode::Pin::top);
    edge.to = segment.to >= 0 ? items.at(segment.to) : port(exits, segment.source, LayeredNode::Pin::bottom);
    edge.bundle = static_cast<uint32_t>(segment.source);
    if (segment.from >= 0) edge.from_offset = port_offset(segment.from, segment.source, false);
    if (segment.to >= 0) edge.to_offset = port_offset(segment.to, segment.source, true);
    graph.edges.push_back(edge);
  }
  LATHE_ASSIGN(LayeredLayout layout, layered_layout(graph, metrics_.spacing, job_));
  const double pad = c.box < 0 ? metrics_.margin : metrics_.frame_padding;
  const double top = c.box < 0 ? metrics_.margin : metrics_.frame_title + metrics_.frame_padding;
  const double width = layout.width + 2 * pad, height = layout.height + top + pad;
  double left = pad;
  if (c.box >= 0) {
    Rect& rect = scene_.boxes[static_cast<size_t>(c.box)].rect;  // its width so far is that of the title
    left += std::max(0.0, rect.width - width) / 2;
    rect.width = std::max(rect.width, width);
    rect.height = height;
  } else {
    scene_.width = width, scene_.height = height;
  }
  for (const auto& [box, index] : items) {
    Rect& rect = scene_.boxes[static_cast<size_t>(box)].rect;
    rect.x = layout.rects[index].x + left;
    rect.y = layout.rects[index].y + top;
  }
  for (const auto& [source, index] : entries) c.entries[source] = layout.rects[index].center_x() + left;
  for (const auto& [source, index] : exits) c.exits[source] = layout.rects[index].center_x() + left;
  c.points = std::move(layout.points);
  for (std::vector<Point>& points : c.points)
    for (Point& p : points) p.x += left, p.y += top;
  return {};
}

void SceneArranger::make_absolute() {
  for (SceneBox& box : scene_.boxes) {  // parents first
    if (box.parent < 0) continue;
    const Rect& frame = scene_.boxes[static_cast<size_t>(box.parent)].rect;
    box.rect.x += frame.x;
    box.rect.y += frame.y;
  }
}

void SceneArranger::join(SceneEdge& edge) {
  for (const auto& [frame, segment] : segments(edge)) {
    const Container& c = container_of(frame);
    const Rect outer = frame < 0 ? Rect{} : scene_.boxes[static_cast<size_t>(frame)].rect;
    if (segment.from < 0) edge.points.push_back({outer.x + c.entries.at(segment.source), outer.y});
    const auto found = std::lower_bound(c.segments.begin(), c.segments.end(), segment);
    for (const Point& p : c.points[static_cast<size_t>(found - c.segments.begin())])
      edge.points.push_back({p.x + outer.x, p.y + outer.y});
    if (segment.to < 0) edge.points.push_back({outer.x + c.exits.at(segment.source), outer.bottom()});
  }
  edge.points.erase(std::unique(edge.points.begin(), edge.points.end()), edge.points.end());
}

}  // namespace

Result<SceneLayout> layout_scene(const Model& model, const SceneOptions& options, const JobContext& job) {
  LATHE_TRY(job.check());
  SceneLayout scene = visible_scene(model, options);
  LATHE_TRY(SceneArranger(scene, options.metrics, job).arrange());
  return scene;
}

}  // namespace lathe
