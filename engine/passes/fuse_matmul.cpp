// SPDX-License-Identifier: Apache-2.0
// Matrix products take over the transposes of their operands and result, a scalar factor and a bias.
#include <algorithm>

#include "engine/passes/match.h"

namespace lathe {
namespace {

bool is_product(const Node& node) {
  return is_op(node, "MatMul") || is_internal(node, "FusedMatMul");
}

/// The product as FusedMatMul standing also for `absorbed`; its outputs are not set.
Node as_fused(const PassContext& context, const Node& product, const Node& absorbed, bool absorbed_first) {
  std::vector<NodeId> originals{product.id, absorbed.id};
  Node fused = context.fused_node("FusedMatMul", originals);
  if (absorbed_first) fused.name = product.name;
  fused.attributes = product.attributes;
  fused.inputs = product.inputs;
  return fused;
}

void replace(PassContext& context, NodeId product, Node fused, std::vector<ValueId> outputs) {
  context.editor.remove_node(product);
  fused.outputs = std::move(outputs);
  context.editor.add_node(std::move(fused));
}

bool has(const Node& product, size_t input) {
  return product.inputs.size() > input && product.inputs[input].valid();
}
bool is_bare(const Node& product) {
  return !has(product, 2) && !has(product, 3) && !product.attributes.has("activation") &&
         !product.attributes.has("permY");
}

/// Transpose -> MatMul: read through the permutation instead.
bool absorb_operand_transpose(PassContext& context, const Node& product) {
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const char* attribute = side == 0 ? "permA" : "permB";
    const Node* transpose = producer(context.graph, product.inputs[side], "Transpose");
    if (transpose == nullptr || product.attributes.has(attribute) ||
        context.graph.constant(transpose->inputs[0]) != nullptr)
      continue;
    const auto perm = transpose->attributes.get_ints("perm");
    if (perm.empty() || !is_f32_or_bf16(context, transpose->inputs[0])) continue;
    Node fused = as_fused(context, product, *transpose, true);
    fused.attributes.set(attribute, perm);
    fused.inputs[side] = transpose->inputs[0];
    // The transpose may have other readers: it stays for them and is removed as dead code otherwise.
    if (!used_once(context.graph, transpose->outputs[0]))
      fused.metadata[fused_nodes_key] = context.fused_node("", {product.id}).metadata[fused_nodes_key];
    const std::vector<ValueId> outputs = product.outputs;
    replace(context, product.id, std::move(fused), outputs);
    return true;
  }
  return false;
}

/// MatMul -> Transpose: write through the permutation instead.
bool absorb_result_transpose(PassContext& context, const Node& product) {
  const Node* next = sole_consumer(context.graph, product.outputs[0]);
  if (next == nullptr || !is_op(*next, "Transpose") || has(product, 3) || product.attributes.has("permY"))
    return false;
  const auto perm = next->attributes.get_ints("perm");
  if (perm.empty() || perm.back() != static_cast<int64_t>(perm.size()) - 1)
    return false;  // rows must stay whole
  Node fused = as_fused(context, product, *next, false);
  fused.attributes.set("permY", perm);
  const ValueId output = next->outputs[0];
  const NodeId next_id = next->id, product_id = product.id;
  context.editor.remove_node(next_id);
  replace(context, product_id, std::move(fused), {output});
  return true;
}

/// Mul or Div by one number, behind the product or before one of its operands.
bool absorb_scale(PassContext& context, const Node& product) {
  if (!is_bare(product)) return false;
  const auto factor_of = [&](const Node& node) -> std::optional<ScalarAndValue> {
    auto found = scalar_and_value(context.graph, node);
    if (!found) return std::nullopt;
    if (is_op(node, "Mul")) return found;
    if (!is_op(node, "Div") || found->value != node.inputs[0] || found->scalar == 0) return std::nullopt;
    found->scalar = 1.0F / found->scalar;
    return found;
  };
  const float scale = product.attributes.get_float("scale", 1.0F);
  const Node* next = sole_consumer(context.graph, product.outputs[0]);
  if (next != nullptr) {
    const auto found = factor_of(*next);
    if (found && static_shape(context, next->outputs[0]) == static_shape(context, product.outputs[0])) {
      Node fused = as_fused(context, product, *next, false);
      fused.attributes.set("scale", scale * found->scalar);
      const ValueId output = next->outputs[0];
      const NodeId next_id = next->id, product_id = product.id;
      context.editor.remove_node(next_id);
      replace(context, product_id, std::move(fused), {output});
      return true;
    }
  }
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const Node* before = producer(context.graph, product.inputs[side]);
    if (before == nullptr || !used_once(context.graph, product.inputs[side]) ||
        !(is_op(*before, "Mul") || is_op(*before, "Div")))
      continue;
    const auto found = factor_of(*before);
    if (!found || !found->value.valid() || context.graph.constant(found->value) != nullptr) continue;
    if (static_shape(context, found->value) != static_shape(context, before->outputs[0])) continue;
    Node fused = as_fused(context, product, *before, true);
    fused.attributes.set("scale", scale * found->scalar);
    fused.inputs[side] = found->value;
    const std::vector<ValueId> outputs = product.outputs;
    replace(context, product.id, std::move(fused), outputs);
    return true;
  }
  return false;
}

/// Add of a constant that has one element per column.
bool absorb_bias(PassContext& context, const Node& product) {
  const Node* next = sole_consumer(context.graph, product.outputs[0]);
  if (next == nullptr || !is_op(*next, "Add") || !is_bare(product)) return false;
  const ValueId bias = other_input(*next, product.outputs[0]);
  const Tensor* constant = context.graph.constant(bias);
  const auto shape = static_shape(context, product.outputs[0]);
  if (constant == nullptr || !same_element(context, bias, product.outputs[0]) || !shape || shape->empty())
    return false;
  if (constant->count() != shape->back() || constant->rank() == 0 ||
      constant->shape().back() != shape->back())
    return false;
  if (static_shape(context, next->outputs[0]) != shape) return false;
  Node fused = as_fused(context, product, *next, false);
  const Tensor flat = constant->reshaped({constant->count()});
  const ValueId output = next->outputs[0];
  const NodeId next_id = next->id, product_id = product.id;
  fused.inputs.resize(3);
  fused.inputs[2] = constant->rank() == 1 ? bias : context.editor.add_constant(product.name + ".bias", flat);
  context.editor.remove_node(next_id);
  replace(context, product_id, std::move(fused), {output});
  return true;
}

/// Gemm with alpha = beta = 1 and a row bias is a FusedMatMul.
bool convert_gemm(PassContext& context, const Node& gemm) {
  if (!is_op(gemm, "Gemm") || gemm.attributes.get_float("alpha", 1.0F) != 1.0F ||
      gemm.attributes.get_int("transA", 0) != 0)
    return false;
  Node fused = context.fused_node("FusedMatMul", {gemm.id});
  fused.inputs = {gemm.inputs[0], gemm.inputs[1]};
  if (has(gemm, 2)) {
    const Tensor* bias = context.graph.constant(gemm.inputs[2]);
    const auto shape = static_shape(context, gemm.outputs[0]);
    if (bias == nullptr || bias->rank() != 1 || !shape || bias->count() != shape->back() ||
        gemm.attributes.get_float("beta", 1.0F) != 1.0F)
      return false;
    fused.inputs.push_back(gemm.inputs[2]);
  }
  if (gemm.attributes.get_int("transB", 0) != 0) fused.attributes.set("transB", int64_t{1});
  const std::vector<ValueId> outputs = gemm.outputs;
  replace(context, gemm.id, std::move(fused), outputs);
  return true;
}

Result<size_t> fuse(PassContext& context) {
  size_t changes = 0;
  for (size_t i = 0; i < context.graph.nodes().size(); ++i) {
    const Node& node = context.graph.nodes()[i];
    if (!node.alive || node.outputs.empty() || !is_f32_or_bf16(context, node.outputs[0])) continue;
    if (convert_gemm(context, node)) {
      ++changes;
      continue;
    }
    if (!is_product(node)) continue;
    const auto rank_a = static_shape(context, node.inputs[0]), rank_b = static_shape(context, node.inputs[1]);
    if (!rank_a || !rank_b || rank_a->size() < 2 || rank_b->size() < 2) continue;
    if (absorb_operand_transpose(context, node) || absorb_scale(context, node) ||
        absorb_bias(context, node) || absorb_result_transpose(context, node))
      ++changes;
  }
  return changes;
}

}  // namespace

void register_fuse_matmul(PassRegistry& registry) {
  registry.add({"fuse_matmul", true, fuse});
}

}  // namespace lathe
