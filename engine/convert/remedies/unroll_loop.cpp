// SPDX-License-Identifier: Apache-2.0
// unroll_loop: a Loop whose number of rounds is known becomes its body, round after round; a Scan too
// (unroll_scan.cpp).
#include "engine/convert/known_values.h"
#include "engine/convert/remedies/composer.h"
#include "engine/convert/remedies/unroll.h"

namespace lathe {
namespace {

constexpr size_t first_state = 2;  ///< among the inputs of the node and of the body

/// The condition that the body gives is the one it got, or constant true.
bool never_ends_itself(const Graph& body) {
  ValueId at = body.outputs()[0];
  while (at != body.inputs()[1]) {
    if (const Tensor* constant = body.constant(at))
      return constant->type() == ElementType::boolean && constant->count() == 1 && constant->data<bool>()[0];
    const NodeId producer = body.value(at).producer;
    if (!producer.valid() || body.node(producer).op_type != "Identity") return false;
    at = body.node(producer).inputs[0];
  }
  return true;
}

class Unrolling {
 public:
  explicit Unrolling(RemedyContext& context) : context_(context), editor_(context.model.graph) {}

  Result<std::string> run() {
    LATHE_ASSIGN(const NodeId id, node_of(context_, "Loop"));
    node_ = context_.model.graph.node(id);
    LATHE_TRY(check());
    LATHE_ASSIGN(const int64_t rounds, count_rounds());
    LATHE_TRY(few_enough(rounds, *body_));
    const size_t states = node_.inputs.size() - first_state;
    if (rounds == 0 && node_.outputs.size() > states)
      return usage_error("", "it has no rounds to stack the results of");
    std::vector<ValueId> state(node_.inputs.begin() + first_state, node_.inputs.end());
    std::vector<std::vector<ValueId>> scans(node_.outputs.size() - states);
    for (int64_t round = 0; round < rounds; ++round) add_round(round, state, scans);
    replace_node(editor_, id, outputs(state, scans));
    return "unrolled '" + node_.name + "' into its " + std::to_string(rounds) + " rounds";
  }

 private:
  Status check() {
    const auto* body = node_.attributes.get<std::shared_ptr<Graph>>("body");
    if (body == nullptr || node_.inputs.size() < first_state) return usage_error("", "it has no body");
    body_ = *body;
    const size_t states = node_.inputs.size() - first_state;
    if (body_->inputs().size() != node_.inputs.size() ||
        body_->outputs().size() != node_.outputs.size() + 1 || node_.outputs.size() < states)
      return usage_error("", "its body has other inputs and outputs than it");
    if (!never_ends_itself(*body_)) return usage_error("", "its data decides when it ends");
    return {};
  }

  Result<int64_t> count_rounds() const {
    const Graph& graph = context_.model.graph;
    if (!node_.inputs[0].valid()) return usage_error("", "it has no number of rounds");
    const auto count = known_value(graph, context_.types, node_.inputs[0]);
    if (!count || count->count() != 1) return usage_error("", "its number of rounds depends on data");
    if (node_.inputs[1].valid()) {
      const auto goes = known_value(graph, context_.types, node_.inputs[1]);
      if (!goes || goes->type() != ElementType::boolean || goes->count() != 1)
        return usage_error("", "whether it runs at all depends on data");
      if (!goes->data<bool>()[0]) return 0;
    }
    return std::max<int64_t>(0, count->to_int64()[0]);
  }

  /// A number or condition in the form that the body declares: of rank 0 or 1.
  ValueId scalar(size_t input, Tensor tensor, const std::string& name) {
    const TypeInfo& declared = body_->value(body_->inputs()[input]).type;
    if (declared.dims && declared.dims->size() == 1) tensor = tensor.reshaped({1});
    return editor_.add_constant(name, std::move(tensor));
  }

  void add_round(int64_t round, std::vector<ValueId>& state, std::vector<std::vector<ValueId>>& scans) {
    const std::string prefix = node_.name + "/" + std::to_string(round) + "/";
    std::vector<ValueId> inputs{scalar(0, Tensor::scalar<int64_t>(round), prefix + "round"),
                                scalar(1, Tensor::scalar<bool>(true), prefix + "condition")};
    inputs.insert(inputs.end(), state.begin(), state.end());
    const std::vector<ValueId> made = inline_body(editor_, *body_, inputs, node_, prefix);
    for (size_t i = 0; i < state.size(); ++i) state[i] = made[1 + i];
    for (size_t i = 0; i < scans.size(); ++i)
      scans[i].push_back(Composer(editor_, node_, node_.version).unsqueeze(made[1 + state.size() + i], 0));
  }

  std::vector<ValueId> outputs(const std::vector<ValueId>& state,
                               const std::vector<std::vector<ValueId>>& scans) {
    std::vector<ValueId> values = state;
    for (const std::vector<ValueId>& rows : scans)
      values.push_back(Composer(editor_, node_, node_.version).add("Concat", rows, {{"axis", int64_t{0}}}));
    return values;
  }

  RemedyContext& context_;
  GraphEditor editor_;
  Node node_;
  std::shared_ptr<Graph> body_;
};

Result<std::string> unroll(RemedyContext& context) {
  const auto id = context.model.graph.find_node(context.step.subject);
  if (id && context.model.graph.node(*id).op_type == "Scan") return unroll_scan(context);
  return Unrolling(context).run();
}

}  // namespace

Status few_enough(int64_t rounds, const Graph& body) {
  constexpr int64_t most = 20000;
  const auto nodes = static_cast<int64_t>(body.node_count());
  if (rounds <= most / std::max<int64_t>(nodes, 1)) return {};
  return usage_error("", std::to_string(rounds) + " rounds of " + std::to_string(nodes) +
                             " nodes are too many to write out");
}

void register_unroll_loop(RemedyRegistry& registry) {
  registry.add({Remedy::Kind::unroll_loop, true, true, node_subjects, unroll});
}

}  // namespace lathe
