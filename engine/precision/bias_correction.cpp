// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/bias_correction.h"

#include "engine/precision/quantized_constant.h"

namespace lathe {

const Tensor* bias_at(const Graph& graph, const BiasPlace& place) {
  const Tensor* bias = constant_behind(graph, graph.node(place.node).inputs[place.input]);
  return bias != nullptr && bias->type() == ElementType::f32 && bias->rank() == 1 ? bias : nullptr;
}

std::optional<BiasPlace> bias_of(const Graph& graph, const Node& product) {
  std::optional<BiasPlace> place;
  if (product.op_type != "MatMul") {
    if (product.inputs.size() > 2 && product.inputs[2].valid()) place = BiasPlace{product.id, 2};
  } else if (const Value& result = graph.value(product.outputs[0]);
             result.consumers.size() == 1 && !result.is_output) {
    const Node& add = graph.node(result.consumers.front());
    if (add.domain.empty() && add.op_type == "Add")
      place = BiasPlace{add.id, add.inputs[0] == result.id ? size_t{1} : size_t{0}};
  }
  return place && bias_at(graph, *place) != nullptr ? place : std::nullopt;
}

void add_to_bias(GraphEditor& editor, const BiasPlace& place, std::span<const double> added) {
  const Graph& graph = editor.graph();
  const auto old = bias_at(graph, place)->data<float>();
  std::vector<float> made;
  for (size_t c = 0; c < added.size(); ++c) made.push_back(static_cast<float>(old[c] + added[c]));
  std::vector<ValueId> inputs = graph.node(place.node).inputs;
  // A name that ends as the old one does: readers tell modules by weights' names.
  const std::string name = graph.value(inputs[place.input]).name;
  inputs[place.input] =
      editor.add_constant(name, Tensor::from<float>({static_cast<int64_t>(made.size())}, made));
  editor.set_node_inputs(place.node, std::move(inputs));
}

Result<std::vector<double>> rounding_shift(const Tensor& weights, size_t axis,
                                           const std::vector<double>& means, int64_t groups) {
  const std::vector<float> scales = channel_scales(weights, axis);
  LATHE_ASSIGN(const Tensor rounded, rounded_weights(weights, axis, scales));
  const auto exact = weights.data<float>();
  const auto stored = rounded.data<int8_t>();
  const size_t outputs = scales.size(), channel_axis = 1 - axis;  // of the input's channels
  const auto inputs = static_cast<size_t>(weights.dim(channel_axis));
  const auto inner = static_cast<size_t>(element_count(std::span(weights.shape()).subspan(2)));
  const size_t per_group = outputs / static_cast<size_t>(groups);
  std::vector<double> shift(outputs, 0);
  for (size_t i = 0; i < exact.size(); ++i) {
    const size_t row = i / inner / static_cast<size_t>(weights.dim(1)),
                 column = i / inner % static_cast<size_t>(weights.dim(1));
    const size_t output = axis == 0 ? row : column, input = axis == 0 ? column : row;
    const double error = static_cast<double>(stored[i]) * scales[output] - exact[i];
    shift[output] += error * means[output / per_group * inputs + input];
  }
  return shift;
}

ChannelAxes product_inputs(const Graph& graph, const Int8Plan& plan) {
  ChannelAxes axes;
  for (const NodeId id : plan.order) {
    const Node& node = graph.node(id);
    if (plan.of(id).product && plan.of(id).int8)
      axes[graph.value(node.inputs[0]).name] = node.op_type == "Conv" ? 1 : -1;
  }
  return axes;
}

Result<size_t> correct_biases(Graph& graph, const Int8Plan& plan, const ChannelCalibration& statistics) {
  GraphEditor editor(graph);
  size_t places = 0;
  for (const NodeId id : plan.order) {
    if (!plan.of(id).product || !plan.of(id).int8) continue;
    const Node& product = graph.node(id);
    const auto seen = statistics.find(graph.value(product.inputs[0]).name);
    const auto place = bias_of(graph, product);
    if (seen == statistics.end() || !place) continue;
    const Tensor weights = *constant_behind(graph, product.inputs[1]);
    const size_t axis = plan.of(id).channel_axis;
    const int64_t groups = product.attributes.get_int("group", 1), inputs = weights.dim(1 - axis) * groups;
    if (bias_at(graph, *place)->count() != weights.dim(axis) ||
        static_cast<int64_t>(seen->second.mean.size()) != inputs || weights.dim(axis) % groups != 0)
      continue;
    LATHE_ASSIGN(std::vector<double> shift, rounding_shift(weights, axis, seen->second.mean, groups));
    for (double& each : shift) each = -each;
    add_to_bias(editor, *place, shift);
    ++places;
  }
  return places;
}

}  // namespace lathe
