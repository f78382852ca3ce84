// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/attributes.h"

#include "engine/formats/onnx/types.h"

namespace lathe {
namespace {

template <class T, class Field>
std::vector<T> to_vector(const Field& field) {
  return std::vector<T>(field.begin(), field.end());
}

Result<AttributeValue> read_tensors(google::protobuf::RepeatedPtrField<onnx::TensorProto>& protos,
                                    const TensorReader& reader) {
  std::vector<Tensor> tensors;
  for (auto& proto : protos) {
    LATHE_ASSIGN(Tensor tensor, reader.read(proto));
    tensors.push_back(std::move(tensor));
  }
  return AttributeValue(std::move(tensors));
}

Result<AttributeValue> read_sparse_tensors(
    google::protobuf::RepeatedPtrField<onnx::SparseTensorProto>& protos, const TensorReader& reader) {
  std::vector<Tensor> tensors;
  for (auto& proto : protos) {
    LATHE_ASSIGN(Tensor tensor, reader.read_sparse(proto));
    tensors.push_back(std::move(tensor));
  }
  return AttributeValue(std::move(tensors));
}

template <class T>
Tensor vector_tensor(const std::vector<T>& elements) {
  return Tensor::from<T>({static_cast<int64_t>(elements.size())}, std::span<const T>(elements));
}

}  // namespace

int attribute_type(const onnx::AttributeProto& proto) {
  if (proto.type() != attribute_undefined) return proto.type();
  if (proto.has_f()) return attribute_float;
  if (proto.has_i()) return attribute_int;
  if (proto.has_s()) return attribute_string;
  if (proto.has_t()) return attribute_tensor;
  if (proto.has_g()) return attribute_graph;
  if (proto.floats_size() > 0) return attribute_floats;
  if (proto.ints_size() > 0) return attribute_ints;
  if (proto.strings_size() > 0) return attribute_strings;
  if (proto.tensors_size() > 0) return attribute_tensors;
  if (proto.graphs_size() > 0) return attribute_graphs;
  return attribute_undefined;
}

Result<AttributeValue> read_attribute(onnx::AttributeProto& proto, const TensorReader& tensors,
                                      const GraphReader& read_graph) {
  switch (attribute_type(proto)) {
    case attribute_float:
      return AttributeValue(proto.f());
    case attribute_int:
      return AttributeValue(int64_t{proto.i()});
    case attribute_string:
      return AttributeValue(proto.s());
    case attribute_floats:
      return AttributeValue(to_vector<float>(proto.floats()));
    case attribute_ints:
      return AttributeValue(to_vector<int64_t>(proto.ints()));
    case attribute_strings:
      return AttributeValue(to_vector<std::string>(proto.strings()));
    case attribute_tensor: {
      LATHE_ASSIGN(Tensor tensor, tensors.read(*proto.mutable_t()));
      return AttributeValue(std::move(tensor));
    }
    case attribute_sparse_tensor: {
      LATHE_ASSIGN(Tensor tensor, tensors.read_sparse(*proto.mutable_sparse_tensor()));
      return AttributeValue(std::move(tensor));
    }
    case attribute_tensors:
      return read_tensors(*proto.mutable_tensors(), tensors);
    case attribute_sparse_tensors:
      return read_sparse_tensors(*proto.mutable_sparse_tensors(), tensors);
    case attribute_graph:
      return AttributeValue(read_graph(*proto.mutable_g()));
    case attribute_graphs: {
      std::vector<std::shared_ptr<Graph>> graphs;
      for (auto& graph : *proto.mutable_graphs()) graphs.push_back(read_graph(graph));
      return AttributeValue(std::move(graphs));
    }
    case attribute_type_proto:
      return AttributeValue(read_type(proto.tp(), proto.name()));
    default:
      break;
  }
  return bad_input("", "has a type that is not known: " + std::to_string(proto.type()));
}

void normalize_constant(Attributes& attributes) {
  if (attributes.has("value") || attributes.all().empty()) return;
  const auto& [name, value] = attributes.all().front();
  Tensor tensor;
  if (name == "sparse_value" && std::holds_alternative<Tensor>(value)) tensor = std::get<Tensor>(value);
  if (name == "value_float" && std::holds_alternative<float>(value))
    tensor = Tensor::scalar(std::get<float>(value));
  if (name == "value_int" && std::holds_alternative<int64_t>(value))
    tensor = Tensor::scalar(std::get<int64_t>(value));
  if (name == "value_string" && std::holds_alternative<std::string>(value))
    tensor = Tensor::scalar(std::get<std::string>(value));
  if (const auto* floats = std::get_if<std::vector<float>>(&value); floats && name == "value_floats")
    tensor = vector_tensor(*floats);
  if (const auto* ints = std::get_if<std::vector<int64_t>>(&value); ints && name == "value_ints")
    tensor = vector_tensor(*ints);
  if (const auto* strings = std::get_if<std::vector<std::string>>(&value); strings && name == "value_strings")
    tensor = vector_tensor(*strings);
  if (!tensor.defined()) return;
  const std::string old = name;
  attributes.erase(old);
  attributes.set("value", std::move(tensor));
}

}  // namespace lathe
