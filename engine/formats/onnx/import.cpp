// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <new>

#include "engine/base/files.h"
#include "engine/formats/foreign.h"
#include "engine/formats/onnx/graph_builder.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/formats/onnx/recognize.h"
#include "engine/graph/module_tree_builder.h"

namespace lathe {
namespace {

constexpr int newest_ir_version = 14;
constexpr int oldest_ir_version = 3;

void read_header(const onnx::ModelProto& proto, Model& model) {
  model.ir_version = static_cast<int>(proto.ir_version());
  model.producer_name = proto.producer_name();
  model.producer_version = proto.producer_version();
  model.domain = proto.domain();
  model.model_version = proto.model_version();
  model.doc = proto.doc_string();
  for (const auto& entry : proto.metadata_props()) model.metadata[entry.key()] = entry.value();
  model.opsets = read_opsets(proto.opset_import());
  if (model.ir_version < oldest_ir_version || model.ir_version > newest_ir_version)
    model.findings.push_back({Severity::warning,
                              "ir_version",
                              "model",
                              "the file format's version (IR " + std::to_string(model.ir_version) +
                                  ") is outside what this build knows (3 to 14)",
                              "",
                              {}});
}

/// Where a model's bytes come from.
struct Source {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;  ///< of the bytes
  bool mapped = false;                ///< the bytes are a mapped file
  ExternalFiles files;
  std::string name;  ///< for errors
};

Result<WireModel> read_wire(const Source& source) {
  if (auto foreign = foreign_by_content(source.bytes, source.name)) return std::move(*foreign);
  auto wire = read_wire_model(source.bytes);
  // Nearly anything begins like some message, so only what begins like a model is called a damaged model.
  const bool begins_like_model = source.bytes[0] == std::byte{0x08};
  if (wire.ok() && wire->proto.has_graph()) return wire;
  if (auto foreign = foreign_by_name(source.bytes, source.name)) return std::move(*foreign);
  if (!wire.ok() && begins_like_model) return wire;
  return not_onnx(source.bytes);
}

Result<std::shared_ptr<Model>> read_model(Source& source, const JobContext& job) {
  auto wire = read_wire(source);
  if (!wire.ok()) {
    wire.error().where = source.name;
    return std::move(wire).error();
  }
  LATHE_TRY(job.check());
  auto model = std::make_shared<Model>();
  model->path = source.name;
  read_header(wire->proto, *model);
  Problems problems;
  FunctionTable functions(wire->proto);
  const TensorReader tensors(source.owner, source.files, source.mapped);
  GraphBuilder builder(tensors, functions, problems, model->findings);
  const Opsets opsets = model->opsets;
  model->graph = builder.build(*wire, opsets);
  if (!problems.empty()) return problems.summary(source.name);
  LATHE_TRY(job.check());
  build_module_tree(*model);
  model->files = source.files.opened();
  return model;
}

/// The seam where exceptions of protobuf and the standard library end.
Result<std::shared_ptr<Model>> read_model_safely(Source source, const JobContext& job) {
  try {
    return read_model(source, job);
  } catch (const std::bad_alloc&) {
    return resource_error(source.name, "does not fit into memory");
  } catch (const std::exception& exception) {
    return bad_input(source.name, std::string("cannot be read: ") + exception.what());
  }
}

}  // namespace

Result<std::shared_ptr<Model>> import_onnx(const std::filesystem::path& path, const JobContext& job) {
  LATHE_ASSIGN(const std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  job.report(-1, "reading " + path.filename().string());
  auto model =
      read_model_safely({file->bytes(), file, true, ExternalFiles(path.parent_path()), path.string()}, job);
  if (model.ok()) (*model)->files.push_back(file);
  return model;
}

Result<std::shared_ptr<Model>> import_onnx(std::span<const std::byte> bytes, const std::string& name) {
  // Tensors outlive the caller's bytes, so they need a copy of their own.
  auto copy = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
  auto model = read_model_safely({*copy, copy, false, ExternalFiles(), name}, JobContext());
  if (model.ok()) (*model)->path.clear();
  return model;
}

}  // namespace lathe
