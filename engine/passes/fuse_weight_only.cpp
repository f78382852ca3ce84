// SPDX-License-Identifier: Apache-2.0
// Products of f32 data with weights stored in 8 bit keep them so: DequantizeLinear of a constant and the
// MatMul or Gemm that reads it become one step, and so does a bias behind it or behind a MatMulNBits.
//
// Data that is quantised itself is left to the passes before; where those leave it (no 8-bit instructions),
// weights in f32 are faster.
#include "engine/passes/quantized.h"

namespace lathe {
namespace {

constexpr size_t own_bias = 3, nbits_bias = 5;

bool has(const Node& node, size_t input) {
  return node.inputs.size() > input && node.inputs[input].valid();
}

bool is_nbits(const Node& node) {
  return node.domain == "com.microsoft" && node.op_type == "MatMulNBits";
}

/// Axis of the weights that the result's columns come from; nothing where the form has no fused operator.
std::optional<size_t> channel_axis(const PassContext& context, const Node& node) {
  const auto weights = static_shape(context, node.inputs.size() > 1 ? node.inputs[1] : ValueId());
  const auto data = static_shape(context, node.inputs.empty() ? ValueId() : node.inputs[0]);
  if (!weights || !data || weights->size() != 2 || data->size() < 2) return std::nullopt;
  if (is_op(node, "MatMul")) return 1;
  const bool plain = node.attributes.get_int("transA", 0) == 0 &&
                     node.attributes.get_float("alpha", 1.0F) == 1.0F &&
                     (!has(node, 2) || node.attributes.get_float("beta", 1.0F) == 1.0F);
  if (!is_op(node, "Gemm") || !plain) return std::nullopt;
  return node.attributes.get_int("transB", 0) != 0 ? 0 : 1;
}

/// MatMul or Gemm of f32 data with dequantised weights.
bool take_weights(PassContext& context, const Node& product) {
  const auto axis = channel_axis(context, product);
  if (!axis || !is_f32(context, product.inputs[0]) || dequantized(context, product.inputs[0])) return false;
  const int64_t columns = (*static_shape(context, product.inputs[1]))[*axis];
  if (has(product, 2) && !is_row(context, product.inputs[2], columns)) return false;
  const Node original = product;
  auto weights = quantized_weights(context, original.inputs[1], *axis);
  if (!weights) return false;
  if (weights->scales.size() == 1) weights->scales.resize(static_cast<size_t>(columns), weights->scales[0]);
  Node made =
      context.fused_node("WeightOnlyMatMul", {original.id, producer(context.graph, original.inputs[1])->id});
  made.module = original.module;
  if (*axis == 0) made.attributes.set("transB", int64_t{1});
  const Tensor scales = Tensor::from<float>({columns}, std::span<const float>(weights->scales));
  made.inputs = {original.inputs[0], weights->stored,
                 context.editor.add_constant(original.name + ".scales", scales)};
  if (has(original, 2))
    made.inputs.push_back(as_vector(context, original.inputs[2], original.name + ".bias"));
  context.editor.remove_node(original.id);
  made.outputs = original.outputs;
  context.editor.add_node(std::move(made));
  return true;
}

Result<size_t> fuse(PassContext& context) {
  return rewrite_nodes(context, [&](const Node& node) {
    if (is_internal(node, "WeightOnlyMatMul")) return take_bias(context, node, own_bias);
    return is_nbits(node) ? take_bias(context, node, nbits_bias) : take_weights(context, node);
  });
}

}  // namespace

void register_fuse_weight_only(PassRegistry& registry) {
  registry.add({"fuse_weight_only", true, fuse});
}

}  // namespace lathe
