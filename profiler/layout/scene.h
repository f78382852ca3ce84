// SPDX-License-Identifier: Apache-2.0
// The graph of a model as it is seen with some modules open: boxes, frames and edges, laid out.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"
#include "engine/graph/graph.h"
#include "profiler/layout/geometry.h"
#include "profiler/layout/layered.h"

namespace lathe {

/// Sizes of boxes, scene units.
struct SceneMetrics {
  double character_width = 7;  ///< of the font boxes are labelled in
  double text_padding = 24;    ///< left and right of a label together
  double min_width = 72, max_width = 280;
  double node_height = 42;    ///< operator type and name
  double module_height = 48;  ///< closed module: name and class
  double value_height = 28;   ///< model input or output
  double frame_title = 28;    ///< above the content of an open module
  double frame_padding = 18;  ///< around it
  double margin = 20;         ///< around the scene
  LayeredSpacing spacing;
};

struct SceneOptions {
  bool flat = false;  ///< no modules at all
  std::set<ModuleId>
      expanded;  ///< open modules; an ancestor that is closed hides them. The root is always open
  SceneMetrics metrics;
};

struct SceneBox {
  enum class Kind : uint8_t { node, module, frame, input, output };
  Kind kind = Kind::node;
  NodeId node;      ///< of a node
  ModuleId module;  ///< of a module (closed) or frame (open); of a node, the module that owns it
  ValueId value;    ///< of an input or output
  int parent = -1;  ///< frame around it, an index into boxes; -1: none
  int depth = 0;    ///< frames around it
  Rect rect;
  std::string title;      ///< operator type, module name or value name
  std::string subtitle;   ///< node name, class or type
  size_t node_count = 1;  ///< nodes inside
};

/// All values that go from one visible box to another.
struct SceneEdge {
  int from = -1, to = -1;  ///< boxes (never frames)
  std::vector<ValueId> values;
  std::vector<Point> points;  ///< from the border of `from` to that of `to`
  std::string label;          ///< type of the value, "3 values" of several
};

/// Frames stand before what they contain. Constants, and nodes that only make them, are not shown.
struct SceneLayout {
  std::vector<SceneBox> boxes;
  std::vector<SceneEdge> edges;
  double width = 0, height = 0;

  /// Visible box of a node: its own, or of the closed module it is hidden in; -1 for constants.
  int box_of(NodeId node) const { return node.index < node_boxes.size() ? node_boxes[node.index] : -1; }
  std::vector<int> node_boxes;  ///< by node index
};

Result<SceneLayout> layout_scene(const Model& model, const SceneOptions& options,
                                 const JobContext& job = JobContext());

}  // namespace lathe
