// SPDX-License-Identifier: Apache-2.0
// inline_branch: an If whose condition is always the same gives way to the branch it takes.
#include "engine/convert/known_values.h"
#include "engine/convert/remedies/remedy.h"

namespace lathe {
namespace {

Result<std::string> inline_taken(RemedyContext& context) {
  LATHE_ASSIGN(const NodeId id, node_of(context, "If"));
  const Node node = context.model.graph.node(id);
  const auto condition =
      node.inputs.empty() ? std::nullopt : known_value(context.model.graph, context.types, node.inputs[0]);
  if (!condition || condition->type() != ElementType::boolean || condition->count() != 1)
    return usage_error("", "its condition is not always the same");
  const bool taken = condition->data<bool>()[0];
  const auto* body = node.attributes.get<std::shared_ptr<Graph>>(taken ? "then_branch" : "else_branch");
  if (body == nullptr || (*body)->outputs().size() < node.outputs.size())
    return usage_error("", "the branch it takes is not there");
  const std::shared_ptr<Graph> branch = *body;  // outlives the node
  GraphEditor editor(context.model.graph);
  const std::vector<ValueId> outputs = inline_body(editor, *branch, {}, node, node.name + "/");
  replace_node(editor, id, outputs);
  return "put the " + std::string(taken ? "then" : "else") + " branch in the place of '" + node.name +
         "', whose condition is always " + (taken ? "true" : "false");
}

}  // namespace

void register_inline_branch(RemedyRegistry& registry) {
  registry.add({Remedy::Kind::inline_branch, true, true, node_subjects, inline_taken});
}

}  // namespace lathe
