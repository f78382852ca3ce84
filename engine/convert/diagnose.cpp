// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/diagnose.h"

#include <algorithm>
#include <functional>
#include <set>

#include "engine/base/strings.h"
#include "engine/convert/known_values.h"
#include "engine/convert/remedies/remedy.h"
#include "engine/ops/operator.h"
#include "engine/runtime/subgraph.h"

namespace lathe {
namespace {

constexpr size_t max_chain = 12;

bool is_unsupported(const TypeInfo& type) {
  return type.kind != TypeInfo::Kind::unknown && (!type.is_tensor() || type.element == ElementType::string);
}

/// What inference says against the node's own definition; null where it agrees.
const Finding* contradiction(const InferenceResult& types, NodeId node) {
  for (const Finding& finding : types.findings)
    if (finding.node == node && finding.code == "inconsistent") return &finding;
  return nullptr;
}

/// The attribute of the node that a message speaks of by name or value.
bool speaks_of_attribute(const Node& node, const std::string& message) {
  return std::any_of(node.attributes.all().begin(), node.attributes.all().end(), [&](const auto& item) {
    const auto* text = std::get_if<std::string>(&item.second);
    return message.find(item.first) != std::string::npos ||
           (text != nullptr && message.find("'" + *text + "'") != std::string::npos);
  });
}

class Diagnosis {
 public:
  Diagnosis(const Model& model, const InferenceResult& types, ModuleId module,
            const std::vector<NodeId>& nodes, const std::map<std::string, SuggestedShape>& shapes)
      : model_(model), graph_(model.graph), types_(types), module_(module), nodes_(nodes), shapes_(shapes) {}

  std::optional<Failure> run() const {
    if (auto failure = unknown_operators()) return failure;
    if (auto failure = contradictions()) return failure;
    if (auto failure = control_flow()) return failure;
    if (auto failure = unsupported_types()) return failure;
    if (auto failure = dynamic_shapes()) return failure;
    return not_separable();
  }

  Failure::Evidence evidence(NodeId id) const { return evidence_of(model_, types_, id); }

 private:
  std::optional<Failure> unknown_operators() const;
  std::optional<Failure> contradictions() const;
  std::optional<Failure> control_flow() const;
  std::optional<Failure> unsupported_types() const;
  std::optional<Failure> dynamic_shapes() const;
  std::optional<Failure> not_separable() const;
  std::vector<std::string> chain_to(NodeId node, const std::string& symbol, const SymbolOrigin& origin) const;
  const std::string& path(ModuleId id) const {
    return model_.modules[id.valid() ? id : ModuleTree::root()].path;
  }
  void offer_shapes(Failure& failure, const std::string& input) const;
  void offer_for_data(Failure& failure, const std::set<NodeId>& origins) const;
  void offer_approximation(Failure& failure, const std::string& kind) const;
  bool is_decided(Failure& failure, const Node& node) const;
  Remedy cut_postprocessing() const {
    return {Remedy::Kind::cut_postprocessing,
            "Cut the post-processing off: what stands before it becomes one engine, the rest runs after it.",
            ""};
  }
  Remedy keep_eager() const {
    return {Remedy::Kind::keep_eager, "Keep this module eager: the rest converts around it.", path(module_)};
  }

  const Model& model_;
  const Graph& graph_;
  const InferenceResult& types_;
  ModuleId module_;
  const std::vector<NodeId>& nodes_;
  const std::map<std::string, SuggestedShape>& shapes_;
};

std::optional<Failure> Diagnosis::unknown_operators() const {
  Failure failure;
  failure.cause = FailureCause::unsupported_operator;
  failure.sentence = "the module uses an operator that this build does not have";
  std::set<std::string> kinds;
  for (const NodeId id : nodes_) {
    const Operator* op = operators().find(graph_.node(id));
    if (op != nullptr && op->run != nullptr) continue;
    failure.evidence.push_back(evidence(id));
    kinds.insert(graph_.node(id).qualified_type());
  }
  if (failure.evidence.empty()) return std::nullopt;
  const int newest = operators().newest_version("");
  for (const NodeId id : nodes_) {
    const Node& node = graph_.node(id);
    const bool later = node.domain.empty() && operators().find(node) == nullptr &&
                       operators().find("", node.op_type, newest) != nullptr;
    if (!later) continue;
    failure.remedies.push_back(
        {Remedy::Kind::upgrade_opset, "Upgrade the model to opset " + std::to_string(newest) + ".", ""});
    break;
  }
  for (const std::string& kind : kinds) {
    failure.remedies.push_back(
        {Remedy::Kind::replace_operator,
         has_decomposition(kind)
             ? "Replace " + kind + " by operators that compute the same."
             : "Replace " + kind + " by operators of ai.onnx before export: no composition is known here.",
         kind});
    offer_approximation(failure, kind);
    failure.remedies.push_back(
        {Remedy::Kind::register_operator,
         "Register " + kind + " as a custom operator: --plugin with a library that computes it.", kind});
  }
  failure.remedies.push_back(keep_eager());
  return failure;
}

/// Attributes (or else inputs) that the operator's definition in this build refuses.
std::optional<Failure> Diagnosis::contradictions() const {
  for (const bool attributes : {true, false}) {
    Failure failure;
    failure.cause = attributes ? FailureCause::unsupported_attribute : FailureCause::build_error;
    failure.sentence = attributes ? "an operator has an attribute that this build does not take"
                                  : "a node contradicts its operator's definition";
    for (const NodeId id : nodes_) {
      const Finding* finding = contradiction(types_, id);
      if (finding == nullptr || speaks_of_attribute(graph_.node(id), finding->message) != attributes)
        continue;
      failure.evidence.push_back(evidence(id));
      failure.chain.push_back(finding->where + ": " + finding->message);
    }
    if (failure.evidence.empty()) continue;
    const std::string& kind = failure.evidence.front().op_type;
    failure.remedies.push_back({Remedy::Kind::replace_operator,
                                "Export " + kind + " with other attributes, or as other operators.", kind});
    offer_approximation(failure, kind);
    failure.remedies.push_back(keep_eager());
    return failure;
  }
  return std::nullopt;
}

std::optional<Failure> Diagnosis::control_flow() const {
  Failure failure;
  failure.cause = FailureCause::data_dependent_control_flow;
  failure.sentence = "the module decides by its data what to run next";
  bool from_data = false;
  for (const NodeId id : nodes_) {
    const Node& node = graph_.node(id);
    if ((operators().find(node)->traits & trait_control_flow) == 0) continue;
    failure.evidence.push_back(evidence(id));
    if (!is_decided(failure, node)) from_data = true;
  }
  if (failure.evidence.empty()) return std::nullopt;
  if (!from_data) failure.sentence = "the module runs sub-graphs, though its data does not decide which";
  if (from_data) failure.remedies.push_back(cut_postprocessing());
  failure.remedies.push_back(keep_eager());
  return failure;
}

/// False where data decides what the node runs; else the remedy is offered.
bool Diagnosis::is_decided(Failure& failure, const Node& node) const {
  if (node.op_type == "Scan") {
    std::set<std::string> open;  // inputs of the model that leave the number of rounds open
    bool known = true;
    for (const ValueId input : node.inputs) {
      if (!input.valid() || types_.type(input).is_static()) continue;
      known = false;
      if (!types_.type(input).dims) return false;
      for (const Dim& dim : *types_.type(input).dims)
        for (const std::string& symbol : dim.symbols()) {
          const auto origin = types_.symbols.find(symbol);
          if (origin == types_.symbols.end() || origin->second.kind != SymbolOrigin::Kind::input_axis)
            return false;
          open.insert(graph_.value(origin->second.input).name);
        }
    }
    for (const std::string& input : open) offer_shapes(failure, input);
    if (!known) return !open.empty();
  } else if ((node.op_type != "If" && node.op_type != "Loop") || !node.inputs[0].valid() ||
             !follows_from_constants(graph_, types_, node.inputs[0])) {
    return false;
  }
  if (node.op_type == "If")
    failure.remedies.push_back({Remedy::Kind::inline_branch,
                                "Put the branch that '" + node.name + "' always takes in its place.",
                                node.name});
  else
    failure.remedies.push_back({Remedy::Kind::unroll_loop,
                                "Unroll '" + node.name + "', whose number of rounds is known.", node.name});
  return true;
}

std::optional<Failure> Diagnosis::unsupported_types() const {
  const auto unsupported = [&](ValueId id) { return is_unsupported(types_.type(id)); };
  for (const bool outputs : {false, true}) {
    Failure failure;
    failure.cause = outputs ? FailureCause::unsupported_output_type : FailureCause::unsupported_input_type;
    failure.sentence = outputs ? "the module makes a value that is no tensor of numbers"
                               : "the module reads a value that is no tensor of numbers";
    for (const NodeId id : nodes_) {
      const auto& values = outputs ? graph_.node(id).outputs : graph_.node(id).inputs;
      if (std::any_of(values.begin(), values.end(), [&](ValueId v) { return v.valid() && unsupported(v); }))
        failure.evidence.push_back(evidence(id));
    }
    if (failure.evidence.empty()) continue;
    const bool text = std::any_of(failure.evidence.begin(), failure.evidence.end(), [](const auto& each) {
      return each.shapes.find("string") != std::string::npos;
    });
    if (!text)
      failure.remedies.push_back({Remedy::Kind::split_input,
                                  "Split sequences and optionals into the plain tensors they hold; an output "
                                  "'y' that is one becomes y.0, y.1 and so on.",
                                  path(module_)});
    failure.remedies.push_back(cut_postprocessing());
    failure.remedies.push_back(keep_eager());
    return failure;
  }
  return std::nullopt;
}

/// From the model's input (or the node that makes the size) forward to the node, one line per value that
/// bears the symbol.
std::vector<std::string> Diagnosis::chain_to(NodeId node, const std::string& symbol,
                                             const SymbolOrigin& origin) const {
  const auto bears = [&](ValueId id) {
    if (!id.valid()) return false;
    const auto mentions = [&](const Dim& dim) {
      const auto symbols = dim.symbols();
      return std::find(symbols.begin(), symbols.end(), symbol) != symbols.end();
    };
    const TypeInfo& type = types_.type(id);
    if (type.dims && std::any_of(type.dims->begin(), type.dims->end(), mentions)) return true;
    const auto contents = types_.contents.find(id);
    return contents != types_.contents.end() &&
           std::any_of(contents->second.begin(), contents->second.end(), mentions);
  };
  std::vector<std::string> links;
  NodeId at = node;
  std::set<NodeId> seen;
  while (at.valid() && seen.insert(at).second && at != origin.node) {
    const Node& current = graph_.node(at);
    const auto from = std::find_if(current.inputs.begin(), current.inputs.end(), bears);
    if (from == current.inputs.end()) break;
    links.push_back("  -> " + current.name + " (" + current.op_type + ") reads " + graph_.value(*from).name +
                    " " + to_string(types_.type(*from)));
    at = graph_.value(*from).producer;
  }
  if (origin.kind == SymbolOrigin::Kind::input_axis && origin.input.valid()) {
    const Value& input = graph_.value(origin.input);
    links.push_back("input '" + input.name + "' " + to_string(types_.type(origin.input)) + ": axis " +
                    std::to_string(origin.axis) + " ('" + symbol + "') is dynamic");
  } else if (origin.node.valid()) {
    const Node& source = graph_.node(origin.node);
    links.push_back("the size '" + symbol + "' is made by node " + source.name + " (" + source.op_type +
                    ") from its data" + (source.source.empty() ? "" : ", " + source.source));
  }
  std::reverse(links.begin(), links.end());
  if (links.size() > max_chain) {
    const size_t cut = links.size() - max_chain;
    links.erase(links.begin() + max_chain / 2,
                links.begin() + static_cast<std::ptrdiff_t>(max_chain / 2 + cut));
    links.insert(links.begin() + max_chain / 2, "  ... " + std::to_string(cut) + " nodes further on");
  }
  return links;
}

std::optional<Failure> Diagnosis::dynamic_shapes() const {
  Failure failure;
  std::map<std::string, NodeId> symbols;  // with the first node that bears each
  for (const NodeId id : nodes_) {
    bool offending = false;
    for (const auto* list : {&graph_.node(id).inputs, &graph_.node(id).outputs})
      for (const ValueId value : *list) {
        if (!value.valid() || types_.type(value).is_static()) continue;
        offending = true;
        if (!types_.type(value).dims) continue;
        for (const Dim& dim : *types_.type(value).dims)
          for (const std::string& symbol : dim.symbols()) symbols.try_emplace(symbol, id);
      }
    if (offending) failure.evidence.push_back(evidence(id));
  }
  if (failure.evidence.empty()) return std::nullopt;

  std::set<NodeId> from_data;
  std::map<std::string, std::vector<int>> axes;  // input -> dynamic axes
  for (const auto& [symbol, node] : symbols) {
    const auto origin = types_.symbols.find(symbol);
    if (origin == types_.symbols.end()) continue;
    if (origin->second.kind == SymbolOrigin::Kind::data_dependent) from_data.insert(origin->second.node);
    if (origin->second.kind == SymbolOrigin::Kind::input_axis)
      axes[graph_.value(origin->second.input).name].push_back(origin->second.axis);
    for (std::string& link : chain_to(node, symbol, origin->second)) failure.chain.push_back(std::move(link));
  }
  failure.cause = from_data.empty() ? FailureCause::dynamic_shape : FailureCause::data_dependent_shape;
  failure.sentence = !from_data.empty() ? "the size of a tensor depends on the data in another"
                     : axes.empty()     ? "the shape of a tensor cannot be told before running"
                                        : "the shape of an input is not fixed";
  for (const auto& [input, dynamic] : axes) offer_shapes(failure, input);
  offer_for_data(failure, from_data);
  failure.remedies.push_back(keep_eager());
  return failure;
}

void Diagnosis::offer_shapes(Failure& failure, const std::string& input) const {
  Remedy pin{Remedy::Kind::pin_shapes, "", input};
  if (const auto found = shapes_.find(input); found != shapes_.end()) {
    pin.shape = found->second.shape;
    const std::string shape = to_string(*pin.shape);
    pin.text = "Pin " + input + " to " + shape + " (" + found->second.why() + "): --shape " + input + "=" +
               shape + ".";
  } else {
    pin.text =
        "Pin the shape of '" + input + "': --shape " + input + "=..., or input_shapes in the configuration.";
  }
  failure.remedies.push_back(std::move(pin));
  failure.remedies.push_back({Remedy::Kind::give_profile,
                              "Give '" + input + "' a profile with --min-shape, --opt-shape and --max-shape.",
                              input});
  if (const std::string mask = mask_of(graph_, input); !mask.empty())
    failure.remedies.push_back({Remedy::Kind::pad,
                                "Pad '" + input + "' to one size and mark the padding in '" + mask +
                                    "': the largest size then serves every smaller one.",
                                input});
}

/// For sizes that the data in a tensor decides, by the nodes that make them.
void Diagnosis::offer_for_data(Failure& failure, const std::set<NodeId>& origins) const {
  if (origins.empty()) return;
  bool cut = false;
  for (const NodeId id : origins) {
    const Node& node = graph_.node(id);
    const bool constant =
        std::all_of(
            node.inputs.begin(), node.inputs.end(),
            [&](ValueId input) { return !input.valid() || follows_from_constants(graph_, types_, input); }) &&
        node.captured.empty();
    if (constant)
      failure.remedies.push_back(
          {Remedy::Kind::fold_constants,
           "Fold '" + node.name + "' (" + node.op_type + "): what it reads is always the same.", node.name});
    else
      cut = true;
  }
  if (cut) failure.remedies.push_back(cut_postprocessing());
  for (const NodeId id : origins) offer_approximation(failure, graph_.node(id).qualified_type());
  for (const NodeId id : origins)
    if (graph_.node(id).op_type == "NonZero")
      failure.remedies.push_back(
          {Remedy::Kind::filter_to_topk,
           "Filter with '" + graph_.node(id).name +
               "' into a fixed number of rows and a count of the valid ones: outputs get another shape, so "
               "that it is done only when the configuration asks.",
           graph_.node(id).name});
}

void Diagnosis::offer_approximation(Failure& failure, const std::string& kind) const {
  const auto known = [&](NodeId id) {
    return graph_.node(id).qualified_type() == kind && has_approximation(graph_.node(id));
  };
  if (std::none_of(nodes_.begin(), nodes_.end(), known)) return;
  failure.remedies.push_back(
      {Remedy::Kind::approximate_operator,
       "Approximate " + kind +
           " by operators that come near: what that costs is measured on the data, and "
           "it is kept only within the tolerance.",
       kind});
}

std::optional<Failure> Diagnosis::not_separable() const {
  NodeId witness;
  if (is_separable(graph_, nodes_, &witness)) return std::nullopt;
  Failure failure;
  failure.cause = FailureCause::not_separable;
  failure.sentence = "a node of another module stands between two parts of this one";
  failure.evidence.push_back(evidence(witness));
  failure.remedies.push_back(keep_eager());
  return failure;
}

}  // namespace

std::optional<FailureCause> node_obstacle(const Graph& graph, const InferenceResult& types, NodeId id) {
  const Node& node = graph.node(id);
  const Operator* op = operators().find(node);
  if (op == nullptr || op->run == nullptr) return FailureCause::unsupported_operator;
  if ((op->traits & trait_control_flow) != 0) return FailureCause::data_dependent_control_flow;
  for (const auto* list : {&node.inputs, &node.outputs})
    for (const ValueId value : *list) {
      if (!value.valid()) continue;
      if (is_unsupported(types.type(value)))
        return list == &node.inputs ? FailureCause::unsupported_input_type
                                    : FailureCause::unsupported_output_type;
      if (!types.type(value).is_static()) return FailureCause::dynamic_shape;
    }
  if (contradiction(types, id) != nullptr) return FailureCause::build_error;
  return std::nullopt;
}

std::optional<Failure> diagnose(const Model& model, const InferenceResult& types, ModuleId module,
                                const std::vector<NodeId>& nodes,
                                const std::map<std::string, SuggestedShape>& shapes) {
  return Diagnosis(model, types, module, nodes, shapes).run();
}

}  // namespace lathe
