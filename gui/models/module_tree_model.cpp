// SPDX-License-Identifier: Apache-2.0
#include "gui/models/module_tree_model.h"

#include <algorithm>

#include "gui/widgets/format.h"

namespace lathe {
namespace {

QString classTitle(const Module& module) {
  const QString name = QString::fromStdString(module.class_name);
  return module.class_inferred ? name + QStringLiteral(" *") : name;
}

}  // namespace

QString moduleTitle(const Document& document, ModuleId module) {
  const Model* model = document.model();
  if (model == nullptr || !module.valid()) return {};
  if (module == ModuleTree::root()) return document.title();
  return QString::fromStdString(model->modules[module].path);
}

ShownTimes shownTimes(const Document& document) {
  ShownTimes times;
  const TraceEntry* active = document.active();
  const ConvertReport* report = document.isDryRun() ? nullptr : document.conversion().get();
  if (report != nullptr && report->after.trace) times.after = &report->after.statistics;
  const bool ofConversion =
      report != nullptr &&
      (active == nullptr || active->trace == report->before.trace || active->trace == report->after.trace);
  if (ofConversion && report->before.trace) {
    times.before = &report->before.statistics;
    times.label = ModuleTreeModel::tr("before");
  } else if (active != nullptr) {
    times.before = &active->statistics;
    times.label = active->label;
  }
  return times;
}

QString moduleStateText(const Document& document, ModuleId module) {
  const ModuleOutcome* outcome = document.outcome(module);
  switch (document.moduleState(module)) {
    case ModuleState::Success:
      if (document.isDryRun()) return ModuleTreeModel::tr("would convert");
      if (outcome == nullptr) return ModuleTreeModel::tr("converted");
      return ModuleTreeModel::tr("engine, %1").arg(QString::fromStdString(outcome->precision));
    case ModuleState::Covered:
      return document.isDryRun() ? ModuleTreeModel::tr("would convert") : ModuleTreeModel::tr("in an engine");
    case ModuleState::Failed:
      if (outcome == nullptr || !outcome->failure) return ModuleTreeModel::tr("failed");
      return QString::fromLatin1(to_string(outcome->failure->cause))
          .replace(QLatin1Char('_'), QLatin1Char(' '));
    case ModuleState::Ignored:
      return ModuleTreeModel::tr("kept eager");
    case ModuleState::Trying:
      return ModuleTreeModel::tr("building…");
    case ModuleState::None:
      break;
  }
  return {};
}

ModuleTreeModel::ModuleTreeModel(const Document& document, const Coloring& coloring, QObject* parent)
    : ModuleItemModel(parent), m_document(document), m_coloring(coloring) {
  connect(&document, &Document::modelChanged, this, &ModuleTreeModel::rebuild);
  connect(&document, &Document::modelRefreshed, this, [this] {
    refreshModules(m_document.opened());
    announce(Parameters, Flops);
  });
  for (const auto signal : {&Document::activeTraceChanged, &Document::conversionChanged})
    connect(&document, signal, this, [this] {
      takeTimes();
      announce(Time, State);
    });
  connect(&document, &Document::moduleStatesChanged, this, &ModuleTreeModel::takeStates);
  connect(&coloring, &Coloring::changed, this, [this] { announce(Name, Name); });
  rebuild();
}

void ModuleTreeModel::rebuild() {
  beginResetModel();
  takeModules(m_document.opened());
  m_entries.assign(moduleCount(), Entry());
  for (size_t i = 0; i < m_entries.size(); ++i) m_entries[i].state = m_document.moduleState(ModuleId(i));
  takeTimes();
  endResetModel();
}

void ModuleTreeModel::takeTimes() {
  const ShownTimes shown = shownTimes(m_document);
  const auto times = [](const Statistics* statistics, const std::string& path) {
    const StatisticsEntry* found = statistics != nullptr ? statistics->module(path) : nullptr;
    if (found == nullptr) return Times();
    const double runs = std::max(statistics->runs, 1);
    return Times{static_cast<double>(found->self_ns) / runs, static_cast<double>(found->op_total_ns) / runs};
  };
  m_longest = 0;
  for (size_t i = 0; i < m_entries.size(); ++i) {
    const std::string& path = opened()->model->modules[ModuleId(i)].path;
    m_entries[i].before = times(shown.before, path);
    m_entries[i].after = times(shown.after, path);
    m_longest = std::max({m_longest, m_entries[i].before.total, m_entries[i].after.total});
  }
}

void ModuleTreeModel::takeStates() {
  for (size_t i = 0; i < m_entries.size(); ++i) {
    const ModuleId module(i);
    const ModuleState state = m_document.moduleState(module);
    if (m_entries[i].state == state) continue;
    m_entries[i].state = state;
    if (!shown(module)) continue;
    const QModelIndex first = indexOf(module, Name);
    emit dataChanged(first, first);
    emit dataChanged(indexOf(module, State), indexOf(module, State));
  }
}

void ModuleTreeModel::announce(int first, int last) {
  if (opened() == m_document.opened()) emitChanged(first, last);
}

std::vector<ModuleId> ModuleTreeModel::deepestFailures() const {
  std::vector<ModuleId> failures;
  if (!opened()) return failures;
  for (const ModuleId module : opened()->model->modules.subtree(ModuleTree::root())) {
    const Entry& each = entry(module);
    const bool below =
        std::any_of(childrenOf(module).begin(), childrenOf(module).end(),
                    [this](ModuleId child) { return entry(child).state == ModuleState::Failed; });
    if (shown(module) && each.state == ModuleState::Failed && !below) failures.push_back(module);
  }
  return failures;
}

int ModuleTreeModel::columnCount(const QModelIndex&) const {
  return ColumnCount;
}

const ModuleSummary* ModuleTreeModel::summary(ModuleId module) const {
  const auto& modules = opened()->summary.modules;
  return module.index < modules.size() ? &modules[module.index] : nullptr;
}

QVariant ModuleTreeModel::text(ModuleId module, int column) const {
  const Module& of = opened()->model->modules[module];
  const ModuleSummary* counts = summary(module);
  switch (column) {
    case Name:
      return module == ModuleTree::root() ? m_document.title() : QString::fromStdString(of.name);
    case Class:
      return classTitle(of);
    case Parameters:
      return counts && counts->total_parameters.elements > 0 ? formatCount(counts->total_parameters.elements)
                                                             : QString();
    case Flops:
      return counts && counts->total_flops > 0 ? formatCount(counts->total_flops) : QString();
    case Time:
      return entry(module).before.total >= 0 ? formatDuration(entry(module).before.total) : QString();
    case After:
      if (entry(module).after.total >= 0) return formatDuration(entry(module).after.total);
      return fused(module) ? tr("fused") : QString();
    case State:
      return moduleStateText(m_document, module);
  }
  return {};
}

/// Its operators ran before the conversion and have no step of their own after it.
bool ModuleTreeModel::fused(ModuleId module) const {
  const Entry& of = entry(module);
  const bool converted = of.state == ModuleState::Success || of.state == ModuleState::Covered;
  return converted && of.before.total >= 0 && of.after.total < 0 && shownTimes(m_document).after != nullptr;
}

QVariant ModuleTreeModel::sortKey(ModuleId module, int column) const {
  const ModuleSummary* counts = summary(module);
  switch (column) {
    case Parameters:
      return QVariant::fromValue<qlonglong>(counts ? counts->total_parameters.elements : 0);
    case Flops:
      return QVariant::fromValue<qlonglong>(counts ? counts->total_flops : 0);
    case Time:
      return entry(module).before.total;
    case After:
      return entry(module).after.total;
    case State:
      return static_cast<int>(entry(module).state);
    default:
      return text(module, column);
  }
}

bool ModuleTreeModel::hasData(int column) const {
  const auto any = [this](auto&& test) {
    for (size_t i = 0; i < m_entries.size(); ++i)
      if (shown(ModuleId(i)) && test(ModuleId(i))) return true;
    return false;
  };
  switch (column) {
    case Flops:
      return any([this](ModuleId module) {
        const ModuleSummary* counts = summary(module);
        return counts != nullptr && counts->total_flops > 0;
      });
    case Time:
      return any([this](ModuleId module) { return entry(module).before.total >= 0; });
    case After:
      return any([this](ModuleId module) { return entry(module).after.total >= 0; });
    case State:
      return any([this](ModuleId module) { return entry(module).state != ModuleState::None; });
    default:
      return true;
  }
}

QString ModuleTreeModel::toolTip(ModuleId module) const {
  const Module& of = opened()->model->modules[module];
  QStringList lines;
  lines << QStringLiteral("<b>%1</b>").arg(moduleTitle(m_document, module).toHtmlEscaped());
  QString className = QString::fromStdString(of.class_name);
  if (!of.python_module.empty()) className.prepend(QString::fromStdString(of.python_module) + '.');
  lines << className.toHtmlEscaped();
  if (of.class_inferred) lines << tr("* The class is inferred from its nodes; the file does not name it.");
  if (const ModuleSummary* counts = summary(module))
    lines << tr("%n node(s), of these %1 its own", nullptr, static_cast<int>(counts->total_nodes))
                 .arg(counts->nodes);
  const Entry& times = entry(module);
  if (times.before.total >= 0)
    lines << tr("%1 a run, %2 of it in its own operators")
                 .arg(formatDuration(times.before.total), formatDuration(times.before.self));
  if (fused(module)) lines << tr("Fused with its neighbours; the time is told with a module above it.");
  if (const QString state = moduleStateText(m_document, module); !state.isEmpty())
    lines << tr("Conversion: %1").arg(state);
  if (const ModuleOutcome* outcome = m_document.outcome(module); outcome && outcome->failure)
    lines << tr("Not converted: %1").arg(QString::fromStdString(outcome->failure->error()).toHtmlEscaped());
  return lines.join(QStringLiteral("<br>"));
}

QVariant ModuleTreeModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || !opened()) return {};
  const ModuleId module = moduleOf(index);
  const int column = index.column();
  const auto share = [&](double Times::*part) {
    const double ns = (column == After ? entry(module).after : entry(module).before).*part;
    const bool timed = column == Time || column == After;
    return timed && ns >= 0 && m_longest > 0 ? QVariant(ns / m_longest) : QVariant();
  };
  switch (role) {
    case Qt::DisplayRole:
      return text(module, column);
    case Qt::ToolTipRole:
      return toolTip(module);
    case Qt::TextAlignmentRole:
      if (column >= Parameters && column <= After) return QVariant(Qt::AlignRight | Qt::AlignVCenter);
      return QVariant(Qt::AlignLeft | Qt::AlignVCenter);
    case ModuleRole:
      return static_cast<int>(module.index);
    case StateRole:
      return static_cast<int>(entry(module).state);
    case ColorRole:
      return m_coloring.module(module);
    case BarRole:
      return share(&Times::total);
    case BarPartRole:
      return share(&Times::self);
    case SortRole:
      return sortKey(module, column);
    case FilterRole: {
      const Module& of = opened()->model->modules[module];
      return QString::fromStdString(of.path + ' ' + of.class_name);
    }
    default:
      return {};
  }
}

QVariant ModuleTreeModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) return {};
  static constexpr const char* titles[ColumnCount] = {
      QT_TR_NOOP("Module"), QT_TR_NOOP("Class"), QT_TR_NOOP("Params"), QT_TR_NOOP("FLOPs"),
      QT_TR_NOOP("Time"),   QT_TR_NOOP("After"), QT_TR_NOOP("State")};
  static constexpr const char* tips[ColumnCount] = {
      QT_TR_NOOP("Module as the exporter named it"),
      QT_TR_NOOP("Class of the module; * where it was inferred from its nodes"),
      QT_TR_NOOP("Weights of the module and everything under it; a shared weight counts once"),
      QT_TR_NOOP("Theoretical floating point operations of one run, everything under it included"),
      QT_TR_NOOP(
          "Time of one run in operators of the module and everything under it, in the active recording "
          "or before the conversion; the solid part of the bar is spent in its own operators"),
      QT_TR_NOOP("The same after the conversion"),
      QT_TR_NOOP("What became of the module in the last conversion or dry run")};
  if (role == Qt::DisplayRole) return tr(titles[section]);
  if (role == Qt::ToolTipRole) return tr(tips[section]);
  if (role == Qt::TextAlignmentRole)
    return QVariant((section >= Parameters && section <= After ? Qt::AlignRight : Qt::AlignLeft) |
                    Qt::AlignVCenter);
  return {};
}

}  // namespace lathe
