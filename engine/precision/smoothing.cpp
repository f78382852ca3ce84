// SPDX-License-Identifier: Apache-2.0
// Where SmoothQuant applies: LayerNormalization before products. Its scale and bias take the division.
#include <algorithm>

#include "engine/precision/migration.h"

namespace lathe {
namespace {

/// MatMul or Gemm in 8 bit that multiplies rows of `value`.
bool multiplies_rows(const Graph& graph, const Int8Plan& plan, NodeId id, ValueId value) {
  const Node& node = graph.node(id);
  return plan.of(id).product && plan.of(id).int8 && node.op_type != "Conv" && node.inputs[0] == value &&
         std::count(node.inputs.begin(), node.inputs.end(), value) == 1;
}

bool normalises_last_axis(const Graph& graph, const Int8Plan& plan, const Node& node) {
  if (!node.domain.empty() || node.op_type != "LayerNormalization" || node.inputs.size() < 2) return false;
  const int64_t axis = node.attributes.get_int("axis", -1);
  const auto& dims = plan.types.type(node.outputs[0]).dims;
  if (axis != -1 && (!dims || axis != static_cast<int64_t>(dims->size()) - 1)) return false;
  for (size_t i = 1; i < node.inputs.size(); ++i)
    if (node.inputs[i].valid() && constant_behind(graph, node.inputs[i]) == nullptr) return false;
  return true;
}

}  // namespace

std::vector<Migration> find_smoothing(const Graph& graph, const Int8Plan& plan) {
  std::vector<Migration> found;
  for (const NodeId id : plan.order) {
    const Node& norm = graph.node(id);
    if (!normalises_last_axis(graph, plan, norm)) continue;
    const Value& result = graph.value(norm.outputs[0]);
    if (result.is_output || result.consumers.empty() ||
        !std::all_of(result.consumers.begin(), result.consumers.end(),
                     [&](NodeId reader) { return multiplies_rows(graph, plan, reader, result.id); }))
      continue;
    Migration made;
    made.between = result.id;
    made.channel_axis = -1;
    for (size_t i = 1; i < norm.inputs.size(); ++i)
      if (norm.inputs[i].valid()) made.divided.push_back({id, i, 0});
    for (const NodeId reader : result.consumers)
      made.multiplied.push_back({reader, 1, 1 - plan.of(reader).channel_axis});
    found.push_back(std::move(made));
  }
  return found;
}

}  // namespace lathe
