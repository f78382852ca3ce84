// SPDX-License-Identifier: Apache-2.0
// What people wait for: opening a model, laying out its graph, a run eager and as an engine. On the bundled
// examples; LATHE_BENCH_MODEL names another model of fixed shapes.
#include <benchmark/benchmark.h>
#include <cstdlib>

#include "profiler/layout/scene.h"
#include "profiler/workflow/workflow.h"

namespace lathe {
namespace {

std::filesystem::path model_file() {
  if (const char* set = std::getenv("LATHE_BENCH_MODEL")) return set;
  return LATHE_SOURCE_DIR "/resources/examples/digits_resnet/digits_resnet_script17.onnx";
}

std::shared_ptr<const OpenedModel> opened_model(benchmark::State& state) {
  auto opened = open_model(model_file(), {}, JobContext());
  if (opened.ok()) return *opened;
  state.SkipWithError(opened.error().text().c_str());
  return nullptr;
}

void open_a_model(benchmark::State& state) {
  for ([[maybe_unused]] auto each : state) benchmark::DoNotOptimize(opened_model(state));
}
BENCHMARK(open_a_model)->Unit(benchmark::kMillisecond);

void lay_out_its_graph(benchmark::State& state) {
  const auto opened = opened_model(state);
  if (!opened) return;
  for ([[maybe_unused]] auto each : state)
    benchmark::DoNotOptimize(layout_scene(*opened->model, SceneOptions(), JobContext()));
}
BENCHMARK(lay_out_its_graph)->Unit(benchmark::kMillisecond);

/// Reports the median latency inside one process, compiling left out.
void run_it(benchmark::State& state, RunMode mode) {
  RunRequest request;
  request.opened = opened_model(state);
  if (!request.opened) return;
  request.mode = mode;
  request.threads = 1;
  request.runs = 20;
  for ([[maybe_unused]] auto each : state) {
    const auto report = run_model(request, JobContext());
    if (!report.ok()) return state.SkipWithError(report.error().text().c_str());
    state.SetIterationTime(report->latency.p50 / 1e9);
  }
}
BENCHMARK_CAPTURE(run_it, eager, RunMode::eager)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_it, engine, RunMode::engine)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lathe
