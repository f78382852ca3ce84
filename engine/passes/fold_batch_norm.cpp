// SPDX-License-Identifier: Apache-2.0
// Convolution followed by BatchNormalization, or by a Mul or Add with one number per channel: folded into the
// weights.
#include <algorithm>
#include <cmath>

#include "engine/ops/operand.h"
#include "engine/passes/match.h"

namespace lathe {
namespace {

/// y = scale[c] * x + shift[c] for each output channel c.
struct ChannelAffine {
  std::vector<float> scale, shift;
};

std::optional<std::vector<float>> floats(const Graph& graph, ValueId value) {
  const Tensor* tensor = graph.constant(value);
  if (tensor == nullptr || !is_float(tensor->type())) return std::nullopt;
  const std::vector<double> numbers = tensor->to_double();
  return std::vector<float>(numbers.begin(), numbers.end());
}

std::optional<ChannelAffine> batch_norm(const Graph& graph, const Node& node, size_t channels) {
  if (!is_op(node, "BatchNormalization") || node.inputs.size() != 5 ||
      node.attributes.get_int("training_mode", 0) != 0)
    return std::nullopt;
  const auto scale = floats(graph, node.inputs[1]), bias = floats(graph, node.inputs[2]);
  const auto mean = floats(graph, node.inputs[3]), variance = floats(graph, node.inputs[4]);
  if (!scale || !bias || !mean || !variance) return std::nullopt;
  for (const auto* each : {&*scale, &*bias, &*mean, &*variance})
    if (each->size() != channels) return std::nullopt;
  const float epsilon = node.attributes.get_float("epsilon", 1e-5F);
  ChannelAffine affine;
  for (size_t c = 0; c < channels; ++c) {
    const double factor = (*scale)[c] / std::sqrt(static_cast<double>((*variance)[c]) + epsilon);
    affine.scale.push_back(static_cast<float>(factor));
    affine.shift.push_back(static_cast<float>((*bias)[c] - (*mean)[c] * factor));
  }
  return affine;
}

/// A constant with one element, or one per channel on axis 1 of a tensor of this rank.
std::optional<std::vector<float>> per_channel(const Graph& graph, ValueId value, size_t channels,
                                              size_t rank) {
  const auto elements = floats(graph, value);
  if (!elements) return std::nullopt;
  if (elements->size() == 1) return std::vector<float>(channels, elements->front());
  const Shape& shape = graph.constant(value)->shape();
  if (elements->size() != channels || shape.size() + 1 < rank || shape.size() > rank) return std::nullopt;
  const size_t axis = shape.size() - (rank - 1);
  return shape[axis] == static_cast<int64_t>(channels) ? elements : std::nullopt;
}

std::optional<ChannelAffine> mul_or_add(const Graph& graph, const Node& node, ValueId conv_output,
                                        size_t channels, size_t rank) {
  if (!is_op(node, "Mul") && !is_op(node, "Add")) return std::nullopt;
  const auto numbers = per_channel(graph, other_input(node, conv_output), channels, rank);
  if (!numbers) return std::nullopt;
  if (is_op(node, "Mul")) return ChannelAffine{*numbers, std::vector<float>(channels, 0.0F)};
  return ChannelAffine{std::vector<float>(channels, 1.0F), *numbers};
}

/// Weights M x ... scaled by output channel, in their own type.
Result<Tensor> scaled_by_channel(const Tensor& stored, std::span<const float> scale) {
  const Tensor weights = read_once(stored);
  LATHE_ASSIGN(Buffer buffer, Buffer::allocate_lasting(weights.bytes()));
  Tensor scaled = Tensor::wrap(weights.type(), weights.shape(), std::move(buffer));
  const Operand<float> from(weights);
  const int64_t block = weights.count() / static_cast<int64_t>(scale.size());
  std::vector<float> row(weights.type() == ElementType::f32 ? 0 : static_cast<size_t>(weights.count()));
  float* to = row.empty() ? scaled.mutable_data<float>().data() : row.data();
  for (size_t c = 0; c < scale.size(); ++c) {
    const int64_t start = static_cast<int64_t>(c) * block;
    for (int64_t i = start; i < start + block; ++i) to[i] = from[i] * scale[c];
  }
  if (!row.empty()) store_elements(row.data(), scaled);
  weights.buffer().release_pages();
  return scaled;
}

/// Scales the weights (where that changes them), scales and shifts the bias (in f32).
Status apply(PassContext& context, const Node& conv, const ChannelAffine& affine) {
  const Graph& graph = context.graph;
  const Tensor& weights = *graph.constant(conv.inputs[1]);
  const size_t channels = affine.scale.size();
  LATHE_ASSIGN(Tensor bias, Tensor::allocate(ElementType::f32, {static_cast<int64_t>(channels)}));
  const auto old_bias = conv.inputs.size() > 2 ? floats(graph, conv.inputs[2]) : std::nullopt;
  for (size_t c = 0; c < channels; ++c)
    bias.mutable_data<float>()[c] = (old_bias ? (*old_bias)[c] * affine.scale[c] : 0.0F) + affine.shift[c];
  const std::string name = conv.name;
  const NodeId id = conv.id;
  const ValueId input = conv.inputs[0];
  const bool scales =
      std::any_of(affine.scale.begin(), affine.scale.end(), [](float scale) { return scale != 1.0F; });
  ValueId new_weights = conv.inputs[1];
  if (scales) {
    LATHE_ASSIGN(Tensor scaled, scaled_by_channel(weights, affine.scale));
    new_weights = context.editor.add_constant(name + ".weight_folded", std::move(scaled));
  }
  const ValueId new_bias = context.editor.add_constant(name + ".bias_folded", std::move(bias));
  context.editor.set_node_inputs(id, {input, new_weights, new_bias});
  return {};
}

Result<size_t> fold(PassContext& context) {
  size_t changes = 0;
  for (size_t i = 0; i < context.graph.nodes().size(); ++i) {
    const Node& conv = context.graph.nodes()[i];
    if (!conv.alive || !is_op(conv, "Conv") || !used_once(context.graph, conv.outputs[0])) continue;
    const Tensor* weights = context.graph.constant(conv.inputs[1]);
    const bool bias_known = conv.inputs.size() < 3 || !conv.inputs[2].valid() ||
                            context.graph.constant(conv.inputs[2]) != nullptr;
    if (weights == nullptr || !is_f32_or_bf16(context, conv.inputs[1]) || weights->count() == 0 ||
        !bias_known)
      continue;
    const Node& next = *sole_consumer(context.graph, conv.outputs[0]);
    const auto channels = static_cast<size_t>(weights->dim(0));
    auto affine = batch_norm(context.graph, next, channels);
    if (!affine) affine = mul_or_add(context.graph, next, conv.outputs[0], channels, weights->rank());
    if (!affine) continue;
    const auto shape = static_shape(context, next.outputs[0]);
    if (!shape || shape != static_shape(context, conv.outputs[0]) ||
        context.graph.value(next.outputs[0]).is_output)
      continue;
    const NodeId next_id = next.id;
    const NodeId conv_id = conv.id;
    LATHE_TRY(apply(context, conv, *affine));
    const Node names = context.fused_node("Conv", {conv_id, next_id});
    context.editor.set_metadata(conv_id, fused_nodes_key, names.metadata.at(fused_nodes_key));
    if (context.options.modules != nullptr) context.editor.set_module(conv_id, names.module);
    context.editor.replace_uses(context.graph.node(next_id).outputs[0],
                                context.graph.node(conv_id).outputs[0]);
    context.editor.remove_node(next_id);
    ++changes;
  }
  return changes;
}

}  // namespace

void register_fold_batch_norm(PassRegistry& registry) {
  registry.add({"fold_batch_norm", true, fold});
}

}  // namespace lathe
