// SPDX-License-Identifier: Apache-2.0
// Profiling: latency with recording off, then a recording, then statistics and the time balance.
#include <algorithm>

#include "engine/kernels/kernel.h"
#include "engine/runtime/executor_thread.h"
#include "profiler/record/to_trace.h"
#include "profiler/trace/formats.h"
#include "profiler/workflow/machine.h"
#include "profiler/workflow/machine_peak.h"
#include "profiler/workflow/measure.h"

namespace lathe {

RecordingInfo recording_info(const Model& model, std::string configuration) {
  RecordingInfo info;
  info.lathe_version = lathe_version();
  info.model = std::filesystem::path(model.path).filename().string();
  info.threads = kernel_threads();
  info.cpu = cpu_name();
  info.configuration = std::move(configuration);
  info.more = {{"instruction_set", instruction_set()}};
  return info;
}

namespace {

/// Twenty runs tell a distribution; nobody waits minutes for that, and a run of seconds varies little.
int affordable_runs(int64_t one_ns) {
  constexpr int64_t most_ns = 15'000'000'000, fewest = 5, most = 20;
  return static_cast<int>(std::clamp(most_ns / std::max<int64_t>(one_ns, 1), fewest, most));
}

/// More recordings than are kept, so that some of them met the machine as the median run did, where that
/// takes little time.
Session::MeasurePlan plan_for(const MeasureSettings& settings, int64_t one_ns) {
  const auto affordable = [&](int64_t all_ns) {
    constexpr int64_t most = 50;
    return static_cast<int>(std::min(most, all_ns / std::max<int64_t>(one_ns, 1)));
  };
  Session::MeasurePlan plan;
  plan.runs = settings.runs > 0 ? settings.runs : affordable_runs(one_ns);
  plan.kept = settings.recorded_runs;
  plan.recorded = std::max(plan.kept, affordable(2'000'000'000));
  plan.more = affordable(6'000'000'000);  // only on a machine that has other things to do
  plan.more_timed = settings.runs == 0;
  return plan;
}

}  // namespace

Result<Measured> measure(Session& session, const Model& model, const MeasureSettings& settings,
                         const JobContext& job) {
  Measured measured;
  const int64_t begin = now_ns();
  LATHE_TRY(session.warm_up(settings.warmup, job));
  const int64_t one_ns = (now_ns() - begin) / std::max(settings.warmup, 1);
  LATHE_ASSIGN(const Session::Measurement runs, session.measure(plan_for(settings, one_ns), job));
  measured.latency = distribution(runs.timed);
  measured.recording_cost = runs.recording_cost();
  RecordingInfo info = recording_info(model, settings.configuration);
  LATHE_ASSIGN(const MachinePeak peak, measure_machine_peak(job));
  info.more.emplace_back(machine_peak_key, to_json(peak));
  LATHE_ASSIGN(Trace trace, to_trace(runs.recording, model.modules, info, job));
  measured.balance = time_balance(trace, measured.latency.p50);
  measured.statistics = statistics(trace);
  measured.trace = std::make_shared<const Trace>(std::move(trace));
  return measured;
}

namespace {

Result<std::shared_ptr<const ProfileReport>> profile_here(const RunRequest& request, const JobContext& job) {
  use_threads(request.threads);
  const Model& model = *request.opened->model;
  LATHE_ASSIGN(NamedValues inputs, run_inputs(request));
  LATHE_TRY(check_inputs(model, inputs));
  double compile_ms = 0;
  LATHE_ASSIGN(const std::unique_ptr<Runnable> runnable, make_runnable(request, inputs, job, compile_ms));
  Session session(*runnable, std::move(inputs), request.seed);
  MeasureSettings settings;
  settings.warmup = request.warmup;
  settings.runs = request.runs;
  settings.recorded_runs = request.runs;
  settings.configuration = request.mode == RunMode::eager ? "eager" : "engine";
  LATHE_ASSIGN(Measured measured, measure(session, model, settings, job));
  auto report = std::make_shared<ProfileReport>();
  report->trace = std::move(measured.trace);
  report->latency = measured.latency;
  report->recording_cost = measured.recording_cost;
  report->balance = std::move(measured.balance);
  report->statistics = std::move(measured.statistics);
  return std::shared_ptr<const ProfileReport>(std::move(report));
}

}  // namespace

Result<std::shared_ptr<const ProfileReport>> profile_model(const RunRequest& request, const JobContext& job) {
  return on_executor([&] { return profile_here(request, job); });
}

Result<std::shared_ptr<const Trace>> open_trace(const std::filesystem::path& path, const JobContext& job) {
  LATHE_ASSIGN(Trace trace, read_trace(path, job));
  return std::make_shared<const Trace>(std::move(trace));
}

Result<std::shared_ptr<const Trace>> merge_trace_files(const std::vector<std::filesystem::path>& paths,
                                                       const JobContext& job) {
  std::vector<Trace> traces;
  for (const auto& path : paths) {
    LATHE_ASSIGN(Trace trace, read_trace(path, job));
    traces.push_back(std::move(trace));
  }
  std::vector<MergeSource> sources;
  for (size_t i = 0; i < traces.size(); ++i) sources.push_back({&traces[i], paths[i].filename().string()});
  LATHE_ASSIGN(Trace merged, merge_traces(sources, MergeAlign::starts, job));
  return std::make_shared<const Trace>(std::move(merged));
}

Status save_trace(const Trace& trace, const std::filesystem::path& path) {
  return write_trace(trace, path);
}

}  // namespace lathe
