// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/compare.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "profiler/cli/command.h"

namespace lathe {
namespace {

using nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;
constexpr size_t most_rows = 25;  // of a table for people; --json has all

struct Options {
  std::string a, b;
  ModelOptions model;
  RunMode mode = RunMode::eager;
  bool fail_on_difference = false;
};

std::string named(const std::string& path) {
  return path.empty() ? "(model)" : path;
}

/// "lathe compare" prints the first rows of each table.
void print_table(const std::string& title, Rows rows, size_t rows_in_all) {
  if (rows.size() < 2) return;
  print("\n" + title + "\n" + format_table(rows, "  "));
  if (rows_in_all + 1 > rows.size())
    print(fmt::format("  and {} more: --json has all\n", rows_in_all + 1 - rows.size()));
}

std::string change_text(double a, double b) {
  return a > 0 ? fmt::format("{:+.1f} %", 100 * (b - a) / a) : "new";
}

ordered_json number_or_null(const std::optional<double>& value, double scale = 1) {
  return value ? ordered_json(*value * scale) : ordered_json(nullptr);
}

std::string dump(const ordered_json& document) {
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

// --- models

ordered_json json_of(const ValueDifference& value) {
  ordered_json made = {
      {"name", value.name},     {"in_a", !value.name_a.empty()}, {"in_b", !value.name_b.empty()},
      {"type_a", value.type_a}, {"type_b", value.type_b},        {"identical", value.identical()}};
  if (!value.module.empty()) made["module"] = value.module;
  if (!value.reason.empty()) made["reason"] = value.reason;
  if (value.difference) {
    made["different"] = value.difference->different;
    made["count"] = value.difference->count;
    made["max_abs"] = value.difference->max_abs;
    made["mean_abs"] = value.mean_abs;
    made["snr_db"] = value.difference->snr_db;
    made["cosine"] = value.difference->cosine;
  }
  return made;
}

ordered_json json_of(const ModelComparison& result, bool differs) {
  ordered_json modules = ordered_json::array(), weights = ordered_json::array(),
               outputs = ordered_json::array();
  for (const ModuleDifference& module : result.graph.modules) {
    ordered_json nodes = ordered_json::array();
    for (const NodeDifference& node : module.nodes)
      nodes.push_back({{"kind", to_string(node.kind)},
                       {"node", node.name},
                       {"op_type_a", node.op_a},
                       {"op_type_b", node.op_b},
                       {"changes", node.changes}});
    modules.push_back({{"path", module.path},
                       {"class", module.class_name},
                       {"added", module.added},
                       {"removed", module.removed},
                       {"changed", module.changed},
                       {"nodes", nodes}});
  }
  for (const ValueDifference& weight : result.weights.different) weights.push_back(json_of(weight));
  for (const ValueDifference& output : result.outputs) outputs.push_back(json_of(output));
  return {{"kind", "models"},
          {"differs", differs},
          {"graph",
           {{"nodes_a", result.graph.nodes_a},
            {"nodes_b", result.graph.nodes_b},
            {"added", result.graph.added},
            {"removed", result.graph.removed},
            {"changed", result.graph.changed},
            {"interface", result.graph.interface},
            {"modules", modules}}},
          {"weights",
           {{"compared", result.weights.compared},
            {"identical", result.weights.identical},
            {"different", weights}}},
          {"outputs", outputs},
          {"outputs_note", result.outputs_note}};
}

std::string node_text(const NodeDifference& node) {
  if (node.kind == NodeDifference::Kind::added) return node.op_b;
  if (node.kind == NodeDifference::Kind::removed) return node.op_a;
  std::string text;
  for (const std::string& change : node.changes) text += (text.empty() ? "" : "; ") + change;
  return text;
}

void print_graph(const GraphComparison& graph) {
  print(fmt::format("Graph: {} and {} nodes; {} added, {} removed, {} changed\n", graph.nodes_a,
                    graph.nodes_b, graph.added, graph.removed, graph.changed));
  for (const std::string& line : graph.interface) print("  " + line + "\n");
  Rows modules = {{"module", "class", "added", "removed", "changed"}};
  Rows nodes = {{"", "node", "module", "what"}};
  size_t node_count = 0;
  for (const ModuleDifference& module : graph.modules) {
    if (modules.size() <= most_rows)
      modules.push_back({named(module.path), module.class_name, std::to_string(module.added),
                         std::to_string(module.removed), std::to_string(module.changed)});
    for (const NodeDifference& node : module.nodes) {
      ++node_count;
      if (nodes.size() <= most_rows)
        nodes.push_back({to_string(node.kind), node.name, named(module.path), node_text(node)});
    }
  }
  print_table("Modules that differ", modules, graph.modules.size());
  print_table("Nodes that differ", nodes, node_count);
}

Rows value_rows(const std::vector<ValueDifference>& values, const char* what) {
  Rows rows = {{what, "A", "B", "max abs", "mean abs", "SNR dB", "cosine", ""}};
  for (const ValueDifference& value : values) {
    if (rows.size() > most_rows) break;
    const auto text = [&](double number) {
      return value.difference ? fmt::format("{:.4g}", number) : std::string("-");
    };
    const TensorDifference difference = value.difference.value_or(TensorDifference());
    rows.push_back({value.name, value.type_a.empty() ? "-" : value.type_a,
                    value.type_b.empty() ? "-" : value.type_b, text(difference.max_abs), text(value.mean_abs),
                    value.difference ? fmt::format("{:.1f}", difference.snr_db) : std::string("-"),
                    value.difference ? fmt::format("{:.6f}", difference.cosine) : std::string("-"),
                    value.identical() ? "identical" : value.reason});
  }
  return rows;
}

void print_models(const ModelComparison& result) {
  print_graph(result.graph);
  print(fmt::format("\nWeights: {} in both, {} identical, {} different or in one model only\n",
                    result.weights.compared, result.weights.identical, result.weights.different.size()));
  print_table("Weights that differ", value_rows(result.weights.different, "weight"),
              result.weights.different.size());
  if (!result.outputs_note.empty()) print("\nOutputs: not compared. " + result.outputs_note + "\n");
  print_table("Outputs on the same inputs (A is the reference)", value_rows(result.outputs, "output"),
              result.outputs.size());
}

Result<bool> models(const Options& options, bool json, const JobContext& job) {
  ModelOptions second = options.model;
  second.model = options.b;
  LATHE_ASSIGN(const auto a, open(options.model, job));
  LATHE_ASSIGN(const auto b, open(second, job));
  LATHE_ASSIGN(RunRequest run_a, run_request(options.model, a, options.mode));
  RunRequest run_b = run_a;
  run_b.opened = b;
  LATHE_ASSIGN(const ModelComparison result, compare_models(run_a, run_b, job));
  if (json)
    print(dump(json_of(result, result.differs())));
  else
    print_models(result);
  return result.differs();
}

// --- conversions

ordered_json json_of(const ConversionComparison& result) {
  ordered_json accuracy = ordered_json::object(), settings = ordered_json::array(),
               modules = ordered_json::array();
  for (const auto& [name, value] : result.accuracy)
    accuracy[name] = {{"a", number_or_null(value.a)}, {"b", number_or_null(value.b)}};
  for (const SettingDelta& setting : result.settings)
    settings.push_back({{"key", setting.key},
                        {"a", ordered_json::parse(setting.a, nullptr, false).is_discarded()
                                  ? ordered_json(nullptr)
                                  : ordered_json::parse(setting.a)},
                        {"b", ordered_json::parse(setting.b, nullptr, false).is_discarded()
                                  ? ordered_json(nullptr)
                                  : ordered_json::parse(setting.b)}});
  for (const ModuleDelta& module : result.modules)
    modules.push_back({{"path", module.path},
                       {"class", module.class_name},
                       {"status_a", module.status_a},
                       {"status_b", module.status_b},
                       {"cause_a", module.cause_a},
                       {"cause_b", module.cause_b},
                       {"precision_a", module.precision_a},
                       {"precision_b", module.precision_b},
                       {"ms_a", number_or_null(module.ns_a, 1e-6)},
                       {"ms_b", number_or_null(module.ns_b, 1e-6)}});
  return {{"kind", "conversions"},
          {"differs", !result.same_outcome()},
          {"model_a", result.model_a},
          {"model_b", result.model_b},
          {"conversion_rate_a", {result.converted_a, result.total_a}},
          {"conversion_rate_b", {result.converted_b, result.total_b}},
          {"num_modules_a", result.engines_a},
          {"num_modules_b", result.engines_b},
          {"latency_ms_a", result.latency_a / 1e6},
          {"latency_ms_b", result.latency_b / 1e6},
          {"accuracy", accuracy},
          {"settings", settings},
          {"modules", modules}};
}

std::string optional_text(const std::optional<double>& value, const char* form) {
  return value ? fmt::format(fmt::runtime(form), *value) : "-";
}

void print_conversions(const ConversionComparison& result) {
  Rows rows = {{"", "A", "B", "change"},
               {"modules converted", fmt::format("{}/{}", result.converted_a, result.total_a),
                fmt::format("{}/{}", result.converted_b, result.total_b), ""},
               {"engines", std::to_string(result.engines_a), std::to_string(result.engines_b), ""},
               {"latency p50", format_ms(result.latency_a / 1e6), format_ms(result.latency_b / 1e6),
                change_text(result.latency_a, result.latency_b)}};
  for (const auto& [name, value] : result.accuracy)
    rows.push_back({name, optional_text(value.a, "{:.4f}"), optional_text(value.b, "{:.4f}"),
                    value.a && value.b ? fmt::format("{:+.4f}", *value.b - *value.a) : std::string()});
  print(format_table(rows));
  Rows settings = {{"setting", "A", "B"}};
  for (const SettingDelta& setting : result.settings)
    settings.push_back(
        {setting.key, setting.a.empty() ? "-" : setting.a, setting.b.empty() ? "-" : setting.b});
  print_table("Settings that differ", settings, result.settings.size());
  Rows states = {{"module", "A", "B"}};
  size_t changed = 0;
  const auto state = [](const std::string& status, const std::string& cause, const std::string& precision) {
    return status.empty() ? "-" : status + (cause.empty() ? "" : " " + cause) + " " + precision;
  };
  std::vector<const ModuleDelta*> timed;
  for (const ModuleDelta& module : result.modules) {
    if (module.ns_a && module.ns_b) timed.push_back(&module);
    if (!module.changed()) continue;
    ++changed;
    if (states.size() <= most_rows)
      states.push_back({named(module.path), state(module.status_a, module.cause_a, module.precision_a),
                        state(module.status_b, module.cause_b, module.precision_b)});
  }
  print_table("Modules whose state differs", states, changed);
  std::stable_sort(timed.begin(), timed.end(), [](const ModuleDelta* left, const ModuleDelta* right) {
    return std::abs(*left->ns_b - *left->ns_a) > std::abs(*right->ns_b - *right->ns_a);
  });
  Rows times = {{"module", "class", "A ms", "B ms", "change"}};
  for (size_t i = 0; i < std::min(most_rows, timed.size()); ++i)
    times.push_back(
        {named(timed[i]->path), timed[i]->class_name, fmt::format("{:.3f}", *timed[i]->ns_a / 1e6),
         fmt::format("{:.3f}", *timed[i]->ns_b / 1e6), change_text(*timed[i]->ns_a, *timed[i]->ns_b)});
  print_table("Time by module, per run", times, timed.size());
}

Result<bool> conversions(const Options& options, bool json, const JobContext& job) {
  LATHE_ASSIGN(const ConversionComparison result, compare_conversion_folders(options.a, options.b, job));
  if (json)
    print(dump(json_of(result)));
  else
    print_conversions(result);
  return !result.same_outcome();
}

// --- traces

ordered_json json_of(const std::vector<TimeDelta>& rows) {
  ordered_json list = ordered_json::array();
  for (const TimeDelta& row : rows)
    list.push_back({{"name", row.name},
                    {"class", row.class_name},
                    {"in_a", row.in_a},
                    {"in_b", row.in_b},
                    {"calls_a", row.calls_a},
                    {"calls_b", row.calls_b},
                    {"self_ms_a", row.self_a / 1e6},
                    {"self_ms_b", row.self_b / 1e6},
                    {"total_ms_a", row.total_a / 1e6},
                    {"total_ms_b", row.total_b / 1e6}});
  return list;
}

void print_times(const char* title, const std::vector<TimeDelta>& deltas) {
  Rows rows = {{"name", "calls A", "calls B", "A ms", "B ms", "change ms", "change"}};
  for (size_t i = 0; i < std::min(most_rows, deltas.size()); ++i) {
    const TimeDelta& row = deltas[i];
    rows.push_back({named(row.name), fmt::format("{:g}", row.calls_a), fmt::format("{:g}", row.calls_b),
                    fmt::format("{:.3f}", row.self_a / 1e6), fmt::format("{:.3f}", row.self_b / 1e6),
                    fmt::format("{:.3f}", row.self_change() / 1e6),
                    !row.in_b   ? "only in A"
                    : !row.in_a ? "only in B"
                                : change_text(row.self_a, row.self_b)});
  }
  print_table(std::string(title) + " (time of their own operators, per run)", rows, deltas.size());
}

Result<bool> traces(const Options& options, bool json, const JobContext& job) {
  LATHE_ASSIGN(const TimeComparison result, compare_trace_files(options.a, options.b, job));
  if (json) {
    print(dump({{"kind", "traces"},
                {"differs", !result.same_structure()},
                {"runs_a", result.runs_a},
                {"runs_b", result.runs_b},
                {"operators_ms_a", result.op_ns_a / 1e6},
                {"operators_ms_b", result.op_ns_b / 1e6},
                {"classes", json_of(result.classes)},
                {"modules", json_of(result.modules)},
                {"operators", json_of(result.operators)}}));
    return !result.same_structure();
  }
  print(fmt::format("Operators, per run: A {:.3f} ms, B {:.3f} ms ({})\n", result.op_ns_a / 1e6,
                    result.op_ns_b / 1e6, change_text(result.op_ns_a, result.op_ns_b)));
  print_times("Classes", result.classes);
  print_times("Modules", result.modules);
  print_times("Operators", result.operators);
  return !result.same_structure();
}

Result<int> compare_command(Options options, const GlobalOptions& global, const JobContext& job) {
  options.model.model = options.a;
  LATHE_ASSIGN(const ComparedKind kind, compared_kind(options.a, options.b));
  LATHE_ASSIGN(const bool differs, kind == ComparedKind::models ? models(options, global.json, job)
                                   : kind == ComparedKind::conversions
                                       ? conversions(options, global.json, job)
                                       : traces(options, global.json, job));
  return differs && options.fail_on_difference ? exit_answer_no : exit_done;
}

}  // namespace

void register_compare(CommandRegistry& registry) {
  registry.add({"compare", "what differs between two models, two conversions or two traces",
                [](CLI::App& app, const GlobalOptions& global) {
                  auto options = std::make_shared<Options>();
                  Options& o = *options;
                  app.add_option("a", o.a, "model, folder of a conversion, or trace")->required();
                  app.add_option("b", o.b, "another of the same kind")->required();
                  o.model.add_to(app, false);
                  add_mode(app, o.mode);
                  app.add_flag("--fail-on-difference", o.fail_on_difference,
                               "exit code 1 when anything but times differs");
                  return [options, &global](const JobContext& job) {
                    return compare_command(*options, global, job);
                  };
                }});
}

}  // namespace lathe
