// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/graph_writer.h"

#include "engine/formats/onnx/tensor_writer.h"
#include "engine/formats/onnx/types.h"

namespace lathe {
namespace {

Status write_subgraph(const Graph& graph, const GraphNames& outer, onnx::GraphProto& proto) {
  const GraphNames names(graph, outer);
  LATHE_TRY(write_graph(graph, names, proto));
  for (const Value& value : graph.values())
    if (value.alive && value.constant.defined())
      LATHE_TRY(write_tensor(names[value.id], value.constant, *proto.add_initializer()));
  return {};
}

/// Visits an AttributeValue and fills in the AttributeProto.
struct AttributeWriter {
  const GraphNames& names;
  onnx::AttributeProto& proto;

  Status type(AttributeType type) const {
    proto.set_type(type);
    return {};
  }
  Status operator()(int64_t value) const {
    proto.set_i(value);
    return type(attribute_int);
  }
  Status operator()(float value) const {
    proto.set_f(value);
    return type(attribute_float);
  }
  Status operator()(const std::string& value) const {
    proto.set_s(value);
    return type(attribute_string);
  }
  Status operator()(const Tensor& value) const {
    LATHE_TRY(write_tensor("", value, *proto.mutable_t()));
    return type(attribute_tensor);
  }
  Status operator()(const std::shared_ptr<Graph>& value) const {
    LATHE_TRY(write_subgraph(*value, names, *proto.mutable_g()));
    return type(attribute_graph);
  }
  Status operator()(const std::vector<int64_t>& value) const {
    for (const int64_t each : value) proto.add_ints(each);
    return type(attribute_ints);
  }
  Status operator()(const std::vector<float>& value) const {
    for (const float each : value) proto.add_floats(each);
    return type(attribute_floats);
  }
  Status operator()(const std::vector<std::string>& value) const {
    for (const std::string& each : value) proto.add_strings(each);
    return type(attribute_strings);
  }
  Status operator()(const std::vector<Tensor>& value) const {
    for (const Tensor& each : value) LATHE_TRY(write_tensor("", each, *proto.add_tensors()));
    return type(attribute_tensors);
  }
  Status operator()(const std::vector<std::shared_ptr<Graph>>& value) const {
    for (const auto& each : value) LATHE_TRY(write_subgraph(*each, names, *proto.add_graphs()));
    return type(attribute_graphs);
  }
  Status operator()(const TypeInfo& value) const {
    write_type(value, proto.name(), *proto.mutable_tp());
    return type(attribute_type_proto);
  }
};

Status write_node(const Node& node, const GraphNames& names, onnx::NodeProto& proto) {
  if (node.domain == "lathe")
    return unsupported("node '" + node.name + "' (" + node.qualified_type() + ")",
                       "is Lathe's own operator and cannot be written to an ONNX file");
  for (const ValueId input : node.inputs) proto.add_input(input.valid() ? names[input] : "");
  for (const ValueId output : node.outputs) proto.add_output(output.valid() ? names[output] : "");
  proto.set_name(node.name);
  proto.set_op_type(node.op_type);
  if (!node.domain.empty()) proto.set_domain(node.domain);
  if (!node.doc.empty()) proto.set_doc_string(node.doc);
  for (const auto& [name, value] : node.attributes.all()) {
    auto& attribute = *proto.add_attribute();
    attribute.set_name(name);
    LATHE_TRY(std::visit(AttributeWriter{names, attribute}, value));
  }
  write_metadata(node.metadata, *proto.mutable_metadata_props());
  return {};
}

void write_value(const Value& value, const std::string& name, onnx::ValueInfoProto& proto) {
  proto.set_name(name);
  if (value.type.kind != TypeInfo::Kind::unknown) write_type(value.type, value.name, *proto.mutable_type());
}

}  // namespace

GraphNames::GraphNames(const Graph& graph) {
  for (const Value& value : graph.values()) {
    names_.push_back(value.name);
    if (value.alive) visible_.insert(value.name);
  }
}

GraphNames::GraphNames(const Graph& graph, const GraphNames& outer)
    : names_(graph.values().size()), visible_(outer.visible_) {
  for (const Capture& capture : graph.captures()) names_[capture.inner.index] = outer[capture.outer];
  for (const Value& value : graph.values()) {
    if (!value.alive || value.is_capture) continue;
    std::string name = value.name;
    for (size_t k = 1; !visible_.insert(name).second; ++k) name = value.name + "_" + std::to_string(k);
    names_[value.id.index] = std::move(name);
  }
}

const std::string& GraphNames::operator[](ValueId id) const {
  return names_[id.index];
}

void write_metadata(const std::map<std::string, std::string>& metadata,
                    google::protobuf::RepeatedPtrField<onnx::StringStringEntryProto>& props) {
  for (const auto& [key, value] : metadata) {
    auto& entry = *props.Add();
    entry.set_key(key);
    entry.set_value(value);
  }
}

Status write_graph(const Graph& graph, const GraphNames& names, onnx::GraphProto& proto) {
  proto.set_name(graph.name.empty() ? "graph" : graph.name);  // the format demands a name
  if (!graph.doc.empty()) proto.set_doc_string(graph.doc);
  write_metadata(graph.metadata, *proto.mutable_metadata_props());
  LATHE_ASSIGN(const std::vector<NodeId> order, topological_order(graph));
  for (const NodeId id : order) LATHE_TRY(write_node(graph.node(id), names, *proto.add_node()));
  for (const ValueId id : graph.inputs()) write_value(graph.value(id), names[id], *proto.add_input());
  for (const ValueId id : graph.outputs()) write_value(graph.value(id), names[id], *proto.add_output());
  for (const Value& value : graph.values()) {
    const bool listed = value.is_input || value.is_output || value.is_capture || value.constant.defined();
    if (value.alive && !listed && value.producer.valid() && value.type.kind != TypeInfo::Kind::unknown)
      write_value(value, names[value.id], *proto.add_value_info());
  }
  return {};
}

}  // namespace lathe
