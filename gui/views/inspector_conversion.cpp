// SPDX-License-Identifier: Apache-2.0
#include "gui/views/inspector_conversion.h"

#include <QCoreApplication>
#include <algorithm>

#include "gui/models/module_accuracy_model.h"
#include "gui/models/module_tree_model.h"
#include "gui/models/remedy_choices.h"
#include "gui/views/inspector_pages.h"
#include "gui/widgets/format.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr size_t listed = 12;  ///< of long lists; the rest is counted

class ConversionRows {
  Q_DECLARE_TR_FUNCTIONS(lathe::Inspector)
 public:
  ConversionRows(const Document& document, HtmlPage& page)
      : m_document(document), m_model(*document.model()), m_page(page) {}

  void write(ModuleId id);

 private:
  void settings(ModuleId id);
  void accuracy(ModuleId id);
  void failure(const Failure& failure, ModuleId id);
  QString remedyLines(const Failure& failure, ModuleId id) const;

  const Document& m_document;
  const Model& m_model;
  HtmlPage& m_page;
};

void ConversionRows::settings(ModuleId id) {
  const ModuleSettings in = m_document.configuration().effective(m_model.modules, id);
  QStringList words;
  if (in.excluded)
    words << tr("excluded: stays eager with all under it");
  else if (in.convert == false)
    words << tr("kept eager; its children are tried");
  else
    words << tr("convert");
  if (in.recurse == false) words << tr("do not try the children when it fails");
  words << (in.int8.value_or(false)   ? QStringLiteral("int8")
            : in.bf16.value_or(false) ? QStringLiteral("bf16")
            : in.fp16.value_or(false) ? QStringLiteral("fp16")
                                      : QStringLiteral("fp32"));
  m_page.row(tr("Settings"), words.join(QStringLiteral(", ")));
}

void ConversionRows::write(ModuleId id) {
  m_page.section(tr("Conversion"));
  settings(id);
  const ModuleState state = m_document.moduleState(id);
  const ModuleOutcome* outcome = m_document.outcome(id);
  switch (state) {
    case ModuleState::None:
      m_page.item(muted(tr("Not tried. A dry run (F7) tells what would convert, and why not.")));
      return;
    case ModuleState::Success:
      m_page.row(tr("State"), colored(moduleStateText(m_document, id), theme().success));
      break;
    case ModuleState::Covered: {
      ModuleId above = m_model.modules[id].parent;
      while (above.valid() && m_document.moduleState(above) == ModuleState::Covered)
        above = m_model.modules[above].parent;
      m_page.row(tr("State"),
                 colored(m_document.isDryRun() ? tr("would be in the engine of") : tr("in the engine of"),
                         theme().success) +
                     ' ' + (above.valid() ? link(above, moduleTitle(m_document, above)) : QString()));
      break;
    }
    case ModuleState::Failed:
      m_page.row(tr("State"), colored(strong(tr("not converted")), theme().error));
      break;
    case ModuleState::Ignored:
      m_page.row(tr("State"), muted(tr("kept eager")));
      break;
    case ModuleState::Trying:
      m_page.row(tr("State"), colored(tr("being built"), theme().accent));
      break;
  }
  if (outcome == nullptr) return;
  if (state == ModuleState::Success) {
    QStringList inputs;
    for (size_t i = 0; i < outcome->input_names.size() && i < listed; ++i)
      inputs << escaped(outcome->input_names[i]) + ' ' +
                    muted(i < outcome->input_shapes.size() ? formatShape(outcome->input_shapes[i])
                                                           : QString());
    if (outcome->input_names.size() > listed)
      inputs << muted(tr("%1 more").arg(outcome->input_names.size() - listed));
    m_page.row(tr("Engine inputs"), inputs.join(QStringLiteral("<br>")));
    if (outcome->build_ms > 0) m_page.row(tr("Built in"), formatDuration(outcome->build_ms * 1e6));
  }
  accuracy(id);
  if (outcome->failure) failure(*outcome->failure, id);
}

/// What the module makes beside the same run in fp32, tensor by tensor.
void ConversionRows::accuracy(ModuleId id) {
  const ModuleAccuracy& accuracy = m_document.conversion()->module_accuracy;
  QStringList lines;
  size_t left = 0;
  for (size_t i = 0; i < accuracy.borders.size(); ++i) {
    const BorderAccuracy& border = accuracy.borders[i];
    if (border.module != m_model.modules[id].path) continue;
    if (static_cast<size_t>(lines.size()) == listed) {
      ++left;
      continue;
    }
    const QString db = decibelText(border.snr_db).toHtmlEscaped();
    QString line = border.snr_db < wrong_db ? colored(strong(db), theme().error) : db;
    line += QLatin1Char(' ') + muted(tr("%1 enters, cosine %2, largest error %3")
                                         .arg(decibelText(border.entering_db))
                                         .arg(border.cosine, 0, 'f', 6)
                                         .arg(border.max_abs, 0, 'g', 4)
                                         .toHtmlEscaped());
    if (accuracy.first_wrong == i) line += QStringLiteral("<br>") + strong(tr("it first goes wrong here"));
    if (accuracy.steepest == i) line += QStringLiteral("<br>") + strong(tr("most is lost in this module"));
    lines << line;
  }
  if (left > 0) lines << muted(tr("%1 more").arg(left));
  m_page.row(tr("Beside fp32"), lines.join(QStringLiteral("<br>")));
}

QString ConversionRows::remedyLines(const Failure& failure, ModuleId id) const {
  QStringList lines;
  for (size_t i = 0; i < failure.remedies.size(); ++i) {
    if (!isUseful(failure.remedies[i], failure, m_document.conversion()->conversion.configuration)) continue;
    const Remedy remedy = withForecast(m_document, failure.remedies[i]);
    QString line = remedyText(remedy).toHtmlEscaped();
    const RemedyWay way = remedyWay(remedy);
    if (way != RemedyWay::Person)
      line += QStringLiteral(" <a href=\"remedy:%1:%2\">%3</a>")
                  .arg(id.index)
                  .arg(i)
                  .arg(way == RemedyWay::Apply ? tr("Apply") : tr("Set…"));
    const QString forecast = forecastText(m_document, remedy);
    if (!forecast.isEmpty()) line += QStringLiteral("<br>") + muted(forecast);
    lines << line;
  }
  return lines.join(QStringLiteral("<br>"));
}

void ConversionRows::failure(const Failure& failure, ModuleId id) {
  m_page.row(tr("Cause"), strong(QString::fromLatin1(to_string(failure.cause)).replace('_', ' ')) +
                              QStringLiteral("<br>") + escaped(failure.sentence));
  m_page.row(tr("What to do"), remedyLines(failure, id));
  if (failure.chain.empty() && failure.evidence.empty()) return;
  m_page.section(tr("Traceback"));
  for (const std::string& line : failure.chain) m_page.item(escaped(line));
  for (size_t i = 0; i < std::min(failure.evidence.size(), listed); ++i) {
    const Failure::Evidence& each = failure.evidence[i];
    QString line =
        (each.node.valid() ? link(each.node, QString::fromStdString(each.op_type)) : escaped(each.op_type)) +
        ' ' + escaped(each.name);
    QStringList about;
    for (const std::string& part : {each.shapes, each.source})
      if (!part.empty()) about << escaped(part);
    if (!about.isEmpty()) line += QStringLiteral("<br>") + muted(about.join(QStringLiteral(" · ")));
    m_page.item(line);
  }
  if (failure.evidence.size() > listed)
    m_page.item(muted(tr("%1 more").arg(failure.evidence.size() - listed)));
}

}  // namespace

void conversionRows(const Document& document, ModuleId module, HtmlPage& page) {
  ConversionRows(document, page).write(module);
}

const Remedy* remedyOf(const Document& document, const QString& link) {
  const QStringList parts = link.split(QLatin1Char(':'));
  if (parts.size() != 3 || parts[0] != QLatin1String("remedy")) return nullptr;
  const ModuleOutcome* outcome = document.outcome(ModuleId(parts[1].toULongLong()));
  const auto number = parts[2].toULongLong();
  if (outcome == nullptr || !outcome->failure || number >= outcome->failure->remedies.size()) return nullptr;
  return &outcome->failure->remedies[number];
}

}  // namespace lathe
