// SPDX-License-Identifier: Apache-2.0
#include "engine/base/strings.h"
#include "engine/convert/diagnose.h"

namespace lathe {
namespace {

/// The first of those whose results have the most elements.
NodeId largest_result(const Graph& graph, const InferenceResult& types, const std::vector<NodeId>& nodes) {
  NodeId largest;
  int64_t most = 0;
  for (const NodeId id : nodes)
    for (const ValueId output : graph.node(id).outputs) {
      if (!output.valid() || !types.type(output).is_static()) continue;
      // More than can be counted is more than all others.
      const int64_t count = checked_element_count(to_shape(*types.type(output).dims)).value_or(INT64_MAX);
      if (count <= most) continue;
      most = count;
      largest = id;
    }
  return largest;
}

}  // namespace

Failure::Evidence evidence_of(const Model& model, const InferenceResult& types, NodeId id) {
  const Node& node = model.graph.node(id);
  const auto list = [&](const std::vector<ValueId>& values) {
    std::vector<std::string> texts;
    for (const ValueId value : values)
      if (value.valid()) texts.push_back(to_string(types.type(value)));
    return join(texts, ", ");
  };
  return {id,
          model.modules[node.module.valid() ? node.module : ModuleTree::root()].path,
          node.name,
          node.qualified_type(),
          "(" + list(node.inputs) + ") -> (" + list(node.outputs) + ")",
          node.source};
}

Failure failure_of_build(const Model& model, const InferenceResult& types, const Error& error,
                         const std::vector<NodeId>& nodes) {
  Failure failure;
  const bool machine = error.kind == ErrorKind::resource;
  const auto mentions = [&](const char* word) { return error.what.find(word) != std::string::npos; };
  failure.cause = machine ? FailureCause::resource_limit : FailureCause::build_error;
  failure.sentence = !machine                                  ? "the compiler could not build it"
                     : mentions("thread")                      ? "the machine gave no more threads"
                     : mentions("written") || mentions("disk") ? "the disk could not be written"
                                                               : "the machine has too little memory for it";
  failure.chain.push_back(error.text());
  for (const NodeId id : nodes)
    if (error.where.find("'" + model.graph.node(id).name + "'") != std::string::npos)
      failure.evidence.push_back(evidence_of(model, types, id));
  if (failure.evidence.empty() && machine)
    if (const NodeId largest = largest_result(model.graph, types, nodes); largest.valid())
      failure.evidence.push_back(evidence_of(model, types, largest));
  failure.remedies.push_back(
      {Remedy::Kind::keep_eager, "Keep this module eager: the rest converts around it.", ""});
  return failure;
}

}  // namespace lathe
