// SPDX-License-Identifier: Apache-2.0
// ONNX files in and out. No protobuf type leaves this folder.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>

#include "engine/base/job.h"
#include "engine/graph/graph.h"

namespace lathe {

/// Reads a .onnx file: IR 3..13, opset 7 up (older ones as far as their operators are known), external data
/// mapped in place, functions inlined, module tree built, findings collected. Only an unreadable or
/// inconsistent file is an Error: it says where (byte, node, tensor); unknown operators are findings of
/// severity error on a model that still opens.
Result<std::shared_ptr<Model>> import_onnx(const std::filesystem::path& path, const JobContext& job = {});
/// From memory; external data is refused.
Result<std::shared_ptr<Model>> import_onnx(std::span<const std::byte> bytes, const std::string& name);

/// Weights that several exported models share: the first export writes the external file and notes where each
/// tensor's bytes went, later ones of the same folder refer to them.
struct SharedWeights {
  struct Place {
    size_t offset = 0, length = 0;
  };
  std::map<const std::byte*, Place> places;  ///< by address of the tensor's bytes
  bool written = false;                      ///< the first export has been made
};

struct OnnxExportOptions {
  /// Name of a file beside the model for weights when they exceed `external_threshold` bytes in all; empty:
  /// inline.
  std::string external_name;
  size_t external_threshold = size_t{64} << 20;
  SharedWeights* shared = nullptr;  ///< null: the model stands alone
};
/// Writes the model (temporary name, renamed). Internal operators are refused.
Status export_onnx(const Model& model, const std::filesystem::path& path,
                   const OnnxExportOptions& options = {});

/// Single TensorProto / SequenceProto / OptionalProto files, as in the ONNX test data.
Result<RuntimeValue> read_tensor_proto(const std::filesystem::path& path, const TypeInfo& declared);

}  // namespace lathe
