// SPDX-License-Identifier: Apache-2.0
// Rows of the module tree: the mark of the conversion's outcome, the colour of the colouring, the name.
#pragma once

#include <QHash>
#include <QIcon>
#include <QStyledItemDelegate>

#include "gui/document/document.h"

namespace lathe {

/// Of ModuleTreeModel's Name and State columns (also behind a proxy).
class ModuleDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  using QStyledItemDelegate::QStyledItemDelegate;

 protected:
  void initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const override;
};

/// Of a state's mark and text.
QColor stateColor(ModuleState state);

}  // namespace lathe
