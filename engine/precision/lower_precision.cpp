// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/base/strings.h"
#include "engine/graph/verify.h"
#include "engine/precision/cast_inserter.h"
#include "engine/precision/plan.h"
#include "engine/precision/raise_opset.h"
#include "engine/precision/rebuild.h"

namespace lathe {
namespace {

int opset_of(const Model& model) {
  const auto found = model.opsets.find("");
  return found != model.opsets.end() ? found->second : 0;
}

Status check_modules(const ModuleTree& tree, const PrecisionRequest& request) {
  std::vector<std::string> paths, asked(request.exclude);
  for (const Module& module : tree.modules()) paths.push_back(module.path);
  for (const auto& [path, type] : request.modules) asked.push_back(path);
  for (const std::string& path : asked) {
    if (tree.find(path)) continue;
    Error error = usage_error("module '" + path + "'", "is no module of the model");
    const std::string nearest = nearest_name(path, paths);
    return nearest.empty() ? error : error.hint("did you mean '" + nearest + "'?");
  }
  return {};
}

std::string quoted(const std::string& path) {
  return path.empty() ? "the model" : "module '" + path + "'";
}

/// What is asked of each module: its own entry, else its parent's; excluded ones keep what they are.
PrecisionWishes wishes_of(const Model& model, const PrecisionRequest& request) {
  PrecisionWishes wishes;
  wishes.keep = &request.keep;
  for (const Module& module : model.modules.modules()) {  // parents come first
    ElementType type = ElementType::f32;
    std::string says = "nothing narrower is asked for";
    const bool has_parent = module.parent.valid();
    const bool frozen = has_parent && wishes.module_says[module.parent.index].ends_with(" is excluded");
    if (has_parent) {
      type = wishes.modules[module.parent.index];
      says = wishes.module_says[module.parent.index];
    }
    if (const auto own = request.modules.find(module.path); own != request.modules.end() && !frozen) {
      type = own->second;
      says = quoted(module.path) + " is set to " + precision_name(type);
    }
    if (std::find(request.exclude.begin(), request.exclude.end(), module.path) != request.exclude.end()) {
      type = ElementType::f32;
      says = quoted(module.path) + " is excluded";
    }
    wishes.modules.push_back(type);
    wishes.module_says.push_back(std::move(says));
  }
  return wishes;
}

/// Facts about nodes by name, since the rewrite ends with new ids.
class Facts {
 public:
  Facts(const Graph& graph, const PrecisionPlan& plan) { collect(graph, plan, "", ModuleTree::root()); }

  std::vector<NodePrecision> take(const Graph& graph, const CastLog& log) {
    std::vector<NodePrecision> all;
    for (const Node& node : graph.nodes()) {
      if (const auto cast = log.reasons.find(node.name);
          cast != log.reasons.end() && node.op_type == "Cast") {
        NodePrecision fact = fact_of(node, "", ModuleTree::root());
        fact.precision = static_cast<ElementType>(node.attributes.get_int("to", 1));
        fact.rule = "cast";
        fact.reason = cast->second;
        fact.inserted = true;
        fact.id = node.id;
        all.push_back(std::move(fact));
      }
      const auto found = by_owner_.find(node.name);
      if (found == by_owner_.end()) continue;
      for (NodePrecision& fact : found->second) {
        if (fact.node == node.name) fact.id = node.id;
        all.push_back(std::move(fact));
      }
    }
    return all;
  }

 private:
  static NodePrecision fact_of(const Node& node, const std::string& prefix, ModuleId module) {
    NodePrecision fact;
    fact.node = prefix + node.name;
    fact.module = node.module.valid() ? node.module : module;
    fact.op_type = node.qualified_type();
    return fact;
  }

  /// The type of a node that the plan leaves alone: what the model itself gives it.
  static ElementType own_type(const Node& node, const PrecisionPlan& plan) {
    for (const ValueId id : node.outputs)
      if (id.valid() && plan.types.type(id).is_tensor() && is_float(plan.types.type(id).element))
        return plan.types.type(id).element;
    return ElementType::undefined;
  }

  void collect(const Graph& graph, const PrecisionPlan& plan, const std::string& prefix, ModuleId module) {
    for (const NodeId id : plan.order) {
      const Node& node = graph.node(id);
      if (prefix.empty()) owner_ = node.name;
      NodePrecision fact = fact_of(node, prefix, module);
      const PrecisionDecision& decision = plan.of(id);
      fact.precision = decision.type;
      fact.rule = decision.rule;
      fact.reason = decision.reason;
      if (decision.type == ElementType::undefined) {
        fact.precision = own_type(node, plan);
        fact.rule = "model";
        fact.reason = "has this type in the model";
      }
      const bool constant = node.domain.empty() && node.op_type == "Constant";
      const ModuleId inside = fact.module;
      if (fact.precision != ElementType::undefined && !constant) by_owner_[owner_].push_back(std::move(fact));
      for (const auto& [name, attribute] : node.attributes.all()) {
        const std::string inner = prefix + node.name + "/" + name + "/";
        if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&attribute))
          collect(**body, plan.bodies.at(body->get()), inner, inside);
      }
    }
  }

  std::string owner_;  ///< node of the main graph
  std::map<std::string, std::vector<NodePrecision>> by_owner_;
};

/// Inferred types have to be those that the rewrite gave every value, in bodies, too.
Status check_types(const Graph& graph, const InferenceResult& types) {
  for (const Value& value : graph.values()) {
    const TypeInfo& found = types.type(value.id);
    if (value.alive && value.type.is_tensor() && found.is_tensor() &&
        found.element != ElementType::undefined && found.element != value.type.element)
      return internal_error("value '" + value.name + "'",
                            "was lowered to " + to_string(value.type) + ", but is " + to_string(found));
  }
  const auto check_body = [&](const Graph& body) -> Status {
    std::vector<TypeInfo> inputs, captures;
    for (const ValueId input : body.inputs()) inputs.push_back(body.value(input).type);
    for (const Capture& capture : body.captures()) captures.push_back(types.type(capture.outer));
    return check_types(body, infer(body, inputs, captures));
  };
  for (const Node& node : graph.nodes())
    for (const auto& [name, attribute] : node.attributes.all())
      if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&attribute)) LATHE_TRY(check_body(**body));
  return {};
}

/// What our own verifier and inference say of the rewritten model.
Status check_result(const Model& model, const InferenceOptions& inference) {
  for (const Finding& finding : verify(model.graph))
    return internal_error(finding.where, "after lowering the precision: " + finding.message);
  return check_types(model.graph, infer(model.graph, inference));
}

/// Raises the model's opset where that makes more of it narrow, and no further.
Status fit_opset(Model& model, PrecisionWishes& wishes, const InferenceOptions& inference) {
  const int now = opset_of(model);
  const auto wanted = [&](int available) -> Result<int> {
    wishes.opset = available;
    LATHE_ASSIGN(const PrecisionPlan plan, plan_precision(model.graph, wishes, inference));
    return std::max(now, needed_opset(plan));
  };
  LATHE_ASSIGN(int needed, wanted(operators().newest_version("")));
  const OpsetLimit limit = reachable_opset(model, needed);
  wishes.blocker = limit.blocker;
  if (limit.version < needed) {
    LATHE_ASSIGN(needed, wanted(limit.version));
  }
  LATHE_TRY(raise_opset(model, needed));
  wishes.opset = needed;
  return {};
}

}  // namespace

bool PrecisionRequest::asks() const {
  return std::any_of(modules.begin(), modules.end(),
                     [](const auto& entry) { return entry.second != ElementType::f32; });
}

bool PrecisionRequest::asks_int8() const {
  return std::any_of(modules.begin(), modules.end(),
                     [](const auto& entry) { return entry.second == ElementType::i8; });
}

std::string precision_name(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return "fp32";
    case ElementType::f16:
      return "fp16";
    case ElementType::i8:
      return "int8";
    default:
      return to_string(type);
  }
}

Result<PrecisionReport> lower_precision(Model& model, const PrecisionRequest& request) {
  LATHE_TRY(check_modules(model.modules, request));
  for (const auto& [path, type] : request.modules)
    if (type != ElementType::f32 && type != ElementType::f16 && type != ElementType::bf16)
      return usage_error(quoted(path), std::string("cannot be lowered to ") + to_string(type));
  PrecisionReport report;
  report.opset_before = opset_of(model);
  PrecisionWishes wishes = wishes_of(model, request);
  LATHE_TRY(fit_opset(model, wishes, request.inference));
  LATHE_ASSIGN(const PrecisionPlan plan, plan_precision(model.graph, wishes, request.inference));
  Facts facts(model.graph, plan);
  CastLog log;
  log.modules = &model.modules;
  log.opset = opset_of(model);
  LATHE_TRY(CastInserter(model.graph, plan, log).run());
  GraphEditor(model.graph).remove_dead();
  LATHE_ASSIGN(model.graph, rebuild(model.graph));
  refresh_modules(model);
  LATHE_TRY(check_result(model, request.inference));
  report.opset_after = log.opset;
  report.nodes = facts.take(model.graph, log);
  report.casts = log.casts;
  report.notes = std::move(log.notes);
  return report;
}

}  // namespace lathe
