// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/wire.h"

#include <google/protobuf/io/coded_stream.h>
#include <limits>

namespace lathe {
namespace {

using Bytes = std::span<const std::byte>;

enum ModelField { model_graph = 7, model_training_info = 20 };
enum GraphField { graph_initializer = 5 };
enum TensorField { tensor_raw_data = 9 };
constexpr int length_delimited = 2;

/// One field of a message: its number and the bytes it takes, relative to the whole file.
struct Field {
  int number = 0;
  int wire_type = 0;
  size_t begin = 0;    ///< of the tag
  size_t payload = 0;  ///< of a length-delimited field's content
  size_t end = 0;
};

/// Walks the fields of one message inside the file.
class FieldWalker {
 public:
  FieldWalker(Bytes file, size_t begin, size_t end) : file_(file), position_(begin), end_(end) {}
  bool done() const { return position_ >= end_; }

  Result<Field> next() {
    Field field;
    field.begin = position_;
    LATHE_ASSIGN(const uint64_t tag, varint());
    field.wire_type = static_cast<int>(tag & 7);
    if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return damaged("has an impossible field number", field.begin);
    field.number = static_cast<int>(tag >> 3);
    field.payload = position_;
    LATHE_TRY(skip(field));
    field.end = position_;
    return field;
  }

 private:
  Status skip(Field& field) {
    uint64_t length = 0;
    switch (field.wire_type) {
      case 0: {
        LATHE_ASSIGN([[maybe_unused]] const uint64_t ignored, varint());
        return {};
      }
      case 1:
        length = 8;
        break;
      case length_delimited: {
        LATHE_ASSIGN(length, varint());
        field.payload = position_;
        break;
      }
      case 5:
        length = 4;
        break;
      default:
        return damaged("has an impossible field type", field.begin);
    }
    if (length > end_ - position_)
      return bad_input("", "is truncated or damaged: field " + std::to_string(field.number) + " at byte " +
                               std::to_string(field.begin) + " needs " + std::to_string(length) + " bytes, " +
                               std::to_string(end_ - position_) + " are left");
    position_ += length;
    return {};
  }

  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (position_ >= end_) return bad_input("", "is truncated at byte " + std::to_string(position_));
      const auto byte = static_cast<uint64_t>(file_[position_++]);
      if (shift < 64) value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return damaged("has a number that does not end", position_);
  }

  static Error damaged(const std::string& what, size_t at) {
    return bad_input("", "is damaged: " + what + " at byte " + std::to_string(at));
  }

  Bytes file_;
  size_t position_;
  size_t end_;
};

/// Adds the fields in [begin, end) of the file to `message`; concatenating fields is merging in this format.
Status merge(Bytes file, size_t begin, size_t end, google::protobuf::MessageLite& message, const char* what) {
  if (begin == end) return {};
  if (end - begin > static_cast<size_t>(std::numeric_limits<int>::max()))
    return resource_error("",
                          std::string(what) + " at byte " + std::to_string(begin) + " is larger than 2 GB");
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(file.data() + begin),
                                            static_cast<int>(end - begin));
  if (message.MergePartialFromCodedStream(&in) && in.ConsumedEntireMessage()) return {};
  return bad_input("", "is damaged, or nested too deeply: " + std::string(what) + " at byte " +
                           std::to_string(begin) + " cannot be read");
}

Result<LiftedTensor> read_initializer(Bytes file, size_t begin, size_t end) {
  LiftedTensor tensor;
  FieldWalker fields(file, begin, end);
  size_t merged = begin;  // everything before is in tensor.proto or lifted
  while (!fields.done()) {
    LATHE_ASSIGN(const Field field, fields.next());
    if (field.number != tensor_raw_data || field.wire_type != length_delimited ||
        field.end - field.payload < lifted_bytes)
      continue;
    LATHE_TRY(merge(file, merged, field.begin, tensor.proto, "an initializer"));
    tensor.raw = file.subspan(field.payload, field.end - field.payload);
    merged = field.end;
  }
  LATHE_TRY(merge(file, merged, end, tensor.proto, "an initializer"));
  return tensor;
}

Status read_graph(Bytes file, size_t begin, size_t end, WireModel& model) {
  FieldWalker fields(file, begin, end);
  onnx::GraphProto& graph = *model.proto.mutable_graph();
  while (!fields.done()) {
    LATHE_ASSIGN(const Field field, fields.next());
    if (field.number == graph_initializer && field.wire_type == length_delimited) {
      LATHE_ASSIGN(LiftedTensor tensor, read_initializer(file, field.payload, field.end));
      model.initializers.push_back(std::move(tensor));
    } else {
      LATHE_TRY(merge(file, field.begin, field.end, graph, "a part of the graph"));
    }
  }
  return {};
}

size_t varint_size(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(0x80 | (value & 0x7f));
  out += static_cast<char>(value);
}

}  // namespace

Result<WireModel> read_wire_model(Bytes bytes) {
  WireModel model;
  FieldWalker fields(bytes, 0, bytes.size());
  while (!fields.done()) {
    LATHE_ASSIGN(const Field field, fields.next());
    if (field.number == model_graph && field.wire_type == length_delimited) {
      LATHE_TRY(read_graph(bytes, field.payload, field.end, model));
    } else if (field.number != model_training_info) {
      LATHE_TRY(merge(bytes, field.begin, field.end, model.proto, "a part of the model"));
    }
  }
  return model;
}

bool parse_message(Bytes bytes, google::protobuf::MessageLite& message) {
  return merge(bytes, 0, bytes.size(), message, "").ok();
}

void append_field_header(std::string& out, int field, size_t length) {
  append_varint(out, static_cast<uint64_t>(field) << 3 | length_delimited);
  append_varint(out, length);
}

size_t field_header_size(int field, size_t length) {
  return varint_size(static_cast<uint64_t>(field) << 3) + varint_size(length);
}

}  // namespace lathe
