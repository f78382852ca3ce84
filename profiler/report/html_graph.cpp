// SPDX-License-Identifier: Apache-2.0
// The graph of modules of report.html: a dozen of boxes from inputs to outputs, drawn in layers.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <set>

#include "profiler/report/html.h"

namespace lathe {
namespace {

struct Box {
  std::string label, title;
  std::string style;  ///< "good", "bad", "keep"; empty for inputs and outputs
  bool end = false;   ///< an input or output of the model
  bool bend = false;  ///< only a point that a long edge passes
  std::vector<size_t> from;
  std::set<size_t> to;
  size_t layer = 0;
  double x = 0, width = 0;
};

constexpr size_t most_boxes = 12;
constexpr double page_width = 1040, box_height = 38, layer_height = 64, gap = 18;

using Sources = std::set<size_t>;

/// What the boxes are: the topmost modules, the largest opened as long as there is room.
class ModuleGraph {
 public:
  explicit ModuleGraph(const Conversion& conversion)
      : conversion_(conversion),
        graph_(conversion.model->graph),
        tree_(conversion.model->modules),
        open_(tree_.modules().size(), false),
        box_of_(tree_.modules().size(), SIZE_MAX) {}

  /// No boxes where the graph has no order.
  std::vector<Box> make() {
    const auto order = topological_order(graph_);
    if (!order.ok()) return {};
    open_modules();
    sources_.resize(graph_.values().size());
    for (const ValueId input : graph_.inputs()) sources_[input.index] = {add_end(graph_.value(input).name)};
    for (const NodeId id : *order) pass(graph_.node(id));
    for (const ValueId output : graph_.outputs())
      connect(sources_[output.index], add_end(graph_.value(output).name));
    leave_out_detours();
    return std::move(boxes_);
  }

 private:
  size_t parts(ModuleId id) const { return tree_[id].children.size() + (tree_[id].nodes.empty() ? 0 : 1); }

  void open_modules() {
    open_[0] = true;
    std::vector<ModuleId> front = tree_[ModuleTree::root()].children;
    for (;;) {
      const size_t boxes = front.size();
      auto largest = front.end();
      for (auto at = front.begin(); at != front.end(); ++at) {
        if (tree_[*at].children.empty() || boxes - 1 + parts(*at) > most_boxes) continue;
        if (largest == front.end() || tree_.all_nodes(*at).size() > tree_.all_nodes(*largest).size())
          largest = at;
      }
      if (largest == front.end()) return;
      const ModuleId opened = *largest;
      open_[opened.index] = true;
      front.erase(largest);
      front.insert(front.end(), tree_[opened].children.begin(), tree_[opened].children.end());
    }
  }

  /// A node of a box ends what flows into it; one that an opened module owns itself lets it through.
  void pass(const Node& node) {
    Sources flow;
    for (const auto* list : {&node.inputs, &node.captured})
      for (const ValueId value : *list)
        if (value.valid()) flow.insert(sources_[value.index].begin(), sources_[value.index].end());
    if (const auto box = box_for(node.module.valid() ? node.module : ModuleTree::root())) {
      connect(flow, *box);
      flow = {*box};
    }
    for (const ValueId output : node.outputs)
      if (output.valid()) sources_[output.index] = flow;
  }

  std::optional<size_t> box_for(ModuleId id) {
    if (open_[id.index]) return std::nullopt;
    ModuleId at = id;
    while (!open_[tree_[at].parent.index]) at = tree_[at].parent;
    size_t& box = box_of_[at.index];
    if (box != SIZE_MAX) return box;
    box = boxes_.size();
    const Module& module = tree_[at];
    const ModuleOutcome* outcome = conversion_.find(at);
    Box made;
    made.label = module.path;
    made.title = fmt::format("{} ({}): {}", module.path, module.class_name,
                             to_string(outcome == nullptr ? ModuleStatus::ignored : outcome->status));
    made.style = html_tone(outcome);
    boxes_.push_back(std::move(made));
    return box;
  }

  size_t add_end(const std::string& name) {
    Box made;
    made.label = made.title = name;
    made.end = true;
    boxes_.push_back(std::move(made));
    return boxes_.size() - 1;
  }

  void connect(const Sources& from, size_t to) {
    for (const size_t source : from)
      if (source != to) boxes_[source].to.insert(to);
  }

  bool reaches(size_t from, size_t to, std::vector<bool>& seen) const {
    if (from == to) return true;
    if (seen[from]) return false;
    seen[from] = true;
    return std::any_of(boxes_[from].to.begin(), boxes_[from].to.end(),
                       [&](size_t next) { return reaches(next, to, seen); });
  }

  /// An edge goes where another way leads from its begin to its end.
  void leave_out_detours() {
    for (size_t from = 0; from < boxes_.size(); ++from)
      for (const size_t to : std::vector(boxes_[from].to.begin(), boxes_[from].to.end())) {
        boxes_[from].to.erase(to);
        std::vector<bool> seen(boxes_.size(), false);
        if (!reaches(from, to, seen)) boxes_[from].to.insert(to);
      }
  }

  const Conversion& conversion_;
  const Graph& graph_;
  const ModuleTree& tree_;
  std::vector<bool> open_;
  std::vector<size_t> box_of_;
  std::vector<Sources> sources_;  ///< by value: the boxes it comes from
  std::vector<Box> boxes_;
};

/// Layers by the longest way from a source; edges that close a cycle are turned away.
class Layers {
 public:
  explicit Layers(std::vector<Box>& boxes) : boxes_(boxes), state_(boxes.size(), 0) {}

  std::vector<std::vector<size_t>> arrange() {
    for (size_t i = 0; i < boxes_.size(); ++i) visit(i);
    for (size_t k = order_.size(); k-- > 0;)
      for (const size_t to : boxes_[order_[k]].to)
        boxes_[to].layer = std::max(boxes_[to].layer, boxes_[order_[k]].layer + 1);
    bend_long_edges();
    std::vector<std::vector<size_t>> layers;
    for (size_t i = 0; i < boxes_.size(); ++i) {
      if (boxes_[i].layer >= layers.size()) layers.resize(boxes_[i].layer + 1);
      layers[boxes_[i].layer].push_back(i);
      for (const size_t to : boxes_[i].to) boxes_[to].from.push_back(i);
    }
    for (int sweep = 0; sweep < 8; ++sweep)
      for (auto& layer : layers) order(layer, sweep % 2 == 0);
    return layers;
  }

 private:
  void visit(size_t i) {
    if (state_[i] != 0) return;
    state_[i] = 1;
    std::erase_if(boxes_[i].to, [&](size_t to) { return state_[to] == 1; });
    for (const size_t to : std::vector(boxes_[i].to.begin(), boxes_[i].to.end())) visit(to);
    state_[i] = 2;
    order_.push_back(i);
  }

  void bend_long_edges() {
    for (size_t i = 0, real = boxes_.size(); i < real; ++i)
      for (const size_t target : std::vector(boxes_[i].to.begin(), boxes_[i].to.end())) {
        size_t at = i;
        for (size_t layer = boxes_[i].layer + 1; layer < boxes_[target].layer; ++layer) {
          const size_t made = boxes_.size();
          boxes_[at].to.erase(target);
          boxes_[at].to.insert(made);
          boxes_.emplace_back();
          boxes_[made].bend = true;
          boxes_[made].layer = layer;
          boxes_[made].to = {target};
          at = made;
        }
      }
  }

  /// By the mean position of the neighbours above or below; positions follow.
  void order(std::vector<size_t>& layer, bool downwards) {
    const auto wish = [&](size_t i) {
      const std::vector<size_t> above = boxes_[i].from, below(boxes_[i].to.begin(), boxes_[i].to.end());
      const std::vector<size_t>& near = downwards ? above : below;
      if (near.empty()) return boxes_[i].x;
      double sum = 0;
      for (const size_t other : near) sum += boxes_[other].x;
      return sum / static_cast<double>(near.size());
    };
    std::vector<std::pair<double, size_t>> keyed;
    for (const size_t i : layer) keyed.emplace_back(wish(i), i);
    std::stable_sort(keyed.begin(), keyed.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    double total = -gap;
    for (const size_t i : layer) total += boxes_[i].width + gap;
    double at = -total / 2;
    for (size_t k = 0; k < layer.size(); ++k) {
      layer[k] = keyed[k].second;
      Box& box = boxes_[layer[k]];
      box.x = at + box.width / 2;
      at += box.width + gap;
    }
  }

  std::vector<Box>& boxes_;
  std::vector<int> state_;
  std::vector<size_t> order_;
};

double box_y(const Box& box) {
  return static_cast<double>(box.layer) * layer_height + 4;
}

std::string edge_svg(const Box& from, const Box& to, double shift) {
  const double x1 = from.x + shift, y1 = box_y(from) + (from.bend ? box_height / 2 : box_height);
  const double x2 = to.x + shift, y2 = box_y(to) + (to.bend ? box_height / 2 : 0), middle = (y1 + y2) / 2;
  std::string svg =
      fmt::format("<path class=\"edge\" d=\"M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}\"/>", x1,
                  y1, x1, middle, x2, middle, x2, y2);
  if (!to.bend) svg += fmt::format("<path class=\"tip\" d=\"M{:.1f} {:.1f}l-4 -7h8z\"/>", x2, y2);
  return svg + "\n";
}

std::string box_svg(const Box& box, double shift) {
  return fmt::format(
      "<g><rect class=\"box {}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" rx=\"{}\"/><text "
      "x=\"{:.1f}\" "
      "y=\"{:.1f}\" text-anchor=\"middle\">{}</text><title>{}</title></g>\n",
      box.style, box.x + shift - box.width / 2, box_y(box), box.width, box_height, box.end ? 19 : 5,
      box.x + shift, box_y(box) + box_height / 2 + 4, html_short(box.label, 34), html_text(box.title));
}

}  // namespace

std::string html_module_graph(const ReportData& data) {
  const Conversion& conversion = *data.conversion;
  if (conversion.model->modules.modules().size() < 2) return "";
  std::vector<Box> boxes = ModuleGraph(conversion).make();
  if (boxes.empty() || boxes.size() > 4 * most_boxes) return "";  // a hundred inputs make no picture
  for (Box& box : boxes)
    box.width =
        std::clamp(7.0 * static_cast<double>(std::min<size_t>(box.label.size(), 34)) + 24, 60.0, 270.0);
  const std::vector<std::vector<size_t>> layers = Layers(boxes).arrange();
  double low = 0, high = 0;
  for (const Box& box : boxes) {
    low = std::min(low, box.x - box.width / 2);
    high = std::max(high, box.x + box.width / 2);
  }
  const double width = std::max(page_width, high - low + 20), shift = width / 2 - (low + high) / 2;
  std::string svg =
      fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"Graph of modules\">\n", width,
                  static_cast<double>(layers.size()) * layer_height - layer_height + box_height + 8);
  for (const Box& box : boxes)
    for (const size_t to : box.to) svg += edge_svg(box, boxes[to], shift);
  for (const Box& box : boxes)
    if (!box.bend) svg += box_svg(box, shift);
  return "<figure>" + svg +
         "</svg><figcaption>Which module feeds which, from inputs to outputs; where a longer way leads over "
         "another module, the direct one is not drawn. Blue: in an engine; "
         "orange: did "
         "not convert; grey: kept eager, or an input or output.</figcaption></figure>\n";
}

}  // namespace lathe
