// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/diagnose.h"

#include <algorithm>
#include <set>

#include "engine/base/strings.h"
#include "engine/ops/operator.h"
#include "engine/runtime/subgraph.h"

namespace lathe {
namespace {

constexpr size_t max_chain = 12;

class Diagnosis {
 public:
  Diagnosis(const Model& model, const InferenceResult& types, ModuleId module,
            const std::vector<NodeId>& nodes)
      : model_(model), graph_(model.graph), types_(types), module_(module), nodes_(nodes) {}

  std::optional<Failure> run() const {
    if (auto failure = unknown_operators()) return failure;
    if (auto failure = control_flow()) return failure;
    if (auto failure = unsupported_types()) return failure;
    if (auto failure = dynamic_shapes()) return failure;
    return not_separable();
  }

  Failure::Evidence evidence(NodeId id) const;

 private:
  std::optional<Failure> unknown_operators() const;
  std::optional<Failure> control_flow() const;
  std::optional<Failure> unsupported_types() const;
  std::optional<Failure> dynamic_shapes() const;
  std::optional<Failure> not_separable() const;
  std::vector<std::string> chain_to(NodeId node, const std::string& symbol, const SymbolOrigin& origin) const;
  const std::string& path(ModuleId id) const {
    return model_.modules[id.valid() ? id : ModuleTree::root()].path;
  }
  Remedy keep_eager() const {
    return {Remedy::Kind::keep_eager, "Keep this module eager: the rest converts around it.", path(module_)};
  }

  const Model& model_;
  const Graph& graph_;
  const InferenceResult& types_;
  ModuleId module_;
  const std::vector<NodeId>& nodes_;
};

Failure::Evidence Diagnosis::evidence(NodeId id) const {
  const Node& node = graph_.node(id);
  const auto list = [&](const std::vector<ValueId>& values) {
    std::vector<std::string> texts;
    for (const ValueId value : values)
      if (value.valid()) texts.push_back(to_string(types_.type(value)));
    return join(texts, ", ");
  };
  return {id,
          path(node.module),
          node.name,
          node.qualified_type(),
          "(" + list(node.inputs) + ") -> (" + list(node.outputs) + ")",
          node.source};
}

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
  for (const std::string& kind : kinds) {
    failure.remedies.push_back(
        {Remedy::Kind::replace_operator, "Replace or decompose " + kind + " before export.", kind});
    failure.remedies.push_back(
        {Remedy::Kind::register_operator, "Register " + kind + " as a custom operator.", kind});
  }
  failure.remedies.push_back(keep_eager());
  return failure;
}

std::optional<Failure> Diagnosis::control_flow() const {
  Failure failure;
  failure.cause = FailureCause::data_dependent_control_flow;
  failure.sentence = "the module decides by its data what to run next";
  for (const NodeId id : nodes_)
    if ((operators().find(graph_.node(id))->traits & trait_control_flow) != 0)
      failure.evidence.push_back(evidence(id));
  if (failure.evidence.empty()) return std::nullopt;
  failure.remedies.push_back(keep_eager());
  return failure;
}

std::optional<Failure> Diagnosis::unsupported_types() const {
  const auto unsupported = [&](ValueId id) {
    const TypeInfo& type = types_.type(id);
    return type.kind != TypeInfo::Kind::unknown && (!type.is_tensor() || type.element == ElementType::string);
  };
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
    failure.remedies.push_back(
        {Remedy::Kind::split_input, "Split the structured value into plain tensors before export.", ""});
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

  bool from_data = false;
  std::map<std::string, std::vector<int>> axes;  // input -> dynamic axes
  for (const auto& [symbol, node] : symbols) {
    const auto origin = types_.symbols.find(symbol);
    if (origin == types_.symbols.end()) continue;
    from_data = from_data || origin->second.kind == SymbolOrigin::Kind::data_dependent;
    if (origin->second.kind == SymbolOrigin::Kind::input_axis)
      axes[graph_.value(origin->second.input).name].push_back(origin->second.axis);
    for (std::string& link : chain_to(node, symbol, origin->second)) failure.chain.push_back(std::move(link));
  }
  if (from_data) {
    failure.cause = FailureCause::data_dependent_shape;
    failure.sentence = "the size of a tensor depends on the data in another";
    failure.remedies.push_back({Remedy::Kind::cut_postprocessing,
                                "Cut the post-processing off: what stands before it converts whole.",
                                path(module_)});
  } else {
    failure.cause = FailureCause::dynamic_shape;
    failure.sentence = axes.empty() ? "the shape of a tensor cannot be told before running"
                                    : "the shape of an input is not fixed";
    for (const auto& [input, dynamic] : axes) {
      failure.remedies.push_back({Remedy::Kind::pin_shapes,
                                  "Pin the shape of '" + input + "': --shape " + input +
                                      "=..., or input_shapes in the configuration.",
                                  input});
      failure.remedies.push_back(
          {Remedy::Kind::give_profile,
           "Give '" + input + "' a profile with --min-shape, --opt-shape and --max-shape.", input});
    }
  }
  failure.remedies.push_back(keep_eager());
  return failure;
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

std::optional<Failure> diagnose(const Model& model, const InferenceResult& types, ModuleId module,
                                const std::vector<NodeId>& nodes) {
  return Diagnosis(model, types, module, nodes).run();
}

Failure failure_of_build(const Model& model, const Error& error, const std::vector<NodeId>& nodes) {
  Failure failure;
  failure.cause =
      error.kind == ErrorKind::resource ? FailureCause::resource_limit : FailureCause::build_error;
  failure.sentence = error.kind == ErrorKind::resource ? "memory ran out while compiling"
                                                       : "the compiler could not build it";
  failure.chain.push_back(error.text());
  for (const NodeId id : nodes) {
    const Node& node = model.graph.node(id);
    if (error.where.find("'" + node.name + "'") == std::string::npos) continue;
    failure.evidence.push_back(
        {id, model.modules[node.module].path, node.name, node.qualified_type(), "", node.source});
  }
  failure.remedies.push_back(
      {Remedy::Kind::keep_eager, "Keep this module eager: the rest converts around it.", ""});
  return failure;
}

}  // namespace lathe
