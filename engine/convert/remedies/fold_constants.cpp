// SPDX-License-Identifier: Apache-2.0
// fold_constants: a node whose inputs are always the same is replaced by what it makes.
#include "engine/convert/known_values.h"
#include "engine/convert/remedies/remedy.h"

namespace lathe {
namespace {

Result<std::string> fold(RemedyContext& context) {
  LATHE_ASSIGN(const NodeId id, node_of(context, ""));
  const Node node = context.model.graph.node(id);
  std::vector<Tensor> made;
  for (const ValueId output : node.outputs) {
    made.emplace_back();
    if (!output.valid()) continue;
    auto tensor = known_value(context.model.graph, context.types, output);
    if (!tensor) return usage_error("", "what it makes is not always the same, or too large to keep");
    made.back() = std::move(*tensor);
  }
  GraphEditor editor(context.model.graph);
  std::vector<ValueId> values;
  std::string shapes;
  for (size_t i = 0; i < made.size(); ++i) {
    values.push_back(
        made[i].defined()
            ? editor.add_constant(context.model.graph.value(node.outputs[i]).name + "_folded", made[i])
            : ValueId());
    if (made[i].defined()) shapes += (shapes.empty() ? "" : ", ") + to_string(made[i].shape());
  }
  replace_node(editor, id, values);
  return "folded '" + node.name + "' (" + node.op_type + ") into a constant of shape " + shapes;
}

}  // namespace

void register_fold_constants(RemedyRegistry& registry) {
  registry.add({Remedy::Kind::fold_constants, true, true, node_subjects, fold});
}

}  // namespace lathe
