// SPDX-License-Identifier: Apache-2.0
// The sizes an engine is to accept: one row per dynamic axis of an input, with min, opt and max.
#pragma once

#include <QAbstractTableModel>
#include <map>
#include <optional>
#include <vector>

#include "gui/document/document.h"

namespace lathe {

/// A tensor input with at least one axis whose size the model leaves open.
struct DynamicInput {
  std::string name;
  Dims dims;  ///< as the model declares them; empty when the rank is unknown
  bool rankKnown = true;
};
std::vector<DynamicInput> dynamicInputs(const Model& model);
/// Sizes of symbols ("batch", "height") that follow from the configured opt sizes of all inputs.
std::map<std::string, int64_t> boundSymbols(const Configuration& configuration, const Model& model);
/// What is wrong with pinning `input` to `shape`: "axis 1 is 3 in the model"; empty if nothing.
QString shapeProblem(const DynamicInput& input, const Shape& shape);
/// "1x3x96x96" with what is known: opt sizes of the configuration, else the model's symbols.
QString shapeHint(const DynamicInput& input, const std::map<std::string, int64_t>& symbols);

/// Follows the document; edits go through Document::editConfiguration. A minimum above the optimum takes the
/// optimum with it, and so on: the three are always in order.
class ShapeProfileModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum Column { Input, Axis, Min, Opt, Max, ColumnCount };

  explicit ShapeProfileModel(Document& document, QObject* parent = nullptr);
  /// The first row of an input; invalid where it has none.
  QModelIndex indexOf(const QString& input, int column = Min) const;

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;
  QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
  bool setData(const QModelIndex& index, const QVariant& value, int role = Qt::EditRole) override;
  QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

 private:
  struct Row {
    std::string input, symbol;
    int axis = 0;
    int64_t sizes[3] = {-1, -1, -1};  ///< min, opt, max; -1: open
    bool own = false;                 ///< said by the configuration of this input, not by another's symbol
  };
  void rebuild();
  void takeSizes();
  Configuration withSize(const Row& row, int which, int64_t size) const;
  Document& m_document;
  std::vector<Row> m_rows;
};

}  // namespace lathe
