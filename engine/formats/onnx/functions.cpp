// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/functions.h"

#include <algorithm>

#include "engine/ops/operator.h"

namespace lathe {
namespace {

std::string function_key(const std::string& domain, const std::string& name, const std::string& overload) {
  return std::string(canonical_domain(domain)) + ":" + name + ":" + overload;
}

/// One call: how the names and attributes inside the function's body translate to the caller's.
struct Binding {
  std::string prefix;
  std::map<std::string, std::string> names;  ///< formal inputs and outputs; "" = absent
  std::map<std::string, const onnx::AttributeProto*> attributes;

  void rename(std::string& name) const {
    if (name.empty()) return;
    const auto formal = names.find(name);
    name = formal != names.end() ? formal->second : prefix + name;
  }
};

void translate_node(onnx::NodeProto& node, const Binding& binding);

void translate_graph(onnx::GraphProto& graph, const Binding& binding) {
  for (auto* list : {graph.mutable_input(), graph.mutable_output(), graph.mutable_value_info()})
    for (auto& value : *list) binding.rename(*value.mutable_name());
  for (auto& tensor : *graph.mutable_initializer()) binding.rename(*tensor.mutable_name());
  for (auto& tensor : *graph.mutable_sparse_initializer())
    binding.rename(*tensor.mutable_values()->mutable_name());
  for (auto& node : *graph.mutable_node()) translate_node(node, binding);
}

/// Replaces a reference to an attribute of the function by the caller's value; false when there is none.
bool bind_attribute(onnx::AttributeProto& attribute, const Binding& binding) {
  if (attribute.ref_attr_name().empty()) return true;
  const auto bound = binding.attributes.find(attribute.ref_attr_name());
  if (bound == binding.attributes.end()) return false;
  const std::string name = attribute.name();
  attribute = *bound->second;
  attribute.set_name(name);
  return true;
}

void translate_node(onnx::NodeProto& node, const Binding& binding) {
  for (auto& name : *node.mutable_input()) binding.rename(name);
  for (auto& name : *node.mutable_output()) binding.rename(name);
  node.set_name(binding.prefix + (node.name().empty() ? node.op_type() : node.name()));
  auto& attributes = *node.mutable_attribute();
  int kept = 0;
  for (int i = 0; i < attributes.size(); ++i) {
    const bool was_reference = !attributes[i].ref_attr_name().empty();
    if (!bind_attribute(attributes[i], binding)) continue;
    if (!was_reference) {
      if (attributes[i].has_g()) translate_graph(*attributes[i].mutable_g(), binding);
      for (auto& graph : *attributes[i].mutable_graphs()) translate_graph(graph, binding);
    }
    if (kept != i) attributes.SwapElements(kept, i);
    ++kept;
  }
  attributes.DeleteSubrange(kept, attributes.size() - kept);
}

onnx::NodeProto identity(const std::string& from, const std::string& to, const std::string& name) {
  onnx::NodeProto node;
  node.set_op_type("Identity");
  node.set_name(name);
  node.add_input(from);
  node.add_output(to);
  return node;
}

}  // namespace

Opsets read_opsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) {
  Opsets opsets;
  for (const auto& import : imports)
    opsets[std::string(canonical_domain(import.domain()))] =
        static_cast<int>(std::clamp<int64_t>(import.version(), 0, 1'000'000));
  return opsets;
}

FunctionTable::FunctionTable(const onnx::ModelProto& model) {
  const Opsets model_opsets = read_opsets(model.opset_import());
  for (const auto& proto : model.functions()) {
    Function function{&proto, read_opsets(proto.opset_import())};
    function.opsets.insert(model_opsets.begin(), model_opsets.end());  // where the function states none
    functions_[function_key(proto.domain(), proto.name(), proto.overload())] = std::move(function);
  }
}

const FunctionTable::Function* FunctionTable::find(const onnx::NodeProto& node) const {
  if (functions_.empty()) return nullptr;
  const auto found = functions_.find(function_key(node.domain(), node.op_type(), node.overload()));
  return found == functions_.end() ? nullptr : &found->second;
}

std::string FunctionTable::unique_prefix(const onnx::NodeProto& call) {
  const std::string base = call.name().empty() ? call.op_type() : call.name();
  std::string prefix = base;
  for (size_t k = 1; !prefixes_.insert(prefix).second; ++k) prefix = base + "_" + std::to_string(k);
  return prefix + "/";
}

Status FunctionTable::inline_call(const Function& function, const onnx::NodeProto& call,
                                  std::vector<PendingNode>& out) {
  const std::string where = "node '" + call.name() + "' (" + call.op_type() + ")";
  if (std::find(calls_.begin(), calls_.end(), &function) != calls_.end())
    return bad_input(where, "calls function '" + call.op_type() + "', which calls itself");
  if (calls_.size() >= depth_limit)
    return resource_error(where,
                          "functions call each other more than " + std::to_string(depth_limit) + " deep");
  const onnx::FunctionProto& body = *function.proto;
  if (call.input_size() > body.input_size() || call.output_size() > body.output_size())
    return bad_input(where, "has more inputs or outputs than function '" + call.op_type() + "' declares");
  Binding binding;
  binding.prefix = unique_prefix(call);
  for (int i = 0; i < body.input_size(); ++i)
    binding.names[body.input(i)] = i < call.input_size() ? call.input(i) : std::string();
  std::vector<onnx::NodeProto> copies;  // outputs that are plain copies of an input or of another output
  for (int i = 0; i < body.output_size(); ++i) {
    const std::string actual = i < call.output_size() ? call.output(i) : std::string();
    if (actual.empty()) continue;
    const auto [formal, fresh] = binding.names.try_emplace(body.output(i), actual);
    if (!fresh) copies.push_back(identity(formal->second, actual, binding.prefix + "Identity"));
  }
  for (const auto& attribute : body.attribute_proto()) binding.attributes[attribute.name()] = &attribute;
  for (const auto& attribute : call.attribute()) binding.attributes[attribute.name()] = &attribute;

  calls_.push_back(&function);
  const auto add_inlined = [&](onnx::NodeProto node) -> Status {
    if (node.metadata_props_size() == 0) *node.mutable_metadata_props() = call.metadata_props();
    if (++inlined_nodes_ > node_limit)
      return resource_error(
          where, "the model's functions expand to more than " + std::to_string(node_limit) + " nodes");
    return add(PendingNode{std::move(node), &function.opsets}, out);
  };
  for (const auto& inner : body.node()) {
    onnx::NodeProto node = inner;
    translate_node(node, binding);
    LATHE_TRY(add_inlined(std::move(node)));
  }
  for (auto& copy : copies) LATHE_TRY(add_inlined(std::move(copy)));
  calls_.pop_back();
  return {};
}

Status FunctionTable::add(PendingNode node, std::vector<PendingNode>& out) {
  if (const Function* function = find(node.proto)) return inline_call(*function, node.proto, out);
  out.push_back(std::move(node));
  return {};
}

Result<std::vector<PendingNode>> FunctionTable::expand(
    google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, const Opsets& opsets) {
  std::vector<PendingNode> out;
  out.reserve(static_cast<size_t>(nodes.size()));
  for (auto& node : nodes) LATHE_TRY(add(PendingNode{std::move(node), &opsets}, out));
  return out;
}

}  // namespace lathe
