// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/types.h"

#include "engine/base/strings.h"

namespace lathe {
namespace {

std::string made_up_symbol(const std::string& value_name, int axis) {
  return value_name + "_d" + std::to_string(axis);
}

Dim read_dim(const onnx::TensorShapeProto::Dimension& proto, const std::string& value_name, int axis) {
  int64_t number = 0;
  if (proto.has_dim_value() && proto.dim_value() >= 0) return Dim(proto.dim_value());
  if (proto.dim_param().empty()) return Dim::symbol(made_up_symbol(value_name, axis));
  if (parse_int(proto.dim_param(), number) && number >= 0) return Dim(number);
  return Dim::symbol(proto.dim_param());
}

template <class Proto>
TypeInfo read_tensor_type(const Proto& proto, const std::string& value_name) {
  TypeInfo type =
      TypeInfo::tensor(element_type_from_onnx(proto.elem_type()).value_or(ElementType::undefined));
  if (!proto.has_shape()) return type;
  Dims dims;
  for (const auto& dim : proto.shape().dim())
    dims.push_back(read_dim(dim, value_name, static_cast<int>(dims.size())));
  type.dims = std::move(dims);
  return type;
}

template <class Proto>
void write_tensor_type(const TypeInfo& type, const std::string& value_name, Proto& proto) {
  proto.set_elem_type(static_cast<int>(type.element));
  if (!type.dims) return;
  auto& shape = *proto.mutable_shape();
  for (const Dim& dim : *type.dims) {
    auto& out = *shape.add_dim();
    if (dim.known()) {
      out.set_dim_value(dim.value());
    } else if (const std::string text = dim.text();
               text != made_up_symbol(value_name, shape.dim_size() - 1)) {
      out.set_dim_param(text);
    }
  }
}

}  // namespace

TypeInfo read_type(const onnx::TypeProto& proto, const std::string& value_name) {
  using Kind = onnx::TypeProto::ValueCase;
  TypeInfo type;
  switch (proto.value_case()) {
    case Kind::kTensorType:
      return read_tensor_type(proto.tensor_type(), value_name);
    case Kind::kSparseTensorType:
      type = read_tensor_type(proto.sparse_tensor_type(), value_name);
      type.kind = TypeInfo::Kind::sparse_tensor;
      return type;
    case Kind::kSequenceType:
      return TypeInfo::sequence_of(read_type(proto.sequence_type().elem_type(), value_name));
    case Kind::kOptionalType:
      return TypeInfo::optional_of(read_type(proto.optional_type().elem_type(), value_name));
    case Kind::kMapType:
      type.kind = TypeInfo::Kind::map;
      type.element = element_type_from_onnx(proto.map_type().key_type()).value_or(ElementType::undefined);
      type.inner = std::make_shared<const TypeInfo>(read_type(proto.map_type().value_type(), value_name));
      return type;
    case Kind::VALUE_NOT_SET:
      return type;
  }
  return type;
}

void write_type(const TypeInfo& type, const std::string& value_name, onnx::TypeProto& proto) {
  const auto write_inner = [&](onnx::TypeProto& inner) {
    if (type.inner) write_type(*type.inner, value_name, inner);
  };
  switch (type.kind) {
    case TypeInfo::Kind::unknown:
      return;
    case TypeInfo::Kind::tensor:
      return write_tensor_type(type, value_name, *proto.mutable_tensor_type());
    case TypeInfo::Kind::sparse_tensor:
      return write_tensor_type(type, value_name, *proto.mutable_sparse_tensor_type());
    case TypeInfo::Kind::sequence:
      return write_inner(*proto.mutable_sequence_type()->mutable_elem_type());
    case TypeInfo::Kind::optional:
      return write_inner(*proto.mutable_optional_type()->mutable_elem_type());
    case TypeInfo::Kind::map:
      proto.mutable_map_type()->set_key_type(static_cast<int>(type.element));
      return write_inner(*proto.mutable_map_type()->mutable_value_type());
  }
}

}  // namespace lathe
