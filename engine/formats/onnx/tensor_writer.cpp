// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/tensor_writer.h"

#include <cstring>

namespace lathe {

Result<Buffer> packed_elements(const Tensor& tensor) {
  const auto bits = static_cast<unsigned>(element_bits(tensor.type()));
  if (bits >= 8) return tensor.buffer().slice(0, tensor.bytes());
  const auto count = static_cast<size_t>(tensor.count());
  const unsigned per_byte = 8 / bits, mask = (1u << bits) - 1;
  LATHE_ASSIGN(Buffer packed, Buffer::allocate((count + per_byte - 1) / per_byte));
  if (packed.size() > 0) std::memset(packed.mutable_data(), 0, packed.size());
  for (size_t k = 0; k < count; ++k) {
    const unsigned value = static_cast<unsigned>(tensor.raw()[k]) & mask;
    packed.mutable_data()[k / per_byte] |= static_cast<std::byte>(value << (k % per_byte * bits));
  }
  return packed;
}

onnx::TensorProto tensor_header(const std::string& name, const Tensor& tensor) {
  onnx::TensorProto proto;
  for (const int64_t dim : tensor.shape()) proto.add_dims(dim);
  proto.set_data_type(static_cast<int>(tensor.type()));
  if (!name.empty()) proto.set_name(name);
  return proto;
}

Status write_tensor(const std::string& name, const Tensor& tensor, onnx::TensorProto& proto) {
  proto = tensor_header(name, tensor);
  if (tensor.type() == ElementType::string) {
    for (const std::string& element : tensor.strings()) proto.add_string_data(element);
    return {};
  }
  LATHE_ASSIGN(const Buffer bytes, packed_elements(tensor));
  proto.set_raw_data(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return {};
}

}  // namespace lathe
