// SPDX-License-Identifier: Apache-2.0
// Convolutions and matrix products take over the residual addition and the activation that follow them;
// BatchNormalization takes over Relu.
#include "engine/passes/match.h"

namespace lathe {
namespace {

struct ActivationCall {
  std::string name;
  float alpha = 0, beta = 0;
};

/// Clip with constant (or absent) bounds, by attribute (opset 6) or input (opset 11 up).
std::optional<ActivationCall> clip(const Graph& graph, const Node& node) {
  ActivationCall call{"Clip", -3.402823466e+38F, 3.402823466e+38F};
  if (node.version < 11) {
    call.alpha = node.attributes.get_float("min", call.alpha);
    call.beta = node.attributes.get_float("max", call.beta);
    return call;
  }
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (!node.inputs[i].valid()) continue;
    const auto bound = scalar(graph, node.inputs[i]);
    if (!bound) return std::nullopt;
    (i == 1 ? call.alpha : call.beta) = *bound;
  }
  return call;
}

std::optional<ActivationCall> activation(const Graph& graph, const Node& node) {
  if (is_internal(node, "Gelu"))
    return ActivationCall{node.attributes.get_string("approximate", "none") == "tanh" ? "GeluTanh" : "Gelu"};
  if (!node.domain.empty()) return std::nullopt;
  for (const char* plain : {"Relu", "Sigmoid", "Tanh", "HardSwish"})
    if (node.op_type == plain) return ActivationCall{plain};
  if (node.op_type == "Gelu")
    return ActivationCall{node.attributes.get_string("approximate", "none") == "tanh" ? "GeluTanh" : "Gelu"};
  if (node.op_type == "LeakyRelu")
    return ActivationCall{"LeakyRelu", node.attributes.get_float("alpha", 0.01F)};
  if (node.op_type == "Elu") return ActivationCall{"Elu", node.attributes.get_float("alpha", 1.0F)};
  if (node.op_type == "HardSigmoid")
    return ActivationCall{"HardSigmoid", node.attributes.get_float("alpha", 0.2F),
                          node.attributes.get_float("beta", 0.5F)};
  if (node.op_type == "Clip") return clip(graph, node);
  return std::nullopt;
}

bool is_anchor(const PassContext& context, const Node& node) {
  const bool kind = is_op(node, "Conv") || is_internal(node, "FusedConv") || is_op(node, "MatMul") ||
                    is_internal(node, "FusedMatMul") || is_internal(node, "QuantizedConv") ||
                    is_internal(node, "QuantizedMatMul");
  return kind && is_f32_or_bf16(context, node.outputs[0]) && !node.attributes.has("activation") &&
         used_once(context.graph, node.outputs[0]);
}

/// The anchor as a fused operator with all its inputs and attributes, standing also for `next`.
Node start_fusion(const PassContext& context, const Node& anchor, const Node& next) {
  const std::string op_type = anchor.op_type == "Conv"     ? "FusedConv"
                              : anchor.op_type == "MatMul" ? "FusedMatMul"
                                                           : anchor.op_type;
  Node fused = context.fused_node(op_type, {anchor.id, next.id});
  fused.attributes = anchor.attributes;
  fused.inputs = anchor.inputs;
  return fused;
}

void finish_fusion(PassContext& context, NodeId anchor, NodeId next, Node fused) {
  const ValueId output = context.graph.node(next).outputs[0];
  context.editor.remove_node(anchor);
  context.editor.remove_node(next);
  fused.outputs = {output};
  context.editor.add_node(std::move(fused));
}

/// What normalisation kernels can take over.
bool fuse_batch_norm(PassContext& context, const Node& norm) {
  const bool stored = is_op(norm, "BatchNormalization") && norm.inputs.size() == 5 &&
                      norm.outputs.size() == 1 && norm.attributes.get_int("training_mode", 0) == 0 &&
                      norm.attributes.get_int("spatial", 1) != 0;
  if (!stored || !used_once(context.graph, norm.outputs[0])) return false;
  for (const ValueId value : {norm.inputs[0], norm.inputs[1], norm.inputs[3], norm.outputs[0]})
    if (context.types.type(value).element != ElementType::f32) return false;
  const Node& next = *sole_consumer(context.graph, norm.outputs[0]);
  if (!is_op(next, "Relu")) return false;
  Node fused = context.fused_node("FusedBatchNormalization", {norm.id, next.id});
  fused.inputs = norm.inputs;
  fused.attributes.set("epsilon", norm.attributes.get_float("epsilon", 1e-5F));
  fused.attributes.set("activation", std::string("Relu"));
  finish_fusion(context, norm.id, next.id, std::move(fused));
  return true;
}

bool fuse_residual(PassContext& context, const Node& anchor, const Node& next) {
  if (!is_op(next, "Add")) return false;
  const size_t residual_at = 3;
  if (anchor.inputs.size() > residual_at && anchor.inputs[residual_at].valid()) return false;
  const ValueId residual = other_input(next, anchor.outputs[0]);
  if (!residual.valid() || residual == anchor.outputs[0] || context.graph.constant(residual) != nullptr ||
      !same_element(context, residual, anchor.outputs[0]))
    return false;
  const auto shape = static_shape(context, anchor.outputs[0]);
  if (!shape || shape != static_shape(context, residual) || shape != static_shape(context, next.outputs[0]))
    return false;
  // Of two convolutions that are added, the later one takes the sum: the earlier must not wait for it.
  if (reaches(context.graph, residual, anchor.id)) return false;
  Node fused = start_fusion(context, anchor, next);
  fused.inputs.resize(residual_at + 1);
  fused.inputs[residual_at] = residual;
  finish_fusion(context, anchor.id, next.id, std::move(fused));
  return true;
}

bool fuse_call(PassContext& context, const Node& anchor, const Node& next) {
  const auto call = activation(context.graph, next);
  if (!call || next.inputs[0] != anchor.outputs[0]) return false;
  Node fused = start_fusion(context, anchor, next);
  fused.attributes.set("activation", call->name);
  fused.attributes.set("alpha", call->alpha);
  fused.attributes.set("beta", call->beta);
  finish_fusion(context, anchor.id, next.id, std::move(fused));
  return true;
}

/// x * sigmoid(x) of a convolution's output: both read it, so it is no sole consumer.
bool fuse_swish(PassContext& context, const Node& anchor) {
  const Graph& graph = context.graph;
  const ValueId x = anchor.outputs[0];
  if (graph.value(x).is_output || graph.value(x).consumers.size() != 2 || !is_f32_or_bf16(context, x) ||
      anchor.attributes.has("activation"))
    return false;
  for (const NodeId id : graph.value(x).consumers) {
    const Node& sigmoid = graph.node(id);
    if (!is_op(sigmoid, "Sigmoid")) continue;
    const Node* mul = sole_consumer(graph, sigmoid.outputs[0]);
    if (mul == nullptr || !is_op(*mul, "Mul") || other_input(*mul, sigmoid.outputs[0]) != x) continue;
    Node fused = start_fusion(context, anchor, *mul);
    fused.metadata[fused_nodes_key] += "\n" + sigmoid.name;
    fused.attributes.set("activation", std::string("Swish"));
    const NodeId sigmoid_id = sigmoid.id, mul_id = mul->id, anchor_id = anchor.id;
    context.editor.remove_node(sigmoid_id);
    finish_fusion(context, anchor_id, mul_id, std::move(fused));
    return true;
  }
  return false;
}

Result<size_t> fuse(PassContext& context) {
  size_t changes = 0;
  for (size_t i = 0; i < context.graph.nodes().size(); ++i) {
    const Node& node = context.graph.nodes()[i];
    if (!node.alive) continue;
    const bool conv =
        is_op(node, "Conv") || is_internal(node, "FusedConv") || is_internal(node, "QuantizedConv");
    if (conv && fuse_swish(context, node)) {
      context.types.types.resize(context.graph.values().size());
      ++changes;
      continue;
    }
    if (fuse_batch_norm(context, node)) {
      ++changes;
      continue;
    }
    if (!is_anchor(context, node)) continue;
    const Node& next = *sole_consumer(context.graph, node.outputs[0]);
    if (fuse_residual(context, node, next) || fuse_call(context, node, next)) ++changes;
  }
  return changes;
}

}  // namespace

void register_fuse_activation(PassRegistry& registry) {
  registry.add({"fuse_activation", true, fuse});
}

}  // namespace lathe
