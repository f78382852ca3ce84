// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "profiler/cli/command.h"

namespace lathe {
namespace {

struct Options {
  ModelOptions model;
  RunMode mode = RunMode::eager;
  std::string trace;
  int runs = 10, warmup = 3;
  size_t rows = 20;
};

std::string table(const char* title, const std::vector<StatisticsEntry>& entries,
                  const Statistics& statistics, size_t limit, bool module) {
  std::vector<std::vector<std::string>> rows{{title, "calls", "self ms", "total ms", "%"}};
  const double per_run = 1e6 * statistics.runs;
  for (const StatisticsEntry& entry : entries) {
    if (rows.size() > limit) break;
    rows.push_back({entry.name.empty() && module ? "(model)" : entry.name,
                    std::to_string(entry.calls / std::max(1, statistics.runs)),
                    fmt::format("{:.3f}", static_cast<double>(entry.self_ns) / per_run),
                    fmt::format("{:.3f}", static_cast<double>(entry.total_ns) / per_run),
                    fmt::format("{:.1f}", entry.percent)});
  }
  return format_table(rows) + "\n";
}

std::string balance_table(const ProfileReport& report) {
  const TimeBalance& balance = report.balance;
  std::vector<std::vector<std::string>> rows{{"time balance (per run)", "ms", "%"}};
  const auto row = [&](const std::string& name, double ns) {
    rows.push_back({name, fmt::format("{:.3f}", ns / 1e6),
                    fmt::format("{:.1f}", 100 * ns / std::max(1.0, balance.latency_ns))});
  };
  for (const TimeBalance::Part& part : balance.parts) row(part.name, part.ns);
  row("unexplained", balance.unexplained_ns());
  row("latency, recording off", balance.latency_ns);
  return format_table(rows) +
         fmt::format("\nrecording cost {:+.2f} % (median of pairs)\n", 100 * report.recording_cost);
}

nlohmann::ordered_json as_json(const ProfileReport& report) {
  nlohmann::ordered_json parts = nlohmann::ordered_json::object(),
                         operators = nlohmann::ordered_json::array();
  for (const TimeBalance::Part& part : report.balance.parts) parts[part.name] = part.ns / 1e6;
  for (const StatisticsEntry& entry : report.statistics.operators)
    operators.push_back({{"op_type", entry.name},
                         {"calls", entry.calls},
                         {"self_ms", static_cast<double>(entry.self_ns) / 1e6 / report.statistics.runs}});
  return {{"latency_ms",
           {{"min", report.latency.min / 1e6},
            {"p50", report.latency.p50 / 1e6},
            {"p90", report.latency.p90 / 1e6},
            {"p99", report.latency.p99 / 1e6}}},
          {"time_balance_ms", parts},
          {"unexplained_ms", report.balance.unexplained_ns() / 1e6},
          {"recording_cost_percent", 100 * report.recording_cost},
          {"operators", operators}};
}

Result<int> profile(const Options& options, const GlobalOptions& global, const JobContext& job) {
  LATHE_ASSIGN(const auto opened, open(options.model, job));
  LATHE_ASSIGN(RunRequest request, run_request(options.model, opened, options.mode));
  request.runs = options.runs;
  request.warmup = options.warmup;
  LATHE_ASSIGN(const auto report, profile_model(request, job));
  if (!options.trace.empty()) LATHE_TRY(save_trace(*report->trace, options.trace));
  if (global.json) {
    print(as_json(*report).dump(2) + "\n");
    return exit_done;
  }
  print(table("operator", report->statistics.operators, report->statistics, options.rows, false));
  print(table("class", report->statistics.classes, report->statistics, options.rows, false));
  std::vector<StatisticsEntry> modules = report->statistics.modules;
  std::stable_sort(modules.begin(), modules.end(),
                   [](const auto& a, const auto& b) { return a.self_ns > b.self_ns; });
  print(table("module", modules, report->statistics, options.rows, true));
  print(balance_table(*report));
  if (!options.trace.empty()) print("\ntrace written to " + options.trace + "\n");
  return exit_done;
}

}  // namespace

void register_profile(CommandRegistry& registry) {
  registry.add({"profile",
                "records runs: tables per operator, class and module, the time balance, trace.json",
                [](CLI::App& app, const GlobalOptions& global) {
                  auto options = std::make_shared<Options>();
                  options->model.add_to(app);
                  add_mode(app, options->mode);
                  app.add_option("--trace", options->trace, "trace.json to write (.gz compresses)");
                  app.add_option("--runs", options->runs, "recorded runs")
                      ->check(CLI::Range(1, 100000))
                      ->capture_default_str();
                  app.add_option("--warmup", options->warmup, "runs before")
                      ->check(CLI::Range(0, 100000))
                      ->capture_default_str();
                  app.add_option("--rows", options->rows, "rows a table")->capture_default_str();
                  return [options, &global](const JobContext& job) { return profile(*options, global, job); };
                }});
}

}  // namespace lathe
