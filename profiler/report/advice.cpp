// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/advice.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <tuple>

namespace lathe {
namespace {

double device_us(const MeasuredSide& side, ModuleId module) {
  const auto found = side.modules.find(module);
  return found == side.modules.end() ? 0 : found->second.device_us;
}

/// Eager time of the modules that became engines by the time of those engines.
std::optional<double> measured_gain(const ReportData& data) {
  const Conversion& conversion = *data.conversion;
  double eager = 0, engine = 0;
  for (const ModuleOutcome& outcome : conversion.outcomes) {
    if (outcome.status != ModuleStatus::success) continue;
    // On both sides with all that is under it.
    engine += device_us(data.after, outcome.module);
    eager += device_us(data.before, outcome.module);
  }
  if (eager <= 0 || engine <= 0) return std::nullopt;
  return eager / engine;
}

/// Of the whole model: modules under an engine are counted with it.
double eager_time(const ReportData& data) {
  double whole = 0;
  for (const auto& [module, times] : data.before.modules) whole += times.device_us;
  for (const ModuleOutcome& outcome : data.conversion->outcomes) {
    if (outcome.status != ModuleStatus::success) continue;
    for (const ModuleId below : data.conversion->model->modules.subtree(outcome.module))
      if (below != outcome.module) whole -= device_us(data.before, below);
  }
  return whole;
}

/// The first thing to do; keeping a module eager unblocks nothing and is named only where there is no other.
const Remedy* first_remedy(const Failure& failure) {
  const auto helps = [](const Remedy& remedy) { return remedy.kind != Remedy::Kind::keep_eager; };
  const auto found = std::find_if(failure.remedies.begin(), failure.remedies.end(), helps);
  if (found != failure.remedies.end()) return &*found;
  return failure.remedies.empty() ? nullptr : &failure.remedies.front();
}

/// Where the blocked time goes when engines do to it what they did to the rest.
std::optional<double> estimated_speedup(const ReportData& data, double blocked_us,
                                        std::optional<double> gain) {
  const double whole_us = data.after.latency.p50 / 1e3;
  const double blocked = std::min(blocked_us / std::max(1, data.active_runs), whole_us);
  if (!gain || whole_us <= 0 || blocked <= 0) return std::nullopt;
  return whole_us / (whole_us - blocked + blocked / *gain);
}

/// What looking ahead found, which beats the estimate.
void add_forecast(const ReportData& data, Advice& advice) {
  for (const Forecast& forecast : data.conversion->forecasts) {
    if (forecast.step.kind != advice.remedy.kind || forecast.step.subject != advice.remedy.subject) continue;
    advice.converted = forecast.converted;
    if (!forecast.latency_ns || *forecast.latency_ns <= 0) continue;
    advice.speedup = data.after.latency.p50 / *forecast.latency_ns;
    advice.measured = true;
  }
}

}  // namespace

std::string Advice::text() const {
  std::string line = remedy.text;
  while (!line.empty() && (line.back() == '.' || line.back() == ' ')) line.pop_back();
  if (converted) line += fmt::format(": {} of {} modules convert with it", *converted, total);
  line += fmt::format("{} concerns {} of {} modules, {:.0f} % of the eager run's time", converted ? ";" : ":",
                      modules.size(), total, 100 * share);
  if (remedy.kind == Remedy::Kind::keep_eager) return line + ", which stays as it is";
  if (speedup && measured) return line + fmt::format(", {:.2f}x as measured", *speedup);
  if (speedup)
    return line +
           fmt::format(", about {:.2f}x (estimated from {:.2f}x where engines run)", *speedup, *engine_gain);
  return line + ", gain not known: no engine to measure it on";
}

std::vector<Advice> advise(const ReportData& data) {
  const Conversion& conversion = *data.conversion;
  const std::optional<double> gain = measured_gain(data);
  const double eager_us = eager_time(data);
  struct Group {
    Advice advice;
    double before_us = 0, after_us = 0;
  };
  std::map<std::tuple<FailureCause, Remedy::Kind, std::string>, Group> groups;
  for (const ModuleOutcome& outcome : conversion.outcomes) {
    if (outcome.status != ModuleStatus::failed || !outcome.failure) continue;
    const Failure& failure = *outcome.failure;
    const Remedy* remedy = first_remedy(failure);
    if (failure.cause == FailureCause::excluded || remedy == nullptr) continue;
    // "Keep this module eager" is one step whichever module it names.
    const bool keep = remedy->kind == Remedy::Kind::keep_eager;
    Group& group = groups[{failure.cause, remedy->kind, keep ? "" : remedy->subject}];
    if (group.advice.modules.empty()) {
      group.advice.cause = failure.cause;
      group.advice.remedy = *remedy;
      group.advice.total = conversion.total;
    }
    group.advice.modules.push_back(conversion.model->modules[outcome.module].path);
    group.before_us += device_us(data.before, outcome.module);
    group.after_us += device_us(data.after, outcome.module);
  }
  std::vector<Advice> list;
  for (auto& [key, group] : groups) {
    group.advice.share = eager_us > 0 ? group.before_us / eager_us : 0;
    if (group.advice.remedy.kind != Remedy::Kind::keep_eager) {
      group.advice.engine_gain = gain;
      group.advice.speedup = estimated_speedup(data, group.after_us, gain);
    }
    add_forecast(data, group.advice);
    list.push_back(std::move(group.advice));
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const Advice& a, const Advice& b) { return a.share > b.share; });
  return list;
}

}  // namespace lathe
