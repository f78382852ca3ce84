// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "profiler/cli/command.h"

namespace lathe {
namespace {

struct Options {
  ModelOptions model;
  RunMode mode = RunMode::eager;
  std::string data, metric;
  size_t limit = 0;
};

Result<int> evaluate_command(const Options& options, const GlobalOptions& global, const JobContext& job) {
  LATHE_ASSIGN(const auto opened, open(options.model, job));
  LATHE_ASSIGN(const RunRequest request, run_request(options.model, opened, options.mode));
  LATHE_ASSIGN(const Accuracy accuracy,
               evaluate_model(request, options.data, options.metric, options.limit, job));
  if (global.json) {
    nlohmann::ordered_json values = nlohmann::ordered_json::object();
    for (const auto& [name, value] : accuracy.values) values[name] = value;
    print(nlohmann::ordered_json{{"accuracy", values}, {"samples", accuracy.samples}}.dump(2) + "\n");
    return exit_done;
  }
  for (const auto& [name, value] : accuracy.values) print(fmt::format("{:<8} {:.4f}\n", name, value));
  print(fmt::format("{} samples\n", accuracy.samples));
  return exit_done;
}

}  // namespace

void register_evaluate(CommandRegistry& registry) {
  registry.add(
      {"evaluate", "accuracy on a dataset", [](CLI::App& app, const GlobalOptions& global) {
         auto options = std::make_shared<Options>();
         options->model.add_to(app);
         add_mode(app, options->mode);
         app.add_option("--data", options->data, "dataset: .npz, manifest (.json) or a folder of images")
             ->required();
         app.add_option("--metric", options->metric, "top1, top5, coco-ap, snr or command:...");
         app.add_option("--limit", options->limit, "evaluate at most this many samples");
         return [options, &global](const JobContext& job) { return evaluate_command(*options, global, job); };
       }});
}

}  // namespace lathe
