// SPDX-License-Identifier: Apache-2.0
// Opening a model: import, inference, counting.
#include <algorithm>

#include "engine/formats/foreign.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/kernels/kernel.h"
#include "engine/runtime/step_info.h"
#include "profiler/workflow/conversion_folder.h"

namespace lathe {
namespace {

TensorDesc desc_of(const InferenceResult& types, ValueId id) {
  if (!id.valid() || !types.type(id).is_static()) return {};
  return {types.type(id).element, to_shape(*types.type(id).dims), {}};
}

bool all_static(const InferenceResult& types, const std::vector<ValueId>& values) {
  return std::all_of(values.begin(), values.end(),
                     [&](ValueId id) { return !id.valid() || types.type(id).is_static(); });
}

std::vector<TensorDesc> descs(const InferenceResult& types, const std::vector<ValueId>& values) {
  std::vector<TensorDesc> made;
  for (const ValueId id : values) made.push_back(desc_of(types, id));
  return made;
}

std::vector<NodeCost> node_costs(const Graph& graph, const InferenceResult& types) {
  std::vector<NodeCost> costs(graph.nodes().size());
  for (const Node& node : graph.nodes()) {
    const Operator* op = node.alive ? operators().find(node) : nullptr;
    if (op == nullptr || !all_static(types, node.inputs) || !all_static(types, node.outputs)) continue;
    const StepInfo info = describe_step(node, *op, descs(types, node.inputs), descs(types, node.outputs), "");
    costs[node.id.index] = {info.flops, info.bytes};
  }
  return costs;
}

/// Symbols of the declared inputs that the given shapes fix, applied to inputs that were not named.
Result<InferenceOptions> inference_options(const Model& model, const std::map<std::string, Shape>& shapes) {
  InferenceOptions options;
  std::map<std::string, Dim> bound;
  for (const auto& [name, shape] : shapes) {
    const auto id = model.graph.find_value(name);
    if (!id || !model.graph.value(*id).is_input)
      return usage_error("input '" + name + "'", "is no input of the model");
    const std::optional<Dims>& declared = model.graph.value(*id).type.dims;
    if (declared && declared->size() != shape.size())
      return usage_error("input '" + name + "'", "has rank " + std::to_string(declared->size()) +
                                                     ", the shape given is " + to_string(shape));
    for (size_t axis = 0; declared && axis < shape.size(); ++axis) {
      const Dim& dim = (*declared)[axis];
      if (dim.known() && dim.value() != shape[axis])
        return usage_error("input '" + name + "'", "axis " + std::to_string(axis) + " is " + dim.text() +
                                                       " in the model, the shape given is " +
                                                       to_string(shape));
      if (!dim.known()) bound.try_emplace(dim.text(), Dim(shape[axis]));
    }
    options.input_shapes[name] = to_dims(shape);
  }
  for (const ValueId id : model.graph.inputs()) {
    const Value& input = model.graph.value(id);
    if (bound.empty() || options.input_shapes.contains(input.name) || !input.type.dims) continue;
    Dims dims = *input.type.dims;
    for (Dim& dim : dims)
      if (const auto found = bound.find(dim.text()); found != bound.end()) dim = found->second;
    options.input_shapes[input.name] = std::move(dims);
  }
  return options;
}

/// Types, and what follows from them, of the model that is there already.
void infer_again(OpenedModel& opened, const InferenceOptions& options) {
  const Model& model = *opened.model;
  opened.types = infer(model.graph, options);
  opened.summary = summarize(model, node_costs(model.graph, opened.types));
  opened.findings = model.findings;
  for (const Finding& finding : opened.types.findings) {
    // Import has named unknown operators already, with the nearest known one.
    const bool repeated = finding.code == "unknown_operator";
    if (!repeated) opened.findings.push_back(finding);
  }
  std::stable_sort(opened.findings.begin(), opened.findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
}

/// `folder`: of the conversion that wrote the file; empty where none did.
Result<std::shared_ptr<OpenedModel>> open_file(const std::filesystem::path& file,
                                               const std::filesystem::path& folder,
                                               const std::map<std::string, Shape>& shapes, bool partitioned,
                                               const JobContext& job) {
  LATHE_ASSIGN(const std::shared_ptr<Model> model, import_onnx(file, job));
  LATHE_TRY(job.check());
  if (!folder.empty()) LATHE_TRY(restore_modules(folder, model->modules));
  LATHE_ASSIGN(const InferenceOptions options, inference_options(*model, shapes));
  auto opened = std::make_shared<OpenedModel>();
  if (partitioned)
    LATHE_TRY(read_partition(folder, *model, opened->partition.emplace(), opened->configuration));
  opened->model = model;
  infer_again(*opened, options);
  return opened;
}

}  // namespace

Result<std::shared_ptr<const OpenedModel>> open_rewritten_model(const std::filesystem::path& folder,
                                                                const JobContext& job) {
  LATHE_ASSIGN(auto opened, open_file(folder / "model.onnx", folder, {}, false, job));
  return std::shared_ptr<const OpenedModel>(std::move(opened));
}

Result<std::shared_ptr<const OpenedModel>> open_model(const std::filesystem::path& path,
                                                      const std::map<std::string, Shape>& shapes,
                                                      const JobContext& job) {
  job.report(-1, "reading " + path.filename().string());
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(path, ignored);
  if (folder && !is_conversion_folder(path)) {
    if (auto foreign = foreign_folder(path)) return std::move(*foreign);
    return bad_input(path.string(), "is a folder, but not that of a finished conversion");
  }
  LATHE_ASSIGN(auto opened, folder ? open_file(path / "model.onnx", path, shapes, true, job)
                                   : open_file(path, {}, shapes, false, job));
  return std::shared_ptr<const OpenedModel>(std::move(opened));
}

Result<std::shared_ptr<const OpenedModel>> with_shapes(const OpenedModel& opened,
                                                       const std::map<std::string, Shape>& shapes,
                                                       const JobContext& job) {
  LATHE_TRY(job.check());
  LATHE_ASSIGN(const InferenceOptions options, inference_options(*opened.model, shapes));
  auto seen = std::make_shared<OpenedModel>();
  seen->model = opened.model;
  seen->partition = opened.partition;
  seen->configuration = opened.configuration;
  infer_again(*seen, options);
  return std::shared_ptr<const OpenedModel>(std::move(seen));
}

NodeDetails describe_node(const OpenedModel& opened, NodeId id) {
  const Node& node = opened.model->graph.node(id);
  NodeDetails details;
  const Operator* op = operators().find(node);
  if (op == nullptr) {
    details.documentation = node.qualified_type() + " is not known to this build.";
    return details;
  }
  details.documentation = node.qualified_type() + ", as of opset " + std::to_string(op->versions.front());
  if (!all_static(opened.types, node.inputs) || !all_static(opened.types, node.outputs)) return details;
  KernelRequest request;
  request.node = &node;
  request.inputs = descs(opened.types, node.inputs);
  request.outputs = descs(opened.types, node.outputs);
  const StepInfo info = describe_step(node, *op, request.inputs, request.outputs, "");
  details.cost = {info.flops, info.bytes};
  request.plain_layouts = true;
  for (const ValueId input : node.inputs) request.constants.push_back(opened.model->graph.constant(input));
  for (const KernelCandidate& candidate : kernels().find(node.qualified_type())) {
    Prepared prepared = candidate.prepare(request);
    if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared)) {
      details.kernel = (*kernel)->name();
      return details;
    }
    const Decline& decline = std::get<Decline>(prepared);
    details.declined.push_back(
        {std::string(candidate.name),
         std::string(to_string(decline.reason)) + (decline.detail.empty() ? "" : ": " + decline.detail)});
  }
  details.kernel = "reference";
  return details;
}

}  // namespace lathe
