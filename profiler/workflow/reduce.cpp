// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/reduce.h"

#include <fmt/format.h>

#include "engine/formats/onnx/onnx.h"
#include "engine/runtime/executor_thread.h"
#include "engine/tensor/npz.h"
#include "profiler/workflow/conversion_folder.h"
#include "profiler/workflow/session.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

bool can_be_reduced(const ModuleOutcome& outcome) {
  return outcome.status == ModuleStatus::failed && outcome.failure &&
         outcome.failure->cause != FailureCause::excluded &&
         outcome.failure->cause != FailureCause::precision_loss;
}

Result<const ModuleOutcome*> failed_outcome(const Conversion& conversion,
                                            const std::optional<std::string>& module) {
  if (!module) {
    for (const ModuleOutcome& outcome : conversion.outcomes)
      if (can_be_reduced(outcome)) return &outcome;
    return nullptr;
  }
  const std::string where = "module '" + *module + "'";
  const auto id = conversion.model->modules.find(*module);
  if (!id) return usage_error(where, "is no module of this model");
  const ModuleOutcome* outcome = conversion.find(*id);
  if (outcome != nullptr && outcome->status == ModuleStatus::failed) return outcome;
  return nullptr;
}

/// Given ones, else those of the first sample, else random ones.
Result<NamedValues> inputs_of_run(const ConvertRequest& request, const Conversion& conversion,
                                  const NamedValues& inputs) {
  NamedValues given = inputs;
  const Model& model = *conversion.model;
  if (!request.data.empty()) {
    LATHE_ASSIGN(const auto samples, open_dataset(request.data, input_specs(model)));
    if (samples->count() == 0) return bad_input(request.data.string(), "holds no samples");
    LATHE_ASSIGN(const Sample sample, samples->sample(0));
    for (const auto& [name, tensor] : sample.inputs) given.try_emplace(name, RuntimeValue(tensor));
  }
  std::map<std::string, Shape> shapes;
  for (const auto& [name, dims] : opt_shapes(conversion).input_shapes)
    if (is_static(dims) && !given.contains(name)) shapes[name] = to_shape(dims);
  return random_inputs(model, shapes, given, request.seed);
}

std::string printed(const ReduceReport& report) {
  const Reduced& reduced = report.reduced;
  std::string text = fmt::format("{}: {}\n{} of {} nodes fail the same way ({} pieces tried)\n",
                                 report.module.empty() ? "model" : report.module, reduced.failure.error(),
                                 reduced.nodes, reduced.nodes_before, reduced.tries);
  for (const Node& node : reduced.model->graph.nodes())
    if (node.alive) text += fmt::format("  {} ({})\n", node.name, node.qualified_type());
  text += reduced.inputs_of_run ? "Its inputs are those that a run of the model gives it.\n"
                                : "Its inputs are random: the model cannot be run up to it.\n";
  if (!report.model.empty())
    text += fmt::format("Written: {} and {}\n", report.model.string(), report.inputs.string());
  return text;
}

/// Strings, sequences and absent ones have no place in an .npz of inputs.
NamedTensors tensors_of(const NamedValues& values) {
  NamedTensors tensors;
  for (const auto& [name, value] : values)
    if (value.kind == RuntimeValue::Kind::tensor) tensors[name] = value.tensor;
  return tensors;
}

Status write_files(const fs::path& folder, ReduceReport& report) {
  if (folder.empty()) return {};
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return resource_error(folder.string(), "cannot be written: " + error.message());
  report.inputs = folder / "inputs.npz";
  LATHE_TRY(write_npz(report.inputs, tensors_of(report.reduced.inputs)));
  report.model = folder / "reduced.onnx";
  return export_onnx(*report.reduced.model, report.model);
}

Result<std::shared_ptr<const ReduceReport>> reduce(const ConvertRequest& request,
                                                   const std::optional<std::string>& module,
                                                   const NamedValues& inputs, const JobContext& job) {
  Configuration configuration = request.configuration;
  // What int8 fails at is told by calibration, not by pieces.
  for (auto& [path, settings] : configuration.modules) settings.int8.reset();
  ConvertOptions options;
  options.dry_run = true;
  LATHE_ASSIGN(Conversion conversion, convert(request.opened->model, configuration, options, job));
  LATHE_ASSIGN(const ModuleOutcome* failed, failed_outcome(conversion, module));
  ReduceRequest asked;
  if (failed == nullptr) {
    options.dry_run = false;
    LATHE_ASSIGN(conversion, convert(request.opened->model, configuration, options, job));
    LATHE_ASSIGN(failed, failed_outcome(conversion, module));
    asked.check = check_by_building();
  }
  if (failed == nullptr) return std::shared_ptr<const ReduceReport>();
  asked.module = failed->module;
  asked.failure = *failed->failure;
  asked.inference = opt_shapes(conversion);
  LATHE_ASSIGN(asked.inputs, inputs_of_run(request, conversion, inputs));
  auto report = std::make_shared<ReduceReport>();
  report->module = conversion.model->modules[failed->module].path;
  LATHE_ASSIGN(report->reduced, reduce_failure(*conversion.model, asked, job));
  LATHE_TRY(write_files(request.out, *report));
  report->printed = printed(*report);
  return std::shared_ptr<const ReduceReport>(report);
}

}  // namespace

Result<std::shared_ptr<const ReduceReport>> reduce_model(const ConvertRequest& request,
                                                         const std::optional<std::string>& module,
                                                         const NamedValues& inputs, const JobContext& job) {
  return on_executor([&] {
    use_threads(request.threads);
    return reduce(request, module, inputs, job);
  });
}

}  // namespace lathe
