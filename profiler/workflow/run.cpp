// SPDX-License-Identifier: Apache-2.0
// Running, timing and evaluating a model.
#include "engine/data/sample_source.h"
#include "engine/runtime/executor_thread.h"
#include "profiler/workflow/session.h"

namespace lathe {
namespace {

Result<RunReport> run_here(const RunRequest& request, const JobContext& job) {
  use_threads(request.threads);
  LATHE_ASSIGN(NamedValues inputs, run_inputs(request));
  LATHE_TRY(check_inputs(*request.opened->model, inputs));
  RunReport report;
  LATHE_ASSIGN(const std::unique_ptr<Runnable> runnable,
               make_runnable(request, inputs, job, report.compile_ms));
  Session session(*runnable, std::move(inputs), request.seed);
  LATHE_ASSIGN(report.outputs, session.run(job));
  if (request.runs <= 0) return report;
  LATHE_TRY(session.warm_up(std::max(0, request.warmup - 1), job));
  LATHE_ASSIGN(std::vector<int64_t> latencies, session.time(request.runs, job));
  report.latency = distribution(std::move(latencies));
  return report;
}

Result<Accuracy> evaluate_here(const RunRequest& request, const std::filesystem::path& data,
                               const std::string& metric, size_t limit, const JobContext& job) {
  use_threads(request.threads);
  const Model& model = *request.opened->model;
  LATHE_ASSIGN(const std::unique_ptr<SampleSource> samples, open_dataset(data, input_specs(model)));
  LATHE_ASSIGN(const MetricSpec spec, choose_metric(metric, *samples));
  if (samples->count() == 0) return bad_input(data.string(), "holds no samples");
  LATHE_ASSIGN(const Sample first, samples->sample(0));
  NamedValues inputs;
  for (const auto& [name, tensor] : first.inputs) inputs[name] = RuntimeValue(tensor);
  double compile_ms = 0;
  LATHE_ASSIGN(const std::unique_ptr<Runnable> runnable, make_runnable(request, inputs, job, compile_ms));
  LATHE_ASSIGN(const std::unique_ptr<Runnable> reference, make_eager(request.opened->model));
  return evaluate(*runnable, *samples, spec, limit, job, reference.get());
}

}  // namespace

Result<Accuracy> evaluate_model(const RunRequest& request, const std::filesystem::path& data,
                                const std::string& metric, size_t limit, const JobContext& job) {
  return on_executor([&] { return evaluate_here(request, data, metric, limit, job); });
}

Result<RunReport> run_model(const RunRequest& request, const JobContext& job) {
  return on_executor([&] { return run_here(request, job); });
}

}  // namespace lathe
