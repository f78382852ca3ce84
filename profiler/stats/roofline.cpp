// SPDX-License-Identifier: Apache-2.0
#include "profiler/stats/roofline.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

namespace lathe {
namespace {

using nlohmann::ordered_json;

double number(const Trace& trace, SliceId id, const char* key) {
  const Arg* arg = trace.arg(id, key);
  return arg != nullptr && arg->is_number() ? arg->number() : 0;
}

}  // namespace

double MachinePeak::flops_at(std::string_view precision) const {
  const auto found = flops_per_second.find(std::string(precision));
  if (found != flops_per_second.end()) return found->second;
  const auto wide = flops_per_second.find("f32");
  return wide == flops_per_second.end() ? 0 : wide->second;
}

double MachinePeak::bandwidth_at(double bytes) const {
  for (const Bandwidth& each : bandwidths)
    if (each.working_set >= bytes) return each.bytes_per_second;
  return bandwidths.empty() ? 0 : bandwidths.back().bytes_per_second;
}

double MachinePeak::least_ns(double flops, double bytes, std::string_view precision) const {
  const double compute = flops_at(precision), bandwidth = bandwidth_at(bytes);
  return 1e9 * std::max(compute > 0 ? flops / compute : 0, bandwidth > 0 ? bytes / bandwidth : 0);
}

std::string to_json(const MachinePeak& peak) {
  ordered_json bandwidths = ordered_json::array();
  for (const MachinePeak::Bandwidth& each : peak.bandwidths)
    bandwidths.push_back({{"working_set", each.working_set}, {"bytes_per_second", each.bytes_per_second}});
  return ordered_json{{"threads", peak.threads},
                      {"flops_per_second", peak.flops_per_second},
                      {"bandwidths", std::move(bandwidths)}}
      .dump();
}

std::optional<MachinePeak> parse_machine_peak(std::string_view json) {
  const ordered_json parsed = ordered_json::parse(json, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  MachinePeak peak;
  try {
    peak.threads = parsed.at("threads").get<int>();
    for (const auto& [precision, rate] : parsed.at("flops_per_second").items())
      peak.flops_per_second[precision] = rate.get<double>();
    for (const ordered_json& each : parsed.at("bandwidths"))
      peak.bandwidths.push_back(
          {each.at("working_set").get<double>(), each.at("bytes_per_second").get<double>()});
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  return peak;
}

std::optional<MachinePeak> machine_peak(const Trace& trace) {
  const std::string* text = trace.info().find_metadata(machine_peak_key);
  if (text == nullptr) return std::nullopt;
  const ordered_json value = ordered_json::parse(*text, nullptr, false);
  return parse_machine_peak(value.is_string() ? value.get<std::string>() : *text);
}

std::vector<RooflineStep> roofline(const Trace& trace, const MachinePeak& peak, int runs) {
  std::vector<RooflineStep> steps;
  std::unordered_map<std::string, size_t> known;  // node and operator -> index: a node may take several steps
  for (size_t i = 0; i < trace.slice_count(); ++i) {
    const SliceId id(i);
    if (trace.text(trace.category(id)) != "op") continue;
    const std::string node(trace.arg_text(id, "node")), op(trace.arg_text(id, "op_type"));
    const auto [at, fresh] = known.try_emplace(node + '\n' + op, steps.size());
    if (fresh) {
      RooflineStep step;
      step.node = node;
      step.op_type = op;
      step.kernel = trace.arg_text(id, "kernel");
      step.precision = trace.arg_text(id, "precision");
      step.module = trace.arg_text(id, "module");
      steps.push_back(std::move(step));
    }
    RooflineStep& step = steps[at->second];
    const double flops = number(trace, id, "flops"), bytes = number(trace, id, "bytes");
    step.ns += static_cast<double>(trace.duration(id));
    step.flops += flops;
    step.bytes += bytes;
    step.least_ns += peak.least_ns(flops, bytes, step.precision);
    const double bandwidth = peak.bandwidth_at(bytes), compute = peak.flops_at(step.precision);
    step.memory_bound = bandwidth > 0 && (compute <= 0 || bytes / bandwidth > flops / compute);
  }
  for (RooflineStep& step : steps)
    for (double* each : {&step.ns, &step.flops, &step.bytes, &step.least_ns}) *each /= std::max(runs, 1);
  std::stable_sort(steps.begin(), steps.end(),
                   [](const RooflineStep& a, const RooflineStep& b) { return a.lost_ns() > b.lost_ns(); });
  return steps;
}

}  // namespace lathe
