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

const Forecast* forecast_of(const ReportData& data, const Remedy& remedy) {
  for (const Forecast& forecast : data.conversion->forecasts)
    if (forecast.step.kind == remedy.kind && forecast.step.subject == remedy.subject) return &forecast;
  return nullptr;
}

/// Eager time of the modules that became engines by the time of those engines; where there is none, of the
/// whole model by that of one that was converted with a remedy.
std::optional<double> measured_gain(const ReportData& data) {
  const Conversion& conversion = *data.conversion;
  double eager = 0, engine = 0;
  for (const ModuleOutcome& outcome : conversion.outcomes) {
    if (outcome.status != ModuleStatus::success) continue;
    // On both sides with all that is under it.
    engine += device_us(data.after, outcome.module);
    eager += device_us(data.before, outcome.module);
  }
  if (eager > 0 && engine > 0) return eager / engine;
  for (const Forecast& forecast : conversion.forecasts)
    if (forecast.latency_ns.value_or(0) > 0 && data.after.latency.p50 > 0)
      return data.after.latency.p50 / *forecast.latency_ns;
  return std::nullopt;
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
  const Forecast* forecast = forecast_of(data, advice.remedy);
  if (forecast == nullptr) return;
  advice.converted = forecast->converted;
  if (forecast->latency_ns.value_or(0) <= 0) return;
  advice.speedup = data.after.latency.p50 / *forecast->latency_ns;
  advice.measured = true;
}

/// Time of the modules that fail now and would convert.
double unblocked_us(const ReportData& data, const Forecast& forecast) {
  double time = 0;
  for (const ModuleOutcome& outcome : data.conversion->outcomes) {
    if (outcome.status != ModuleStatus::failed) continue;
    const std::string& path = data.conversion->model->modules[outcome.module].path;
    if (std::find(forecast.modules.begin(), forecast.modules.end(), path) != forecast.modules.end())
      time += device_us(data.after, outcome.module);
  }
  return time;
}

AlternativeAdvice alternative(const ReportData& data, const Remedy& remedy, std::optional<double> gain) {
  AlternativeAdvice made;
  made.remedy = remedy;
  const Forecast* forecast = forecast_of(data, remedy);
  if (forecast == nullptr) return made;
  made.converted = forecast->converted;
  made.measured = forecast->latency_ns.value_or(0) > 0;
  made.speedup = made.measured ? data.after.latency.p50 / *forecast->latency_ns
                               : estimated_speedup(data, unblocked_us(data, *forecast), gain);
  return made;
}

/// What else the failure offers; each once in the advice.
void add_others(const ReportData& data, const Failure& failure, std::optional<double> gain, Advice& advice) {
  for (const Remedy& remedy : failure.remedies) {
    const auto same = [&](const Remedy& other) {
      return other.kind == remedy.kind && other.subject == remedy.subject;
    };
    const bool known = same(advice.remedy) ||
                       std::any_of(advice.others.begin(), advice.others.end(),
                                   [&](const AlternativeAdvice& other) { return same(other.remedy); });
    if (!known && remedy.kind != Remedy::Kind::keep_eager)
      advice.others.push_back(alternative(data, remedy, gain));
  }
}

std::string without_stop(std::string text) {
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

std::string AlternativeAdvice::text(int total) const {
  std::string line = without_stop(remedy.text);
  if (converted) line += fmt::format(": {} of {} modules convert with it", *converted, total);
  if (speedup && measured) line += fmt::format(", {:.2f}x as measured", *speedup);
  if (speedup && !measured) line += fmt::format(", about {:.2f}x (estimated)", *speedup);
  return converted ? line : line + ": gain not known";
}

std::string Advice::text() const {
  std::string line = without_stop(remedy.text);
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
    add_others(data, failure, gain, group.advice);
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
