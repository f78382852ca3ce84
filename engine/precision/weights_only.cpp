// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/weights_only.h"

#include <algorithm>
#include <map>

#include "engine/graph/verify.h"
#include "engine/precision/module_scopes.h"
#include "engine/precision/rebuild.h"
#include "engine/precision/rewrite_facts.h"
#include "engine/precision/weights_writer.h"

namespace lathe {
namespace {

/// Rows in the order of the new graph, with its ids: of bodies' nodes behind the node that owns them.
void rewrite_rows(const Graph& graph, const std::map<std::string, WeightDecision>& decisions,
                  const std::map<std::string, std::string>& inserted, PrecisionReport& report) {
  std::map<std::string, std::vector<NodePrecision>> known;  // by node of the main graph
  std::string owner;
  for (NodePrecision& row : report.nodes) {
    if (row.id.valid()) owner = row.node;
    known[owner].push_back(std::move(row));
  }
  report.nodes.clear();
  for (const Node& node : graph.nodes()) {
    std::vector<NodePrecision> rows;
    if (const auto found = known.find(node.name); found != known.end()) rows = std::move(found->second);
    const auto decision = decisions.find(node.name);
    const auto dequantize = inserted.find(node.name);
    const bool told = !rows.empty();
    if (rows.empty() && (decision != decisions.end() || dequantize != inserted.end()))
      rows.push_back(fact_of(node));
    if (!rows.empty()) {
      NodePrecision& row = rows.front();
      row.id = node.id;
      row.op_type = node.qualified_type();
      // Where nothing is asked for, what was said of other precisions stands.
      if (decision != decisions.end() && !(told && decision->second.rule == "asked")) {
        row.rule = decision->second.rule;
        row.reason = decision->second.reason;
      }
      if (dequantize != inserted.end()) {
        row.rule = "weights";
        row.reason = dequantize->second;
        row.inserted = true;
        ++report.casts;
      }
    }
    for (NodePrecision& row : rows) report.nodes.push_back(std::move(row));
  }
}

std::string megabytes(size_t bytes) {
  const size_t tenths = (bytes + 50'000) / 100'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MB";
}

}  // namespace

bool WeightsRequest::asks() const {
  return std::any_of(modules.begin(), modules.end(),
                     [](const WeightWish& wish) { return wish.form != WeightForm::full; });
}

Status store_weights(Model& model, const WeightsRequest& request, PrecisionReport& report,
                     const JobContext& job) {
  if (!request.asks()) return {};
  if (report.opset_before == 0) report.opset_before = opset_of(model);
  LATHE_TRY(raise_for_channels(model, "weights in int8 need"));
  LATHE_ASSIGN(const std::vector<WeightDecision> plan, plan_weights(model, request));
  WeightWriter writer(model.graph, opset_of(model));
  std::map<std::string, WeightDecision> decisions;
  size_t kept = 0;
  for (const WeightDecision& decision : plan) {
    decisions[model.graph.node(decision.node).name] = decision;
    kept += decision.form == WeightForm::full && decision.rule != "asked";
    if (decision.form == WeightForm::int4) model.opsets["com.microsoft"] = 1;
    LATHE_TRY(writer.write(decision));
    LATHE_TRY(job.check());
  }
  GraphEditor(model.graph).remove_dead();
  LATHE_ASSIGN(model.graph, rebuild(model.graph));
  refresh_modules(model);
  write_module_scopes(model);
  for (const Finding& finding : verify(model.graph))
    return internal_error(finding.where, "after storing weights in fewer bits: " + finding.message);
  const InferenceResult types = infer(model.graph, request.inference);
  for (const Finding& finding : types.findings)
    if (finding.severity == Severity::error)
      return internal_error(finding.where, "after storing weights in fewer bits: " + finding.message);
  rewrite_rows(model.graph, decisions, writer.inserted(), report);
  report.opset_after = opset_of(model);
  report.notes.push_back({Severity::note,
                          "weights",
                          "",
                          "weights of " + std::to_string(writer.nodes()) +
                              " nodes are stored in fewer bits: " + megabytes(writer.bytes_before()) +
                              " become " + megabytes(writer.bytes_after()) + "; " + std::to_string(kept) +
                              " products and tables stay as they are",
                          "",
                          {}});
  return {};
}

}  // namespace lathe
