// SPDX-License-Identifier: Apache-2.0
#include "gui/models/remedy_choices.h"

#include <QCoreApplication>
#include <algorithm>

#include "gui/models/settings_tree_model.h"
#include "profiler/workflow/remedies.h"

namespace lathe {
namespace {

QString tr(const char* text) {
  return QCoreApplication::translate("lathe::Remedies", text);
}

QString shapeText(const Shape& shape) {
  return QString::fromStdString(to_string(shape));
}

/// "Pin img to 1x3x96x96 (why): --shape img=1x3x96x96." up to the colon.
QString withoutOptions(const std::string& text) {
  const QString whole = QString::fromStdString(text);
  const auto options = whole.indexOf(QLatin1String(": --"));
  return options < 0 ? whole : whole.left(options) + QLatin1Char('.');
}

bool same(const RemedyStep& step, const Remedy& remedy) {
  return step.kind == remedy.kind && step.subject == remedy.subject;
}

void pin(Configuration& configuration, const std::string& input, const Shape& shape) {
  configuration.input_shapes[input] = shape;
  configuration.dynamic_axes.erase(input);  // ranges of before would contradict it
}

}  // namespace

RemedyWay remedyWay(const Remedy& remedy) {
  switch (remedy.kind) {
    case Remedy::Kind::pin_shapes:
      return remedy.shape ? RemedyWay::Apply : remedy.subject.empty() ? RemedyWay::Person : RemedyWay::Edit;
    case Remedy::Kind::give_profile:
      return remedy.subject.empty() ? RemedyWay::Person : RemedyWay::Edit;
    case Remedy::Kind::keep_eager:
    case Remedy::Kind::include_module:
      return remedy.subject.empty() ? RemedyWay::Person : RemedyWay::Apply;
    default:
      return can_take(remedy) ? RemedyWay::Apply : RemedyWay::Person;
  }
}

QString remedyText(const Remedy& remedy) {
  const QString subject = QString::fromStdString(remedy.subject);
  switch (remedy.kind) {
    case Remedy::Kind::pin_shapes:
      if (!remedy.shape && !subject.isEmpty()) return tr("Give the input “%1” a fixed shape.").arg(subject);
      break;
    case Remedy::Kind::give_profile:
      if (!subject.isEmpty()) return tr("Give “%1” a range of sizes: min, opt, max.").arg(subject);
      break;
    case Remedy::Kind::keep_eager:
      if (!subject.isEmpty())
        return tr("Exclude “%1”: it runs eagerly, the rest converts around it.").arg(subject);
      break;
    case Remedy::Kind::include_module:
      if (!subject.isEmpty()) return tr("Take “%1” off the excluded modules.").arg(subject);
      break;
    case Remedy::Kind::raise_precision:
      if (!subject.isEmpty()) return tr("Compute “%1” in fp32.").arg(subject);
      break;
    case Remedy::Kind::filter_to_topk:
      return tr("Filter with “%1” into a fixed number of rows and a count of the valid ones. Outputs get "
                "another shape.")
          .arg(subject);
    case Remedy::Kind::register_operator:
      return tr("Load a library that computes “%1”: File ▸ Operator Plugins…").arg(subject);
    default:
      break;
  }
  return withoutOptions(remedy.text);
}

QString stepText(const RemedyStep& step) {
  const QString subject = QString::fromStdString(step.subject);
  switch (step.kind) {
    case Remedy::Kind::pin_shapes:
      return step.shape ? tr("Pin “%1” to %2").arg(subject, shapeText(*step.shape))
                        : tr("Pin “%1” to the data's shape").arg(subject);
    case Remedy::Kind::pad:
      return tr("Pad “%1” to one size").arg(subject);
    case Remedy::Kind::keep_eager:
      return tr("Exclude “%1”").arg(subject);
    case Remedy::Kind::include_module:
      return tr("Include “%1” again").arg(subject);
    case Remedy::Kind::cut_postprocessing:
      return tr("Cut the post-processing off");
    case Remedy::Kind::split_input:
      return subject.isEmpty() ? tr("Split sequences into tensors")
                               : tr("Split sequences of “%1” into tensors").arg(subject);
    case Remedy::Kind::replace_operator:
      return tr("Replace %1 by other operators").arg(subject);
    case Remedy::Kind::approximate_operator:
      return tr("Approximate %1").arg(subject);
    case Remedy::Kind::raise_precision:
      return subject.isEmpty() ? tr("Compute in fp32") : tr("Compute “%1” in fp32").arg(subject);
    case Remedy::Kind::upgrade_opset:
      return tr("Upgrade the opset");
    case Remedy::Kind::fold_constants:
      return tr("Fold “%1”").arg(subject);
    case Remedy::Kind::inline_branch:
      return tr("Put the branch of “%1” in its place").arg(subject);
    case Remedy::Kind::unroll_loop:
      return tr("Unroll “%1”").arg(subject);
    case Remedy::Kind::filter_to_topk:
      return tr("Filter with “%1” into a fixed number of rows").arg(subject);
    default:
      break;
  }
  QString name = QString::fromLatin1(to_string(step.kind)).replace(QLatin1Char('_'), QLatin1Char(' '));
  if (!name.isEmpty()) name[0] = name[0].toUpper();
  return subject.isEmpty() ? name : tr("%1: “%2”").arg(name, subject);
}

bool isUseful(const Remedy& remedy, const Failure& failure, const Configuration& configuration) {
  switch (remedy.kind) {
    case Remedy::Kind::keep_eager:
      // Shapes that are open are open for every module: leaving one out gains nothing.
      return failure.cause != FailureCause::dynamic_shape;
    case Remedy::Kind::include_module:
      return std::find(configuration.exclude.begin(), configuration.exclude.end(), remedy.subject) !=
             configuration.exclude.end();
    default:
      return true;
  }
}

RemedyStep stepOf(const Remedy& remedy) {
  return {remedy.kind, remedy.subject, remedy.shape, std::nullopt};
}

const Forecast* forecastOf(const Document& document, const Remedy& remedy) {
  for (const Forecast& forecast : document.forecasts())
    if (same(forecast.step, remedy)) return &forecast;
  return nullptr;
}

QString forecastText(const Document& document, const Remedy& remedy) {
  const Forecast* forecast = forecastOf(document, remedy);
  const auto& report = document.conversion();
  if (forecast == nullptr || !report || forecast->converted <= report->conversion.converted) return {};
  const QString text =
      tr("With it %1 of %2 modules convert").arg(forecast->converted).arg(report->conversion.total);
  const double now = report->after.latency.p50, then = forecast->latency_ns.value_or(0);
  return now > 0 && then > 0 ? tr("%1, about %2 times as fast").arg(text).arg(now / then, 0, 'f', 1) : text;
}

Remedy withForecast(const Document& document, Remedy remedy) {
  const Forecast* forecast = forecastOf(document, remedy);
  if (remedy.kind != Remedy::Kind::pin_shapes || forecast == nullptr || !forecast->step.shape ||
      forecast->step.shape == remedy.shape)
    return remedy;
  remedy.shape = forecast->step.shape;
  remedy.text = tr("Pin %1 to %2 (the shape of the data's samples).")
                    .arg(QString::fromStdString(remedy.subject), shapeText(*remedy.shape))
                    .toStdString();
  return remedy;
}

Configuration withRemedy(Configuration configuration, const Remedy& remedy) {
  switch (remedy.kind) {
    case Remedy::Kind::pin_shapes:
      if (remedy.shape) pin(configuration, remedy.subject, *remedy.shape);
      return configuration;
    case Remedy::Kind::keep_eager:
      return withChoice(std::move(configuration), remedy.subject, ConvertChoice::Exclude);
    case Remedy::Kind::include_module:
      return withChoice(std::move(configuration), remedy.subject, ConvertChoice::Inherit);
    case Remedy::Kind::raise_precision:
      return withChoice(std::move(configuration), remedy.subject, PrecisionChoice::F32);
    default:
      break;
  }
  const bool taken = std::any_of(configuration.remedies.begin(), configuration.remedies.end(),
                                 [&](const RemedyStep& step) { return same(step, remedy); });
  if (!taken) configuration.remedies.push_back(stepOf(remedy));
  return configuration;
}

Configuration withSteps(Configuration configuration, const std::vector<RemedyStep>& steps) {
  configuration.remedies.clear();
  for (const RemedyStep& step : steps)
    if (step.kind == Remedy::Kind::pin_shapes && step.shape)
      pin(configuration, step.subject, *step.shape);
    else
      configuration.remedies.push_back(step);
  return configuration;
}

std::vector<Remedy> offeredRemedies(const Conversion& conversion) {
  std::vector<Remedy> offered;
  for (const ModuleOutcome& outcome : conversion.outcomes) {
    if (!outcome.failure || outcome.status != ModuleStatus::failed) continue;
    for (const Remedy& remedy : outcome.failure->remedies) {
      const bool known = std::any_of(offered.begin(), offered.end(),
                                     [&](const Remedy& each) { return same(stepOf(each), remedy); });
      const bool gains = remedy.kind != Remedy::Kind::keep_eager && can_take(remedy);
      if (!known && gains) offered.push_back(remedy);
    }
  }
  return offered;
}

}  // namespace lathe
