// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/weights_plan.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/precision/int8_plan.h"
#include "engine/precision/int8_rules.h"

namespace lathe {
namespace {

bool is(const Node& node, std::initializer_list<std::string_view> op_types) {
  return node.domain.empty() && std::find(op_types.begin(), op_types.end(), node.op_type) != op_types.end();
}

/// The initializer that `value` is, also behind Identity; invalid where it is none.
ValueId initializer_behind(const Graph& graph, ValueId value) {
  while (value.valid() && graph.constant(value) == nullptr) {
    const NodeId made_by = graph.value(value).producer;
    if (!made_by.valid() || !is(graph.node(made_by), {"Identity"})) return {};
    value = graph.node(made_by).inputs[0];
  }
  return value;
}

using Refusal = std::optional<std::pair<std::string, std::string>>;

Refusal few(const Tensor& weights) {
  if (weights.count() >= least_stored_weights) return std::nullopt;
  return {{"few_weights", "its " + std::to_string(weights.count()) + " weights are too few to matter"}};
}

Refusal unfit_rows(const Node& node, const Tensor& table) {
  if (table.type() != ElementType::f32 || table.rank() != 2 || node.attributes.get_int("axis", 0) != 0)
    return {{"weight_form", "does not pick rows of one fp32 matrix"}};
  const auto numbers = table.data<float>();
  if (!std::all_of(numbers.begin(), numbers.end(), [](float each) { return std::isfinite(each); }))
    return {{"weight_form", "its table holds NaN or infinity"}};
  return few(table);
}

class Planner {
 public:
  Planner(const Model& model, const WeightsRequest& request)
      : graph_(model.graph), request_(request), types_(infer(model.graph, request.inference)) {}

  Result<std::vector<WeightDecision>> run() {
    LATHE_ASSIGN(const std::vector<NodeId> order, topological_order(graph_));
    for (const NodeId id : order) decide(graph_.node(id));
    keep_shared();
    return std::move(decisions_);
  }

 private:
  bool is_f32(ValueId value) const {
    return value.valid() && types_.type(value).is_tensor() && types_.type(value).element == ElementType::f32;
  }

  void decide(const Node& node) {
    const bool product = is(node, {"Conv", "MatMul", "Gemm"}), table = is(node, {"Gather"});
    if (!(product || table) || node.inputs.size() < 2 || node.outputs.empty() || !is_f32(node.outputs[0]))
      return;
    WeightDecision made;
    made.node = node.id;
    made.table = table;
    made.weights = initializer_behind(graph_, node.inputs[table ? 0 : 1]);
    if (table && !made.weights.valid()) return;
    made.axis = !table && node.attributes.get_int("transB", 0) != 0 ? 0 : 1;
    const WeightWish& wish = request_.modules[node.module.valid() ? node.module.index : 0];
    const auto refusal = why_not(node, made, wish);
    if (refusal) {
      made.rule = refusal->first;
      made.reason = refusal->second;
    } else {
      made.form = table ? WeightForm::int8 : wish.form;
      if (made.form == WeightForm::int4) made.block_size = fitting_block(wish.block_size, made);
      made.rule = "weights";
      made.reason =
          made.form == WeightForm::int4
              ? "computes in fp32 with weights stored in int4, a scale and a zero point for every " +
                    std::to_string(made.block_size)
              : "computes in fp32 with weights stored in int8, one scale per output channel";
      if (table) made.reason = "picks from a table stored in int8, one scale per column";
    }
    decisions_.push_back(std::move(made));
  }

  /// No larger than what all weights of a channel fill.
  int64_t fitting_block(int64_t wanted, const WeightDecision& decision) const {
    const int64_t depth = graph_.constant(decision.weights)->dim(1 - decision.axis);
    while (wanted > 16 && wanted / 2 >= depth) wanted /= 2;
    return wanted;
  }

  Refusal why_not(const Node& node, const WeightDecision& made, const WeightWish& wish) const {
    if (wish.form == WeightForm::full) return {{"asked", wish.says}};
    if (const auto kept = request_.keep.find(node.name); kept != request_.keep.end())
      return {{"asked", kept->second}};
    const Tensor* weights = graph_.constant(made.weights);
    if (is(node, {"Conv"}))
      return {{"convolution", "convolutions are limited by arithmetic, not by reading their weights"}};
    if (made.table) return unfit_rows(node, *weights);
    for (const Int8Rule& rule : int8_rules())
      if (const auto why = rule.keeps_wide({graph_, types_, node, weights}))
        return {{std::string(rule.name), *why}};
    if (wish.form == WeightForm::int4 && !fits_bias(node, weights->dim(made.axis)))
      return {{"bias_form", "its bias is not one number per column, as 4-bit products want it"}};
    return few(*weights);
  }

  bool fits_bias(const Node& node, int64_t columns) const {
    if (!is(node, {"Gemm"}) || node.inputs.size() < 3 || !node.inputs[2].valid()) return true;
    const auto& dims = types_.type(node.inputs[2]).dims;
    return dims && dims->size() == 1 && dims->front().is(columns);
  }

  /// Weights that anything reads in another way stay, for all that read them.
  void keep_shared() {
    std::map<ValueId, std::vector<size_t>> readers;
    std::map<NodeId, size_t> decided;
    for (size_t i = 0; i < decisions_.size(); ++i) {
      decided[decisions_[i].node] = i;
      if (decisions_[i].form != WeightForm::full) readers[decisions_[i].weights].push_back(i);
    }
    for (const auto& [weights, list] : readers) {
      const WeightDecision first = decisions_[list.front()];
      const Node* other = other_reader(weights, first, decided);
      if (other == nullptr) continue;
      for (const size_t i : list) {
        decisions_[i].form = WeightForm::full;
        decisions_[i].rule = "shared_weights";
        decisions_[i].reason =
            "its weights are read by '" + other->name + "', too, which does not take them like that";
      }
    }
  }

  /// A node that reads `value`, at once or through Identity, otherwise than `like` does.
  const Node* other_reader(ValueId value, const WeightDecision& like,
                           const std::map<NodeId, size_t>& decided) const {
    if (graph_.value(value).is_output) return &graph_.node(like.node);
    for (const NodeId id : graph_.value(value).consumers) {
      const Node& reader = graph_.node(id);
      if (is(reader, {"Identity"})) {
        if (const Node* found = other_reader(reader.outputs[0], like, decided)) return found;
        continue;
      }
      const auto at = decided.find(id);
      if (at == decided.end()) return &reader;
      const WeightDecision& own = decisions_[at->second];
      const bool same = own.form == like.form && own.block_size == like.block_size && own.axis == like.axis &&
                        own.table == like.table &&
                        std::count(reader.inputs.begin(), reader.inputs.end(), value) == 1 &&
                        reader.inputs[own.table ? 0 : 1] == value;
      if (!same) return &reader;
    }
    return nullptr;
  }

  const Graph& graph_;
  const WeightsRequest& request_;
  InferenceResult types_;
  std::vector<WeightDecision> decisions_;
};

}  // namespace

std::optional<std::pair<std::string, std::string>> unfit_table(const Graph& graph, const Node& gather) {
  const Value& table = graph.value(gather.inputs[0]);
  for (const NodeId id : table.consumers) {
    const Node& reader = graph.node(id);
    if (table.is_output || !is(reader, {"Gather"}) || reader.inputs[0] != table.id)
      return {{"shared_weights", "its table is read by '" + reader.name + "', too, which does not look up"}};
  }
  return unfit_rows(gather, table.constant);
}

Result<std::vector<WeightDecision>> plan_weights(const Model& model, const WeightsRequest& request) {
  return Planner(model, request).run();
}

}  // namespace lathe
