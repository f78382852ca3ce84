// SPDX-License-Identifier: Apache-2.0
// ReduceMean over all positions of an image is GlobalAveragePool, which has kernels for every layout.
// (Exporters write adaptive pooling to one position either way.)
#include <algorithm>

#include "engine/passes/match.h"

namespace lathe {
namespace {

constexpr size_t channels_axis = 1;

/// Axes, from the attribute or (opset 18 up) a constant input; nullopt where they are not known.
std::optional<std::vector<int64_t>> axes_of(const Graph& graph, const Node& node, size_t rank) {
  std::vector<int64_t> axes = node.attributes.get_ints("axes");
  if (node.inputs.size() > 1 && node.inputs[1].valid()) {
    const Tensor* constant = graph.constant(node.inputs[1]);
    if (constant == nullptr) return std::nullopt;
    axes = constant->to_int64();
  }
  for (int64_t& axis : axes) {
    const auto normal = normalize_axis(axis, rank);
    if (!normal) return std::nullopt;
    axis = *normal;
  }
  std::sort(axes.begin(), axes.end());
  return axes;
}

bool is_spatial(const std::vector<int64_t>& axes, size_t rank) {
  if (axes.size() + 2 != rank) return false;
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] != static_cast<int64_t>(i + 2)) return false;
  return true;
}

void replace(PassContext& context, const Node& mean, const Shape& x) {
  Node pool = context.fused_node("GlobalAveragePool", {mean.id});
  pool.domain.clear();
  pool.version = 1;
  pool.inputs = {mean.inputs[0]};
  const ValueId output = mean.outputs[0];
  const bool keeps = mean.attributes.get_int("keepdims", 1) != 0;
  const std::string name = mean.name;
  const int version = mean.version;
  context.editor.remove_node(mean.id);
  if (keeps) {
    pool.outputs = {output};
    context.editor.add_node(std::move(pool));
    return;
  }
  const ValueId pooled = context.editor.add_value(name + "_pooled");
  Node reshape = pool;
  reshape.op_type = "Reshape";
  reshape.version = std::max(version, 13);
  reshape.name = name + "/Reshape";
  pool.outputs = {pooled};
  context.editor.add_node(std::move(pool));
  const ValueId sizes =
      context.editor.add_constant(name + "_sizes", Tensor::from<int64_t>({2}, {x[0], x[channels_axis]}));
  reshape.inputs = {pooled, sizes};
  reshape.outputs = {output};
  context.editor.add_node(std::move(reshape));
}

Result<size_t> pool_means(PassContext& context) {
  size_t changes = 0;
  const size_t count = context.graph.nodes().size();
  for (size_t i = 0; i < count; ++i) {
    const Node& node = context.graph.nodes()[i];
    if (!node.alive || !is_op(node, "ReduceMean") || !is_f32_or_bf16(context, node.inputs[0])) continue;
    const auto x = static_shape(context, node.inputs[0]);
    if (!x || x->size() < 4 || element_count(*x) == 0) continue;
    const auto axes = axes_of(context.graph, node, x->size());
    if (!axes || !is_spatial(*axes, x->size())) continue;
    const Node mean = node;
    replace(context, mean, *x);
    ++changes;
  }
  return changes;
}

}  // namespace

void register_pool_means(PassRegistry& registry) {
  registry.add({"pool_means", true, pool_means});
}

}  // namespace lathe
