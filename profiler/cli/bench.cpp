// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "profiler/cli/command.h"
#include "profiler/stats/roofline.h"
#include "profiler/workflow/machine.h"

namespace lathe {
namespace {

using nlohmann::ordered_json;

constexpr int recorded_runs = 10;   // for the roofline
constexpr size_t shown_steps = 20;  // of it

struct Options {
  ModelOptions model;
  std::vector<std::string> models;
  RunMode mode = RunMode::eager;
  int runs = 20, warmup = 3;
  bool roofline = false;
};

/// What most of the weights are stored in, which is what the products of such a model compute in.
std::string stored_precision(const Graph& graph) {
  std::map<std::string, int64_t> elements;
  for (const Value& value : graph.values()) {
    const Tensor* weights = value.alive ? graph.constant(value.id) : nullptr;
    if (weights == nullptr) continue;
    const ElementType type = weights->type();
    if (is_float(type)) elements[to_string(type)] += weights->count();
    if (type == ElementType::i8 || type == ElementType::u8) elements["int8"] += weights->count();
  }
  const auto most = std::max_element(elements.begin(), elements.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == elements.end() ? "f32" : most->first;
}

/// Every step beside what this machine can do, those that lose most first.
Result<ordered_json> measure_roofline(RunRequest request, const JobContext& job) {
  request.runs = std::min(request.runs, recorded_runs);
  LATHE_ASSIGN(const auto report, profile_model(request, job));
  const auto peak = machine_peak(*report->trace);
  if (!peak) return internal_error("", "the recording does not say what this machine can do");
  ordered_json steps = ordered_json::array();
  for (const RooflineStep& step : roofline(*report->trace, *peak, report->statistics.runs))
    steps.push_back({{"node", step.node},
                     {"op_type", step.op_type},
                     {"module", step.module},
                     {"kernel", step.kernel},
                     {"precision", step.precision},
                     {"ms", step.ns / 1e6},
                     {"flops_per_second", step.flops_per_second()},
                     {"bytes_per_second", step.bytes_per_second()},
                     {"bound", step.memory_bound ? "memory" : "compute"},
                     {"share_of_peak", step.share()},
                     {"lost_ms", step.lost_ns() / 1e6}});
  return ordered_json{{"machine", ordered_json::parse(to_json(*peak))}, {"steps", std::move(steps)}};
}

/// One model, measured in this process.
Result<ordered_json> measure(const Options& options, const std::string& path, const JobContext& job) {
  ModelOptions model = options.model;
  model.model = path;
  const int64_t begin = now_ns();
  LATHE_ASSIGN(const auto opened, open(model, job));
  const double load_ms = static_cast<double>(now_ns() - begin) / 1e6;
  LATHE_ASSIGN(RunRequest request, run_request(model, opened, options.mode));
  request.runs = options.runs;
  request.warmup = options.warmup;
  LATHE_ASSIGN(const RunReport report, run_model(request, job));
  const size_t peak = peak_memory_bytes();
  const Distribution& d = report.latency;
  ordered_json roofline;
  if (options.roofline) {
    LATHE_ASSIGN(roofline, measure_roofline(request, job));
  }
  ordered_json result{{"model", path},
                      {"mode", opened->partition                ? "converted"
                               : options.mode == RunMode::eager ? "eager"
                                                                : "engine"},
                      {"precision", stored_precision(opened->model->graph)},
                      {"threads", model.threads > 0 ? model.threads : default_threads()},
                      {"runs", options.runs},
                      {"latency_ms",
                       {{"min", d.min / 1e6},
                        {"p50", d.p50 / 1e6},
                        {"p90", d.p90 / 1e6},
                        {"p99", d.p99 / 1e6},
                        {"mean", d.mean / 1e6}}},
                      {"load_ms", load_ms},
                      {"compile_ms", report.compile_ms},
                      {"peak_rss_bytes", peak}};
  if (options.roofline) result["roofline"] = std::move(roofline);
  return result;
}

/// Runs `measure` in a child, so that neither memory nor caches of one model colour the next; the result
/// comes back by a pipe as JSON ({"error": ...} when it failed).
Result<ordered_json> measure_apart(const Options& options, const std::string& path, const JobContext& job) {
  int ends[2];
  if (::pipe(ends) != 0) return resource_error(path, "no pipe to the measuring process");
  const pid_t child = ::fork();
  if (child < 0) return resource_error(path, "no process to measure in");
  if (child == 0) {
    ::close(ends[0]);
    const auto measured = measure(options, path, job);
    ordered_json message = measured.ok() ? *measured
                                         : ordered_json{{"error", measured.error().text()},
                                                        {"kind", static_cast<int>(measured.error().kind)},
                                                        {"hints", measured.error().hints}};
    const std::string text = message.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    const ssize_t written = ::write(ends[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text;
  char part[4096];
  for (ssize_t n; (n = ::read(ends[0], part, sizeof part)) > 0;) text.append(part, static_cast<size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (job.stop_requested()) return interrupted();
  const ordered_json message = ordered_json::parse(text, nullptr, false);
  if (message.is_discarded())
    return internal_error(path, "the measuring process ended early (status " + std::to_string(status) + ")");
  if (!message.contains("error")) return message;
  Error error{static_cast<ErrorKind>(message["kind"].get<int>()), "", message["error"], message["hints"]};
  return error;
}

std::string roofline_text(const ordered_json& result) {
  const ordered_json& roofline = result["roofline"];
  std::string text =
      fmt::format("\n{}\nthis machine, {} thread(s):",
                  std::filesystem::path(result["model"].get<std::string>()).filename().string(),
                  roofline["machine"]["threads"].get<int>());
  for (const auto& [precision, rate] : roofline["machine"]["flops_per_second"].items())
    text += fmt::format(" {} {:.0f} GFLOP/s,", precision, rate.get<double>() / 1e9);
  for (const ordered_json& each : roofline["machine"]["bandwidths"])
    text += fmt::format(" {:.0f} GB/s in {},", each["bytes_per_second"].get<double>() / 1e9,
                        format_bytes(each["working_set"].get<double>()));
  text.back() = '\n';
  std::vector<std::vector<std::string>> rows{
      {"step", "operator", "kernel", "ms", "GFLOP/s", "GB/s", "bound by", "of peak", "lost ms"}};
  for (const ordered_json& step : roofline["steps"]) {
    if (rows.size() > shown_steps) break;
    const auto number = [&](const char* key, double unit) {
      return fmt::format("{:.2f}", step[key].get<double>() / unit);
    };
    rows.push_back({step["node"], step["op_type"], step["kernel"], number("ms", 1),
                    number("flops_per_second", 1e9), number("bytes_per_second", 1e9), step["bound"],
                    fmt::format("{:.0f} %", 100 * step["share_of_peak"].get<double>()),
                    number("lost_ms", 1)});
  }
  text += format_table(rows);
  const size_t left = roofline["steps"].size() - (rows.size() - 1);
  return left == 0 ? text
                   : text + fmt::format("and {} steps that lose less (all of them with --json)\n", left);
}

Result<int> bench(const Options& options, const GlobalOptions& global, const JobContext& job) {
  ordered_json results = ordered_json::array();
  for (const std::string& path : options.models) {
    LATHE_ASSIGN(ordered_json result, measure_apart(options, path, job));
    results.push_back(std::move(result));
  }
  if (global.json) {
    print(ordered_json{{"results", results}}.dump(2) + "\n");
    return exit_done;
  }
  std::vector<std::vector<std::string>> rows{
      {"model", "mode", "threads", "min ms", "p50 ms", "p90 ms", "p99 ms", "compile ms", "peak memory"}};
  for (const ordered_json& r : results) {
    const auto& ms = r["latency_ms"];
    const auto number = [](double x) { return fmt::format("{:.2f}", x); };
    rows.push_back({std::filesystem::path(r["model"].get<std::string>()).filename().string(), r["mode"],
                    std::to_string(r["threads"].get<int>()), number(ms["min"]), number(ms["p50"]),
                    number(ms["p90"]), number(ms["p99"]), number(r["compile_ms"]),
                    format_bytes(r["peak_rss_bytes"].get<double>())});
  }
  print(format_table(rows));
  if (options.roofline)
    for (const ordered_json& r : results) print(roofline_text(r));
  return exit_done;
}

}  // namespace

void register_bench(CommandRegistry& registry) {
  registry.add({"bench", "latency distribution, each model in its own process",
                [](CLI::App& app, const GlobalOptions& global) {
                  auto options = std::make_shared<Options>();
                  app.add_option("models", options->models, "models, or folders of conversions")->required();
                  options->model.add_to(app, false);
                  add_mode(app, options->mode);
                  app.add_option("--runs", options->runs, "timed runs")
                      ->check(CLI::Range(1, 1000000))
                      ->capture_default_str();
                  app.add_option("--warmup", options->warmup, "runs before timing")
                      ->check(CLI::Range(0, 1000000))
                      ->capture_default_str();
                  app.add_flag("--roofline", options->roofline,
                               "every step beside what this machine can do, those that lose most first");
                  return [options, &global](const JobContext& job) { return bench(*options, global, job); };
                }});
}

}  // namespace lathe
