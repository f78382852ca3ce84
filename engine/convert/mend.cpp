// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/mend.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <tuple>

#include "engine/base/strings.h"
#include "engine/convert/approximation_loss.h"
#include "engine/convert/convert.h"
#include "engine/convert/forecast_operator.h"
#include "engine/convert/input_dims.h"
#include "engine/convert/remedies/remedy.h"
#include "engine/convert/same_outputs.h"
#include "engine/precision/rebuild.h"

namespace lathe {
namespace {

constexpr int max_attempts = 64;

std::string step_text(const RemedyStep& step) {
  return std::string("remedy ") + to_string(step.kind) +
         (step.subject.empty() ? "" : " of '" + step.subject + "'");
}

class Mender {
 public:
  Mender(std::shared_ptr<const Model> model, const Configuration& configuration, const MendOptions& options,
         const JobContext& job)
      : exact_(model), reference_(std::move(model)), options_(options), job_(job) {
    now_.model = exact_;
    now_.configuration = configuration;
    now_.configuration.remedies.clear();
  }

  /// What would convert with one more, uncompared.
  Result<Forecast> look_ahead(RemedyStep step) {
    outputs_matter_ = false;
    LATHE_ASSIGN(const Mended next, take(std::move(step)));
    LATHE_ASSIGN(const Conversion after, decide(next));
    return Forecast{next.applied.back().step, after.converted, std::nullopt, converted_modules(after)};
  }

  Result<Mended> run(const std::vector<RemedyStep>& asked) {
    for (const RemedyStep& step : asked) {
      LATHE_ASSIGN(Mended next, take(step));
      keep(std::move(next));
      tried_.emplace(step.kind, step.subject);
    }
    if (options_.search) LATHE_TRY(search());
    return std::move(now_);
  }

 private:
  Result<Mended> take(RemedyStep step);
  Error refused(Error error, const RemedyStep& step, const RemedyAction& action,
                const RemedyContext& context) const;
  Status compare(Mended& next, const RemedyAction& action);
  Status measure(Mended& next);
  void keep(Mended next);
  Status search();
  Result<bool> improve(const Conversion& before);
  Result<Conversion> decide(const Mended& mended) const;
  static std::vector<std::string> converted_modules(const Conversion& conversion);
  void note(const RemedyStep& step, const std::string& why) {
    now_.notes.push_back({Severity::note, "remedy", "", step_text(step) + " was not kept: " + why, "", {}});
  }

  std::shared_ptr<const Model> exact_;      ///< that approximations are judged by
  std::shared_ptr<const Model> reference_;  ///< whose outputs rewrites have to keep
  const MendOptions& options_;
  const JobContext& job_;
  bool outputs_matter_ = true;
  Mended now_;
  std::set<std::pair<Remedy::Kind, std::string>> tried_;
};

/// The nearest subject, where the one given is none that the remedy could be taken to.
Error Mender::refused(Error error, const RemedyStep& step, const RemedyAction& action,
                      const RemedyContext& context) const {
  error.where = step_text(step);
  if (action.subjects == nullptr) return error;
  const std::vector<std::string> subjects = action.subjects(context);
  if (std::find(subjects.begin(), subjects.end(), step.subject) != subjects.end()) return error;
  const std::string nearest = nearest_name(step.subject, subjects);
  return nearest.empty() ? error : error.hint("did you mean '" + nearest + "'?");
}

/// What there is with one more remedy. Nothing here is changed.
Result<Mended> Mender::take(RemedyStep step) {
  LATHE_TRY(job_.check());
  const RemedyAction* action = remedies().find(step.kind);
  if (action == nullptr)
    return usage_error(step_text(step), "is something for a person: no rewrite is known here");
  auto model = std::make_shared<Model>(*now_.model);
  model->graph = now_.model->graph.clone();
  Mended next;
  next.configuration = now_.configuration;
  next.applied = now_.applied;
  next.notes = now_.notes;
  LATHE_ASSIGN(const auto dims, opt_dims(*model, next.configuration));
  InferenceOptions inference;
  inference.input_shapes = dims;
  const InferenceResult types = infer(model->graph, inference);
  const auto shapes = suggest_shapes(*model, dims, options_.samples);
  RemedyContext context{*model, next.configuration, step, types, shapes};
  auto text = action->apply(context);
  if (!text.ok()) return refused(std::move(text).error(), step, *action, context);
  GraphEditor(model->graph).remove_dead();
  refresh_modules(*model);
  apply_types(model->graph, infer(model->graph));
  next.applied.push_back({step, std::move(*text), std::nullopt});
  next.configuration.remedies.push_back(step);
  next.model = action->setting ? now_.model : std::shared_ptr<const Model>(std::move(model));
  if (!action->setting && outputs_matter_)
    LATHE_TRY(action->approximate ? measure(next) : compare(next, *action));
  return next;
}

/// What outputs are is what they are with it, from here on.
void Mender::keep(Mended next) {
  const RemedyAction* action = remedies().find(next.applied.back().step.kind);
  now_ = std::move(next);
  if (!action->comparable) exact_ = now_.model;
  if (!action->comparable || action->approximate) reference_ = now_.model;
}

/// Whether the approximation may be kept, and what it costs.
Status Mender::measure(Mended& next) {
  constexpr double most = 0.01;
  AppliedRemedy& applied = next.applied.back();
  const auto loss = approximation_loss(exact_, next.model, options_, job_);
  if (!loss.ok() && loss.error().kind == ErrorKind::interrupted) return loss.error();
  if (!loss.ok())
    return bad_input(step_text(applied.step), "what it costs cannot be measured: " + loss.error().text());
  if (!applied.step.tolerance) applied.step.tolerance = next.configuration.accuracy_budget.value_or(most);
  next.configuration.remedies.back().tolerance = applied.step.tolerance;
  if (!(loss->lost() <= *applied.step.tolerance))
    return bad_input(step_text(applied.step),
                     fmt::format("loses {:.4g} where {:.4g} is allowed: {}", loss->lost(),
                                 *applied.step.tolerance, loss->text()));
  applied.snr_db = loss->snr_db;
  if (loss->before) applied.metric_loss = loss->lost();
  applied.text += ": " + loss->text();
  return {};
}

/// Outputs of the rewritten model against those of the model that was opened.
Status Mender::compare(Mended& next, const RemedyAction& action) {
  AppliedRemedy& applied = next.applied.back();
  if (!action.comparable) {
    applied.text += " (outputs change: not compared)";
    return {};
  }
  auto difference = SameOutputs(reference_, options_).compare(next.model);
  if (!difference.ok()) {
    difference.error().where = step_text(applied.step);
    return std::move(difference).error();
  }
  if (*difference)
    applied.loss = **difference;
  else
    applied.text += " (the model did not run before: nothing to compare with)";
  return {};
}

/// What would convert, without a look at precision.
Result<Conversion> Mender::decide(const Mended& mended) const {
  Configuration configuration = mended.configuration;
  for (auto& [path, settings] : configuration.modules) settings.fp16 = settings.bf16 = settings.int8 = false;
  // Rewrites are in the model already; what is a setting has to be looked at.
  std::erase_if(configuration.remedies,
                [](const RemedyStep& step) { return step.kind != Remedy::Kind::cut_postprocessing; });
  ConvertOptions options;
  options.dry_run = true;
  options.samples = options_.samples;
  return convert(mended.model, configuration, options, JobContext());
}

std::vector<std::string> Mender::converted_modules(const Conversion& conversion) {
  std::vector<std::string> paths;
  for (const ModuleOutcome& outcome : conversion.outcomes)
    if (outcome.status == ModuleStatus::success || outcome.status == ModuleStatus::covered)
      paths.push_back(conversion.model->modules[outcome.module].path);
  return paths;
}

size_t nodes_inside(const Conversion& conversion) {
  size_t nodes = 0;
  for (const Partition::Piece& piece : conversion.partition.pieces) nodes += piece.nodes.size();
  return nodes;
}

size_t evidence_count(const Conversion& conversion) {
  size_t count = 0;
  for (const ModuleOutcome& outcome : conversion.outcomes)
    if (outcome.failure && outcome.status == ModuleStatus::failed) count += outcome.failure->evidence.size();
  return count;
}

/// Remedies that may be taken unasked.
std::set<std::pair<Remedy::Kind, std::string>> ways_on(const Conversion& conversion) {
  std::set<std::pair<Remedy::Kind, std::string>> ways;
  for (const ModuleOutcome& outcome : conversion.outcomes) {
    if (!outcome.failure || outcome.status != ModuleStatus::failed) continue;
    for (const Remedy& remedy : outcome.failure->remedies) {
      const RemedyAction* action = remedies().find(remedy.kind);
      if (action != nullptr && action->automatic) ways.emplace(remedy.kind, remedy.subject);
    }
  }
  return ways;
}

/// A shape that is settled may make known what an operator needs to give way: how often a Scan runs.
bool opens_a_way(const Conversion& after, const Conversion& before) {
  const auto now = ways_on(after), then = ways_on(before);
  return !std::includes(then.begin(), then.end(), now.begin(), now.end());
}

bool is_better(const Conversion& after, const Conversion& before) {
  if (after.converted != before.converted) return after.converted > before.converted;
  return nodes_inside(after) > nodes_inside(before) || evidence_count(after) < evidence_count(before);
}

/// Takes the first remedy that helps; false when there is none left.
Result<bool> Mender::improve(const Conversion& before) {
  for (const ModuleOutcome& outcome : before.outcomes) {
    if (!outcome.failure || outcome.status != ModuleStatus::failed) continue;
    for (const Remedy& remedy : outcome.failure->remedies) {
      const RemedyAction* action = remedies().find(remedy.kind);
      if (action == nullptr || !action->automatic) continue;
      if (!tried_.emplace(remedy.kind, remedy.subject).second) continue;
      job_.report(-1, "trying: " + remedy.text);
      const RemedyStep step{remedy.kind, remedy.subject, remedy.shape, std::nullopt};
      auto next = take(step);
      if (!next.ok()) {
        if (next.error().kind == ErrorKind::interrupted) return std::move(next).error();
        note(step, next.error().what);
        continue;
      }
      LATHE_ASSIGN(const Conversion after, decide(*next));
      // Cutting divides the model the better way even where as many nodes are inside an engine.
      const bool settled = remedy.kind == Remedy::Kind::pin_shapes && opens_a_way(after, before);
      if (remedy.kind != Remedy::Kind::cut_postprocessing && !settled && !is_better(after, before)) {
        note(step, "no more of the model converts with it");
        continue;
      }
      keep(std::move(*next));
      return true;
    }
  }
  return false;
}

Status Mender::search() {
  for (int attempt = 0; attempt < max_attempts; ++attempt) {
    LATHE_TRY(job_.check());
    LATHE_ASSIGN(const Conversion conversion, decide(now_));
    LATHE_ASSIGN(const bool better, improve(conversion));
    if (!better) return {};
  }
  return {};
}

}  // namespace

Result<Forecast> forecast(std::shared_ptr<const Model> model, const Configuration& configuration,
                          const Remedy& remedy, const std::vector<NamedValues>& samples,
                          const JobContext& job) {
  MendOptions options;
  options.samples = samples;
  RemedyStep step{remedy.kind, remedy.subject, remedy.shape, std::nullopt};
  // As many convert with a profile as with the one shape of it that is compiled ahead.
  const bool profile = remedy.kind == Remedy::Kind::give_profile;
  if (profile) step.kind = Remedy::Kind::pin_shapes;
  if (remedy.kind == Remedy::Kind::register_operator) {
    LATHE_ASSIGN(Forecast made, forecast_operator(*model, configuration, remedy.subject, job));
    made.step = std::move(step);
    return made;
  }
  LATHE_ASSIGN(Forecast made, Mender(std::move(model), configuration, options, job).look_ahead(step));
  if (profile) made.step.kind = remedy.kind;
  return made;
}

Result<Mended> mend(std::shared_ptr<const Model> model, const Configuration& configuration,
                    const MendOptions& options, const JobContext& job) {
  if (configuration.remedies.empty() && !options.search)
    return Mended{std::move(model), configuration, {}, {}};
  return Mender(std::move(model), configuration, options, job).run(configuration.remedies);
}

}  // namespace lathe
