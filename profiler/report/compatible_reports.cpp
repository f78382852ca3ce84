// SPDX-License-Identifier: Apache-2.0
// workflow_report.json, conversion_report.json and statistics.csv: names, units and types that people's
// scripts know.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <tuple>

#include "profiler/report/report_data.h"

namespace lathe {
namespace {

using nlohmann::ordered_json;

ordered_json performance(const MeasuredSide& side) {
  ordered_json accuracy = ordered_json::object();
  for (const auto& [name, value] : side.accuracy) accuracy[name] = std::isfinite(value) ? value : 0.0;
  // A latency is never written as zero: very small models keep more digits.
  const double ms = side.latency.p50 / 1e6;
  return {
      {"accuracy", accuracy},
      {"latency", ms < 0.1 ? fmt::format("{:.6f} ms", std::max(ms, 1e-6)) : fmt::format("{:.2f} ms", ms)}};
}

ordered_json entry(const Conversion& conversion, const ModuleOutcome& outcome) {
  const Module& module = conversion.model->modules[outcome.module];
  const bool success = outcome.status == ModuleStatus::success;
  ordered_json shapes = nullptr;
  if (success) {
    shapes = ordered_json::object();
    for (size_t i = 0; i < outcome.input_names.size(); ++i)
      shapes[outcome.input_names[i]] = outcome.input_shapes[i];
  }
  ordered_json made = {
      {"rt_mode", success ? ordered_json("onnx") : ordered_json(nullptr)},
      {"children", nullptr},
      {"input_shapes", shapes},
      {"input_args", nullptr},
      {"class_name", module.class_name},
      {"module_name", module.python_module},
      {"status", to_string(outcome.status)},
      {"error", outcome.failure ? ordered_json(outcome.failure->error()) : ordered_json(nullptr)},
      {"traceback", outcome.failure ? ordered_json(outcome.failure->traceback()) : ordered_json(nullptr)},
  };
  if (success) {
    made["fp16"] = outcome.precision == "f16";
    made["int8"] = outcome.precision == "int8";
    made["input_names"] = outcome.input_names;
    made["dynamic_axes"] = nullptr;
  }
  if (outcome.failure) made["cause"] = to_string(outcome.failure->cause);
  return made;
}

/// Plain where it can be; quoted by CSV's rules only when it holds a separator.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// ['a', 'b'] as Python would print it.
std::string python_list(const std::vector<std::string>& items) {
  std::string text = "[";
  for (size_t i = 0; i < items.size(); ++i) {
    text += (i > 0 ? ", '" : "'");
    for (const char c : items[i]) text += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    text += "'";
  }
  return text + "]";
}

/// File and line of the first node that tells: "model.py:123".
std::pair<std::string, int> code_location(const Conversion& conversion, ModuleId module) {
  for (const NodeId id : conversion.model->modules.all_nodes(module)) {
    const std::string& source = conversion.model->graph.node(id).source;
    const size_t colon = source.rfind(':');
    if (colon != std::string::npos) return {source.substr(0, colon), std::atoi(source.c_str() + colon + 1)};
  }
  return {"", 0};
}

}  // namespace

std::vector<const ModuleOutcome*> report_entries(const Conversion& conversion) {
  std::vector<const ModuleOutcome*> entries;
  for (const ModuleOutcome& outcome : conversion.outcomes)
    if (outcome.status != ModuleStatus::covered) entries.push_back(&outcome);
  return entries;
}

std::string workflow_report_json(const ReportData& data) {
  const Conversion& conversion = *data.conversion;
  const ordered_json document = {
      {"conversion_rate", {conversion.converted, conversion.total}},
      {"num_modules", conversion.engines},
      {"performance", performance(data.after)},
      {"non_converted_performance", performance(data.before)},
  };
  return document.dump(2) + "\n";
}

std::string conversion_report_json(const ReportData& data) {
  ordered_json document = ordered_json::object();
  for (const ModuleOutcome* outcome : report_entries(*data.conversion))
    document[data.conversion->model->modules[outcome->module].path] = entry(*data.conversion, *outcome);
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::vector<StatisticsRow> statistics_rows(const ReportData& data) {
  const ModuleTree& tree = data.conversion->model->modules;
  std::map<std::tuple<std::string, std::string, std::string>, StatisticsRow> rows;
  for (const ModuleOutcome* outcome : report_entries(*data.conversion)) {
    if (outcome->status == ModuleStatus::ignored) continue;
    const Module& module = tree[outcome->module];
    const std::string error = outcome->failure ? outcome->failure->error() : "None";
    StatisticsRow& row = rows[{module.class_name, to_string(outcome->status), error}];
    if (row.modules.empty()) {
      row.status = to_string(outcome->status);
      row.error = error;
      row.class_name = module.class_name;
      std::tie(row.code_file, row.code_line) = code_location(*data.conversion, module.id);
    }
    row.errors += outcome->status == ModuleStatus::failed;
    row.modules.push_back(module.path);
    const auto times = data.after.modules.find(module.id);
    if (times == data.after.modules.end()) continue;
    row.times.device_us += times->second.device_us;
    row.times.host_us += times->second.host_us;
    row.times.device_events += times->second.device_events;
    row.times.host_events += times->second.host_events;
  }
  std::vector<StatisticsRow> sorted;
  for (auto& [key, row] : rows) sorted.push_back(std::move(row));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.times.host_us > b.times.host_us; });
  return sorted;
}

std::string statistics_csv(const ReportData& data) {
  std::string text =
      "status,error,num_errors,module_class_name,module_code_filename,module_code_line,device_time_total,cpu_"
      "time_total,"
      "device_events_total,cpu_events_total,used_named_modules\n";
  for (const StatisticsRow& row : statistics_rows(data))
    text += fmt::format("{},{},{},{},{},{},{:.3f},{:.3f},{},{},{}\n", row.status, csv_field(row.error),
                        row.errors, csv_field(row.class_name), csv_field(row.code_file), row.code_line,
                        row.times.device_us, row.times.host_us, row.times.device_events,
                        row.times.host_events, csv_field(python_list(row.modules)));
  return text;
}

}  // namespace lathe
