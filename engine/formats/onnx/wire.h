// SPDX-License-Identifier: Apache-2.0
// Reads a ModelProto from memory without copying its weights: protobuf gets everything but the raw data of
// the main graph's big initializers, which stay views of the file. So a file may also be larger than
// protobuf's 2 GB.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/formats/onnx/lathe_onnx.pb.h"

namespace lathe {

/// An initializer whose raw_data may have been left in the file.
struct LiftedTensor {
  onnx::TensorProto proto;
  std::span<const std::byte> raw;  ///< the raw_data; empty when it is in `proto`
};

struct WireModel {
  onnx::ModelProto proto;  ///< graph.initializer is empty: they are in `initializers`
  std::vector<LiftedTensor> initializers;
};

/// Raw data from this size on stays in the file.
inline constexpr size_t lifted_bytes = 4096;

/// Errors say the byte and what was being read ("is truncated: ..."); `where` is left empty.
Result<WireModel> read_wire_model(std::span<const std::byte> bytes);

/// Parses one whole message; false when damaged or nested too deeply.
bool parse_message(std::span<const std::byte> bytes, google::protobuf::MessageLite& message);

// Writing, for messages whose big parts are streamed: tag and length of a length-delimited field, appended to
// `out`.
void append_field_header(std::string& out, int field, size_t length);
size_t field_header_size(int field, size_t length);

}  // namespace lathe
