// SPDX-License-Identifier: Apache-2.0
#include "profiler/compare/compare_conversions.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace lathe {
namespace {

/// Leaves of config.json by path. Lists are leaves: a changed shape is one difference.
void flatten(const nlohmann::json& value, const std::string& path, std::map<std::string, std::string>& out) {
  if (!value.is_object()) {
    out[path] = value.dump();
    return;
  }
  for (const auto& [key, below] : value.items()) flatten(below, path.empty() ? key : path + "/" + key, out);
}

std::vector<SettingDelta> compare_settings(const Configuration& a, const Configuration& b) {
  std::map<std::string, std::string> left, right;
  flatten(nlohmann::json::parse(to_json(a), nullptr, false), "", left);
  flatten(nlohmann::json::parse(to_json(b), nullptr, false), "", right);
  std::map<std::string, SettingDelta> all;
  for (const auto& [key, value] : left) all[key].a = value;
  for (const auto& [key, value] : right) all[key].b = value;
  std::vector<SettingDelta> different;
  for (auto& [key, delta] : all) {
    if (delta.a == delta.b) continue;
    delta.key = key;
    different.push_back(std::move(delta));
  }
  return different;
}

std::optional<double> module_time(const Statistics& statistics, const std::string& path) {
  const StatisticsEntry* entry = statistics.module(path);
  if (entry == nullptr) return std::nullopt;
  return static_cast<double>(entry->total_ns) / std::max(1, statistics.runs);
}

std::string cause(const ModuleOutcome& outcome) {
  return outcome.failure ? to_string(outcome.failure->cause) : "";
}

std::vector<ModuleDelta> compare_modules(const ConversionSide& a, const ConversionSide& b) {
  std::vector<ModuleDelta> modules;
  std::map<std::string, size_t> by_path;
  for (const ModuleOutcome& outcome : a.conversion.outcomes) {
    const Module& module = a.conversion.model->modules[outcome.module];
    by_path[module.path] = modules.size();
    ModuleDelta& made = modules.emplace_back();
    made.path = module.path;
    made.class_name = module.class_name;
    made.status_a = to_string(outcome.status);
    made.cause_a = cause(outcome);
    made.precision_a = outcome.precision;
    made.ns_a = module_time(a.statistics, module.path);
  }
  for (const ModuleOutcome& outcome : b.conversion.outcomes) {
    const Module& module = b.conversion.model->modules[outcome.module];
    const auto [found, fresh] = by_path.try_emplace(module.path, modules.size());
    if (fresh) {
      modules.emplace_back();
      modules.back().path = module.path;
      modules.back().class_name = module.class_name;
    }
    ModuleDelta& made = modules[found->second];
    made.status_b = to_string(outcome.status);
    made.cause_b = cause(outcome);
    made.precision_b = outcome.precision;
    made.ns_b = module_time(b.statistics, module.path);
  }
  return modules;
}

std::string file_name(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

}  // namespace

bool ConversionComparison::same_outcome() const {
  return converted_a == converted_b && total_a == total_b && engines_a == engines_b && settings.empty() &&
         std::none_of(modules.begin(), modules.end(), [](const auto& module) { return module.changed(); }) &&
         std::all_of(accuracy.begin(), accuracy.end(),
                     [](const auto& entry) { return entry.second.a == entry.second.b; });
}

ConversionComparison compare_conversions(const ConversionSide& a, const ConversionSide& b) {
  ConversionComparison result;
  result.model_a = file_name(a.conversion.model->path);
  result.model_b = file_name(b.conversion.model->path);
  result.converted_a = a.conversion.converted;
  result.converted_b = b.conversion.converted;
  result.total_a = a.conversion.total;
  result.total_b = b.conversion.total;
  result.engines_a = a.conversion.engines;
  result.engines_b = b.conversion.engines;
  result.latency_a = a.latency.p50;
  result.latency_b = b.latency.p50;
  for (const auto& [name, value] : a.accuracy) result.accuracy[name].a = value;
  for (const auto& [name, value] : b.accuracy) result.accuracy[name].b = value;
  result.settings = compare_settings(a.conversion.configuration, b.conversion.configuration);
  result.modules = compare_modules(a, b);
  return result;
}

}  // namespace lathe
