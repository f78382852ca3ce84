// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/session.h"

#include <algorithm>
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
  LATHE_ASSIGN(Measurement measured, measure(runs, 0, 0, job));
  return std::move(measured.timed);
}

Result<Session::Measurement> Session::measure(int runs, int recorded, int kept, const JobContext& job) {
  Measurement measured;
  Recorder recorder;
  const int rounds = std::max(runs, recorded);
  // Whether one of `count` runs that are spread over all rounds falls into round i.
  const auto due = [&](int64_t i, int64_t count) {
    return count > 0 && (i == 0 || i * count / rounds > (i - 1) * count / rounds);
  };
  for (int i = 0; i < rounds; ++i) {
    job.report(static_cast<double>(i) / rounds,
               "measuring, run " + std::to_string(i * runs / rounds + 1) + " of " + std::to_string(runs));
    if (due(i, runs)) {
      LATHE_ASSIGN(const int64_t latency, timed_run(job));
      measured.timed.push_back(latency);
    }
    if (!due(i, recorded)) continue;
    recorder.begin_run(static_cast<int>(measured.recorded.size()));
    auto latency = timed_run(job, &recorder);
    recorder.end_run();
    if (!latency.ok()) return latency.error();
    measured.recorded.push_back(*latency);
    if (measured.timed.empty()) continue;
    measured.ratios.push_back(static_cast<double>(*latency) /
                              static_cast<double>(std::max<int64_t>(measured.timed.back(), 1)));
  }
  measured.recording = recorder.finish();
  keep_typical_runs(measured.recording, static_cast<size_t>(std::max(kept, 0)),
                    distribution(measured.timed).p50);
  close_gaps(measured.recording);
  return measured;
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
