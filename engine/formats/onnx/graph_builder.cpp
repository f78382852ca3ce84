// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/graph_builder.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "engine/base/strings.h"
#include "engine/formats/onnx/attributes.h"
#include "engine/formats/onnx/source_location.h"
#include "engine/formats/onnx/types.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

constexpr size_t kept_problems = 21;

std::string node_place(const std::string& name, const onnx::NodeProto& proto) {
  return "node '" + name + "' (" + proto.op_type() + ")";
}

template <class Props>
void read_metadata(const Props& props, std::map<std::string, std::string>& out) {
  for (const auto& entry : props) out[entry.key()] = entry.value();
}

/// Names go to reports and file names, so they must be text.
bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const int following = lead < 0x80       ? 0
                          : lead >> 5 == 6  ? 1
                          : lead >> 4 == 14 ? 2
                          : lead >> 3 == 30 ? 3
                                            : -1;
    if (following < 0) return false;
    for (int k = 0; k < following; ++k, ++i)
      if (i >= text.size() || (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return false;
  }
  return true;
}

/// Whether everything a node shows to people is text.
bool is_utf8(const Node& node) {
  for (const std::string* text : {&node.name, &node.op_type, &node.domain, &node.doc})
    if (!is_utf8(*text)) return false;
  return std::all_of(node.metadata.begin(), node.metadata.end(),
                     [](const auto& entry) { return is_utf8(entry.first) && is_utf8(entry.second); });
}

/// Names for the nodes: the file's where it has them, else made up so that they do not clash with those.
std::vector<std::string> node_names(const std::vector<PendingNode>& nodes) {
  std::unordered_set<std::string> taken;
  for (const auto& node : nodes) taken.insert(node.proto.name());
  std::vector<std::string> names;
  for (const auto& node : nodes) {
    std::string name = node.proto.name();
    for (size_t k = names.size(); name.empty(); ++k) {
      name = node.proto.op_type() + "_" + std::to_string(k);
      if (!taken.insert(name).second) name.clear();
    }
    names.push_back(std::move(name));
  }
  return names;
}

/// Outer values that the sub-graphs among the attributes capture, each once.
std::vector<ValueId> captured_values(const Attributes& attributes) {
  std::vector<ValueId> captured;
  const auto collect = [&](const std::shared_ptr<Graph>& body) {
    for (const Capture& capture : body->captures())
      if (std::find(captured.begin(), captured.end(), capture.outer) == captured.end())
        captured.push_back(capture.outer);
  };
  for (const auto& [name, value] : attributes.all()) {
    if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&value)) collect(*body);
    if (const auto* bodies = std::get_if<std::vector<std::shared_ptr<Graph>>>(&value))
      std::for_each(bodies->begin(), bodies->end(), collect);
  }
  return captured;
}

}  // namespace

void Problems::add(const std::string& where, const std::string& what) {
  add(where, bad_input("", what));
}

void Problems::add(const std::string& where, const Error& error) {
  ++count_;
  if (errors_.size() < kept_problems) errors_.push_back({error.kind, where, error.text(), error.hints});
}

Error Problems::summary(const std::string& file) const {
  Error error{errors_.front().kind, file, errors_.front().text(), errors_.front().hints};
  for (size_t i = 1; i < errors_.size(); ++i) error.hint("also: " + errors_[i].text());
  if (count_ > errors_.size())
    error.hint("and " + std::to_string(count_ - errors_.size()) + " more problems");
  return error;
}

/// One graph being built, and the names visible in it.
struct GraphBuilder::Scope {
  Scope(Graph& graph, Scope* outer) : editor(graph), outer(outer), depth(outer ? outer->depth + 1 : 0) {}

  GraphEditor editor;
  Scope* outer;
  int depth;
  std::unordered_map<std::string, ValueId> names;
  std::unordered_map<std::string, TypeInfo> types;  ///< declared by value_info and output

  const Graph& graph() const { return editor.graph(); }
  TypeInfo declared(const std::string& name) const {
    const auto found = types.find(name);
    return found == types.end() ? TypeInfo() : found->second;
  }
  /// The value of that name, captured through every graph in between when it is an outer one; invalid if
  /// unknown.
  ValueId resolve(const std::string& name) {
    if (const auto found = names.find(name); found != names.end()) return found->second;
    const ValueId from = outer ? outer->resolve(name) : ValueId();
    if (!from.valid()) return {};
    return names[name] = editor.add_capture(from, name, outer->graph().value(from).type);
  }
  /// The node of the main graph that is being built.
  NodeId main_node() const {
    const Scope* scope = this;
    while (scope->outer) scope = scope->outer;
    return NodeId(scope->graph().nodes().size());
  }
};

Graph GraphBuilder::build(WireModel& model, const Opsets& opsets) {
  Graph graph;
  Scope scope(graph, nullptr);
  fill(*model.proto.mutable_graph(), model.initializers, opsets, scope);
  return graph;
}

std::shared_ptr<Graph> GraphBuilder::build_subgraph(onnx::GraphProto& proto, const Opsets& opsets,
                                                    Scope& outer) {
  auto graph = std::make_shared<Graph>();
  if (outer.depth >= depth_limit) {
    problems_.add("graph '" + proto.name() + "'", "sub-graphs nest more than " + std::to_string(depth_limit) +
                                                      " deep, or a function calls itself in one");
    return graph;
  }
  std::vector<LiftedTensor> initializers;
  for (auto& tensor : *proto.mutable_initializer()) initializers.push_back({std::move(tensor), {}});
  Scope scope(*graph, &outer);
  fill(proto, initializers, opsets, scope);
  return graph;
}

void GraphBuilder::fill(onnx::GraphProto& proto, std::vector<LiftedTensor>& initializers,
                        const Opsets& opsets, Scope& scope) {
  Graph& graph = const_cast<Graph&>(scope.graph());
  graph.name = proto.name();
  graph.doc = proto.doc_string();
  read_metadata(proto.metadata_props(), graph.metadata);
  for (const auto* list : {&proto.value_info(), &proto.output()})
    for (const auto& value : *list)
      if (value.has_type()) scope.types[value.name()] = read_type(value.type(), value.name());
  add_initializers(proto, initializers, scope);
  add_inputs(proto, scope);
  auto nodes = functions_.expand(*proto.mutable_node(), opsets);
  if (!nodes.ok()) return problems_.add("", nodes.error());
  declare_outputs(*nodes, scope);
  const std::vector<std::string> names = node_names(*nodes);
  for (size_t i = 0; i < names.size(); ++i) add_node((*nodes)[i], names[i], scope);
  add_graph_outputs(proto, scope);
  for (const Value& value : graph.values())
    if (!is_utf8(value.name) || !is_utf8(to_string(value.type)))
      problems_.add("value " + std::to_string(value.id.index), "its name or type is not UTF-8 text");
  if (const auto order = topological_order(graph); !order.ok()) problems_.add("", order.error());
}

void GraphBuilder::add_initializers(onnx::GraphProto& proto, std::vector<LiftedTensor>& initializers,
                                    Scope& scope) {
  const auto add = [&](const std::string& name, Result<Tensor> tensor) {
    const std::string where = "tensor '" + name + "'";
    if (!tensor.ok()) problems_.add(where, tensor.error());
    if (name.empty()) return problems_.add(where, "an initializer has no name");
    if (scope.names.contains(name)) return problems_.add(where, "is given twice as initializer");
    scope.names[name] =
        tensor.ok() ? scope.editor.add_constant(name, std::move(*tensor)) : scope.editor.add_value(name);
  };
  for (LiftedTensor& tensor : initializers) {
    auto read = tensors_.read(tensor.proto, tensor.raw);
    add(tensor.proto.name(), std::move(read));
  }
  for (auto& sparse : *proto.mutable_sparse_initializer()) {
    auto read = tensors_.read_sparse(sparse);
    add(sparse.values().name(), std::move(read));
  }
}

void GraphBuilder::add_inputs(const onnx::GraphProto& proto, Scope& scope) {
  std::unordered_set<std::string> seen;
  for (const auto& input : proto.input()) {
    const std::string where = "input '" + input.name() + "'";
    if (input.name().empty()) {
      problems_.add(where, "has no name");
    } else if (!seen.insert(input.name()).second) {
      problems_.add(where, "is declared twice");
    } else if (!scope.names.contains(
                   input.name())) {  // else an initializer: IR 3 lists them among the inputs too
      scope.names[input.name()] = scope.editor.add_input(input.name(), read_type(input.type(), input.name()));
    }
  }
}

void GraphBuilder::declare_outputs(const std::vector<PendingNode>& nodes, Scope& scope) {
  for (const PendingNode& node : nodes)
    for (const std::string& name : node.proto.output()) {
      if (name.empty()) continue;
      if (scope.names.contains(name))
        problems_.add(node_place(node.proto.name(), node.proto),
                      "makes value '" + name + "', which already exists");
      else
        scope.names[name] = scope.editor.add_value(name, scope.declared(name));
    }
}

void GraphBuilder::add_node(PendingNode& pending, const std::string& name, Scope& scope) {
  onnx::NodeProto& proto = pending.proto;
  const std::string where = node_place(name, proto);
  Node node;
  node.name = name;
  node.op_type = proto.op_type();
  node.domain = canonical_domain(proto.domain());
  node.version = opset_version(*pending.opsets, node.domain);
  node.doc = proto.doc_string();
  read_metadata(proto.metadata_props(), node.metadata);
  if (const auto trace = node.metadata.find("pkg.torch.onnx.stack_trace"); trace != node.metadata.end())
    node.source = innermost_user_frame(trace->second);
  if (node.op_type.empty()) problems_.add(where, "has no operator");
  if (!is_utf8(node))
    problems_.add("node " + std::to_string(scope.graph().nodes().size()), "its names are not UTF-8 text");
  for (int i = 0; i < proto.input_size(); ++i) {
    const std::string& input = proto.input(i);
    node.inputs.push_back(input.empty() ? ValueId() : scope.resolve(input));
    if (!input.empty() && !node.inputs.back().valid())
      problems_.add(where, "input " + std::to_string(i) + " '" + input + "' is made by nobody");
  }
  for (const std::string& output : proto.output())
    node.outputs.push_back(output.empty() ? ValueId() : scope.names[output]);
  node.attributes = read_attributes(pending, where, scope);
  if (node.op_type == "Constant" && node.domain.empty()) normalize_constant(node.attributes);
  node.captured = captured_values(node.attributes);
  check_operator(node, where, scope);
  scope.editor.add_node(std::move(node));
}

Attributes GraphBuilder::read_attributes(PendingNode& pending, const std::string& where, Scope& scope) {
  Attributes attributes;
  const GraphReader read_graph = [&](onnx::GraphProto& body) {
    return build_subgraph(body, *pending.opsets, scope);
  };
  for (auto& proto : *pending.proto.mutable_attribute()) {
    const std::string place = where + ", attribute '" + proto.name() + "'";
    if (!proto.ref_attr_name().empty()) {
      problems_.add(
          place, "refers to attribute '" + proto.ref_attr_name() + "' of a function, but stands outside one");
      continue;
    }
    auto value = read_attribute(proto, tensors_, read_graph);
    if (value.ok())
      attributes.set(proto.name(), std::move(*value));
    else
      problems_.add(place, value.error());
  }
  return attributes;
}

void GraphBuilder::add_graph_outputs(const onnx::GraphProto& proto, Scope& scope) {
  std::unordered_set<std::string> seen;
  for (const auto& output : proto.output()) {
    const ValueId value = output.name().empty() ? ValueId() : scope.resolve(output.name());
    const bool main_graph = scope.outer == nullptr;
    if (!value.valid()) {
      problems_.add("output '" + output.name() + "'", "is made by nobody");
    } else if (main_graph && !seen.insert(output.name()).second) {
      problems_.add("output '" + output.name() + "'", "is listed twice");
    } else {
      scope.editor.add_output(value);
    }
  }
}

int GraphBuilder::opset_version(const Opsets& opsets, const std::string& domain) {
  const auto found = opsets.find(domain);
  if (found != opsets.end()) return found->second;
  if (missing_domains_.insert(domain).second)
    findings_.push_back({Severity::warning,
                         "missing_opset_import",
                         "model",
                         "no version is stated for operator set '" + (domain.empty() ? "ai.onnx" : domain) +
                             "'; version 1 is assumed",
                         "",
                         {}});
  return 1;
}

void GraphBuilder::check_operator(const Node& node, const std::string& where, const Scope& scope) {
  if (operators().find(node) != nullptr) return;
  Finding finding{Severity::error, "unknown_operator", where, "", "", scope.main_node()};
  const std::string domain = node.domain.empty() ? "ai.onnx" : node.domain;
  if (operators().find(node.domain, node.op_type, std::numeric_limits<int>::max()) != nullptr) {
    finding.message = "operator " + node.op_type + " of operator set " + domain + " version " +
                      std::to_string(node.version) + " is older than this build knows";
    finding.remedy = "convert the model to a newer opset";
  } else if (const auto names = operators().names(node.domain); names.empty() && !node.domain.empty()) {
    finding.message =
        "operator set '" + domain + "' is not known to this build (operator " + node.op_type + ")";
    finding.remedy =
        "export the model with standard operators, or give --plugin a library that computes this one";
  } else {
    finding.message =
        "operator " + node.op_type + " of operator set " + domain + " is not known to this build";
    if (const std::string near = nearest_name(node.op_type, names); !near.empty())
      finding.remedy = "did you mean " + near + "?";
  }
  findings_.push_back(std::move(finding));
}

}  // namespace lathe
