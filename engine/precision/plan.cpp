// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/plan.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "engine/precision/rules.h"

namespace lathe {
namespace {

using Role = NarrowForm::Role;

/// Sets that merge when an edge joins them.
class Regions {
 public:
  explicit Regions(size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), size_t{0}); }
  size_t find(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(size_t a, size_t b) { parent_[find(a)] = find(b); }

 private:
  std::vector<size_t> parent_;
};

class Planner {
 public:
  Planner(const Graph& graph, const PrecisionWishes& wishes, InferenceResult types)
      : graph_(graph), wishes_(wishes) {
    plan_.types = std::move(types);
    plan_.nodes.resize(graph.nodes().size());
    open_.assign(graph.nodes().size(), false);
    asked_.assign(graph.nodes().size(), ElementType::f32);
  }

  /// For a body: the node that owns it, and the type that each captured value has after the outer graph's
  /// rewrite.
  Planner& inside(const Planner& outer, const Node& owner,
                  std::unordered_map<ValueId, ElementType> captured) {
    module_ = owner.module.valid() ? owner.module : outer.module_;
    kept_ = outer.kept(owner);
    is_body_ = true;
    outer_ = std::move(captured);
    return *this;
  }

  Result<PrecisionPlan> run() {
    LATHE_ASSIGN(plan_.order, topological_order(graph_));
    GraphFacts facts = GraphFacts::of(graph_, plan_.order);
    if (is_body_) facts.to_outputs.assign(graph_.nodes().size(), false);
    for (const NodeId id : plan_.order) judge(graph_.node(id), facts);
    keep_islands();
    for (const NodeId id : plan_.order)
      if (open_[id.index]) follow_inputs(graph_.node(id));
    for (auto at = plan_.order.rbegin(); at != plan_.order.rend(); ++at)
      if (open_[at->index]) follow_consumers(graph_.node(*at));
    for (const NodeId id : plan_.order)
      if (open_[id.index]) stay(id, "follows", "moves elements that are in fp32 around it");
    for (const NodeId id : plan_.order) LATHE_TRY(plan_bodies(graph_.node(id)));
    return std::move(plan_);
  }

 private:
  void judge(const Node& node, const GraphFacts& facts);
  std::optional<std::pair<std::string, std::string>> objection(const Node& node, const GraphFacts& facts,
                                                               ElementType narrow) const;
  void keep_islands();
  void follow_inputs(const Node& node);
  void follow_consumers(const Node& node);
  Status plan_bodies(const Node& node);

  /// Why the person keeps this node, or the one that owns the body, as it is; null when nobody does.
  const std::string* kept(const Node& node) const {
    if (is_body_ || wishes_.keep == nullptr) return kept_;
    const auto found = wishes_.keep->find(node.name);
    return found != wishes_.keep->end() ? &found->second : nullptr;
  }
  void stay(NodeId id, std::string rule, std::string reason) {
    PrecisionDecision& decision = plan_.nodes[id.index];
    decision.type = ElementType::f32;
    decision.rule = std::move(rule);
    decision.reason = std::move(reason);
    open_[id.index] = false;
  }
  void lower(NodeId id, std::string rule, std::string reason) {
    stay(id, std::move(rule), std::move(reason));
    plan_.nodes[id.index].type = asked_[id.index];
  }
  bool is_candidate(NodeId id) const { return open_[id.index] || plan_.of(id).narrow(); }
  /// f32 values that narrowing the node would change the type of.
  std::vector<ValueId> data_inputs(const Node& node) const;
  std::vector<ValueId> data_outputs(const Node& node) const;
  /// The type the value has after the rewrite, as far as decided.
  ElementType type_after(ValueId value) const;
  /// Calls visit(user, input) for each use of the value by a node that is not a capture.
  void for_each_use(ValueId value, const std::function<void(const Node&, size_t)>& visit) const;

  const Graph& graph_;
  const PrecisionWishes& wishes_;
  ModuleId module_ = ModuleTree::root();  ///< of nodes that have none
  const std::string* kept_ = nullptr;
  bool is_body_ = false;
  std::unordered_map<ValueId, ElementType> outer_;
  PrecisionPlan plan_;
  std::vector<bool> open_;  ///< may become narrow, if its surroundings do
  std::vector<ElementType> asked_;
};

std::vector<ValueId> Planner::data_inputs(const Node& node) const {
  std::vector<ValueId> made;
  const NarrowForm* form = plan_.of(node.id).form;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (node.inputs[i].valid() && plan_.is_f32(node.inputs[i]) &&
        (form != nullptr && is_narrowed_input(node, *form, i)))
      made.push_back(node.inputs[i]);
  return made;
}

std::vector<ValueId> Planner::data_outputs(const Node& node) const {
  std::vector<ValueId> made;
  const NarrowForm* form = plan_.of(node.id).form;
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (node.outputs[i].valid() && plan_.is_f32(node.outputs[i]) &&
        (form == nullptr || is_narrowed_output(*form, i)))
      made.push_back(node.outputs[i]);
  return made;
}

ElementType Planner::type_after(ValueId value) const {
  if (!plan_.is_f32(value)) return plan_.types.type(value).element;
  if (const auto captured = outer_.find(value); captured != outer_.end()) return captured->second;
  const Value& at = graph_.value(value);
  if (!at.producer.valid()) return ElementType::f32;
  const PrecisionDecision& decision = plan_.of(at.producer);
  return decision.narrow() && is_narrowed_output(*decision.form, at.producer_output) ? decision.type
                                                                                     : ElementType::f32;
}

void Planner::for_each_use(ValueId value, const std::function<void(const Node&, size_t)>& visit) const {
  std::vector<NodeId> users = graph_.value(value).consumers;
  std::sort(users.begin(), users.end());
  users.erase(std::unique(users.begin(), users.end()), users.end());
  for (const NodeId user : users) {
    const Node& node = graph_.node(user);
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (node.inputs[i] == value) visit(node, i);
  }
}

/// The first objection to a narrow node: what the person wants, the rules, the opset.
std::optional<std::pair<std::string, std::string>> Planner::objection(const Node& node,
                                                                      const GraphFacts& facts,
                                                                      ElementType narrow) const {
  const ModuleId module = node.module.valid() ? node.module : module_;
  if (narrow == ElementType::f32) return std::pair("settings", wishes_.module_says[module.index]);
  if (const std::string* reason = kept(node)) return std::pair("settings", *reason);
  const NarrowForm* form = narrow_form(node);
  const RuleContext context{graph_, plan_.types, facts, node, narrow, form};
  for (const PrecisionRule& rule : precision_rules().all())
    if (auto reason = rule.keeps_wide(context)) return std::pair(std::string(rule.name), std::move(*reason));
  if (form->since(narrow) > wishes_.opset)
    return std::pair("opset",
                     precision_name(narrow) + " needs opset " + std::to_string(form->since(narrow)) +
                         (wishes_.blocker.empty() ? std::string()
                                                  : "; " + wishes_.blocker + " keeps the model at opset " +
                                                        std::to_string(wishes_.opset)));
  return std::nullopt;
}

void Planner::judge(const Node& node, const GraphFacts& facts) {
  PrecisionDecision& decision = plan_.nodes[node.id.index];
  const NarrowForm* form = narrow_form(node);
  const Operator* op = operators().find(node);
  if (op != nullptr && (op->traits & trait_control_flow) != 0) return;
  if (node.op_type == "Constant" && node.domain.empty()) return;
  decision.form = form;
  // A Cast to another type reads whatever there is.
  const bool concerned =
      !data_outputs(node).empty() ||
      (!takes_any_type(node) && std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
        return input.valid() && plan_.is_f32(input);
      }));
  if (!concerned) return;
  const ModuleId module = node.module.valid() ? node.module : module_;
  asked_[node.id.index] = wishes_.modules[module.index];
  if (auto found = objection(node, facts, asked_[node.id.index])) {
    stay(node.id, std::move(found->first), std::move(found->second));
  } else if (form->role == Role::moves) {
    open_[node.id.index] = true;
    decision.type = ElementType::undefined;
  } else {
    lower(node.id, "asked",
          form->role == Role::product ? "is what gains from a narrow type"
                                      : "computes in fp32 inside, in and out narrow");
  }
}

/// Nodes without a product among them that lie beside wide ones stay wide: casts around would cost more.
void Planner::keep_islands() {
  Regions regions(graph_.nodes().size());
  for (const NodeId id : plan_.order) {
    if (!is_candidate(id)) continue;
    for (const ValueId output : data_outputs(graph_.node(id)))
      for_each_use(output, [&](const Node& user, size_t i) {
        const PrecisionDecision& decision = plan_.of(user.id);
        if (is_candidate(user.id) && is_narrowed_input(user, *decision.form, i))
          regions.join(id.index, user.id.index);
      });
  }
  std::vector<bool> product(graph_.nodes().size(), false), beside(graph_.nodes().size(), false);
  const auto is_wide = [&](NodeId id) { return plan_.of(id).type == ElementType::f32; };
  for (const NodeId id : plan_.order) {
    if (!is_candidate(id)) continue;
    const Node& node = graph_.node(id);
    const size_t region = regions.find(id.index);
    if (plan_.of(id).form->role == Role::product) product[region] = true;
    for (const ValueId input : data_inputs(node))
      if (const NodeId maker = graph_.value(input).producer; maker.valid() && is_wide(maker))
        beside[region] = true;
    for (const ValueId output : data_outputs(node))
      for_each_use(output, [&](const Node& user, size_t) {
        if (is_wide(user.id)) beside[region] = true;
      });
  }
  for (const NodeId id : plan_.order) {
    const size_t region = regions.find(id.index);
    if (is_candidate(id) && !product[region] && beside[region])
      stay(id, "islands",
           "lies beside nodes that stay in fp32: casts around it would cost more than it gains");
  }
}

void Planner::follow_inputs(const Node& node) {
  const ElementType narrow = asked_[node.id.index];
  bool some = false, all = true;
  for (const ValueId input : data_inputs(node)) {
    if (graph_.constant(input) != nullptr) continue;
    const bool is_narrow = type_after(input) == narrow;
    some = some || is_narrow;
    all = all && is_narrow;
  }
  bool wanted = all;
  for (const ValueId output : data_outputs(node)) {
    wanted = wanted || graph_.value(output).is_output;
    for_each_use(output, [&](const Node& user, size_t) {
      wanted = wanted || plan_.of(user.id).type != ElementType::f32;
    });
  }
  if (some && wanted) lower(node.id, "follows", "moves elements that are narrow already");
}

void Planner::follow_consumers(const Node& node) {
  size_t varying = 0;
  for (const ValueId input : data_inputs(node)) varying += graph_.constant(input) == nullptr;
  if (varying > 1) return;
  const ElementType narrow = asked_[node.id.index];
  bool used = false, all = true;
  for (const ValueId output : data_outputs(node)) {
    const Value& value = graph_.value(output);
    size_t uses = 0;
    for_each_use(output, [&](const Node& user, size_t i) {
      ++uses;
      const ElementType wanted = plan_.wanted(user, i);
      used = used || wanted == narrow;
      all = all && (wanted == narrow || takes_any_type(user));
    });
    // Captures count as uses by the node that owns the body, in fp32.
    all = all && !value.is_output && uses == value.consumers.size();
  }
  if (used && all) lower(node.id, "follows", "all that read its result are narrow");
}

Status Planner::plan_bodies(const Node& node) {
  const auto plan_body = [&](const Graph& body) -> Status {
    std::vector<TypeInfo> inputs, captures;
    std::unordered_map<ValueId, ElementType> outer;
    for (const ValueId input : body.inputs()) inputs.push_back(body.value(input).type);
    for (const Capture& capture : body.captures()) {
      captures.push_back(plan_.types.type(capture.outer));
      outer[capture.inner] = type_after(capture.outer);
    }
    Planner planner(body, wishes_, infer(body, inputs, captures));
    LATHE_ASSIGN(PrecisionPlan made, planner.inside(*this, node, std::move(outer)).run());
    plan_.bodies.emplace(&body, std::move(made));
    return {};
  };
  for (const auto& [name, attribute] : node.attributes.all()) {
    if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&attribute)) LATHE_TRY(plan_body(**body));
    if (const auto* bodies = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute))
      for (const auto& each : *bodies) LATHE_TRY(plan_body(*each));
  }
  return {};
}

}  // namespace

ElementType PrecisionPlan::wanted(const Node& node, size_t i) const {
  const PrecisionDecision& decision = of(node.id);
  if (decision.narrow()) return is_narrowed_input(node, *decision.form, i) ? decision.type : ElementType::f32;
  return takes_any_type(node) ? ElementType::undefined : ElementType::f32;
}

Result<PrecisionPlan> plan_precision(const Graph& graph, const PrecisionWishes& wishes,
                                     const InferenceOptions& inference) {
  return Planner(graph, wishes, infer(graph, inference)).run();
}

int needed_opset(const PrecisionPlan& plan) {
  int needed = 0;
  for (const NodeId id : plan.order) {
    const PrecisionDecision& decision = plan.of(id);
    // The casts around it need the type, too.
    if (decision.narrow()) {
      needed = std::max(needed, decision.form->since(decision.type));
      needed = std::max(needed, decision.type == ElementType::bf16 ? 13 : 6);
    }
  }
  for (const auto& [body, inner] : plan.bodies) needed = std::max(needed, needed_opset(inner));
  return needed;
}

}  // namespace lathe
