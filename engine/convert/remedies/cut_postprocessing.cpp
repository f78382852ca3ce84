// SPDX-License-Identifier: Apache-2.0
// cut_postprocessing: what runs before the first node that cannot be in an engine is one engine and one
// model, what comes after it another. The graph stays as it is; the converter divides it
// (engine/convert/merge.h).
#include "engine/convert/diagnose.h"
#include "engine/convert/merge.h"
#include "engine/convert/remedies/remedy.h"

namespace lathe {
namespace {

Result<std::string> cut(RemedyContext& context) {
  if (!context.step.subject.empty())
    return usage_error("", "post-processing is cut off the whole model: the subject is \"\"");
  const Graph& graph = context.model.graph;
  LATHE_ASSIGN(const std::vector<NodeId> order, topological_order(graph));
  const Partition none;
  MergeRequest request;
  request.pieces = &none;
  request.cut = true;
  request.free.assign(graph.nodes().size(), false);
  NodeId first;
  for (const NodeId id : order) {
    request.free[id.index] = !node_obstacle(graph, context.types, id);
    if (!request.free[id.index] && !first.valid()) first = id;
  }
  if (!first.valid()) return usage_error("", "every node can be in an engine: there is nothing to cut off");
  const Partition parts = merge_pieces(context.model, request);
  if (parts.pieces.empty()) return usage_error("", "nothing stands before '" + graph.node(first).name + "'");
  const size_t before = parts.pieces.front().nodes.size();
  return "cut before '" + graph.node(first).name + "' (" + graph.node(first).op_type +
         "): " + std::to_string(before) + " of " + std::to_string(order.size()) +
         " nodes are one engine, the others run after it";
}

}  // namespace

void register_cut_postprocessing(RemedyRegistry& registry) {
  RemedyAction action{Remedy::Kind::cut_postprocessing, true, true, nullptr, cut};
  action.setting = true;
  registry.add(action);
}

}  // namespace lathe
