// SPDX-License-Identifier: Apache-2.0
// The module tree of the open model with its counts, times and conversion state.
#pragma once

#include <vector>

#include "gui/document/coloring.h"
#include "gui/document/document.h"
#include "gui/models/module_item_model.h"

namespace lathe {

/// Shows modules that own a node or contain one that does, below one row for the model itself. Follows the
/// document and the colouring.
class ModuleTreeModel : public ModuleItemModel {
  Q_OBJECT
 public:
  enum Column { Name, Class, Parameters, Flops, Time, After, State, ColumnCount };
  enum Role {
    ModuleRole = Qt::UserRole,  ///< int: ModuleId::index
    StateRole,                  ///< int: ModuleState
    ColorRole,                  ///< QColor of the colouring, invalid where it says nothing
    BarRole,                    ///< double 0..1 of the column's bar; invalid without one
    BarPartRole,                ///< double 0..1, the part of it spent in the module's own operators
    SortRole,                   ///< what to sort the column by
    FilterRole,                 ///< text that a filter searches
  };

  ModuleTreeModel(const Document& document, const Coloring& coloring, QObject* parent = nullptr);

  /// Whether any row has something to show in the column (times are there only after a run).
  bool hasData(int column) const;
  /// Failed modules none of whose children failed, in tree order: where a conversion broke.
  std::vector<ModuleId> deepestFailures() const;

  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

 private:
  /// Nanoseconds a run, in operators of its own and with all under it; -1: none.
  struct Times {
    double self = -1, total = -1;
  };
  struct Entry {
    Times before, after;
    ModuleState state = ModuleState::None;
  };

  void rebuild();
  void takeTimes();
  void takeStates();
  /// Nothing while another model is on its way: the colouring may speak first.
  void announce(int first, int last);
  const Entry& entry(ModuleId module) const { return m_entries[module.index]; }
  bool fused(ModuleId module) const;
  QVariant text(ModuleId module, int column) const;
  QVariant sortKey(ModuleId module, int column) const;
  QString toolTip(ModuleId module) const;
  const ModuleSummary* summary(ModuleId module) const;

  const Document& m_document;
  const Coloring& m_coloring;
  std::vector<Entry> m_entries;  ///< by ModuleId
  double m_longest = 0;          ///< of all times shown, so that bars compare
};

/// The recordings that "time" and "after" mean: of a conversion its two, else the active one; null without.
struct ShownTimes {
  const Statistics* before = nullptr;
  const Statistics* after = nullptr;
  QString label;  ///< of `before`: "eager"
};
ShownTimes shownTimes(const Document& document);

/// "failed: dynamic shape", "engine, bf16"; empty for ModuleState::None.
QString moduleStateText(const Document& document, ModuleId module);

/// "encoder.layers.0" or, for the root, the model's file name.
QString moduleTitle(const Document& document, ModuleId module);

}  // namespace lathe
