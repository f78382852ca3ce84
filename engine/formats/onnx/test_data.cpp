// SPDX-License-Identifier: Apache-2.0
#include <exception>

#include "engine/base/files.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/formats/onnx/tensor_reader.h"
#include "engine/formats/onnx/wire.h"

namespace lathe {
namespace {

Result<RuntimeValue> read_optional(onnx::OptionalProto& proto, const TensorReader& reader);

Result<RuntimeValue> read_tensor(onnx::TensorProto& proto, const TensorReader& reader) {
  LATHE_ASSIGN(Tensor tensor, reader.read(proto));
  return RuntimeValue(std::move(tensor));
}

Result<RuntimeValue> read_sequence(onnx::SequenceProto& proto, const TensorReader& reader) {
  std::vector<RuntimeValue> items;
  const auto add = [&](Result<RuntimeValue> item) -> Status {
    if (!item.ok()) return std::move(item).error();
    items.push_back(std::move(*item));
    return {};
  };
  for (auto& tensor : *proto.mutable_tensor_values()) LATHE_TRY(add(read_tensor(tensor, reader)));
  for (auto& sequence : *proto.mutable_sequence_values()) LATHE_TRY(add(read_sequence(sequence, reader)));
  for (auto& optional : *proto.mutable_optional_values()) LATHE_TRY(add(read_optional(optional, reader)));
  const bool tensors = !items.empty() && items.front().is_tensor();
  const ElementType element = tensors ? items.front().tensor.type() : ElementType::undefined;
  return RuntimeValue::of_sequence(std::move(items), element);
}

Result<RuntimeValue> read_optional(onnx::OptionalProto& proto, const TensorReader& reader) {
  if (proto.has_tensor_value()) return read_tensor(*proto.mutable_tensor_value(), reader);
  if (proto.has_sequence_value()) return read_sequence(*proto.mutable_sequence_value(), reader);
  if (proto.has_optional_value()) return read_optional(*proto.mutable_optional_value(), reader);
  return RuntimeValue::empty_optional();
}

template <class Proto, class Read>
Result<RuntimeValue> parse(std::span<const std::byte> bytes, Read read) {
  Proto proto;
  if (!parse_message(bytes, proto)) return bad_input("", "is damaged or no tensor file");
  return read(proto);
}

ElementType innermost_element(const TypeInfo& type) {
  return type.inner ? innermost_element(*type.inner) : type.element;
}

Result<RuntimeValue> read_value(const MappedFile& file, const TypeInfo& declared) {
  ExternalFiles files(file.path().parent_path());
  const TensorReader reader(nullptr, files, false);
  switch (declared.kind) {
    case TypeInfo::Kind::sequence: {
      LATHE_ASSIGN(RuntimeValue value, parse<onnx::SequenceProto>(file.bytes(), [&](auto& proto) {
                     return read_sequence(proto, reader);
                   }));
      if (value.element == ElementType::undefined) value.element = innermost_element(declared);
      return value;
    }
    case TypeInfo::Kind::optional:
      return parse<onnx::OptionalProto>(file.bytes(),
                                        [&](auto& proto) { return read_optional(proto, reader); });
    default:
      return parse<onnx::TensorProto>(file.bytes(), [&](auto& proto) { return read_tensor(proto, reader); });
  }
}

}  // namespace

Result<RuntimeValue> read_tensor_proto(const std::filesystem::path& path, const TypeInfo& declared) {
  LATHE_ASSIGN(const std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  try {
    auto value = read_value(*file, declared);
    if (!value.ok()) value.error().where = path.string();
    return value;
  } catch (const std::exception& exception) {
    return resource_error(path.string(), std::string("cannot be read: ") + exception.what());
  }
}

}  // namespace lathe
