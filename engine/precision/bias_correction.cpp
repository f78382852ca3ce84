// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/bias_correction.h"

#include "engine/precision/quantized_constant.h"

namespace lathe {
namespace {

struct BiasPlace {
  NodeId node;
  size_t input = 0;
};

/// Where a product's constant bias stands; nothing where it has none.
std::optional<BiasPlace> bias_of(const Graph& graph, const Node& product) {
  if (product.op_type != "MatMul")
    return product.inputs.size() > 2 && product.inputs[2].valid() ? std::optional(BiasPlace{product.id, 2})
                                                                  : std::nullopt;
  const Value& result = graph.value(product.outputs[0]);
  if (result.consumers.size() != 1 || result.is_output) return std::nullopt;
  const Node& add = graph.node(result.consumers.front());
  if (!add.domain.empty() || add.op_type != "Add") return std::nullopt;
  return BiasPlace{add.id, add.inputs[0] == result.id ? size_t{1} : size_t{0}};
}

}  // namespace

Result<std::vector<float>> rounding_shift(const Tensor& weights, size_t axis,
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
  return std::vector<float>(shift.begin(), shift.end());
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
    const Tensor* old = constant_behind(graph, graph.node(place->node).inputs[place->input]);
    const size_t axis = plan.of(id).channel_axis;
    const int64_t groups = product.attributes.get_int("group", 1), inputs = weights.dim(1 - axis) * groups;
    if (old == nullptr || old->type() != ElementType::f32 || old->rank() != 1 ||
        old->count() != weights.dim(axis) || static_cast<int64_t>(seen->second.mean.size()) != inputs ||
        weights.dim(axis) % groups != 0)
      continue;
    LATHE_ASSIGN(const std::vector<float> shift, rounding_shift(weights, axis, seen->second.mean, groups));
    std::vector<float> bias(old->data<float>().begin(), old->data<float>().end());
    for (size_t c = 0; c < bias.size(); ++c) bias[c] -= shift[c];
    std::vector<ValueId> reads = graph.node(place->node).inputs;
    reads[place->input] = editor.add_constant(graph.value(reads[place->input]).name,
                                              Tensor::from<float>({static_cast<int64_t>(bias.size())}, bias));
    editor.set_node_inputs(place->node, std::move(reads));
    ++places;
  }
  return places;
}

}  // namespace lathe
