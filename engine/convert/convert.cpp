// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/convert.h"

#include <algorithm>

#include "engine/convert/converter.h"
#include "engine/convert/lower.h"
#include "engine/convert/precision_budget.h"
#include "engine/convert/precision_settings.h"

namespace lathe {
namespace {

/// Modules that have to stay wide within the accuracy budget, where one is set and there is something to
/// judge by.
Result<Losses> losses_of(const Conversion& conversion, const PrecisionRequest& precision,
                         const ConvertOptions& options, const JobContext& job) {
  const std::optional<double>& budget = conversion.configuration.accuracy_budget;
  if (!budget || !options.score || options.dry_run || !precision.asks() || precision.asks_int8())
    return Losses();
  return losses_beyond_budget({conversion.model, precision, options.score, *budget}, job);
}

/// Computes in fp32 where that was lost.
Status raise_precision(Conversion& conversion, const Losses& losses) {
  for (const auto& [path, loss] : losses) {
    ModuleSettings& settings = conversion.configuration.modules[path];
    settings.fp16 = settings.bf16 = settings.int8 = false;
    const RemedyStep step{Remedy::Kind::raise_precision, path, std::nullopt, std::nullopt};
    conversion.configuration.remedies.push_back(step);
    conversion.remedies.push_back(
        {step, (path.empty() ? "the model" : "'" + path + "'") + std::string(" computes in fp32"),
         std::nullopt});
  }
  return {};
}

/// Rewrites the model in the precision asked for. What that makes fail is in `losses`.
Status choose_precision(Conversion& conversion, Losses& losses, WeightsRequest weights,
                        const ConvertOptions& options, const JobContext& job) {
  LATHE_ASSIGN(PrecisionRequest request, precision_request(conversion.configuration));
  if (!request.asks() && !weights.asks()) return {};
  LATHE_ASSIGN(Partition engines, engines_of(conversion, losses, job));
  LATHE_TRY(keep_wide(conversion, engines, request, options, job));
  LATHE_ASSIGN(losses, losses_of(conversion, request, options, job));
  if (!losses.empty()) {
    if (options.apply_remedies) {
      LATHE_TRY(raise_precision(conversion, losses));
      losses.clear();
      LATHE_ASSIGN(request, precision_request(conversion.configuration));
    }
    LATHE_ASSIGN(engines, engines_of(conversion, losses, job));
    LATHE_TRY(keep_wide(conversion, engines, request, options, job));
  }
  return lower(conversion, std::move(request), std::move(weights), options, job);
}

/// Evidence names nodes of the model that the person opened.
void relocate_evidence(Conversion& conversion, const Model& original) {
  for (ModuleOutcome& outcome : conversion.outcomes) {
    if (!outcome.failure) continue;
    for (Failure::Evidence& each : outcome.failure->evidence)
      each.node = original.graph.find_node(each.name).value_or(NodeId());
  }
}

/// What has been done is not offered again.
void drop_taken(Conversion& conversion) {
  const auto taken = [&](const Remedy& remedy) {
    return std::any_of(conversion.remedies.begin(), conversion.remedies.end(),
                       [&](const AppliedRemedy& each) {
                         return each.step.kind == remedy.kind && each.step.subject == remedy.subject;
                       });
  };
  for (ModuleOutcome& outcome : conversion.outcomes)
    if (outcome.failure) std::erase_if(outcome.failure->remedies, taken);
}

/// What failures offer, each once: the first remedies before all others. Keeping a module eager brings
/// nothing.
Status look_ahead(Conversion& conversion, const ConvertOptions& options, const JobContext& job) {
  constexpr size_t most = 8;
  std::vector<Remedy> offered;
  const auto add = [&](const Remedy& remedy) {
    const bool seen = std::any_of(offered.begin(), offered.end(), [&](const Remedy& each) {
      return each.kind == remedy.kind && each.subject == remedy.subject;
    });
    if (!seen && remedy.kind != Remedy::Kind::keep_eager && offered.size() < most) offered.push_back(remedy);
  };
  for (const bool first : {true, false})
    for (const ModuleOutcome& outcome : conversion.outcomes) {
      if (!outcome.failure || outcome.status != ModuleStatus::failed) continue;
      const std::vector<Remedy>& remedies = outcome.failure->remedies;
      for (size_t i = first ? 0 : 1; i < (first ? std::min<size_t>(1, remedies.size()) : remedies.size());
           ++i)
        add(remedies[i]);
    }
  for (const Remedy& remedy : offered) {
    auto made = forecast(conversion.model, conversion.configuration, remedy, options.samples, job);
    if (made.ok()) conversion.forecasts.push_back(std::move(*made));
    LATHE_TRY(job.check());
  }
  return {};
}

}  // namespace

const char* to_string(ModuleStatus status) {
  switch (status) {
    case ModuleStatus::success:
      return "success";
    case ModuleStatus::covered:
      return "covered";
    case ModuleStatus::failed:
      return "failed";
    case ModuleStatus::ignored:
      return "ignored";
  }
  return "";
}

const ModuleOutcome* Conversion::find(ModuleId module) const {
  for (const ModuleOutcome& outcome : outcomes)
    if (outcome.module == module) return &outcome;
  return nullptr;
}

Result<Conversion> convert(std::shared_ptr<const Model> model, const Configuration& configuration,
                           const ConvertOptions& options, const JobContext& job) {
  MendOptions mending;
  mending.search = options.apply_remedies;
  mending.samples = options.samples;
  mending.score = options.score;
  const std::shared_ptr<const Model> opened = model;
  LATHE_ASSIGN(Mended mended, mend(std::move(model), configuration, mending, job));
  LATHE_TRY(precision_request(mended.configuration));
  LATHE_ASSIGN(WeightsRequest weights, weights_request(mended.configuration, mended.model->modules));
  Conversion conversion;
  conversion.model = mended.model;
  conversion.configuration = std::move(mended.configuration);
  conversion.remedies = std::move(mended.applied);
  conversion.notes = configuration.notes;
  conversion.notes.insert(conversion.notes.end(), mended.notes.begin(), mended.notes.end());
  Losses losses;
  LATHE_TRY(choose_precision(conversion, losses, std::move(weights), options, job));
  LATHE_TRY(Converter(conversion, losses, options, job, *mended.model).run());
  for (ModuleOutcome& outcome : conversion.outcomes)
    outcome.precision = module_precision(mended.model->modules, outcome.module, conversion.precision);
  if (conversion.model != opened) relocate_evidence(conversion, *opened);
  drop_taken(conversion);
  if (options.look_ahead) LATHE_TRY(look_ahead(conversion, options, job));
  return conversion;
}

}  // namespace lathe
