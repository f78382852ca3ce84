// SPDX-License-Identifier: Apache-2.0
// A product, a softmax over its last axis and another product become one attention step: the scores are never
// written to memory, and operands are read where they lie, through the transposes and slices that made them.
#include <algorithm>

#include "engine/passes/strided_view.h"

namespace lathe {
namespace {

bool is_product(const Node& node) {
  return is_op(node, "MatMul") || is_internal(node, "FusedMatMul");
}
bool has(const Node& node, size_t input) {
  return node.inputs.size() > input && node.inputs[input].valid();
}

/// Input `i` of a product as it enters the multiplication.
std::optional<StridedView> operand(const PassContext& context, const Node& product, size_t i) {
  const auto shape = static_shape(context, product.inputs[i]);
  if (!shape || shape->size() < 2) return std::nullopt;
  StridedView view = whole(*shape);
  const auto perm = product.attributes.get_ints(i == 0 ? "permA" : "permB");
  if (!perm.empty()) view = permuted(view, perm);
  if (product.attributes.get_int(i == 0 ? "transA" : "transB", 0) != 0) {
    std::swap(view.shape.end()[-1], view.shape.end()[-2]);
    std::swap(view.strides.end()[-1], view.strides.end()[-2]);
  }
  return view;
}

struct Scores {
  const Node* product;
  const Node* addition = nullptr;  ///< of the mask
  ValueId mask;
};

/// The product and the mask that a softmax's input is made of, where nothing else reads them.
std::optional<Scores> scores_of(const PassContext& context, ValueId value) {
  const Graph& graph = context.graph;
  if (!used_once(graph, value)) return std::nullopt;
  const Node* node = producer(graph, value);
  if (node == nullptr) return std::nullopt;
  Scores scores{node, nullptr, {}};
  if (is_op(*node, "Add")) {
    scores.addition = node;
    for (const size_t side : {size_t{0}, size_t{1}}) {
      const Node* made = producer(graph, node->inputs[side]);
      if (made == nullptr || !is_product(*made) || !used_once(graph, node->inputs[side])) continue;
      // The mask must not be what is larger.
      if (static_shape(context, node->inputs[side]) != static_shape(context, value)) continue;
      scores.product = made;
      scores.mask = node->inputs[1 - side];
    }
  } else if (has(*node, 3)) {
    scores.mask = node->inputs[3];
  }
  const Node& product = *scores.product;
  if (!is_product(product) || has(product, 2) || (scores.addition != nullptr && has(product, 3)) ||
      product.attributes.has("activation") || product.attributes.has("permY"))
    return std::nullopt;
  return scores;
}

bool over_last_axis(const PassContext& context, const Node& softmax) {
  const auto shape = static_shape(context, softmax.outputs[0]);
  if (!shape || shape->empty() || (softmax.version < 13 && shape->size() != 2)) {
    const int64_t axis = softmax.attributes.get_int("axis", 1);
    return shape && softmax.version < 13 && (axis == -1 || axis + 1 == static_cast<int64_t>(shape->size()));
  }
  const int64_t axis = softmax.attributes.get_int("axis", -1);
  return axis == -1 || axis + 1 == static_cast<int64_t>(shape->size());
}

/// Where the second product writes, over its output.
std::optional<StridedView> result_view(const PassContext& context, const Node& product) {
  const auto shape = static_shape(context, product.outputs[0]);
  if (!shape || shape->size() < 2) return std::nullopt;
  const auto perm = product.attributes.get_ints("permY");
  if (perm.empty()) return whole(*shape);
  if (perm.size() != shape->size()) return std::nullopt;
  // Output axis i holds product axis perm[i]: read it backwards.
  std::vector<int64_t> inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return permuted(whole(*shape), inverse);
}

std::optional<Node> attention(const PassContext& context, const Node& softmax, const Scores& scores,
                              const Node& result) {
  if (!is_product(result) || result.inputs[0] != softmax.outputs[0] ||
      result.inputs[1] == softmax.outputs[0] || has(result, 2) || has(result, 3) ||
      result.attributes.has("activation") || result.attributes.has("permA") ||
      result.attributes.get_int("transA", 0) != 0 || result.attributes.get_float("scale", 1.0F) != 1.0F)
    return std::nullopt;
  const auto y = result_view(context, result);
  if (!y) return std::nullopt;
  const Shape batch(y->shape.begin(), y->shape.end() - 2);
  auto q = operand(context, *scores.product, 0), k = operand(context, *scores.product, 1),
       v = operand(context, result, 1);
  if (!q || !k || !v) return std::nullopt;
  q = broadcast_batch(std::move(*q), batch);
  k = broadcast_batch(std::move(*k), batch);
  v = broadcast_batch(std::move(*v), batch);
  if (!q || !k || !v) return std::nullopt;
  const ViewedValue queries = follow_up(context, scores.product->inputs[0], std::move(*q)),
                    keys = follow_up(context, scores.product->inputs[1], std::move(*k)),
                    values = follow_up(context, result.inputs[1], std::move(*v));
  std::vector<NodeId> originals{scores.product->id};
  if (scores.addition != nullptr) originals.push_back(scores.addition->id);
  originals.push_back(softmax.id);
  originals.push_back(result.id);
  Node made = context.fused_node("Attention", originals);
  set_view(made.attributes, "q", queries.view);
  set_view(made.attributes, "k", keys.view);
  set_view(made.attributes, "v", values.view);
  set_view(made.attributes, "y", *y);
  made.attributes.set("output", *static_shape(context, result.outputs[0]));
  made.attributes.set("scale", scores.product->attributes.get_float("scale", 1.0F));
  made.inputs = {queries.source, keys.source, values.source};
  if (scores.mask.valid()) made.inputs.push_back(scores.mask);
  const auto form = parse_attention(made, 0, 0, 0);
  if (!form.ok()) return std::nullopt;
  if (scores.mask.valid()) {
    const auto mask = static_shape(context, scores.mask);
    if (!mask || !mask_view(made, *form, *mask).ok()) return std::nullopt;
  }
  return made;
}

Result<size_t> fuse(PassContext& context) {
  size_t changes = 0;
  for (size_t i = 0; i < context.graph.nodes().size(); ++i) {
    const Node& softmax = context.graph.nodes()[i];
    if (!softmax.alive || !is_op(softmax, "Softmax") || !is_f32_or_bf16(context, softmax.outputs[0]) ||
        !over_last_axis(context, softmax))
      continue;
    const Node* result = sole_consumer(context.graph, softmax.outputs[0]);
    const auto scores = scores_of(context, softmax.inputs[0]);
    if (result == nullptr || !scores) continue;
    auto made = attention(context, softmax, *scores, *result);
    if (!made) continue;
    made->outputs = {result->outputs[0]};
    std::vector<NodeId> gone{result->id, softmax.id, scores->product->id};
    if (scores->addition != nullptr) gone.push_back(scores->addition->id);
    for (const NodeId id : gone) context.editor.remove_node(id);
    context.editor.add_node(std::move(*made));
    ++changes;
  }
  return changes;
}

}  // namespace

void register_fuse_attention(PassRegistry& registry) {
  registry.add({"fuse_attention", true, fuse});
}

}  // namespace lathe
