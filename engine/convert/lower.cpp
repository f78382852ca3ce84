// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/lower.h"

#include <algorithm>

#include "engine/convert/input_dims.h"
#include "engine/convert/precision_settings.h"
#include "engine/ops/inference.h"
#include "engine/precision/mixed.h"
#include "engine/precision/range_overflow.h"

namespace lathe {
namespace {

constexpr double default_budget = 0.01;

/// Adds nodes whose numbers do not fit into fp16 on the data to those that stay wide, where fp16 is asked for
/// and there is data.
Status keep_beyond_f16(Conversion& conversion, const std::shared_ptr<const Model>& model,
                       PrecisionRequest& request, const ConvertOptions& options, const JobContext& job) {
  const bool f16 = std::any_of(request.modules.begin(), request.modules.end(),
                               [](const auto& entry) { return entry.second == ElementType::f16; });
  if (!f16 || options.dry_run || options.samples.empty()) return {};
  job.report(-1, "looking for numbers that fp16 cannot hold");
  const InferenceResult types = infer(model->graph, request.inference);
  auto beyond = beyond_f16(model, types, options.samples, job);
  if (beyond.ok()) {
    request.keep.merge(*beyond);
    return {};
  }
  if (beyond.error().kind == ErrorKind::interrupted) return std::move(beyond).error();
  conversion.notes.push_back({Severity::warning,
                              "fp16_range",
                              "",
                              "whether numbers fit into fp16 could not be told: " + beyond.error().text(),
                              "",
                              {}});
  return {};
}

/// Quantised with calibration data. A dry run compiles nothing, so that it has none.
Status lower_to_8bit(Conversion& conversion, PrecisionRequest request, const ConvertOptions& options,
                     const JobContext& job) {
  if (options.dry_run) {
    conversion.notes.push_back({Severity::note, "int8", "", "int8 is not looked at in a dry run", "", {}});
    return {};
  }
  if (options.calibration == nullptr) return usage_error("", "int8 needs calibration data");
  Int8Request int8;
  int8.precision = std::move(request);
  int8.calibrator = parse_calibrator(conversion.configuration.calibrator);
  int8.data = options.calibration;
  int8.score = options.score;
  int8.symmetric = conversion.configuration.symmetric_activations;
  int8.trials = options.trials;
  int8.judge = options.judge;
  int8.budget = options.budget_share * conversion.configuration.accuracy_budget.value_or(default_budget);
  LATHE_ASSIGN(Quantized made, lower_to_int8(*conversion.model, int8, job));
  PrecisionRequest rest = rest_request(conversion.configuration);
  rest.keep = int8.precision.keep;
  rest.inference = int8.precision.inference;
  // Moved ranges are other numbers: those of the model that was quantised count.
  LATHE_TRY(keep_beyond_f16(conversion, made.wide, rest, options, job));
  LATHE_TRY(lower_rest(made, std::move(rest)));
  conversion.wide = std::move(made.wide);
  conversion.precision = std::move(made.report);
  conversion.model = std::move(made.model);
  return {};
}

}  // namespace

Status keep_wide(Conversion& conversion, const Partition& engines, PrecisionRequest& request,
                 const ConvertOptions& options, const JobContext& job) {
  const Graph& graph = conversion.model->graph;
  std::vector<bool> inside(graph.nodes().size(), false);
  for (const Partition::Piece& piece : engines.pieces)
    for (const NodeId id : piece.nodes) inside[id.index] = true;
  for (const Node& node : graph.nodes())
    if (node.alive && !inside[node.id.index])
      request.keep[node.name] = "runs eagerly, outside of every engine";
  LATHE_ASSIGN(request.inference.input_shapes, opt_dims(*conversion.model, conversion.configuration));
  if (request.asks_int8()) return {};  // which needs other numbers; the rest is looked at once it is made
  return keep_beyond_f16(conversion, conversion.model, request, options, job);
}

Status lower(Conversion& conversion, PrecisionRequest request, WeightsRequest weights,
             const ConvertOptions& options, const JobContext& job) {
  weights.keep = request.keep;
  weights.inference = request.inference;
  conversion.wide = conversion.model;
  job.report(-1, "lowering the precision");
  if (request.asks_int8()) {
    LATHE_TRY(lower_to_8bit(conversion, std::move(request), options, job));
  } else {
    auto lowered = std::make_shared<Model>(*conversion.model);
    lowered->graph = conversion.model->graph.clone();
    LATHE_ASSIGN(conversion.precision, lower_precision(*lowered, request));
    conversion.model = std::move(lowered);
  }
  if (weights.asks()) {
    auto stored = std::make_shared<Model>(*conversion.model);
    stored->graph = conversion.model->graph.clone();
    LATHE_TRY(store_weights(*stored, weights, conversion.precision, job));
    conversion.model = std::move(stored);
  }
  conversion.notes.insert(conversion.notes.end(), conversion.precision.notes.begin(),
                          conversion.precision.notes.end());
  return job.check();
}

}  // namespace lathe
