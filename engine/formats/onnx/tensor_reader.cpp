// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/tensor_reader.h"

#include <algorithm>
#include <cstring>

#include "engine/base/checked.h"
#include "engine/base/strings.h"

namespace lathe {
namespace {

constexpr int external_location = 1;

size_t packed_bytes(ElementType type, int64_t count) {
  const auto bits = static_cast<size_t>(element_bits(type));
  const auto elements = static_cast<size_t>(count);
  return bits >= 8 ? elements * (bits / 8) : (elements * bits + 7) / 8;
}

bool is_signed_small(ElementType type) {
  return type == ElementType::i4 || type == ElementType::i2;
}

/// Element k of 4- or 2-bit elements packed from the low bits up, sign extended for signed types.
uint8_t unpack_element(ElementType type, const std::byte* packed, size_t k) {
  const auto bits = static_cast<unsigned>(element_bits(type));
  const unsigned per_byte = 8 / bits;
  const unsigned mask = (1u << bits) - 1;
  unsigned value = (static_cast<unsigned>(packed[k / per_byte]) >> (k % per_byte * bits)) & mask;
  if (is_signed_small(type) && (value >> (bits - 1)) != 0) value |= ~mask;
  return static_cast<uint8_t>(value);
}

/// Elements in file form (little endian, small ones packed) as a tensor; a view of `bytes` where that is
/// possible.
Result<Tensor> from_packed(ElementType type, Shape shape, const Buffer& bytes) {
  if (element_bits(type) >= 8 && type != ElementType::boolean)
    return Tensor::wrap(type, std::move(shape), bytes);
  LATHE_ASSIGN(Tensor tensor, Tensor::allocate(type, std::move(shape)));
  const auto count = static_cast<size_t>(tensor.count());
  std::byte* out = tensor.mutable_raw();
  if (element_bits(type) < 8) {
    for (size_t k = 0; k < count; ++k) out[k] = std::byte{unpack_element(type, bytes.data(), k)};
  } else {
    for (size_t k = 0; k < count; ++k) out[k] = std::byte{bytes.data()[k] != std::byte{0}};
  }
  bytes.release_pages();
  return tensor;
}

Error count_error(const char* field, size_t got, size_t wanted) {
  return bad_input("", std::string("its ") + field + " holds " + std::to_string(got) +
                           (got == 1 ? " entry, " : " entries, ") + std::to_string(wanted) + " are needed");
}

template <class Out, class Field>
Result<Tensor> from_field(Tensor tensor, const Field& field, const char* name, size_t per_element = 1) {
  const size_t wanted = static_cast<size_t>(tensor.count()) * per_element;
  if (static_cast<size_t>(field.size()) != wanted)
    return count_error(name, static_cast<size_t>(field.size()), wanted);
  auto* out = reinterpret_cast<Out*>(tensor.mutable_raw());
  for (const auto element : field) *out++ = static_cast<Out>(element);
  return tensor;
}

/// 4- and 2-bit elements in int32_data: one packed byte an entry.
Result<Tensor> from_packed_entries(Tensor tensor, const google::protobuf::RepeatedField<int32_t>& field) {
  const size_t wanted = packed_bytes(tensor.type(), tensor.count());
  if (static_cast<size_t>(field.size()) != wanted)
    return count_error("int32_data", static_cast<size_t>(field.size()), wanted);
  std::vector<std::byte> packed;
  for (const int32_t entry : field) packed.push_back(static_cast<std::byte>(entry));
  for (size_t k = 0; k < static_cast<size_t>(tensor.count()); ++k)
    tensor.mutable_raw()[k] = std::byte{unpack_element(tensor.type(), packed.data(), k)};
  return tensor;
}

/// Whether the typed fields hold anything, so that a tensor without data is told from one with.
bool has_entries(const onnx::TensorProto& proto) {
  return proto.float_data_size() + proto.int32_data_size() + proto.int64_data_size() +
             proto.double_data_size() + proto.uint64_data_size() + proto.string_data_size() >
         0;
}

Result<Tensor> from_typed_fields(const onnx::TensorProto& proto, ElementType type, Shape shape) {
  const auto count = static_cast<size_t>(element_count(shape));
  if (count > 0 && !has_entries(proto)) return bad_input("", "it has no data");
  if (type == ElementType::string) {
    if (static_cast<size_t>(proto.string_data_size()) != count)
      return count_error("string_data", static_cast<size_t>(proto.string_data_size()), count);
    return Tensor::of_strings(std::move(shape), {proto.string_data().begin(), proto.string_data().end()});
  }
  // An entry takes at least a byte of the file, 4- and 2-bit elements a part of one: refuse before
  // allocating.
  const size_t entries = static_cast<size_t>(proto.ByteSizeLong());
  if (packed_bytes(type, element_count(shape)) / std::max<size_t>(element_size(type), 1) > entries)
    return bad_input("", "its shape " + to_string(shape) + " needs more elements than the file holds");
  LATHE_ASSIGN(Tensor tensor, Tensor::allocate(type, std::move(shape)));
  switch (type) {
    case ElementType::f32:
      return from_field<float>(tensor, proto.float_data(), "float_data");
    case ElementType::complex64:
      return from_field<float>(tensor, proto.float_data(), "float_data", 2);
    case ElementType::f64:
      return from_field<double>(tensor, proto.double_data(), "double_data");
    case ElementType::complex128:
      return from_field<double>(tensor, proto.double_data(), "double_data", 2);
    case ElementType::i64:
      return from_field<int64_t>(tensor, proto.int64_data(), "int64_data");
    case ElementType::u64:
      return from_field<uint64_t>(tensor, proto.uint64_data(), "uint64_data");
    case ElementType::u32:
      return from_field<uint32_t>(tensor, proto.uint64_data(), "uint64_data");
    case ElementType::i32:
      return from_field<int32_t>(tensor, proto.int32_data(), "int32_data");
    case ElementType::boolean:
      return from_field<bool>(tensor, proto.int32_data(), "int32_data");
    default:
      break;
  }
  if (element_bits(type) < 8) return from_packed_entries(tensor, proto.int32_data());
  if (element_size(type) == 1) return from_field<uint8_t>(tensor, proto.int32_data(), "int32_data");
  return from_field<uint16_t>(tensor, proto.int32_data(), "int32_data");  // u16, i16, f16, bf16
}

Result<Shape> read_dims(const google::protobuf::RepeatedField<int64_t>& dims) {
  Shape shape(dims.begin(), dims.end());
  const auto count = checked_element_count(shape);
  if (!count || !checked_mul(*count, 16))
    return bad_input("", "its shape " + to_string(shape) + " is impossible");
  return shape;
}

}  // namespace

Result<Tensor> TensorReader::from_external(const onnx::TensorProto& proto, ElementType type,
                                           Shape shape) const {
  std::string location;
  int64_t offset = 0;
  std::optional<int64_t> length;
  for (const auto& entry : proto.external_data()) {
    int64_t number = 0;
    if (entry.key() == "location") {
      location = entry.value();
    } else if (entry.key() == "offset" || entry.key() == "length") {
      if (!parse_int(entry.value(), number) || number < 0)
        return bad_input("",
                         "its external data has an impossible " + entry.key() + " '" + entry.value() + "'");
      if (entry.key() == "offset")
        offset = number;
      else
        length = number;
    }
  }
  if (type == ElementType::string) return bad_input("", "strings cannot be external data");
  const size_t wanted = packed_bytes(type, element_count(shape));
  if (length && static_cast<size_t>(*length) != wanted)
    return bad_input("", "its external data has " + std::to_string(*length) + " bytes, its shape " +
                             to_string(shape) + " needs " + std::to_string(wanted));
  LATHE_ASSIGN(const ExternalFiles::Slice slice,
               files_.slice(location, offset, static_cast<int64_t>(wanted)));
  return from_packed(type, std::move(shape), slice.bytes);
}

Result<Tensor> TensorReader::read(onnx::TensorProto& proto, std::span<const std::byte> lifted) const {
  const auto type = element_type_from_onnx(proto.data_type());
  if (!type || *type == ElementType::undefined)
    return bad_input("", "its element type " + std::to_string(proto.data_type()) + " is not known");
  LATHE_ASSIGN(Shape shape, read_dims(proto.dims()));
  if (proto.data_location() == external_location) return from_external(proto, *type, std::move(shape));
  if (lifted.empty() && !proto.has_raw_data()) return from_typed_fields(proto, *type, std::move(shape));
  if (lifted.empty() && proto.raw_data().empty() && has_entries(proto))
    return from_typed_fields(proto, *type, std::move(shape));
  if (*type == ElementType::string) return bad_input("", "strings cannot be raw data");
  const size_t wanted = packed_bytes(*type, element_count(shape));
  const size_t got = lifted.empty() ? proto.raw_data().size() : lifted.size();
  if (got != wanted)
    return bad_input("", "its raw data has " + std::to_string(got) + " bytes, its shape " + to_string(shape) +
                             " needs " + std::to_string(wanted));
  if (!lifted.empty()) {
    const auto view = mapped_ ? &Buffer::mapped_view : &Buffer::view;
    return from_packed(*type, std::move(shape), view(owner_, lifted.data(), lifted.size()));
  }
  const auto raw = std::make_shared<const std::string>(std::move(*proto.mutable_raw_data()));
  const auto* data = reinterpret_cast<const std::byte*>(raw->data());
  return from_packed(*type, std::move(shape), Buffer::view(raw, data, raw->size()));
}

Result<Tensor> TensorReader::read_sparse(onnx::SparseTensorProto& proto) const {
  LATHE_ASSIGN(const Tensor values, read(*proto.mutable_values()));
  LATHE_ASSIGN(const Tensor indices, read(*proto.mutable_indices()));
  LATHE_ASSIGN(const Shape shape, read_dims(proto.dims()));
  const size_t size = element_size(values.type());
  const int64_t count = element_count(shape);
  if (size == 0) return bad_input("", "sparse strings are not supported");
  if (count > sparse_limit / static_cast<int64_t>(size))
    return resource_error("", "a sparse tensor of shape " + to_string(shape) + " is too large to make dense");
  const auto rank = static_cast<int64_t>(shape.size());
  const int64_t entries = values.count();
  const bool linear = indices.rank() == 1 && indices.dim(0) == entries;
  const bool by_axis = indices.rank() == 2 && indices.dim(0) == entries && indices.dim(1) == rank;
  if (indices.type() != ElementType::i64 || (!linear && !by_axis))
    return bad_input("", "the indices of the sparse tensor have shape " + to_string(indices.shape()) +
                             " for " + std::to_string(entries) + " values");
  LATHE_ASSIGN(Tensor dense, Tensor::allocate(values.type(), shape));
  if (dense.bytes() > 0) std::memset(dense.mutable_raw(), 0, dense.bytes());
  const auto strides = row_major_strides(shape);
  const auto index = indices.data<int64_t>();
  for (int64_t k = 0; k < entries; ++k) {
    int64_t position = linear ? index[static_cast<size_t>(k)] : 0;
    bool good = position >= 0 && position < count;
    for (int64_t axis = 0; by_axis && !linear && axis < rank; ++axis) {
      const int64_t at = index[static_cast<size_t>(k * rank + axis)];
      if (at < 0 || at >= shape[static_cast<size_t>(axis)]) {
        good = false;
        break;
      }
      position += at * strides[static_cast<size_t>(axis)];
    }
    if (!good) return bad_input("", "index " + std::to_string(k) + " of the sparse tensor is out of range");
    std::memcpy(dense.mutable_raw() + static_cast<size_t>(position) * size,
                values.raw() + static_cast<size_t>(k) * size, size);
  }
  return dense;
}

}  // namespace lathe
