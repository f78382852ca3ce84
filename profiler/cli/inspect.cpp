// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "profiler/cli/command.h"
#include "profiler/workflow/operators.h"
#include "profiler/workflow/plugins.h"

namespace lathe {
namespace {

using nlohmann::ordered_json;

struct Options {
  ModelOptions model;
  bool tree = false, operators = false;
};

ordered_json types_json(const OperatorCoverage& coverage) {
  ordered_json groups = ordered_json::array();
  for (const InputTypes& group : coverage.types)
    groups.push_back({{"inputs", group.inputs}, {"types", group.types}});
  return groups;
}

int print_operators(bool as_json) {
  ordered_json rows = ordered_json::array();
  std::vector<std::vector<std::string>> table{
      {"operator", "domain", "since opset", "tests", "kernels", "element types"}};
  for (const OperatorEntry& entry : list_operators()) {
    const auto found = operator_coverage().find(entry.name);
    const OperatorCoverage coverage = found == operator_coverage().end() ? OperatorCoverage{} : found->second;
    const auto [domain, name] = split_operator_name(entry.name);
    const std::string kernels =
        fmt::format("{}{}{}", fmt::join(entry.kernels, " "), entry.kernels.empty() ? "" : " ",
                    entry.runs ? "reference" : "none");
    table.push_back({name, domain, fmt::format("v{}", fmt::join(entry.versions, " ")),
                     std::to_string(coverage.tests()), kernels, short_types(coverage)});
    rows.push_back({{"operator", entry.name},
                    {"domain", domain},
                    {"versions", entry.versions},
                    {"types", types_json(coverage)},
                    {"kernels", entry.kernels},
                    {"runs", entry.runs},
                    {"tests", {{"onnx", coverage.packaged + coverage.shared}, {"own", coverage.own}}}});
  }
  print(as_json ? rows.dump(1) + "\n" : format_table(table));
  return exit_done;
}

ordered_json values_json(const OpenedModel& opened, const std::vector<ValueId>& values) {
  ordered_json list = ordered_json::array();
  for (const ValueId id : values) {
    const TypeInfo& type = opened.types.type(id);
    ordered_json shape = ordered_json::array();
    if (type.dims)
      for (const Dim& dim : *type.dims)
        shape.push_back(dim.known() ? ordered_json(dim.value()) : ordered_json(dim.text()));
    list.push_back({{"name", opened.model->graph.value(id).name},
                    {"type", to_string(type.element)},
                    {"shape", type.dims ? shape : ordered_json(nullptr)}});
  }
  return list;
}

ordered_json as_json(const OpenedModel& opened) {
  const Model& model = *opened.model;
  ordered_json operator_counts = ordered_json::object(), modules = ordered_json::array(),
               findings = ordered_json::array();
  for (const OperatorSummary& op : opened.summary.operators) operator_counts[op.op_type] = op.count;
  for (const ModuleSummary& summary : opened.summary.modules) {
    const Module& module = model.modules[summary.module];
    if (summary.total_nodes == 0 && !module.path.empty()) continue;
    modules.push_back({{"path", module.path},
                       {"class", module.class_name},
                       {"class_inferred", module.class_inferred},
                       {"nodes", summary.nodes},
                       {"parameters", summary.total_parameters.elements},
                       {"flops", summary.total_flops}});
  }
  for (const Finding& finding : opened.findings)
    findings.push_back({{"severity", to_string(finding.severity)},
                        {"code", finding.code},
                        {"where", finding.where},
                        {"message", finding.message},
                        {"remedy", finding.remedy}});
  return {{"inputs", values_json(opened, model.graph.inputs())},
          {"outputs", values_json(opened, model.graph.outputs())},
          {"opset", model.opsets},
          {"ir_version", model.ir_version},
          {"producer", model.producer_name},
          {"operators", operator_counts},
          {"parameters", opened.summary.parameters.elements},
          {"parameter_bytes", opened.summary.parameters.bytes},
          {"flops", opened.summary.flops},
          {"bytes", opened.summary.bytes},
          {"modules", modules},
          {"findings", findings}};
}

void tree_rows(const OpenedModel& opened, ModuleId id, int depth,
               std::vector<std::vector<std::string>>& rows) {
  const Module& module = opened.model->modules[id];
  const ModuleSummary& summary = opened.summary.modules[id.index];
  if (summary.total_nodes == 0 && depth > 0) return;
  rows.push_back({std::string(2 * static_cast<size_t>(depth), ' ') + (depth == 0 ? "(model)" : module.name),
                  module.class_name + (module.class_inferred ? "*" : ""), std::to_string(summary.total_nodes),
                  format_count(static_cast<double>(summary.total_parameters.elements)),
                  format_count(static_cast<double>(summary.total_flops))});
  for (const ModuleId child : module.children) tree_rows(opened, child, depth + 1, rows);
}

std::string as_text(const OpenedModel& opened, bool tree) {
  const Model& model = *opened.model;
  std::string text = fmt::format("{}\n  IR {}, {} {}\n", model.path, model.ir_version, model.producer_name,
                                 model.producer_version);
  for (const auto& [domain, version] : model.opsets)
    text += fmt::format("  opset {} {}\n", domain.empty() ? "ai.onnx" : domain, version);
  const auto list = [&](const char* title, const std::vector<ValueId>& values) {
    text += fmt::format("{}\n", title);
    for (const ValueId id : values)
      text += fmt::format("  {}  {}\n", model.graph.value(id).name, to_string(opened.types.type(id)));
  };
  list("inputs", model.graph.inputs());
  list("outputs", model.graph.outputs());
  const ModelSummary& summary = opened.summary;
  text += fmt::format("{} nodes, {} parameters ({}), {}FLOP{}\n", summary.nodes,
                      format_count(static_cast<double>(summary.parameters.elements)),
                      format_bytes(static_cast<double>(summary.parameters.bytes)),
                      format_count(static_cast<double>(summary.flops)) + " ",
                      summary.unknown_costs > 0
                          ? fmt::format(" ({} nodes of unknown cost: give --shape)", summary.unknown_costs)
                          : "");
  std::vector<std::vector<std::string>> rows{{"operator", "count", "FLOP"}};
  for (const OperatorSummary& op : summary.operators)
    rows.push_back({op.op_type, std::to_string(op.count), format_count(static_cast<double>(op.flops))});
  text += format_table(rows, "  ");
  if (tree) {
    std::vector<std::vector<std::string>> modules{{"module", "class", "nodes", "parameters", "FLOP"}};
    tree_rows(opened, ModuleTree::root(), 0, modules);
    text += "modules (* class inferred)\n" + format_table(modules, "  ");
  }
  for (const Finding& finding : opened.findings)
    text += fmt::format("{}: {}: {}{}\n", to_string(finding.severity), finding.where, finding.message,
                        finding.remedy.empty() ? "" : " (" + finding.remedy + ")");
  return text;
}

Result<int> inspect(const Options& options, const GlobalOptions& global, const JobContext& job) {
  if (options.operators) {
    LATHE_TRY(load_plugins({options.model.plugins.begin(), options.model.plugins.end()}));
    return print_operators(global.json);
  }
  if (options.model.model.empty()) return usage_error("", "a model is needed (or --operators)");
  LATHE_ASSIGN(const auto opened, open(options.model, job));
  print(global.json ? as_json(*opened).dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n"
                    : as_text(*opened, options.tree));
  return exit_done;
}

}  // namespace

void register_inspect(CommandRegistry& registry) {
  registry.add({"inspect", "inputs, outputs, operators, parameters, FLOPs, modules, findings",
                [](CLI::App& app, const GlobalOptions& global) {
                  auto options = std::make_shared<Options>();
                  app.add_option("model", options->model.model, "model.onnx");
                  options->model.add_to(app, false);
                  app.add_flag("--tree", options->tree, "the module tree");
                  app.add_flag("--operators", options->operators, "every operator of this build");
                  return [options, &global](const JobContext& job) { return inspect(*options, global, job); };
                }});
}

}  // namespace lathe
