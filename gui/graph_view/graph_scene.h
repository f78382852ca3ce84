// SPDX-License-Identifier: Apache-2.0
// The laid out graph as an immutable snapshot, with what is needed to find things in it.
#pragma once

#include <QRectF>
#include <QString>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "gui/document/selection.h"
#include "profiler/layout/scene.h"
#include "profiler/layout/scene_index.h"
#include "profiler/workflow/workflow.h"

namespace lathe {

struct GraphScene {
  std::shared_ptr<const OpenedModel> opened;  ///< that it was made of; its ids index everything here
  SceneOptions options;
  SceneLayout layout;
  SceneIndex index;
  std::vector<int> moduleBoxes;        ///< by module: its closed box or its frame, -1 when hidden
  std::vector<int> repeats;            ///< by box: modules beside it (and itself) of equal make; 0: none
  std::vector<uint8_t> severalValues;  ///< by box: its outgoing edges carry different values
  struct Label {
    QString title, subtitle;
  };
  std::vector<Label> labels;        ///< by box, as shown
  std::vector<QString> edgeLabels;  ///< by edge: type and shape, with the shapes asked for

  const Graph& graph() const { return opened->model->graph; }
  const ModuleTree& modules() const { return opened->model->modules; }
  const SceneBox& box(int i) const { return layout.boxes[static_cast<size_t>(i)]; }
  const SceneEdge& edge(int i) const { return layout.edges[static_cast<size_t>(i)]; }
  /// The box or frame of a module, or the closed one that hides it; -1 for the root and in a flat scene.
  int boxOf(ModuleId module) const;
  /// Of its producer, or of the model's input; -1 for weights.
  int boxOf(ValueId value) const;
  /// Whether `box` is `frame` or stands somewhere in it.
  bool isInside(int box, int frame) const;
};

/// Slow for thousands of boxes: for a job.
Result<std::shared_ptr<const GraphScene>> makeGraphScene(std::shared_ptr<const OpenedModel> opened,
                                                         SceneOptions options, const JobContext& job);

/// Sizes that suit the fonts of GraphPainter.
SceneMetrics graphMetrics();
/// What is open at first: only modules that wrap all the others.
std::set<ModuleId> firstExpanded(const Model& model);
/// With every closed box of the scene opened, or every innermost frame closed.
std::set<ModuleId> oneLevelMore(const GraphScene& scene);
std::set<ModuleId> oneLevelLess(const GraphScene& scene);

enum class GraphMark : uint8_t { None, Selected, Producer, Consumer };

/// What stands out because of the selection.
struct GraphHighlight {
  std::vector<GraphMark> boxes, edges;  ///< by index; empty: nothing stands out
  QRectF rect;                          ///< scene; around the selected boxes
  bool isEmpty() const { return boxes.empty(); }
};

/// The visible boxes that are or hide the selected, and what is directly connected with them.
GraphHighlight highlightOf(const GraphScene& scene, const Selected& selected);

}  // namespace lathe
