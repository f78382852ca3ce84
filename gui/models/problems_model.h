// SPDX-License-Identifier: Apache-2.0
// Everything that was found wrong: findings of the model and modules that did not convert.
#pragma once

#include <QAbstractTableModel>
#include <array>
#include <vector>

#include "gui/document/document.h"

namespace lathe {

struct Problem {
  Severity severity = Severity::note;
  QString where, message, remedy;
  NodeId node;      ///< if it concerns one
  ModuleId module;  ///< of a failed module
  std::vector<Remedy> remedies;
};

class ProblemsModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum Column { SeverityColumn, Where, Message, RemedyColumn, ColumnCount };
  enum Role { SeverityRole = Qt::UserRole };  ///< int: Severity

  explicit ProblemsModel(const Document& document, QObject* parent = nullptr);

  const Problem& problem(int row) const { return m_problems[static_cast<size_t>(row)]; }
  int count(Severity severity) const { return m_counts[static_cast<size_t>(severity)]; }

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

 private:
  void rebuild();
  const Document& m_document;
  std::vector<Problem> m_problems;  ///< worst first
  std::array<int, 3> m_counts{};
};

/// "Error", "Warning" or "Note".
QString severityName(Severity severity);

}  // namespace lathe
