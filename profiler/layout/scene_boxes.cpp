// SPDX-License-Identifier: Apache-2.0
#include "profiler/layout/scene_boxes.h"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace lathe {
namespace {

/// Characters, not bytes: UTF-8 continuation bytes do not count.
double label_width(const SceneMetrics& metrics, std::string_view text) {
  const auto characters = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
  return static_cast<double>(characters) * metrics.character_width;
}

bool is_constant_node(const Graph& graph, const Node& node) {
  return node.inputs.empty() && node.outputs.size() == 1 && node.outputs[0].valid() &&
         graph.constant(node.outputs[0]) != nullptr;
}

class SceneBuilder {
 public:
  SceneBuilder(const Model& model, const SceneOptions& options) : model_(model), options_(options) {}

  SceneLayout build() {
    scene_.node_boxes.assign(model_.graph.nodes().size(), -1);
    count_nodes();
    for (const ValueId input : model_.graph.inputs()) add_value(SceneBox::Kind::input, input);
    const size_t first_output = scene_.boxes.size();
    for (const ValueId output : model_.graph.outputs()) add_value(SceneBox::Kind::output, output);
    if (options_.flat) {
      for (const Node& node : model_.graph.nodes()) add_node(node, -1, 0);
    } else {
      add_modules();
    }
    add_edges(first_output);
    return std::move(scene_);
  }

 private:
  size_t module_index(const Node& node) const {
    return node.module.index < counts_.size() ? node.module.index : ModuleTree::root().index;
  }

  void count_nodes() {
    counts_.assign(model_.modules.modules().size(), 0);
    own_.resize(counts_.size());
    for (const Node& node : model_.graph.nodes()) {
      if (!node.alive || is_constant_node(model_.graph, node)) continue;
      ++counts_[module_index(node)];
      own_[module_index(node)].push_back(node.id);
    }
    for (size_t i = counts_.size(); i-- > 1;) counts_[model_.modules[ModuleId(i)].parent.index] += counts_[i];
  }

  int add(SceneBox box, double height) {
    const SceneMetrics& m = options_.metrics;
    const double text = std::max(label_width(m, box.title), label_width(m, box.subtitle)) + m.text_padding;
    box.rect.width = std::clamp(text, m.min_width, m.max_width);
    box.rect.height = height;
    scene_.boxes.push_back(std::move(box));
    return static_cast<int>(scene_.boxes.size()) - 1;
  }

  void add_value(SceneBox::Kind kind, ValueId id) {
    SceneBox box;
    box.kind = kind;
    box.value = id;
    box.title = model_.graph.value(id).name;
    box.subtitle = to_string(model_.graph.value(id).type);
    box.node_count = 0;
    add(std::move(box), options_.metrics.value_height);
  }

  void add_node(const Node& node, int parent, int depth) {
    if (!node.alive || is_constant_node(model_.graph, node)) return;
    SceneBox box;
    box.node = node.id;
    box.module = ModuleId(module_index(node));
    box.parent = parent;
    box.depth = depth;
    box.title = node.qualified_type();
    box.subtitle = node.name;
    scene_.node_boxes[node.id.index] = add(std::move(box), options_.metrics.node_height);
  }

  /// Closed modules take all their nodes, open ones get a frame and their children are looked at in turn.
  void add_modules() {
    struct Task {
      ModuleId module;
      int parent, depth;
    };
    std::vector<Task> tasks{{ModuleTree::root(), -1, 0}};
    while (!tasks.empty()) {
      const Task task = tasks.back();
      tasks.pop_back();
      const Module& module = model_.modules[task.module];
      const bool root = task.module == ModuleTree::root();
      if (counts_[task.module.index] == 0) continue;
      if (!root && !options_.expanded.contains(task.module)) {
        const int box = add_module(SceneBox::Kind::module, module, task.parent, task.depth);
        for (const ModuleId inside : model_.modules.subtree(task.module))
          for (const NodeId node : own_[inside.index]) scene_.node_boxes[node.index] = box;
        continue;
      }
      const int frame = root ? -1 : add_module(SceneBox::Kind::frame, module, task.parent, task.depth);
      const int depth = root ? 0 : task.depth + 1;
      for (const NodeId node : own_[task.module.index]) add_node(model_.graph.node(node), frame, depth);
      for (size_t i = module.children.size(); i-- > 0;) tasks.push_back({module.children[i], frame, depth});
    }
  }

  int add_module(SceneBox::Kind kind, const Module& module, int parent, int depth) {
    SceneBox box;
    box.kind = kind;
    box.module = module.id;
    box.parent = parent;
    box.depth = depth;
    box.title = module.name;
    box.subtitle = module.class_name;
    box.node_count = counts_[module.id.index];
    return add(std::move(box), options_.metrics.module_height);
  }

  void add_edges(size_t first_output) {
    std::vector<std::tuple<int, int, uint32_t>> links;  // from, to, value
    const Graph& graph = model_.graph;
    std::vector<int> source(graph.values().size(), -1);
    for (size_t i = 0; i < graph.inputs().size(); ++i) source[graph.inputs()[i].index] = static_cast<int>(i);
    for (const Value& value : graph.values())
      if (value.alive && value.producer.valid()) source[value.id.index] = scene_.box_of(value.producer);
    const auto link = [&](ValueId value, int to) {
      if (!value.valid()) return;
      const int from = source[value.index];
      if (from >= 0 && to >= 0 && from != to) links.emplace_back(from, to, value.index);
    };
    for (const Node& node : graph.nodes()) {
      if (!node.alive) continue;
      const int to = scene_.box_of(node.id);
      for (const ValueId value : node.inputs) link(value, to);
      for (const ValueId value : node.captured) link(value, to);
    }
    for (size_t i = 0; i < graph.outputs().size(); ++i)
      link(graph.outputs()[i], static_cast<int>(first_output + i));
    std::sort(links.begin(), links.end());
    links.erase(std::unique(links.begin(), links.end()), links.end());
    for (const auto& [from, to, value] : links) {
      if (scene_.edges.empty() || scene_.edges.back().from != from || scene_.edges.back().to != to)
        scene_.edges.push_back({from, to, {}, {}, {}});
      scene_.edges.back().values.emplace_back(size_t{value});
    }
    for (SceneEdge& edge : scene_.edges) edge.label = label(edge);
  }

  std::string label(const SceneEdge& edge) const {
    if (edge.values.size() > 1) return std::to_string(edge.values.size()) + " values";
    const TypeInfo& type = model_.graph.value(edge.values[0]).type;
    return type.kind == TypeInfo::Kind::unknown ? std::string() : to_string(type);
  }

  const Model& model_;
  const SceneOptions& options_;
  SceneLayout scene_;
  std::vector<size_t> counts_;            ///< nodes in a module and below, by module
  std::vector<std::vector<NodeId>> own_;  ///< shown nodes a module owns itself
};

}  // namespace

SceneLayout visible_scene(const Model& model, const SceneOptions& options) {
  return SceneBuilder(model, options).build();
}

}  // namespace lathe
