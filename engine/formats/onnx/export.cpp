// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <exception>
#include <new>
#include <optional>

#include "engine/formats/onnx/graph_writer.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/formats/onnx/output_file.h"
#include "engine/formats/onnx/tensor_writer.h"
#include "engine/formats/onnx/wire.h"

namespace lathe {
namespace {

enum ModelField { model_graph = 7 };
enum GraphField { graph_initializer = 5 };
enum TensorField { tensor_raw_data = 9 };
constexpr int external_location = 1;
constexpr size_t external_alignment =
    4096;  ///< of each weight in the external file, so that it can be mapped in place
constexpr size_t external_minimum = 1024;  ///< smaller tensors stay in the model

/// A message on its way out: its small fields, and its elements where they are written straight from the
/// tensor.
struct Initializer {
  std::string fields;
  Buffer raw;

  size_t size() const {
    return fields.size() + (raw.size() ? field_header_size(tensor_raw_data, raw.size()) + raw.size() : 0);
  }
};

void write_header(const Model& model, onnx::ModelProto& proto) {
  // Types and operators of a version need the file format that knows them; 8 goes with opset 17.
  proto.set_ir_version(model.ir_version > 0 ? model.ir_version : 8);
  if (!model.producer_name.empty()) proto.set_producer_name(model.producer_name);
  if (!model.producer_version.empty()) proto.set_producer_version(model.producer_version);
  if (!model.domain.empty()) proto.set_domain(model.domain);
  if (model.model_version != 0) proto.set_model_version(model.model_version);
  if (!model.doc.empty()) proto.set_doc_string(model.doc);
  for (const auto& [domain, version] : model.opsets) {
    auto& import = *proto.add_opset_import();
    import.set_domain(domain);
    import.set_version(version);
  }
  write_metadata(model.metadata, *proto.mutable_metadata_props());
}

size_t initializer_bytes(const Graph& graph) {
  size_t bytes = 0;
  for (const Value& value : graph.values())
    if (value.alive && value.constant.defined()) bytes += value.constant.bytes();
  return bytes;
}

void set_external(onnx::TensorProto& proto, const std::string& file, size_t offset, size_t length) {
  const auto add = [&](const char* key, std::string value) {
    auto& entry = *proto.add_external_data();
    entry.set_key(key);
    entry.set_value(std::move(value));
  };
  proto.set_data_location(external_location);
  add("location", file);
  add("offset", std::to_string(offset));
  add("length", std::to_string(length));
}

Result<std::vector<Initializer>> write_initializers(const Graph& graph, const OnnxExportOptions& options,
                                                    OutputFile* external) {
  const auto shared_place = [&](const Tensor& tensor) -> const SharedWeights::Place* {
    if (options.shared == nullptr || !options.shared->written) return nullptr;
    const auto found = options.shared->places.find(tensor.buffer().data());
    return found == options.shared->places.end() ? nullptr : &found->second;
  };
  std::vector<Initializer> initializers;
  for (const Value& value : graph.values()) {
    if (!value.alive || !value.constant.defined()) continue;
    const Tensor& tensor = value.constant;
    Initializer out;
    onnx::TensorProto proto;
    if (tensor.type() == ElementType::string) {
      LATHE_TRY(write_tensor(value.name, tensor, proto));
    } else if (const SharedWeights::Place* place = shared_place(tensor)) {
      proto = tensor_header(value.name, tensor);
      set_external(proto, options.external_name, place->offset, place->length);
    } else {
      proto = tensor_header(value.name, tensor);
      LATHE_ASSIGN(out.raw, packed_elements(tensor));
      if (out.raw.size() == 0) proto.set_raw_data("");
    }
    if (external != nullptr && out.raw.size() >= external_minimum) {
      const size_t padding =
          (external_alignment - external->position() % external_alignment) % external_alignment;
      external->write(std::string(padding, '\0'));
      set_external(proto, options.external_name, external->position(), out.raw.size());
      if (options.shared != nullptr)
        options.shared->places[tensor.buffer().data()] = {external->position(), out.raw.size()};
      external->write(out.raw.data(), out.raw.size());
      out.raw = Buffer();
    }
    out.fields = proto.SerializeAsString();
    initializers.push_back(std::move(out));
  }
  return initializers;
}

/// Streams the model: the weights go from their tensors to the file, so nothing is held twice and no 2 GB
/// limit holds.
void write_model(const std::string& header, const std::string& graph_fields,
                 const std::vector<Initializer>& initializers, OutputFile& file) {
  size_t graph_size = graph_fields.size();
  for (const Initializer& each : initializers)
    graph_size += field_header_size(graph_initializer, each.size()) + each.size();
  std::string lead = header;
  append_field_header(lead, model_graph, graph_size);
  file.write(lead);
  file.write(graph_fields);
  for (const Initializer& each : initializers) {
    std::string start;
    append_field_header(start, graph_initializer, each.size());
    start += each.fields;
    if (each.raw.size() > 0) append_field_header(start, tensor_raw_data, each.raw.size());
    file.write(start);
    file.write(each.raw.data(), each.raw.size());
  }
}

/// The names are only inside the model's own folder, where import looks for them.
Status check_external_name(const std::string& name) {
  if (name == "." || name == ".." || name.find('/') != std::string::npos)
    return usage_error("", "the name of the weights' file must be a plain file name, not '" + name + "'");
  return {};
}

Status write_files(const Model& model, const std::filesystem::path& path, const OnnxExportOptions& options) {
  LATHE_TRY(check_external_name(options.external_name));
  onnx::ModelProto header;
  write_header(model, header);
  onnx::GraphProto graph;
  LATHE_TRY(write_graph(model.graph, GraphNames(model.graph), graph));
  const bool beside = !options.external_name.empty() &&
                      initializer_bytes(model.graph) > options.external_threshold &&
                      (options.shared == nullptr || !options.shared->written);
  std::optional<OutputFile> external;
  if (beside) external.emplace(path.parent_path() / options.external_name);
  LATHE_ASSIGN(const std::vector<Initializer> initializers,
               write_initializers(model.graph, options, external ? &*external : nullptr));
  if (options.shared != nullptr) options.shared->written = true;
  std::string fields;
  if (!graph.SerializeToString(&fields) || graph.ByteSizeLong() != fields.size())
    return resource_error(path.string(), "the graph without its weights is larger than 2 GB");
  OutputFile file(path);
  write_model(header.SerializeAsString(), fields, initializers, file);
  LATHE_TRY(file.close());
  if (external) LATHE_TRY(external->close());
  if (external) LATHE_TRY(external->commit());
  return file.commit();
}

}  // namespace

Status export_onnx(const Model& model, const std::filesystem::path& path, const OnnxExportOptions& options) {
  try {
    Status written = write_files(model, path, options);
    if (!written.ok() && written.error().where.empty()) written.error().where = path.string();
    return written;
  } catch (const std::bad_alloc&) {
    return resource_error(path.string(), "memory does not suffice to write it");
  } catch (const std::exception& exception) {
    return internal_error(path.string(), std::string("cannot be written: ") + exception.what());
  }
}

}  // namespace lathe
