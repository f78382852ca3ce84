// SPDX-License-Identifier: Apache-2.0
// report.json: the versioned superset of the compatible files, typed.
#include <cmath>
#include <nlohmann/json.hpp>

#include "profiler/report/advice.h"
#include "profiler/report/module_accuracy_report.h"
#include "profiler/report/precision_summary_json.h"
#include "profiler/report/report_data.h"

namespace lathe {
namespace {

using nlohmann::ordered_json;
constexpr int schema_version = 1;

ordered_json distribution(const Distribution& d) {
  const auto ms = [](double ns) { return ns / 1e6; };
  return {{"runs", d.count},     {"min_ms", ms(d.min)}, {"p50_ms", ms(d.p50)},  {"p90_ms", ms(d.p90)},
          {"p99_ms", ms(d.p99)}, {"max_ms", ms(d.max)}, {"mean_ms", ms(d.mean)}};
}

ordered_json balance(const TimeBalance& balance) {
  ordered_json parts = ordered_json::array();
  for (const TimeBalance::Part& part : balance.parts)
    parts.push_back({{"name", part.name}, {"ms", part.ns / 1e6}});
  return {{"latency_ms", balance.latency_ns / 1e6},
          {"parts", parts},
          {"unexplained_ms", balance.unexplained_ns() / 1e6}};
}

ordered_json side(const MeasuredSide& measured) {
  ordered_json accuracy = ordered_json::object();
  for (const auto& [name, value] : measured.accuracy)
    accuracy[name] = std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
  return {{"latency", distribution(measured.latency)},
          {"accuracy", accuracy},
          {"time_balance", balance(measured.balance)}};
}

ordered_json failure_json(const Failure& failure) {
  ordered_json evidence = ordered_json::array(), remedies = ordered_json::array();
  for (const Failure::Evidence& each : failure.evidence)
    evidence.push_back({{"module", each.module},
                        {"node", each.name},
                        {"op_type", each.op_type},
                        {"shapes", each.shapes},
                        {"source", each.source}});
  for (const Remedy& remedy : failure.remedies) {
    remedies.push_back(
        {{"kind", to_string(remedy.kind)}, {"text", remedy.text}, {"subject", remedy.subject}});
    if (remedy.shape) remedies.back()["shape"] = *remedy.shape;
  }
  return {{"cause", to_string(failure.cause)},
          {"message", failure.sentence},
          {"chain", failure.chain},
          {"evidence", evidence},
          {"remedies", remedies}};
}

ordered_json times(const std::map<ModuleId, ModuleTimes>& all, ModuleId module) {
  const auto found = all.find(module);
  if (found == all.end()) return nullptr;
  return {{"device_us", found->second.device_us}, {"host_us", found->second.host_us}};
}

ordered_json module_json(const ReportData& data, const ModuleOutcome& outcome) {
  const Module& module = data.conversion->model->modules[outcome.module];
  ordered_json made = {{"path", module.path},
                       {"class", module.class_name},
                       {"class_inferred", module.class_inferred},
                       {"status", to_string(outcome.status)},
                       {"precision", outcome.precision}};
  if (outcome.failure) made["failure"] = failure_json(*outcome.failure);
  made["time_before"] = times(data.before.modules, outcome.module);
  made["time_after"] = times(data.after.modules, outcome.module);
  const BorderAccuracy* worst = data.module_accuracy.worst_of(module.path);
  made["snr_db"] = worst != nullptr ? ordered_json(worst->snr_db) : ordered_json(nullptr);
  return made;
}

/// What was done to the model before it was converted.
ordered_json applied_json(const Conversion& conversion) {
  ordered_json list = ordered_json::array();
  for (const AppliedRemedy& applied : conversion.remedies) {
    list.push_back({{"kind", to_string(applied.step.kind)},
                    {"subject", applied.step.subject},
                    {"text", applied.text},
                    {"loss", applied.loss ? ordered_json(*applied.loss) : ordered_json(nullptr)}});
    if (applied.snr_db) list.back()["snr_db"] = *applied.snr_db;
    if (applied.metric_loss) list.back()["metric_loss"] = *applied.metric_loss;
    if (applied.step.tolerance) list.back()["tolerance"] = *applied.step.tolerance;
    if (applied.step.shape) list.back()["shape"] = *applied.step.shape;
    if (applied.step.count) list.back()["count"] = *applied.step.count;
  }
  return list;
}

/// One engine after merging, with the converted modules that stand in it.
ordered_json engine_json(const Conversion& conversion, size_t number) {
  const Model& model = *conversion.model;
  const Partition::Piece& piece = conversion.partition.pieces[number];
  ordered_json names = ordered_json::array(), modules = ordered_json::array();
  for (const NodeId id : piece.nodes) names.push_back(model.graph.node(id).name);
  for (const ModuleOutcome& outcome : conversion.outcomes)
    if (outcome.status == ModuleStatus::success && outcome.engine == static_cast<int>(number))
      modules.push_back(model.modules[outcome.module].path);
  const ModuleOutcome* outcome = conversion.find(piece.module);
  ordered_json engine = {{"module", model.modules[piece.module].path},
                         {"name", piece.name},
                         {"modules", modules},
                         {"precision", outcome != nullptr ? outcome->precision : "f32"},
                         {"nodes", names}};
  const Engine* built = conversion.runnable ? conversion.runnable->engine(number) : nullptr;
  if (built != nullptr) {
    engine["steps"] = built->steps().size();
    engine["arena_bytes"] = built->arena_bytes();
    engine["weight_bytes"] = built->weight_bytes();
  }
  return engine;
}

/// Next steps, most time first.
ordered_json advice_json(const ReportData& data) {
  ordered_json list = ordered_json::array();
  for (const Advice& advice : advise(data)) {
    list.push_back(
        {{"text", advice.text()},
         {"cause", to_string(advice.cause)},
         {"remedy", to_string(advice.remedy.kind)},
         {"subject", advice.remedy.subject},
         {"modules", advice.modules},
         {"time_share", advice.share},
         {"speedup", advice.speedup ? ordered_json(*advice.speedup) : ordered_json(nullptr)},
         {"estimated", !advice.measured},
         {"converted", advice.converted ? ordered_json(*advice.converted) : ordered_json(nullptr)}});
    ordered_json& others = list.back()["alternatives"] = ordered_json::array();
    for (const AlternativeAdvice& other : advice.others)
      others.push_back(
          {{"text", other.text(advice.total)},
           {"remedy", to_string(other.remedy.kind)},
           {"subject", other.remedy.subject},
           {"speedup", other.speedup ? ordered_json(*other.speedup) : ordered_json(nullptr)},
           {"estimated", !other.measured},
           {"converted", other.converted ? ordered_json(*other.converted) : ordered_json(nullptr)}});
  }
  return list;
}

/// One entry per node that computes or moves floating-point numbers; empty where everything is as it was.
ordered_json precision_map(const Conversion& conversion) {
  ordered_json map = ordered_json::array();
  for (const NodePrecision& node : conversion.precision.nodes)
    map.push_back({{"module", conversion.model->modules[node.module].path},
                   {"node", node.node},
                   {"op_type", node.op_type},
                   {"precision", to_string(node.precision)},
                   {"rule", node.rule},
                   {"reason", node.reason},
                   {"inserted", node.inserted}});
  return map;
}

}  // namespace

std::string report_json(const ReportData& data) {
  const Conversion& conversion = *data.conversion;
  const Model& model = *conversion.model;
  ordered_json modules = ordered_json::array(), engines = ordered_json::array(),
               notes = ordered_json::array();
  for (const ModuleOutcome& outcome : conversion.outcomes) modules.push_back(module_json(data, outcome));
  for (size_t i = 0; i < conversion.partition.pieces.size(); ++i)
    engines.push_back(engine_json(conversion, i));
  for (const Finding& note : conversion.notes)
    notes.push_back({{"code", note.code}, {"message", note.message}});
  const ordered_json document = {
      {"schema_version", schema_version},
      {"lathe_version", data.lathe_version},
      {"model",
       {{"path", model.path},
        {"ir_version", model.ir_version},
        {"opsets", model.opsets},
        {"producer", model.producer_name + " " + model.producer_version}}},
      {"machine",
       {{"cpu", data.cpu},
        {"instruction_set", data.instruction_set},
        {"threads", data.threads},
        {"backend", "cpu"}}},
      {"configuration", ordered_json::parse(to_json(conversion.configuration))},
      {"data", {{"dataset", data.data}, {"metric", data.metric}, {"samples", data.samples}}},
      {"conversion_rate", {conversion.converted, conversion.total}},
      {"num_modules", conversion.engines},
      {"num_engines", conversion.partition.pieces.size()},
      {"load_ms", data.load_ms},
      {"compile_ms", data.compile_ms},
      {"active_runs", data.active_runs},
      {"before", side(data.before)},
      {"after", side(data.after)},
      {"remedies_applied", applied_json(conversion)},
      {"engines", engines},
      {"modules", modules},
      {"advise", advice_json(data)},
      {"precision_map", precision_map(conversion)},
      {"quantization", quantization_json(conversion)},
      {"module_accuracy", module_accuracy_json(data.module_accuracy)},
      {"notes", notes},
  };
  return document.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace lathe
