// SPDX-License-Identifier: Apache-2.0
// Convolutions and matrix products between DequantizeLinear and QuantizeLinear become operators on 8-bit
// tensors.
//
// In steps, each of which is right by itself: a product of dequantised data and weights takes the stored
// integers; its bias joins; where it was quantised and dequantised just to be added to something, it does
// that on the way; (fuse_activation adds the residual and the activation;) a quantisation of the result
// becomes its requantisation.
#include <algorithm>

#include "engine/kernels/narrow.h"
#include "engine/passes/quantized.h"

namespace lathe {
namespace {

constexpr size_t bias_at = 2, residual_at = 3;

bool is_quantized_product(const Node& node) {
  return is_internal(node, "QuantizedConv") || is_internal(node, "QuantizedMatMul");
}
bool has(const Node& node, size_t input) {
  return node.inputs.size() > input && node.inputs[input].valid();
}

/// The node of the names and module of `originals`, ready to be given another end.
Node continued(const PassContext& context, const Node& product, std::vector<NodeId> originals) {
  Node made = context.fused_node(product.op_type, std::move(originals));
  made.attributes = product.attributes;
  made.inputs = product.inputs;
  return made;
}

void replace(PassContext& context, std::vector<NodeId> removed, Node made, ValueId output) {
  for (const NodeId id : removed) context.editor.remove_node(id);
  made.outputs = {output};
  context.editor.add_node(std::move(made));
}

/// Input 2 as a bias of f32 numbers, one per channel.
bool fits_bias(const PassContext& context, const Node& node, int64_t channels) {
  if (!has(node, bias_at)) return true;
  const auto shape = static_shape(context, node.inputs[bias_at]);
  const bool constant = context.graph.constant(node.inputs[bias_at]) != nullptr;
  return constant && is_f32(context, node.inputs[bias_at]) && shape && shape->size() == 1 &&
         shape->front() == channels;
}

struct ProductForm {
  const char* op_type;
  size_t channel_axis;  ///< of the weights
};

std::optional<ProductForm> form_of(const PassContext& context, const Node& node) {
  const auto weights = static_shape(context, node.inputs.size() > 1 ? node.inputs[1] : ValueId());
  const auto data = static_shape(context, node.inputs.empty() ? ValueId() : node.inputs[0]);
  if (!weights || !data) return std::nullopt;
  if (is_op(node, "Conv") && weights->size() >= 3) return ProductForm{"QuantizedConv", 0};
  if (weights->size() != 2 || data->size() < 2) return std::nullopt;
  if (is_op(node, "MatMul")) return ProductForm{"QuantizedMatMul", 1};
  const bool plain = node.attributes.get_int("transA", 0) == 0 &&
                     node.attributes.get_float("alpha", 1.0F) == 1.0F &&
                     (!has(node, bias_at) || node.attributes.get_float("beta", 1.0F) == 1.0F);
  if (!is_op(node, "Gemm") || !plain) return std::nullopt;
  return ProductForm{"QuantizedMatMul", node.attributes.get_int("transB", 0) != 0 ? size_t{0} : size_t{1}};
}

/// Conv, MatMul or Gemm of dequantised data and weights.
bool take_integers(PassContext& context, const Node& node) {
  const auto form = form_of(context, node);
  if (!form) return false;
  const auto data = dequantized(context, node.inputs[0]);
  const auto channels = (*static_shape(context, node.inputs[1]))[form->channel_axis];
  if (!data || context.graph.constant(data->stored) != nullptr || !fits_bias(context, node, channels))
    return false;
  auto weights = quantized_weights(context, node.inputs[1], form->channel_axis);
  if (!weights) return false;
  std::vector<NodeId> originals{node.id, data->node, producer(context.graph, node.inputs[1])->id};
  Node made = context.fused_node(form->op_type, originals);
  made.module = node.module;
  made.attributes = node.attributes;
  set_quantization(made.attributes, "x", data->quantization);
  made.attributes.set("w_scales", std::move(weights->scales));
  made.inputs = {data->stored, weights->stored};
  if (has(node, bias_at)) made.inputs.push_back(node.inputs[bias_at]);
  replace(context, {node.id}, std::move(made), ValueId(node.outputs[0]));
  return true;
}

/// Whether a bias may still join: nothing has been done to the sum yet.
bool may_take_bias(const Node& product) {
  return is_internal(product, "QuantizedMatMul") && !has(product, residual_at) &&
         !product.attributes.has("activation") && !product.attributes.has("low");
}

/// Quantised, dequantised and added to something: the product does all of it.
bool take_sum(PassContext& context, const Node& product) {
  const Graph& graph = context.graph;
  const Node* back = sole_consumer(graph, product.outputs[0]);
  if (back == nullptr || has(product, residual_at) || product.attributes.has("activation")) return false;
  const auto between = back->outputs.empty() ? std::nullopt : dequantized(context, back->outputs[0]);
  const auto own = parse_quantized_operation(product);
  if (!between || between->node != back->id || !own.ok() || between->type != own->output_type ||
      between->quantization != own->output)
    return false;
  const Node* add = sole_consumer(graph, back->outputs[0]);
  if (add == nullptr || !is_op(*add, "Add")) return false;
  const ValueId other = other_input(*add, back->outputs[0]);
  const auto shape = static_shape(context, product.outputs[0]);
  if (!other.valid() || other == back->outputs[0] || graph.constant(other) != nullptr || !shape ||
      shape != static_shape(context, other) || shape != static_shape(context, add->outputs[0]) ||
      reaches(graph, other, product.id))
    return false;
  Node made = continued(context, product, {product.id, back->id, add->id});
  made.attributes.set("between_type", std::string(to_string(own->output_type)));
  set_quantization(made.attributes, "between", own->output);
  made.attributes.set("y_type", std::string("f32"));
  made.inputs.resize(residual_at + 1);
  made.inputs[residual_at] = other;
  replace(context, {product.id, back->id, add->id}, std::move(made), ValueId(add->outputs[0]));
  return true;
}

/// QuantizeLinear of the result. An 8-bit result wants an 8-bit residual.
bool take_quantization(PassContext& context, const Node& product) {
  const Node* next = sole_consumer(context.graph, product.outputs[0]);
  if (next == nullptr || !is_f32(context, product.outputs[0])) return false;
  const auto target = quantization_target(context, *next);
  if (!target) return false;
  std::optional<DequantizedValue> residual;
  if (has(product, residual_at)) {
    residual = dequantized(context, product.inputs[residual_at]);
    if (!residual) return false;
  }
  Node made = continued(context, product, {product.id, next->id});
  if (residual) {
    made.inputs[residual_at] = residual->stored;
    set_quantization(made.attributes, "residual", residual->quantization);
  }
  made.attributes.set("y_type", std::string(to_string(target->type)));
  set_quantization(made.attributes, "y", target->quantization);
  replace(context, {product.id, next->id}, std::move(made), ValueId(next->outputs[0]));
  return true;
}

/// The quantisation that reads a value, at once or behind a function that only cuts.
std::optional<QuantizationTarget> reading_quantization(const PassContext& context, ValueId value, bool cut) {
  for (const NodeId id : context.graph.value(value).consumers) {
    const Node& reader = context.graph.node(id);
    if (auto target = quantization_target(context, reader)) return target;
    if (cut || !(is_op(reader, "Relu") || is_op(reader, "Clip"))) continue;
    if (auto target = reading_quantization(context, reader.outputs[0], true)) return target;
  }
  return std::nullopt;
}

/// A result that others read as real numbers stays real, but knows which of them will be near the middle of
/// two steps.
bool take_reader(PassContext& context, const Node& product) {
  if (!is_f32(context, product.outputs[0]) || product.attributes.has("reader_type")) return false;
  const auto target = reading_quantization(context, product.outputs[0], false);
  if (!target) return false;
  Node made = continued(context, product, {product.id});
  made.attributes.set("reader_type", std::string(to_string(target->type)));
  set_quantization(made.attributes, "reader", target->quantization);
  replace(context, {product.id}, std::move(made), ValueId(product.outputs[0]));
  return true;
}

Result<size_t> fuse(PassContext& context) {
  if (!multiplies_8bit()) return size_t{0};  // in f32 then: right, and no slower than it was
  return rewrite_nodes(context, [&](const Node& node) {
    if (!is_quantized_product(node)) return take_integers(context, node);
    return (may_take_bias(node) && take_bias(context, node, bias_at)) || take_sum(context, node) ||
           take_quantization(context, node) ||
           (!used_once(context.graph, node.outputs[0]) && take_reader(context, node));
  });
}

}  // namespace

void register_fuse_quantized(PassRegistry& registry) {
  registry.add({"fuse_quantized", true, fuse});
}

}  // namespace lathe
