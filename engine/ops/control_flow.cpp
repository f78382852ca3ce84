// SPDX-License-Identifier: Apache-2.0
// If, Loop and SequenceMap. (Scan: scan.cpp.)
#include <limits>

#include "engine/ops/subgraph_state.h"

namespace lathe {
namespace {

// ---- If

Result<std::vector<TypeInfo>> infer_branch(InferContext& context, const char* name) {
  LATHE_ASSIGN(const Graph* branch, subgraph(context.node(), name));
  if (branch->outputs().size() != context.output_count())
    return node_error(context.node(), std::string("has ") + std::to_string(context.output_count()) +
                                          " outputs but " + name + " gives " +
                                          std::to_string(branch->outputs().size()));
  return context.infer_subgraph(*branch, {});
}

Status infer_if(InferContext& context) {
  LATHE_ASSIGN(const std::vector<TypeInfo> yes, infer_branch(context, "then_branch"));
  LATHE_ASSIGN(const std::vector<TypeInfo> no, infer_branch(context, "else_branch"));
  const auto condition = context.known_ints(0);
  for (size_t i = 0; i < yes.size(); ++i) {
    if (condition && condition->size() == 1) {
      context.set_output(i, condition->front() != 0 ? yes[i] : no[i]);
      continue;
    }
    context.set_output(i, join_types(yes[i], no[i], [&] { return context.data_dependent_dim("if"); }));
  }
  return {};
}

/// The one element of a boolean input.
Result<bool> condition_of(const RunContext& context, const RuntimeValue& value) {
  if (!value.is_tensor() || value.tensor.type() != ElementType::boolean || value.tensor.count() != 1)
    return context.error("has a condition that is not one boolean");
  return value.tensor.data<bool>()[0];
}

Status run_if(RunContext& context) {
  if (!context.has_input(0)) return context.error("needs a condition");
  LATHE_ASSIGN(const bool condition, condition_of(context, context.value(0)));
  LATHE_ASSIGN(const Graph* branch, subgraph(context.node(), condition ? "then_branch" : "else_branch"));
  LATHE_ASSIGN(std::vector<RuntimeValue> outputs, context.run_subgraph(*branch, {}));
  if (outputs.size() < context.output_count()) return context.error("has a branch with too few outputs");
  for (size_t i = 0; i < context.output_count(); ++i) context.set_output(i, std::move(outputs[i]));
  return {};
}

// ---- Loop: body inputs are the round, the condition and the state; outputs the condition, state and scan
// outputs

constexpr size_t first_state = 2;  ///< among the inputs of the node and of the body

Result<const Graph*> loop_body(const Node& node) {
  LATHE_ASSIGN(const Graph* body, subgraph(node, "body"));
  const size_t states = node.inputs.size() < first_state ? 0 : node.inputs.size() - first_state;
  if (body->inputs().size() != states + first_state || body->outputs().size() != node.outputs.size() + 1 ||
      node.outputs.size() < states)
    return node_error(node, "has " + std::to_string(node.inputs.size()) + " inputs and " +
                                std::to_string(node.outputs.size()) + " outputs, but a body with " +
                                std::to_string(body->inputs().size()) + " inputs and " +
                                std::to_string(body->outputs().size()) + " outputs");
  return body;
}

/// True when nothing in the body ends the loop: its condition is constant true or handed through.
bool never_breaks(const InferContext& context, const Graph& body) {
  if (context.has_input(1)) {
    const auto known = context.known_ints(1);
    if (!known || known->size() != 1 || known->front() == 0) return false;
  }
  ValueId condition = body.outputs()[0];
  while (true) {
    if (condition == body.inputs()[1]) return true;
    if (const Tensor* constant = body.constant(condition))
      return constant->type() == ElementType::boolean && constant->count() == 1 && constant->data<bool>()[0];
    const NodeId producer = body.value(condition).producer;
    if (!producer.valid()) return false;
    const Node& node = body.node(producer);
    if ((node.op_type != "Identity" && node.op_type != "Cast") || node.inputs.empty() ||
        !node.inputs[0].valid())
      return false;
    condition = node.inputs[0];
  }
}

Status infer_loop(InferContext& context) {
  LATHE_ASSIGN(const Graph* body, loop_body(context.node()));
  std::vector<TypeInfo> inputs{declared_scalar(*body, 0, ElementType::i64),
                               declared_scalar(*body, 1, ElementType::boolean)};
  for (size_t i = first_state; i < context.input_count(); ++i) inputs.push_back(context.input(i));
  const size_t states = inputs.size() - first_state;
  LATHE_ASSIGN(const std::vector<TypeInfo> outputs,
               infer_rounds(context, *body, inputs, first_state, states, 1));
  for (size_t i = 0; i < states; ++i) context.set_output(i, inputs[first_state + i]);
  if (context.output_count() == states) return {};
  const Dim* asked = scalar_contents(context, 0);
  const Dim rounds = asked != nullptr && never_breaks(context, *body) ? dim_max(*asked, Dim(0))
                                                                      : context.data_dependent_dim("rounds");
  for (size_t i = states; i < context.output_count(); ++i) {
    TypeInfo type = outputs[i + 1];
    if (type.is_tensor() && type.dims) type.dims->insert(type.dims->begin(), rounds);
    context.set_output(i, std::move(type));
  }
  return {};
}

Status run_loop(RunContext& context) {
  LATHE_ASSIGN(const Graph* body, loop_body(context.node()));
  int64_t limit = std::numeric_limits<int64_t>::max();
  if (context.has_input(0)) {
    LATHE_ASSIGN(limit, integer_input(context, 0, "M"));
  }
  bool condition = true;
  if (context.has_input(1)) {
    LATHE_ASSIGN(condition, condition_of(context, context.value(1)));
  }
  const size_t states =
      context.node().inputs.size() < first_state ? 0 : context.node().inputs.size() - first_state;
  std::vector<RuntimeValue> state;
  for (size_t i = 0; i < states; ++i)
    state.push_back(context.has_input(first_state + i) ? context.value(first_state + i) : RuntimeValue());
  std::vector<std::vector<Tensor>> scans(context.output_count() - states);
  for (int64_t round = 0; round < limit && condition; ++round) {
    std::vector<RuntimeValue> inputs{scalar_like(*body, 0, Tensor::scalar(round)),
                                     scalar_like(*body, 1, Tensor::scalar(condition))};
    std::move(state.begin(), state.end(), std::back_inserter(inputs));
    LATHE_ASSIGN(std::vector<RuntimeValue> outputs, context.run_subgraph(*body, std::move(inputs)));
    if (outputs.size() != 1 + states + scans.size())
      return context.error("has a body with other outputs than declared");
    if (outputs[0].present()) {
      LATHE_ASSIGN(condition, condition_of(context, outputs[0]));
    }
    for (size_t i = 0; i < states; ++i) state[i] = std::move(outputs[1 + i]);
    LATHE_TRY(collect(context, std::span(outputs).subspan(1 + states), scans));
  }
  for (size_t i = 0; i < states; ++i) context.set_output(i, std::move(state[i]));
  for (size_t i = 0; i < scans.size(); ++i)
    if (context.has_output(states + i)) {
      LATHE_TRY(
          stack(context, states + i, scans[i], 0, false, body->value(body->outputs()[1 + states + i]).type));
    }
  return {};
}

// ---- SequenceMap: the body on every item of the first sequence, and of others beside it

Status infer_sequence_map(InferContext& context) {
  LATHE_ASSIGN(const Graph* body, subgraph(context.node(), "body"));
  std::vector<TypeInfo> inputs;
  for (size_t i = 0; i < context.input_count(); ++i) {
    const TypeInfo& type = context.input(i);
    inputs.push_back(type.kind == TypeInfo::Kind::sequence ? item_type(type) : type);
  }
  LATHE_ASSIGN(const std::vector<TypeInfo> outputs, context.infer_subgraph(*body, inputs));
  for (size_t i = 0; i < outputs.size() && i < context.output_count(); ++i) {
    TypeInfo item = outputs[i];
    // What depends on data differs from item to item.
    if (item.is_tensor() && item.dims && !is_static(*item.dims)) item.dims.reset();
    context.set_output(i, TypeInfo::sequence_of(std::move(item)));
  }
  return {};
}

Status run_sequence_map(RunContext& context) {
  LATHE_ASSIGN(const Graph* body, subgraph(context.node(), "body"));
  const auto is_sequence = [&](size_t i) {
    return context.has_input(i) && context.value(i).kind == RuntimeValue::Kind::sequence;
  };
  if (!is_sequence(0)) return context.error("needs a sequence as its first input");
  const size_t length = context.value(0).sequence->size();
  std::vector<std::vector<RuntimeValue>> results(context.output_count());
  for (size_t at = 0; at < length; ++at) {
    std::vector<RuntimeValue> inputs;
    for (size_t i = 0; i < context.input_count(); ++i) {
      if (is_sequence(i) && context.value(i).sequence->size() != length)
        return context.error("has sequences of different lengths");
      inputs.push_back(is_sequence(i) ? (*context.value(i).sequence)[at] : context.value(i));
    }
    LATHE_ASSIGN(std::vector<RuntimeValue> outputs, context.run_subgraph(*body, std::move(inputs)));
    if (outputs.size() < results.size()) return context.error("has a body with too few outputs");
    for (size_t i = 0; i < results.size(); ++i) results[i].push_back(std::move(outputs[i]));
  }
  for (size_t i = 0; i < results.size(); ++i) {
    const ElementType type =
        results[i].empty() ? body->value(body->outputs()[i]).type.element : results[i].front().tensor.type();
    context.set_output(i, RuntimeValue::of_sequence(std::move(results[i]), type));
  }
  return {};
}

}  // namespace

void register_control_flow(OperatorRegistry& registry) {
  const std::vector<int> versions{1, 11, 13, 16, 19, 21, 23, 24, 25};
  registry.add({"", "If", versions, 1, 1, 1, -1, trait_control_flow, infer_if, run_if, no_flops});
  registry.add({"", "Loop", versions, 0, -1, 1, -1, trait_control_flow, infer_loop, run_loop, no_flops});
  registry.add({"",
                "SequenceMap",
                {17},
                1,
                -1,
                1,
                -1,
                trait_control_flow,
                infer_sequence_map,
                run_sequence_map,
                no_flops});
}

}  // namespace lathe
