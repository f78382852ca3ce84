// SPDX-License-Identifier: Apache-2.0
// The tree that every model of modules has: one row for the model, below it the modules that own a node or
// contain one that does.
#pragma once

#include <QAbstractItemModel>
#include <memory>
#include <vector>

#include "profiler/workflow/workflow.h"

namespace lathe {

/// UI thread only. Derived models say what the columns hold.
class ModuleItemModel : public QAbstractItemModel {
  Q_OBJECT
 public:
  ModuleId moduleOf(const QModelIndex& index) const;
  /// Invalid for modules that are not shown.
  QModelIndex indexOf(ModuleId module, int column = 0) const;

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& index) const override;
  int rowCount(const QModelIndex& parent = {}) const override;

 protected:
  explicit ModuleItemModel(QObject* parent = nullptr);
  /// Builds the rows anew; to be called between beginResetModel() and endResetModel(). Null: no rows.
  void takeModules(std::shared_ptr<const OpenedModel> opened);
  /// The same modules seen again, e.g. with other shapes.
  void refreshModules(std::shared_ptr<const OpenedModel> opened) { m_opened = std::move(opened); }
  /// Null where there are no rows.
  const std::shared_ptr<const OpenedModel>& opened() const { return m_opened; }
  const Module& module(ModuleId id) const { return m_opened->model->modules[id]; }
  size_t moduleCount() const { return m_places.size(); }
  bool shown(ModuleId module) const { return m_places[module.index].shown; }
  const std::vector<ModuleId>& childrenOf(ModuleId module) const { return m_places[module.index].children; }
  /// dataChanged() of these columns in every row.
  void emitChanged(int first, int last);

 private:
  struct Place {
    bool shown = false;
    int row = 0;                     ///< among its parent's shown children
    std::vector<ModuleId> children;  ///< shown ones
  };
  std::shared_ptr<const OpenedModel> m_opened;
  std::vector<Place> m_places;  ///< by ModuleId
};

}  // namespace lathe
