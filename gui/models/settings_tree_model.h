// SPDX-License-Identifier: Apache-2.0
// The settings of a conversion per module: what is set here, what is inherited, and what became of it.
#pragma once

#include <QTimer>
#include <vector>

#include "gui/document/document.h"
#include "gui/models/module_item_model.h"

namespace lathe {

/// What is asked of a module. Exclude: it and all under it stay eager, and so does what holds it. Skip: it
/// gets no engine of its own, but one of a module above may take it in.
enum class ConvertChoice { Inherit, Convert, Skip, Exclude };
enum class PrecisionChoice { Inherit, F32, F16, Bf16, Int8, Int8F16 };

QString choiceName(ConvertChoice choice);
QString choiceName(PrecisionChoice choice);

/// What the module sets itself.
ConvertChoice ownConvert(const Configuration& configuration, const std::string& path);
PrecisionChoice ownPrecision(const Configuration& configuration, const std::string& path);
/// What is in force, never Inherit.
ConvertChoice convertInForce(const Configuration& configuration, const ModuleTree& tree, ModuleId module);
PrecisionChoice precisionInForce(const Configuration& configuration, const ModuleTree& tree, ModuleId module);
/// `configuration` with the choice made for one module; the other modules keep what they had in force.
Configuration withChoice(Configuration configuration, const std::string& path, ConvertChoice choice);
Configuration withChoice(Configuration configuration, const std::string& path, PrecisionChoice choice);

/// Modules that own a node or contain one that does, below one row for the model. Edits go through
/// Document::editConfiguration and can be undone. Follows the document.
class SettingsTreeModel : public ModuleItemModel {
  Q_OBJECT
 public:
  enum Column { Name, Convert, Precision, Outcome, ColumnCount };
  enum Role {
    ModuleRole = Qt::UserRole,  ///< int: ModuleId::index
    StateRole,                  ///< int: ModuleState
  };

  explicit SettingsTreeModel(Document& document, QObject* parent = nullptr);

  int columnCount(const QModelIndex& parent = {}) const override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;
  /// EditRole of Convert and Precision: the own choice as int.
  QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
  bool setData(const QModelIndex& index, const QVariant& value, int role = Qt::EditRole) override;
  QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

 private:
  struct Entry {
    ConvertChoice convert = ConvertChoice::Convert;  ///< in force
    PrecisionChoice precision = PrecisionChoice::F32;
    bool ownConvert = false, ownPrecision = false;
  };
  void rebuild();
  void takeSettings();
  const Entry& entry(ModuleId module) const { return m_entries[module.index]; }
  const std::string& path(ModuleId module) const { return ModuleItemModel::module(module).path; }
  QString outcomeText(ModuleId module) const;
  QString toolTip(ModuleId module, int column) const;
  QColor foreground(ModuleId module, int column) const;

  Document& m_document;
  QTimer m_outcomes;
  std::vector<Entry> m_entries;  ///< by ModuleId
};

}  // namespace lathe
