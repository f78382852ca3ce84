// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/raise_opset.h"

#include <algorithm>
#include <functional>

#include "engine/ops/operator.h"
#include "engine/precision/rebuild.h"

namespace lathe {
namespace {

constexpr int oldest_convertible = 7;

/// Changes the node for the opset where its form changed; with a null editor only tells whether it could.
using Adapter = bool (*)(const Graph& graph, const Node& node, GraphEditor* editor);

/// The editor sets attributes; to lose one, or inputs with it, a node is put back anew.
void replace(GraphEditor& editor, NodeId old, Node node) {
  editor.remove_node(old);
  editor.add_node(std::move(node));
}

Tensor list_of(const std::vector<int64_t>& numbers) {
  return Tensor::from<int64_t>({static_cast<int64_t>(numbers.size())}, std::span<const int64_t>(numbers));
}

/// Attribute `name` as the tensor that newer opsets take as an input; undefined where the node has none.
Tensor attribute_tensor(const Node& node, const std::string& name) {
  const AttributeValue* value = node.attributes.find(name);
  if (value == nullptr) return {};
  if (const auto* numbers = std::get_if<std::vector<int64_t>>(value)) return list_of(*numbers);
  if (const auto* number = std::get_if<int64_t>(value)) return list_of({*number});
  if (const auto* real = std::get_if<float>(value)) return Tensor::scalar<float>(*real);
  return {};
}

/// Attributes become inputs, in this order, from input 1 on.
bool attributes_to_inputs(const Node& node, GraphEditor* editor, const std::vector<std::string>& names) {
  if (editor == nullptr) return true;
  Node copy = node;
  copy.inputs.resize(1);
  for (const std::string& name : names) {
    Tensor tensor = attribute_tensor(node, name);
    copy.attributes.erase(name);
    copy.inputs.push_back(tensor.defined() ? editor->add_constant(node.name + "_" + name, std::move(tensor))
                                           : ValueId());
  }
  while (!copy.inputs.empty() && !copy.inputs.back().valid()) copy.inputs.pop_back();
  replace(*editor, node.id, std::move(copy));
  return true;
}

bool axes(const Graph&, const Node& node, GraphEditor* editor) {
  return attributes_to_inputs(node, editor, {"axes"});
}
bool clip(const Graph& graph, const Node& node, GraphEditor* editor) {
  // Limits of the input's type: only f32 ones can be written here.
  const TypeInfo& type = graph.value(node.inputs[0]).type;
  if (type.is_tensor() && type.element != ElementType::f32) return false;
  return attributes_to_inputs(node, editor, {"min", "max"});
}
bool pad(const Graph& graph, const Node& node, GraphEditor* editor) {
  const TypeInfo& type = graph.value(node.inputs[0]).type;
  if (type.is_tensor() && type.element != ElementType::f32) return false;
  return attributes_to_inputs(node, editor, {"pads", "value"});
}
bool slice(const Graph&, const Node& node, GraphEditor* editor) {
  return attributes_to_inputs(node, editor, {"starts", "ends", "axes"});
}
bool top_k(const Graph&, const Node& node, GraphEditor* editor) {
  return attributes_to_inputs(node, editor, {"k"});
}
bool split(const Graph&, const Node& node, GraphEditor* editor) {
  return attributes_to_inputs(node, editor, {"split"});
}
bool dropout(const Graph&, const Node& node, GraphEditor* editor) {
  return attributes_to_inputs(node, editor, {"ratio"});
}

bool batch_norm(const Graph&, const Node& node, GraphEditor* editor) {
  if (node.attributes.get_int("spatial", 1) == 0 || node.outputs.size() > 1) return false;
  if (editor == nullptr) return true;
  Node copy = node;
  copy.attributes.erase("spatial");
  replace(*editor, node.id, std::move(copy));
  return true;
}
bool batch_norm_modes(const Graph&, const Node& node, GraphEditor*) {
  return node.outputs.size() == 1;  // further outputs meant training
}

/// Until opset 13 everything from `axis` on was one axis: the same where it is the last.
bool softmax(const Graph& graph, const Node& node, GraphEditor* editor) {
  const int64_t axis = node.attributes.get_int("axis", 1);
  const TypeInfo& type = graph.value(node.inputs[0]).type;
  const bool last = axis == -1 || (type.has_rank() && axis + 1 == static_cast<int64_t>(type.dims->size()));
  if (last && editor != nullptr) editor->set_attribute(node.id, "axis", int64_t{-1});
  return last;
}

bool split_count(const Graph&, const Node& node, GraphEditor* editor) {
  const bool equal = node.inputs.size() < 2 || !node.inputs[1].valid();
  if (equal && editor != nullptr)
    editor->set_attribute(node.id, "num_outputs", static_cast<int64_t>(node.outputs.size()));
  return true;
}

bool roi_align(const Graph&, const Node& node, GraphEditor* editor) {
  if (editor != nullptr && !node.attributes.has("coordinate_transformation_mode"))
    editor->set_attribute(node.id, "coordinate_transformation_mode", std::string("output_half_pixel"));
  return true;
}

bool grid_sample(const Graph&, const Node& node, GraphEditor* editor) {
  if (editor == nullptr) return true;
  const std::string mode = node.attributes.get_string("mode", "bilinear");
  if (mode == "bilinear") editor->set_attribute(node.id, "mode", std::string("linear"));
  if (mode == "bicubic") editor->set_attribute(node.id, "mode", std::string("cubic"));
  return true;
}

/// Where an operator of the same name took another form or meaning. All else only widened.
struct Change {
  std::string_view op_type;
  int since;
  Adapter adapt;  ///< null: not convertible here
};
constexpr Change changes[] = {
    {"BatchNormalization", 9, batch_norm},
    {"Scan", 9, nullptr},
    {"Upsample", 9, nullptr},
    {"Slice", 10, slice},
    {"TopK", 10, top_k},
    {"Upsample", 10, nullptr},
    {"Clip", 11, clip},
    {"Pad", 11, pad},
    {"Resize", 11, nullptr},
    {"Scatter", 11, nullptr},
    {"Dropout", 12, dropout},
    {"Hardmax", 13, softmax},
    {"LogSoftmax", 13, softmax},
    {"ReduceSum", 13, axes},
    {"Softmax", 13, softmax},
    {"Split", 13, split},
    {"Squeeze", 13, axes},
    {"Unsqueeze", 13, axes},
    {"BatchNormalization", 14, batch_norm_modes},
    {"RoiAlign", 16, roi_align},
    {"ReduceL1", 18, axes},
    {"ReduceL2", 18, axes},
    {"ReduceLogSum", 18, axes},
    {"ReduceLogSumExp", 18, axes},
    {"ReduceMax", 18, axes},
    {"ReduceMean", 18, axes},
    {"ReduceMin", 18, axes},
    {"ReduceProd", 18, axes},
    {"ReduceSumSquare", 18, axes},
    {"Split", 18, split_count},
    {"DFT", 20, nullptr},
    {"GridSample", 20, grid_sample},
    {"GroupNormalization", 21, nullptr},
};

void for_each_body(const Node& node, const std::function<void(Graph&)>& visit) {
  for (const auto& [name, attribute] : node.attributes.all()) {
    if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&attribute)) visit(**body);
    if (const auto* bodies = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute))
      for (const auto& each : *bodies) visit(*each);
  }
}

void limit_by(const Graph& graph, OpsetLimit& limit) {
  for (const Node& node : graph.nodes()) {
    if (!node.alive) continue;
    for_each_body(node, [&](Graph& body) { limit_by(body, limit); });
    if (!node.domain.empty()) continue;
    for (const Change& change : changes) {
      if (change.op_type != node.op_type || change.since <= node.version || change.since > limit.version)
        continue;
      const bool can = node.version >= oldest_convertible && change.adapt != nullptr &&
                       !node.inputs.empty() && change.adapt(graph, node, nullptr);
      if (can) continue;
      limit.version = change.since - 1;
      limit.blocker = "node '" + node.name + "' (" + node.op_type + ")";
    }
  }
}

void adapt_nodes(Graph& graph, int version) {
  GraphEditor editor(graph);
  for (const Change& change : changes) {
    const size_t count = graph.nodes().size();  // replaced nodes come behind: for the next change
    for (size_t i = 0; i < count; ++i) {
      const Node node = graph.nodes()[i];
      if (!node.alive || !node.domain.empty() || change.op_type != node.op_type) continue;
      if (node.version < change.since && change.since <= version && change.adapt != nullptr)
        change.adapt(graph, node, &editor);
    }
  }
}

}  // namespace

OpsetLimit reachable_opset(const Model& model, int wanted) {
  const auto opset = model.opsets.find("");
  const int now = opset != model.opsets.end() ? opset->second : 0;
  OpsetLimit limit{std::min(wanted, operators().newest_version("")), ""};
  if (limit.version <= now) return {now, ""};
  if (now < oldest_convertible) return {now, "opset " + std::to_string(now) + " of the model"};
  limit_by(model.graph, limit);
  return limit;
}

Status raise_opset(Model& model, int version) {
  int& opset = model.opsets[""];
  if (version <= opset) return {};
  const std::function<void(Graph&)> adapt = [&](Graph& graph) {
    adapt_nodes(graph, version);
    for (const Node& node : graph.nodes())
      if (node.alive) for_each_body(node, adapt);
  };
  adapt(model.graph);
  LATHE_ASSIGN(model.graph, rebuild(model.graph, version));
  refresh_modules(model);
  opset = version;
  // The file format that goes with the opset.
  const int ir = version >= 23 ? 11 : version >= 21 ? 10 : version >= 19 ? 9 : 8;
  model.ir_version = std::max(model.ir_version, ir);
  return {};
}

}  // namespace lathe
