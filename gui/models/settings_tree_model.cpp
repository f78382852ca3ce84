// SPDX-License-Identifier: Apache-2.0
#include "gui/models/settings_tree_model.h"

#include <QFont>

#include "gui/models/module_tree_model.h"
#include "gui/models/remedy_choices.h"
#include "gui/widgets/theme.h"

namespace lathe {

SettingsTreeModel::SettingsTreeModel(Document& document, QObject* parent)
    : ModuleItemModel(parent), m_document(document) {
  connect(&document, &Document::modelChanged, this, &SettingsTreeModel::rebuild);
  connect(&document, &Document::configurationChanged, this, [this] {
    takeSettings();
    emitChanged(Name, Precision);
  });
  // States change module by module, hundreds of times in a moment: shown together.
  m_outcomes.setSingleShot(true);
  m_outcomes.setInterval(30);
  connect(&m_outcomes, &QTimer::timeout, this, [this] { emitChanged(Outcome, Outcome); });
  const auto later = [this] {
    if (!m_outcomes.isActive()) m_outcomes.start();
  };
  connect(&document, &Document::moduleStatesChanged, this, later);
  connect(&document, &Document::conversionChanged, this, later);
  rebuild();
}

void SettingsTreeModel::rebuild() {
  beginResetModel();
  takeModules(m_document.opened());
  m_entries.assign(moduleCount(), Entry());
  takeSettings();
  endResetModel();
}

void SettingsTreeModel::takeSettings() {
  if (!opened()) return;
  const Configuration& configuration = m_document.configuration();
  const ModuleTree& tree = opened()->model->modules;
  for (size_t i = 0; i < m_entries.size(); ++i) {
    Entry& entry = m_entries[i];
    const ModuleId module(i);
    if (!shown(module)) continue;
    entry.convert = convertInForce(configuration, tree, module);
    entry.precision = precisionInForce(configuration, tree, module);
    entry.ownConvert = lathe::ownConvert(configuration, path(module)) != ConvertChoice::Inherit;
    entry.ownPrecision = lathe::ownPrecision(configuration, path(module)) != PrecisionChoice::Inherit;
  }
}

int SettingsTreeModel::columnCount(const QModelIndex&) const {
  return ColumnCount;
}

Qt::ItemFlags SettingsTreeModel::flags(const QModelIndex& index) const {
  if (!index.isValid()) return Qt::NoItemFlags;
  Qt::ItemFlags flags = Qt::ItemIsEnabled | Qt::ItemIsSelectable;
  if (index.column() == Convert || index.column() == Precision) flags |= Qt::ItemIsEditable;
  return flags;
}

QString SettingsTreeModel::outcomeText(ModuleId module) const {
  switch (m_document.moduleState(module)) {
    case ModuleState::None:
      return {};
    case ModuleState::Trying:
      return tr("trying…");
    case ModuleState::Success:
      return tr("engine");
    case ModuleState::Covered:
      return tr("in engine");
    case ModuleState::Ignored:
      return tr("eager");
    case ModuleState::Failed:
      return tr("failed");
  }
  return {};
}

QString SettingsTreeModel::toolTip(ModuleId module, int column) const {
  switch (column) {
    case Name:
      return moduleTitle(m_document, module) + QLatin1Char('\n') +
             QString::fromStdString(opened()->model->modules[module].class_name);
    case Convert:
      return tr(
          "convert: compile into an engine; where that fails, try the modules under it\n"
          "skip: no engine of its own, though one of a module above may take it in\n"
          "exclude: it and all under it run eagerly, and so does what holds it\n"
          "Grey is inherited from the module above.");
    case Precision:
      return tr("Precision the engine computes in. Grey is inherited from the module above.");
    default:
      break;
  }
  const ModuleOutcome* outcome = m_document.outcome(module);
  if (outcome == nullptr || !outcome->failure)
    return m_document.moduleState(module) == ModuleState::Covered
               ? tr("Runs inside the engine of a module above")
               : outcomeText(module);
  QString text = QString::fromStdString(outcome->failure->error());
  for (const Remedy& remedy : outcome->failure->remedies) text += QStringLiteral("\n• ") + remedyText(remedy);
  return text;
}

QColor SettingsTreeModel::foreground(ModuleId module, int column) const {
  const Theme& t = theme();
  const Entry& of = entry(module);
  if (column == Convert) return of.ownConvert ? t.text : t.disabledText;
  if (column == Precision) return of.ownPrecision ? t.text : t.disabledText;
  if (column == Name) return of.convert == ConvertChoice::Exclude ? t.mutedText : t.text;
  switch (m_document.moduleState(module)) {
    case ModuleState::Success:
    case ModuleState::Covered:
      return t.success;
    case ModuleState::Failed:
      return t.error;
    case ModuleState::Trying:
      return t.accent;
    default:
      return t.mutedText;
  }
}

QVariant SettingsTreeModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || !opened()) return {};
  const ModuleId module = moduleOf(index);
  const Entry& of = entry(module);
  const int column = index.column();
  switch (role) {
    case Qt::DisplayRole:
      if (column == Convert) return choiceName(of.convert);
      if (column == Precision) return choiceName(of.precision);
      if (column == Outcome) return outcomeText(module);
      return module == ModuleTree::root() ? m_document.title()
                                          : QString::fromStdString(opened()->model->modules[module].name);
    case Qt::EditRole:
      if (column == Convert)
        return static_cast<int>(lathe::ownConvert(m_document.configuration(), path(module)));
      if (column == Precision)
        return static_cast<int>(lathe::ownPrecision(m_document.configuration(), path(module)));
      return {};
    case Qt::ToolTipRole:
      return toolTip(module, column);
    case Qt::ForegroundRole:
      return foreground(module, column);
    case Qt::FontRole: {
      QFont font;
      font.setBold((column == Convert && of.ownConvert) || (column == Precision && of.ownPrecision));
      return font.bold() ? QVariant(font) : QVariant();
    }
    case ModuleRole:
      return static_cast<int>(module.index);
    case StateRole:
      return static_cast<int>(m_document.moduleState(module));
    default:
      return {};
  }
}

bool SettingsTreeModel::setData(const QModelIndex& index, const QVariant& value, int role) {
  if (!index.isValid() || !opened() || role != Qt::EditRole) return false;
  const ModuleId module = moduleOf(index);
  const std::string& of = path(module);
  bool number = false;
  const int choice = value.toInt(&number);
  if (!number || choice < 0) return false;
  const QString name = moduleTitle(m_document, module);
  const Configuration& now = m_document.configuration();
  if (index.column() == Convert && choice <= static_cast<int>(ConvertChoice::Exclude)) {
    const auto made = static_cast<ConvertChoice>(choice);
    if (made == ConvertChoice::Exclude && of.empty()) return false;
    m_document.editConfiguration(tr("%1: %2").arg(name, choiceName(made)), withChoice(now, of, made));
    return true;
  }
  if (index.column() == Precision && choice <= static_cast<int>(PrecisionChoice::Int8F16)) {
    const auto made = static_cast<PrecisionChoice>(choice);
    m_document.editConfiguration(tr("%1: %2").arg(name, choiceName(made)), withChoice(now, of, made));
    return true;
  }
  return false;
}

QVariant SettingsTreeModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) return {};
  static constexpr const char* titles[ColumnCount] = {QT_TR_NOOP("Module"), QT_TR_NOOP("Convert"),
                                                      QT_TR_NOOP("Precision"), QT_TR_NOOP("Outcome")};
  static constexpr const char* tips[ColumnCount] = {
      QT_TR_NOOP("Modules as the exporter named them"),
      QT_TR_NOOP("What to do with the module; click to choose, Del to inherit again"),
      QT_TR_NOOP("Precision of its engine; click to choose, Del to inherit again"),
      QT_TR_NOOP("What became of it in the last dry run or conversion")};
  if (role == Qt::DisplayRole) return tr(titles[section]);
  if (role == Qt::ToolTipRole) return tr(tips[section]);
  if (role == Qt::TextAlignmentRole) return QVariant(Qt::AlignLeft | Qt::AlignVCenter);
  return {};
}

}  // namespace lathe
