// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/session.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/kernels/kernel.h"
#include "engine/ops/plugin/load_plugin.h"
#include "profiler/record/close_gaps.h"
#include "profiler/record/typical_runs.h"
#include "profiler/stats/distribution.h"
#include "profiler/workflow/machine.h"
#include "profiler/workflow/tuning.h"

namespace lathe {

Result<NamedValues> Session::run(const JobContext& job, RunObserver* observer) {
  RunOptions options;
  options.observer = observer;
  options.job = &job;
  options.seed = seed_;
  return runnable_.run(inputs_, options);
}

Status Session::warm_up(int runs, const JobContext& job) {
  for (int i = 0; i < runs; ++i) {
    const auto outputs = run(job);
    if (!outputs.ok()) return outputs.error();
  }
  return {};
}

Result<int64_t> Session::timed_run(const JobContext& job, RunObserver* observer) {
  const int64_t begin = now_ns();
  const auto outputs = run(job, observer);
  const int64_t end = now_ns();
  if (!outputs.ok()) return outputs.error();
  return end - begin;
}

Result<std::vector<int64_t>> Session::time(int runs, const JobContext& job) {
  LATHE_ASSIGN(Measurement measured, measure({.runs = runs}, job));
  return std::move(measured.timed);
}

Status Session::record_run(Measurement& measured, Recorder& recorder, const JobContext& job) {
  recorder.begin_run(static_cast<int>(measured.recorded.size()));
  auto latency = timed_run(job, &recorder);
  recorder.end_run();
  if (!latency.ok()) return latency.error();
  measured.recorded.push_back(*latency);
  if (!measured.timed.empty())
    measured.ratios.push_back(static_cast<double>(*latency) /
                              static_cast<double>(std::max<int64_t>(measured.timed.back(), 1)));
  return {};
}

Result<Session::Measurement> Session::measure(const MeasurePlan& plan, const JobContext& job) {
  Measurement measured;
  Recorder recorder;
  const int rounds = std::max(plan.runs, plan.recorded);
  // Whether one of `count` runs that are spread over all rounds falls into round i.
  const auto due = [&](int64_t i, int64_t count) {
    return count > 0 && (i == 0 || i * count / rounds > (i - 1) * count / rounds);
  };
  for (int i = 0; i < rounds + plan.more; ++i) {
    const bool more = i >= rounds;
    if (more && measured.latency_was_recorded(plan.kept)) break;
    job.report(std::min(1.0, static_cast<double>(i) / rounds),
               "measuring, run " + std::to_string(i + 1) + " of " + std::to_string(rounds));
    if (more ? plan.more_timed : due(i, plan.runs)) {
      LATHE_ASSIGN(const int64_t latency, timed_run(job));
      measured.timed.push_back(latency);
    }
    if (more || due(i, plan.recorded)) LATHE_TRY(record_run(measured, recorder, job));
  }
  measured.recording = recorder.finish();
  keep_typical_runs(measured.recording, static_cast<size_t>(std::max(plan.kept, 0)),
                    distribution(measured.timed).p50);
  close_gaps(measured.recording);
  return measured;
}

bool Session::Measurement::latency_was_recorded(int kept) const {
  constexpr double near = 0.01;
  constexpr int enough = 3;
  const double latency = distribution(timed).p50;
  return std::count_if(recorded.begin(), recorded.end(), [&](int64_t each) {
           return std::abs(static_cast<double>(each) - latency) <= near * latency;
         }) >= std::min(kept, enough);
}

double Session::Measurement::recording_cost() const {
  if (ratios.empty()) return 0;
  std::vector<double> sorted = ratios;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle - 1;
}

std::map<std::string, Shape> input_shapes(const NamedValues& inputs) {
  std::map<std::string, Shape> shapes;
  for (const auto& [name, value] : inputs)
    if (value.is_tensor()) shapes[name] = value.tensor.shape();
  return shapes;
}

namespace {

/// What a conversion was made for.
std::map<std::string, ShapeBounds> profile_of(const OpenedModel& opened) {
  std::map<std::string, ShapeBounds> bounds;
  for (const ValueId id : opened.model->graph.inputs()) {
    const std::string& name = opened.model->graph.value(id).name;
    const auto range = opened.configuration.range(name);
    if (!range) continue;
    ShapeBounds& allowed = bounds[name] = {range->min, range->max};
    std::replace_if(
        allowed.min.begin(), allowed.min.end(), [](int64_t size) { return size < 0; }, 0);
    std::replace_if(
        allowed.max.begin(), allowed.max.end(), [](int64_t size) { return size < 0; },
        std::numeric_limits<int64_t>::max());
  }
  return bounds;
}

}  // namespace

Result<std::unique_ptr<Runnable>> make_runnable(const RunRequest& request, const NamedValues& inputs,
                                                const JobContext& job, double& compile_ms) {
  const TuningScope tuning(request.tune || request.opened->configuration.tune);
  const int64_t begin = now_ns();
  LATHE_TRY(request.opened->model->files_unchanged());
  const std::optional<Partition>& partition = request.opened->partition;
  if (request.mode == RunMode::eager && !partition) {
    auto eager = make_eager(request.opened->model);
    compile_ms = static_cast<double>(now_ns() - begin) / 1e6;
    return eager;
  }
  LATHE_ASSIGN(std::unique_ptr<ConvertedModel> engine,
               partition ? make_converted(request.opened->model, *partition, profile_of(*request.opened))
                         : make_engine_model(request.opened->model));
  job.report(-1, "compiling");
  if (!engine->partition().pieces.empty()) LATHE_TRY(engine->prepare(input_shapes(inputs), &job));
  LATHE_TRY(request.opened->model->files_unchanged());
  compile_ms = static_cast<double>(now_ns() - begin) / 1e6;
  return std::unique_ptr<Runnable>(std::move(engine));
}

std::map<std::string, Shape> configured_shapes(const Model& model, const Configuration& configuration) {
  std::map<std::string, Shape> shapes;
  for (const ValueId id : model.graph.inputs()) {
    const Value& input = model.graph.value(id);
    const auto range = configuration.range(input.name);
    if (!range) continue;
    Shape shape = range->opt;
    const std::optional<Dims>& dims = input.type.dims;
    if (dims) shape.resize(dims->size(), -1);
    for (size_t axis = 0; axis < shape.size(); ++axis)
      if (shape[axis] < 0) shape[axis] = dims && (*dims)[axis].known() ? (*dims)[axis].value() : 1;
    shapes[input.name] = std::move(shape);
  }
  return shapes;
}

Result<NamedValues> run_inputs(const RunRequest& request) {
  const OpenedModel& opened = *request.opened;
  std::map<std::string, Shape> shapes = request.shapes;
  for (auto& [name, shape] : configured_shapes(*opened.model, opened.configuration))
    if (!request.inputs.contains(name)) shapes.try_emplace(name, std::move(shape));
  return random_inputs(*opened.model, shapes, request.inputs, request.seed);
}

void use_threads(int requested) {
  set_kernel_threads(requested > 0 ? requested : physical_cores());
  set_plugin_threads(kernel_threads());
}

}  // namespace lathe
