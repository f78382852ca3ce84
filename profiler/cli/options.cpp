// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/npz.h"
#include "profiler/cli/command.h"
#include "profiler/workflow/plugins.h"

namespace lathe {
namespace {

/// "NAME=VALUE" split at the first '='.
Result<std::pair<std::string, std::string>> split_assignment(const std::string& text, const char* option) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return usage_error(option, "'" + text + "' is not NAME=VALUE");
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

std::map<std::string, ElementType> declared_types(const Model& model) {
  std::map<std::string, ElementType> types;
  for (const ValueId id : model.graph.inputs())
    types[model.graph.value(id).name] = model.graph.value(id).type.element;
  return types;
}

}  // namespace

void ModelOptions::add_to(CLI::App& app, bool positional) {
  if (positional) app.add_option("model", model, "model.onnx, or the folder of a conversion")->required();
  app.add_option("--shape", shapes, "shape of an input: NAME=1x3x224x224");
  app.add_option("--input", inputs, "an input's data: NAME=FILE.npy");
  app.add_option("--inputs", inputs_file, "an .npz whose arrays bear the inputs' names");
  app.add_option("--plugin", plugins, "a library of custom operators (runs its code)")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option("--seed", seed, "seed of random inputs")->capture_default_str();
  app.add_option("--threads", threads, "threads to use (default: physical cores)")
      ->check(CLI::Range(0, 1024));
  app.add_flag("--tune", tune, "engines: measure which kernel is fastest for every step, once");
}

Result<std::map<std::string, Shape>> ModelOptions::parsed_shapes() const {
  std::map<std::string, Shape> parsed;
  for (const std::string& text : shapes) {
    LATHE_ASSIGN(const auto assignment, split_assignment(text, "--shape"));
    LATHE_ASSIGN(parsed[assignment.first], parse_shape(assignment.second));
  }
  return parsed;
}

Result<NamedValues> ModelOptions::read_inputs(const Model& model) const {
  const auto types = declared_types(model);
  NamedValues values;
  if (!inputs_file.empty()) {
    LATHE_ASSIGN(const auto arrays, read_npz(inputs_file, types));
    for (const auto& [name, tensor] : arrays) values[name] = RuntimeValue(tensor);
  }
  for (const std::string& text : inputs) {
    LATHE_ASSIGN(const auto assignment, split_assignment(text, "--input"));
    const auto type = types.find(assignment.first);
    LATHE_ASSIGN(Tensor tensor,
                 read_npy(std::filesystem::path(assignment.second),
                          type == types.end() ? std::nullopt : std::optional<ElementType>(type->second)));
    values[assignment.first] = RuntimeValue(std::move(tensor));
  }
  return values;
}

Result<std::shared_ptr<const OpenedModel>> open(const ModelOptions& options, const JobContext& job) {
  LATHE_TRY(load_plugins({options.plugins.begin(), options.plugins.end()}));
  LATHE_ASSIGN(const auto shapes, options.parsed_shapes());
  return open_model(options.model, shapes, job);
}

Result<RunRequest> run_request(const ModelOptions& options, std::shared_ptr<const OpenedModel> opened,
                               RunMode mode) {
  RunRequest request;
  LATHE_ASSIGN(request.shapes, options.parsed_shapes());
  LATHE_ASSIGN(request.inputs, options.read_inputs(*opened->model));
  request.opened = std::move(opened);
  request.mode = mode;
  request.seed = options.seed;
  request.threads = options.threads;
  request.tune = options.tune;
  return request;
}

void add_mode(CLI::App& app, RunMode& mode) {
  auto* eager = app.add_flag_callback(
      "--eager", [&mode] { mode = RunMode::eager; }, "operator by operator");
  app.add_flag_callback(
         "--engine", [&mode] { mode = RunMode::engine; }, "compiled as one engine")
      ->excludes(eager);
}

}  // namespace lathe
