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

bool isConverted(ModuleState state) {
  return state == ModuleState::Success || state == ModuleState::Covered;
}

}  // namespace

QString moduleTitle(const Document& document, ModuleId module) {
  const Model* model = document.model();
  if (model == nullptr || !module.valid()) return {};
  if (module == ModuleTree::root()) return document.title();
  return QString::fromStdString(model->modules[module].path);
}

ModuleTreeModel::ModuleTreeModel(const Document& document, const Coloring& coloring, QObject* parent)
    : QAbstractItemModel(parent), m_document(document), m_coloring(coloring) {
  connect(&document, &Document::modelChanged, this, &ModuleTreeModel::rebuild);
  connect(&document, &Document::modelRefreshed, this, [this] {
    m_opened = m_document.opened();
    emitChanged(Parameters, Flops);
  });
  connect(&document, &Document::activeTraceChanged, this, [this] {
    takeTimes();
    emitChanged(Self, Total);
  });
  connect(&document, &Document::moduleStatesChanged, this, &ModuleTreeModel::takeStates);
  connect(&document, &Document::conversionChanged, this, [this] { emitChanged(Precision, Precision); });
  connect(&coloring, &Coloring::changed, this, [this] { emitChanged(Name, Name); });
  rebuild();
}

void ModuleTreeModel::rebuild() {
  beginResetModel();
  m_opened = m_document.opened();
  m_entries.clear();
  if (m_opened) {
    const std::vector<Module>& modules = m_opened->model->modules.modules();
    m_entries.resize(modules.size());
    // Parents stand before their children, so from the end on every child is done before its parent.
    for (size_t i = modules.size(); i-- > 0;) {
      Entry& entry = m_entries[i];
      for (const ModuleId child : modules[i].children)
        if (m_entries[child.index].shown) {
          m_entries[child.index].row = static_cast<int>(entry.children.size());
          entry.children.push_back(child);
        }
      entry.shown = i == 0 || !modules[i].nodes.empty() || !entry.children.empty();
      entry.state = m_document.moduleState(ModuleId(i));
    }
  }
  takeTimes();
  endResetModel();
}

void ModuleTreeModel::takeTimes() {
  m_longestSelf = m_longestTotal = 0;
  const TraceEntry* active = m_document.active();
  for (size_t i = 0; i < m_entries.size(); ++i) {
    Entry& entry = m_entries[i];
    const StatisticsEntry* times =
        active != nullptr ? active->statistics.module(m_opened->model->modules[ModuleId(i)].path) : nullptr;
    entry.self = entry.total = -1;
    if (times == nullptr) continue;
    const double runs = std::max(active->statistics.runs, 1);
    entry.self = static_cast<double>(times->self_ns) / runs;
    entry.total = static_cast<double>(times->op_total_ns) / runs;
    m_longestSelf = std::max(m_longestSelf, entry.self);
    m_longestTotal = std::max(m_longestTotal, entry.total);
  }
}

void ModuleTreeModel::takeStates() {
  for (size_t i = 0; i < m_entries.size(); ++i) {
    const ModuleId module(i);
    const ModuleState state = m_document.moduleState(module);
    if (m_entries[i].state == state) continue;
    m_entries[i].state = state;
    if (!m_entries[i].shown) continue;
    const QModelIndex first = indexOf(module, Name);
    emit dataChanged(first, first);
    emit dataChanged(indexOf(module, Precision), indexOf(module, Precision));
  }
}

void ModuleTreeModel::emitChanged(int first, int last) {
  if (m_entries.empty()) return;
  emit dataChanged(index(0, first), index(0, last));
  for (size_t i = 0; i < m_entries.size(); ++i) {
    const Entry& each = m_entries[i];
    if (each.shown && !each.children.empty())
      emit dataChanged(indexOf(each.children.front(), first), indexOf(each.children.back(), last));
  }
}

ModuleId ModuleTreeModel::moduleOf(const QModelIndex& index) const {
  return index.isValid() ? ModuleId(static_cast<size_t>(index.internalId())) : ModuleId();
}

QModelIndex ModuleTreeModel::indexOf(ModuleId module, int column) const {
  if (!module.valid() || module.index >= m_entries.size() || !entry(module).shown) return {};
  return createIndex(entry(module).row, column, static_cast<quintptr>(module.index));
}

std::vector<ModuleId> ModuleTreeModel::deepestFailures() const {
  std::vector<ModuleId> failures;
  if (!m_opened) return failures;
  for (const ModuleId module : m_opened->model->modules.subtree(ModuleTree::root())) {
    const Entry& each = entry(module);
    const bool below = std::any_of(each.children.begin(), each.children.end(), [this](ModuleId child) {
      return entry(child).state == ModuleState::Failed;
    });
    if (each.shown && each.state == ModuleState::Failed && !below) failures.push_back(module);
  }
  return failures;
}

QModelIndex ModuleTreeModel::index(int row, int column, const QModelIndex& parent) const {
  if (!hasIndex(row, column, parent)) return {};
  if (!parent.isValid()) return createIndex(0, column, quintptr{0});
  const ModuleId child = entry(moduleOf(parent)).children[static_cast<size_t>(row)];
  return createIndex(row, column, static_cast<quintptr>(child.index));
}

QModelIndex ModuleTreeModel::parent(const QModelIndex& index) const {
  if (!index.isValid() || !m_opened) return {};
  return indexOf(m_opened->model->modules[moduleOf(index)].parent);
}

int ModuleTreeModel::rowCount(const QModelIndex& parent) const {
  if (m_entries.empty() || parent.column() > 0) return 0;
  return parent.isValid() ? static_cast<int>(entry(moduleOf(parent)).children.size()) : 1;
}

int ModuleTreeModel::columnCount(const QModelIndex&) const {
  return ColumnCount;
}

const ModuleSummary* ModuleTreeModel::summary(ModuleId module) const {
  const auto& modules = m_opened->summary.modules;
  return module.index < modules.size() ? &modules[module.index] : nullptr;
}

QVariant ModuleTreeModel::text(ModuleId module, int column) const {
  const Module& of = m_opened->model->modules[module];
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
      return counts && counts->total_flops > 0 ? formatFlops(counts->total_flops) : QString();
    case Self:
      return entry(module).self >= 0 ? formatDuration(entry(module).self) : QString();
    case Total:
      return entry(module).total >= 0 ? formatDuration(entry(module).total) : QString();
    case Precision: {
      const ModuleOutcome* outcome = isConverted(entry(module).state) ? m_document.outcome(module) : nullptr;
      return outcome != nullptr ? QString::fromStdString(outcome->precision) : QString();
    }
  }
  return {};
}

QVariant ModuleTreeModel::sortKey(ModuleId module, int column) const {
  const ModuleSummary* counts = summary(module);
  switch (column) {
    case Parameters:
      return QVariant::fromValue<qlonglong>(counts ? counts->total_parameters.elements : 0);
    case Flops:
      return QVariant::fromValue<qlonglong>(counts ? counts->total_flops : 0);
    case Self:
      return entry(module).self;
    case Total:
      return entry(module).total;
    default:
      return text(module, column);
  }
}

QString ModuleTreeModel::toolTip(ModuleId module) const {
  const Module& of = m_opened->model->modules[module];
  QStringList lines;
  lines << QStringLiteral("<b>%1</b>").arg(moduleTitle(m_document, module).toHtmlEscaped());
  QString className = QString::fromStdString(of.class_name);
  if (!of.python_module.empty()) className.prepend(QString::fromStdString(of.python_module) + '.');
  lines << className.toHtmlEscaped();
  if (of.class_inferred) lines << tr("* The class is inferred from its nodes; the file does not name it.");
  if (const ModuleSummary* counts = summary(module))
    lines << tr("%n node(s), of these %1 its own", nullptr, static_cast<int>(counts->total_nodes))
                 .arg(counts->nodes);
  if (const ModuleOutcome* outcome = m_document.outcome(module); outcome && outcome->failure)
    lines << tr("Not converted: %1").arg(QString::fromStdString(outcome->failure->error()).toHtmlEscaped());
  return lines.join(QStringLiteral("<br>"));
}

QVariant ModuleTreeModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || !m_opened) return {};
  const ModuleId module = moduleOf(index);
  const int column = index.column();
  const auto share = [](double part, double whole) {
    return part >= 0 && whole > 0 ? QVariant(part / whole) : QVariant();
  };
  switch (role) {
    case Qt::DisplayRole:
      return text(module, column);
    case Qt::ToolTipRole:
      return toolTip(module);
    case Qt::TextAlignmentRole:
      if (column >= Parameters && column <= Total) return QVariant(Qt::AlignRight | Qt::AlignVCenter);
      return QVariant(Qt::AlignLeft | Qt::AlignVCenter);
    case ModuleRole:
      return static_cast<int>(module.index);
    case StateRole:
      return static_cast<int>(entry(module).state);
    case ColorRole:
      return m_coloring.module(module);
    case BarRole:
      return column == Self    ? share(entry(module).self, m_longestSelf)
             : column == Total ? share(entry(module).total, m_longestTotal)
                               : QVariant();
    case SortRole:
      return sortKey(module, column);
    case FilterRole: {
      const Module& of = m_opened->model->modules[module];
      return QString::fromStdString(of.path + ' ' + of.class_name);
    }
    default:
      return {};
  }
}

QVariant ModuleTreeModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) return {};
  static constexpr const char* titles[ColumnCount] = {
      QT_TR_NOOP("Module"), QT_TR_NOOP("Class"), QT_TR_NOOP("Params"),   QT_TR_NOOP("FLOPs"),
      QT_TR_NOOP("Self"),   QT_TR_NOOP("Total"), QT_TR_NOOP("Precision")};
  static constexpr const char* tips[ColumnCount] = {
      QT_TR_NOOP("Module as the exporter named it, with its state in the last conversion"),
      QT_TR_NOOP("Class of the module; * where it was inferred from its nodes"),
      QT_TR_NOOP("Weights of the module and everything under it; a shared weight counts once"),
      QT_TR_NOOP("Theoretical floating point operations of one run, everything under it included"),
      QT_TR_NOOP("Time of one run in operators the module owns itself, in the active recording"),
      QT_TR_NOOP("Time of one run in operators of the module and everything under it"),
      QT_TR_NOOP("Precision the module was converted to; empty where it runs eagerly")};
  if (role == Qt::DisplayRole) return tr(titles[section]);
  if (role == Qt::ToolTipRole) return tr(tips[section]);
  if (role == Qt::TextAlignmentRole)
    return QVariant((section >= Parameters && section <= Total ? Qt::AlignRight : Qt::AlignLeft) |
                    Qt::AlignVCenter);
  return {};
}

}  // namespace lathe
