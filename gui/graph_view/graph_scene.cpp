// SPDX-License-Identifier: Apache-2.0
#include "gui/graph_view/graph_scene.h"

#include <QStringList>
#include <algorithm>
#include <cctype>
#include <map>
#include <tuple>

#include "gui/graph_view/graph_camera.h"
#include "gui/widgets/format.h"

namespace lathe {
namespace {

/// Equal for modules with the same operators in the same order.
size_t makeOf(const Model& model, ModuleId module) {
  size_t hash = 0;
  for (const NodeId node : model.modules.all_nodes(module))
    hash = hash * 31 + std::hash<std::string>{}(model.graph.node(node).op_type);
  return hash;
}

/// "layers.0", "layers.1", ..: numbered modules beside each other, of one class and with equal operators.
std::vector<int> findRepeats(const GraphScene& scene) {
  const auto isNumbered = [](const std::string& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) { return isdigit(c); });
  };
  std::map<std::tuple<uint32_t, std::string, size_t>, std::vector<int>> groups;
  for (size_t i = 0; i < scene.layout.boxes.size(); ++i) {
    const SceneBox& box = scene.layout.boxes[i];
    if (box.kind != SceneBox::Kind::module) continue;
    const Module& module = scene.modules()[box.module];
    if (isNumbered(module.name))
      groups[{module.parent.index, module.class_name, makeOf(*scene.opened->model, box.module)}].push_back(
          static_cast<int>(i));
  }
  std::vector<int> repeats(scene.layout.boxes.size(), 0);
  for (const auto& [key, boxes] : groups)
    if (boxes.size() > 1)
      for (const int box : boxes) repeats[static_cast<size_t>(box)] = static_cast<int>(boxes.size());
  return repeats;
}

std::vector<uint8_t> findSeveralValues(const SceneLayout& layout) {
  std::vector<uint8_t> several(layout.boxes.size(), 0);
  std::vector<const SceneEdge*> first(layout.boxes.size(), nullptr);
  for (const SceneEdge& edge : layout.edges) {
    const auto from = static_cast<size_t>(edge.from);
    if (first[from] == nullptr) first[from] = &edge;
    if (first[from]->values != edge.values) several[from] = 1;
  }
  return several;
}

/// Exporters name nodes by their whole path; the frames around a node tell all but its end.
QString shortName(const Node& node) {
  const QString name = QString::fromStdString(node.name);
  const auto slash = name.lastIndexOf(QLatin1Char('/'));
  return slash < 0 ? name : name.mid(slash + 1);
}

/// "64 × 3 × 7 × 7" of the first weight that is more than a vector.
QString weightShape(const Graph& graph, const Node& node) {
  for (const ValueId input : node.inputs) {
    const Tensor* constant = input.valid() ? graph.constant(input) : nullptr;
    if (constant != nullptr && constant->shape().size() > 1) return formatShape(constant->shape());
  }
  return {};
}

GraphScene::Label labelOf(const GraphScene& scene, const SceneBox& box) {
  GraphScene::Label label{QString::fromStdString(box.title), QString::fromStdString(box.subtitle)};
  switch (box.kind) {
    case SceneBox::Kind::node: {
      const Node& node = scene.graph().node(box.node);
      const QString weight = weightShape(scene.graph(), node), name = shortName(node);
      // Most exporters number the operators: "MatMul_3" tells nothing that the title does not.
      const bool numbered = name.startsWith(QString::fromStdString(node.op_type));
      label.subtitle = !weight.isEmpty() ? weight : numbered ? QString() : name;
      break;
    }
    case SceneBox::Kind::module:
    case SceneBox::Kind::frame:
      if (scene.modules()[box.module].class_name == "Module") label.subtitle.clear();  // not known
      break;
    case SceneBox::Kind::input:
    case SceneBox::Kind::output:
      break;
  }
  return label;
}

/// As formatShape, but computed sizes ("floordiv(height - 1, 2) + 1") would run over everything: the tooltip
/// tells them.
QString shortShape(const TypeInfo& type) {
  constexpr size_t longest = 12;
  if (!type.is_tensor() || !type.dims || type.dims->empty()) return formatShape(type);
  QStringList sizes;
  for (const Dim& dim : *type.dims) {
    const std::string text = dim.text();
    sizes << (text.size() > longest ? QStringLiteral("…") : QString::fromStdString(text));
  }
  return sizes.join(QStringLiteral(" × "));
}

QString edgeLabel(const GraphScene& scene, const SceneEdge& edge) {
  if (edge.values.size() != 1) return QString::fromStdString(edge.label);
  const auto& types = scene.opened->types.types;
  const ValueId value = edge.values.front();
  const TypeInfo& type = value.index < types.size() ? types[value.index] : scene.graph().value(value).type;
  if (type.kind == TypeInfo::Kind::unknown) return {};
  const QString element = formatElement(type), shape = shortShape(type);
  return shape.isEmpty() ? element : element + QStringLiteral("  ") + shape;
}

/// Boxes that show or hide what is selected.
std::vector<int> selectedBoxes(const GraphScene& scene, const Selected& selected) {
  std::vector<int> boxes;
  const auto add = [&](int box) {
    if (box >= 0) boxes.push_back(box);
  };
  if (selected.kind == Selected::Kind::Value) {
    add(scene.boxOf(selected.value));
    for (size_t i = 0; i < scene.layout.boxes.size(); ++i)
      if (scene.layout.boxes[i].kind == SceneBox::Kind::output &&
          scene.layout.boxes[i].value == selected.value)
        add(static_cast<int>(i));
  } else if (selected.node.valid()) {
    add(scene.layout.box_of(selected.node));
  } else if (selected.module.valid() && selected.module != ModuleTree::root()) {
    add(scene.boxOf(selected.module));
    if (boxes.empty())
      for (const NodeId node : scene.modules().all_nodes(selected.module)) add(scene.layout.box_of(node));
  }
  return boxes;
}

}  // namespace

int GraphScene::boxOf(ModuleId module) const {
  while (module.valid() && module.index < moduleBoxes.size()) {
    if (const int box = moduleBoxes[module.index]; box >= 0) return box;
    module = modules()[module].parent;
  }
  return -1;
}

int GraphScene::boxOf(ValueId value) const {
  if (!value.valid() || value.index >= graph().values().size()) return -1;
  const NodeId producer = graph().value(value).producer;
  if (producer.valid()) return layout.box_of(producer);
  for (size_t i = 0; i < layout.boxes.size() && layout.boxes[i].kind == SceneBox::Kind::input; ++i)
    if (layout.boxes[i].value == value) return static_cast<int>(i);
  return -1;
}

bool GraphScene::isInside(int box, int frame) const {
  while (box >= 0 && box != frame) box = this->box(box).parent;
  return box == frame;
}

Result<std::shared_ptr<const GraphScene>> makeGraphScene(std::shared_ptr<const OpenedModel> opened,
                                                         SceneOptions options, const JobContext& job) {
  auto scene = std::make_shared<GraphScene>();
  scene->opened = std::move(opened);
  scene->options = std::move(options);
  LATHE_ASSIGN(scene->layout, layout_scene(*scene->opened->model, scene->options, job));
  scene->index = SceneIndex(scene->layout);
  scene->moduleBoxes.assign(scene->modules().modules().size(), -1);
  for (size_t i = 0; i < scene->layout.boxes.size(); ++i) {
    const SceneBox& box = scene->layout.boxes[i];
    if (box.kind == SceneBox::Kind::module || box.kind == SceneBox::Kind::frame)
      scene->moduleBoxes[box.module.index] = static_cast<int>(i);
  }
  scene->repeats = findRepeats(*scene);
  scene->severalValues = findSeveralValues(scene->layout);
  for (const SceneBox& box : scene->layout.boxes) scene->labels.push_back(labelOf(*scene, box));
  for (const SceneEdge& edge : scene->layout.edges) scene->edgeLabels.push_back(edgeLabel(*scene, edge));
  LATHE_TRY(job.check());
  return std::shared_ptr<const GraphScene>(std::move(scene));
}

SceneMetrics graphMetrics() {
  SceneMetrics metrics;
  metrics.character_width = 8;
  metrics.text_padding = 44;
  metrics.min_width = 96;
  metrics.max_width = 160;
  metrics.node_height = 40;
  metrics.module_height = 48;
  metrics.frame_padding = 16;
  metrics.spacing.between_nodes = 26;
  metrics.spacing.between_layers = 46;
  return metrics;
}

std::set<ModuleId> firstExpanded(const Model& model) {
  std::set<ModuleId> open;
  const ModuleTree& tree = model.modules;
  ModuleId at = ModuleTree::root();
  // A module that wraps the whole model, as "model.", would be a graph of one box.
  while (tree[at].children.size() == 1) {
    const size_t own = tree[at].nodes.size();
    at = tree[at].children.front();
    if (tree.all_nodes(at).size() < 3 * own) break;
    open.insert(at);
  }
  return open;
}

std::set<ModuleId> oneLevelMore(const GraphScene& scene) {
  std::set<ModuleId> open = scene.options.expanded;
  for (const SceneBox& box : scene.layout.boxes)
    if (box.kind == SceneBox::Kind::module) open.insert(box.module);
  return open;
}

std::set<ModuleId> oneLevelLess(const GraphScene& scene) {
  int deepest = -1;
  for (const SceneBox& box : scene.layout.boxes)
    if (box.kind == SceneBox::Kind::frame) deepest = std::max(deepest, box.depth);
  std::set<ModuleId> open;
  for (const SceneBox& box : scene.layout.boxes)
    if (box.kind == SceneBox::Kind::frame && box.depth < deepest) open.insert(box.module);
  return open;
}

GraphHighlight highlightOf(const GraphScene& scene, const Selected& selected) {
  GraphHighlight highlight;
  const std::vector<int> chosen = selectedBoxes(scene, selected);
  if (chosen.empty()) return highlight;
  highlight.boxes.assign(scene.layout.boxes.size(), GraphMark::None);
  highlight.edges.assign(scene.layout.edges.size(), GraphMark::None);
  for (const int box : chosen) {
    highlight.boxes[static_cast<size_t>(box)] = GraphMark::Selected;
    highlight.rect |= toQt(scene.box(box).rect);
  }
  // Of a frame, what is inside belongs to the selected.
  std::vector<bool> inside(scene.layout.boxes.size(), false);
  for (size_t i = 0; i < inside.size(); ++i) {  // parents first
    const int parent = scene.layout.boxes[i].parent;
    inside[i] =
        highlight.boxes[i] == GraphMark::Selected || (parent >= 0 && inside[static_cast<size_t>(parent)]);
  }
  const bool one = selected.kind == Selected::Kind::Value;
  for (size_t i = 0; i < scene.layout.edges.size(); ++i) {
    const SceneEdge& edge = scene.layout.edges[i];
    const auto from = static_cast<size_t>(edge.from), to = static_cast<size_t>(edge.to);
    if (one && std::find(edge.values.begin(), edge.values.end(), selected.value) == edge.values.end())
      continue;
    if (!one && inside[from] == inside[to]) continue;
    highlight.edges[i] = one ? GraphMark::Selected : inside[to] ? GraphMark::Producer : GraphMark::Consumer;
    if (inside[from] && inside[to]) continue;
    const size_t other = inside[to] ? from : to;
    highlight.boxes[other] = inside[to] ? GraphMark::Producer : GraphMark::Consumer;
  }
  return highlight;
}

}  // namespace lathe
