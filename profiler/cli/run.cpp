// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/tensor/npz.h"
#include "profiler/cli/command.h"

namespace lathe {
namespace {

struct Options {
  ModelOptions model;
  RunMode mode = RunMode::eager;
  std::string output;
  int runs = 1;
};

/// Sequences become NAME.0, NAME.1, ...; absent optionals are left out.
std::map<std::string, Tensor> flatten(const NamedValues& outputs) {
  std::map<std::string, Tensor> arrays;
  for (const auto& [name, value] : outputs) {
    if (value.is_tensor()) arrays[name] = value.tensor;
    if (value.kind != RuntimeValue::Kind::sequence) continue;
    for (size_t k = 0; k < value.sequence->size(); ++k)
      if ((*value.sequence)[k].is_tensor())
        arrays[name + "." + std::to_string(k)] = (*value.sequence)[k].tensor;
  }
  return arrays;
}

Result<int> run(const Options& options, const GlobalOptions& global, const JobContext& job) {
  LATHE_ASSIGN(const auto opened, open(options.model, job));
  LATHE_ASSIGN(RunRequest request, run_request(options.model, opened, options.mode));
  request.runs = options.runs;
  request.warmup = 1;
  LATHE_ASSIGN(const RunReport report, run_model(request, job));
  const auto arrays = flatten(report.outputs);
  if (!options.output.empty()) LATHE_TRY(write_npz(options.output, arrays));
  if (global.json) {
    nlohmann::ordered_json outputs = nlohmann::ordered_json::object();
    for (const auto& [name, tensor] : arrays)
      outputs[name] = {{"type", to_string(tensor.type())}, {"shape", tensor.shape()}};
    const nlohmann::ordered_json document = {
        {"latency_ms", report.latency.p50 / 1e6}, {"compile_ms", report.compile_ms}, {"outputs", outputs}};
    print(document.dump(2) + "\n");
    return exit_done;
  }
  for (const auto& [name, tensor] : arrays)
    print(fmt::format("{}  {}[{}]\n", name, to_string(tensor.type()), to_string(tensor.shape())));
  print(fmt::format("latency {}\n", format_ms(report.latency.p50 / 1e6)));
  return exit_done;
}

}  // namespace

void register_run(CommandRegistry& registry) {
  registry.add({"run", "runs a model and prints its latency", [](CLI::App& app, const GlobalOptions& global) {
                  auto options = std::make_shared<Options>();
                  options->model.add_to(app);
                  add_mode(app, options->mode);
                  app.add_option("--output", options->output,
                                 "an .npz that gets every output under its name");
                  app.add_option("--runs", options->runs, "timed runs")
                      ->check(CLI::Range(1, 1000000))
                      ->capture_default_str();
                  return [options, &global](const JobContext& job) { return run(*options, global, job); };
                }});
}

}  // namespace lathe
