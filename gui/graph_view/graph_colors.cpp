// SPDX-License-Identifier: Apache-2.0
#include "gui/graph_view/graph_colors.h"

#include <QCoreApplication>
#include <algorithm>
#include <map>
#include <set>

#include "gui/document/coloring.h"
#include "gui/document/document.h"

namespace lathe {
namespace {

QString engineTag(const Document& document, ModuleId module) {
  const ModuleOutcome* outcome = document.outcome(module);
  if (outcome == nullptr || outcome->status != ModuleStatus::success) return {};
  return QCoreApplication::translate("lathe::GraphView", "engine %1")
      .arg(QString::fromStdString(outcome->precision));
}

/// Colours of the nodes in closed modules that have none themselves, most frequent first.
void mix(const GraphScene& scene, const Coloring& coloring, GraphColors& colors) {
  std::vector<std::map<QRgb, int>> counts(colors.boxes.size());
  for (size_t node = 0; node < scene.layout.node_boxes.size(); ++node) {
    const int box = scene.layout.node_boxes[node];
    if (box < 0 || scene.box(box).kind != SceneBox::Kind::module) continue;
    if (colors.boxes[static_cast<size_t>(box)].isValid()) continue;
    if (const QColor color = coloring.node(NodeId(node)); color.isValid())
      ++counts[static_cast<size_t>(box)][color.rgb()];
  }
  colors.mixtures.resize(counts.size());
  for (size_t box = 0; box < counts.size(); ++box) {
    double all = 0;
    for (const auto& [color, count] : counts[box]) all += count;
    for (const auto& [color, count] : counts[box])
      colors.mixtures[box].push_back({QColor::fromRgb(color), count / all});
    std::stable_sort(colors.mixtures[box].begin(), colors.mixtures[box].end(),
                     [](const auto& a, const auto& b) { return a.share > b.share; });
  }
}

}  // namespace

GraphColors collectColors(const GraphScene& scene, const Coloring& coloring, const Document& document) {
  GraphColors colors;
  colors.filled = coloring.by() == ColorBy::Time;
  colors.boxes.resize(scene.layout.boxes.size());
  colors.engines.resize(scene.layout.boxes.size());
  std::set<QRgb> used;
  for (size_t i = 0; i < scene.layout.boxes.size(); ++i) {
    const SceneBox& box = scene.layout.boxes[i];
    if (box.kind == SceneBox::Kind::node) {
      colors.boxes[i] = coloring.node(box.node);
    } else if (box.module.valid()) {
      colors.boxes[i] = coloring.module(box.module);
      colors.engines[i] = engineTag(document, box.module);
    }
    if (colors.boxes[i].isValid()) used.insert(colors.boxes[i].rgb());
  }
  colors.rootEngine = engineTag(document, ModuleTree::root());
  mix(scene, coloring, colors);
  for (const auto& mixture : colors.mixtures)
    for (const GraphColors::Share& share : mixture) used.insert(share.color.rgb());
  colors.legend = coloring.legend();
  // Of amounts the legend is a scale, and is shown whole.
  if (!colors.filled)
    std::erase_if(colors.legend, [&](const auto& entry) { return !used.contains(entry.second.rgb()); });
  else if (used.empty())
    colors.legend.clear();
  return colors;
}

}  // namespace lathe
