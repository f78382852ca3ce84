// SPDX-License-Identifier: Apache-2.0
#include "gui/models/shape_profile_model.h"

#include <algorithm>

#include "gui/widgets/theme.h"

namespace lathe {

std::vector<DynamicInput> dynamicInputs(const Model& model) {
  std::vector<DynamicInput> inputs;
  for (const ValueId id : model.graph.inputs()) {
    const Value& value = model.graph.value(id);
    if (!value.type.is_tensor() || value.type.is_static()) continue;
    inputs.push_back({value.name, value.type.dims.value_or(Dims{}), value.type.has_rank()});
  }
  return inputs;
}

std::map<std::string, int64_t> boundSymbols(const Configuration& configuration, const Model& model) {
  std::map<std::string, int64_t> bound;
  for (const DynamicInput& input : dynamicInputs(model)) {
    const auto range = configuration.range(input.name);
    if (!range) continue;
    for (size_t axis = 0; axis < std::min(range->opt.size(), input.dims.size()); ++axis)
      if (!input.dims[axis].known() && range->opt[axis] >= 0)
        bound.try_emplace(input.dims[axis].text(), range->opt[axis]);
  }
  return bound;
}

QString shapeProblem(const DynamicInput& input, const Shape& shape) {
  if (!input.rankKnown) return {};
  if (shape.size() != input.dims.size())
    return ShapeProfileModel::tr("has %1 axes, the model's input has %2")
        .arg(shape.size())
        .arg(input.dims.size());
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (input.dims[axis].known() && input.dims[axis].value() != shape[axis])
      return ShapeProfileModel::tr("axis %1 is %2 in the model")
          .arg(axis)
          .arg(QString::fromStdString(input.dims[axis].text()));
    if (shape[axis] < 1) return ShapeProfileModel::tr("axis %1 must be 1 or more").arg(axis);
  }
  return {};
}

QString shapeHint(const DynamicInput& input, const std::map<std::string, int64_t>& symbols) {
  if (!input.rankKnown) return ShapeProfileModel::tr("any shape");
  QStringList sizes;
  for (const Dim& dim : input.dims) {
    const auto found = symbols.find(dim.text());
    sizes << (found != symbols.end() ? QString::number(found->second) : QString::fromStdString(dim.text()));
  }
  return sizes.join(QLatin1Char('x'));
}

ShapeProfileModel::ShapeProfileModel(Document& document, QObject* parent)
    : QAbstractTableModel(parent), m_document(document) {
  connect(&document, &Document::modelChanged, this, &ShapeProfileModel::rebuild);
  connect(&document, &Document::configurationChanged, this, [this] {
    takeSizes();
    if (!m_rows.empty()) emit dataChanged(index(0, Min), index(rowCount() - 1, Max));
  });
  rebuild();
}

void ShapeProfileModel::rebuild() {
  beginResetModel();
  m_rows.clear();
  if (const Model* model = m_document.model())
    for (const DynamicInput& input : dynamicInputs(*model))
      for (size_t axis = 0; axis < input.dims.size(); ++axis) {
        if (input.dims[axis].known()) continue;
        Row& row = m_rows.emplace_back();
        row.input = input.name;
        row.symbol = input.dims[axis].text();
        row.axis = static_cast<int>(axis);
      }
  takeSizes();
  endResetModel();
}

void ShapeProfileModel::takeSizes() {
  const Model* model = m_document.model();
  if (model == nullptr) return;
  const Configuration& configuration = m_document.configuration();
  const auto symbols = boundSymbols(configuration, *model);
  for (Row& row : m_rows) {
    const auto at = static_cast<size_t>(row.axis);
    const auto range = configuration.range(row.input);
    row.own = range && at < range->opt.size() && range->opt[at] >= 0;
    const auto bound = symbols.find(row.symbol);
    const int64_t follows = bound == symbols.end() ? -1 : bound->second;
    row.sizes[0] = row.own ? range->min[at] : follows;
    row.sizes[1] = row.own ? range->opt[at] : follows;
    row.sizes[2] = row.own ? range->max[at] : follows;
  }
}

QModelIndex ShapeProfileModel::indexOf(const QString& input, int column) const {
  for (size_t row = 0; row < m_rows.size(); ++row)
    if (QString::fromStdString(m_rows[row].input) == input) return index(static_cast<int>(row), column);
  return {};
}

int ShapeProfileModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int ShapeProfileModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : ColumnCount;
}

Qt::ItemFlags ShapeProfileModel::flags(const QModelIndex& index) const {
  if (!index.isValid()) return Qt::NoItemFlags;
  Qt::ItemFlags flags = Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemNeverHasChildren;
  if (index.column() >= Min) flags |= Qt::ItemIsEditable;
  return flags;
}

QVariant ShapeProfileModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount()) return {};
  const Row& row = m_rows[static_cast<size_t>(index.row())];
  const int column = index.column();
  switch (role) {
    case Qt::DisplayRole:
    case Qt::EditRole:
      if (column == Input) return QString::fromStdString(row.input);
      if (column == Axis)
        return QStringLiteral("%1: %2").arg(row.axis).arg(QString::fromStdString(row.symbol));
      if (const int64_t size = row.sizes[column - Min]; size >= 0) return QString::number(size);
      return role == Qt::EditRole ? QString() : QStringLiteral("–");
    case Qt::TextAlignmentRole:
      return QVariant((column >= Min ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    case Qt::ForegroundRole:
      return column >= Min && !row.own ? QVariant(theme().disabledText) : QVariant();
    case Qt::ToolTipRole:
      if (column < Min)
        return tr("Axis %1 of '%2', open in the model").arg(row.axis).arg(QString::fromStdString(row.input));
      if (!row.own && row.sizes[0] >= 0)
        return tr("Follows from another input with the axis “%1”").arg(QString::fromStdString(row.symbol));
      return tr("Empty leaves the axis open; an open axis cannot become part of an engine");
    default:
      return {};
  }
}

Configuration ShapeProfileModel::withSize(const Row& row, int which, int64_t size) const {
  Configuration made = m_document.configuration();
  made.dynamic_axes.erase(row.input);
  made.input_shapes.erase(row.input);
  Shape opt;
  for (const DynamicInput& input : dynamicInputs(*m_document.model()))
    if (input.name == row.input)
      for (const Dim& dim : input.dims) opt.push_back(dim.known() ? dim.value() : -1);
  for (Row each : m_rows) {
    if (each.input != row.input) continue;
    if (each.axis == row.axis) {
      for (int i = 0; i < 3; ++i) {
        int64_t& now = each.sizes[i];
        if (size < 0 || now < 0 || i == which)
          now = size;
        else
          now = i < which ? std::min(now, size) : std::max(now, size);
      }
    } else if (!each.own) {
      continue;
    }
    if (each.sizes[1] < 0) continue;
    opt[static_cast<size_t>(each.axis)] = each.sizes[1];
    made.dynamic_axes[row.input][each.axis] = {each.symbol, each.sizes[0], each.sizes[1], each.sizes[2]};
  }
  // With every axis told, the optimum is a shape of its own, and axes of one size need no range.
  if (std::find(opt.begin(), opt.end(), -1) == opt.end()) {
    made.input_shapes[row.input] = opt;
    std::erase_if(made.dynamic_axes[row.input],
                  [](const auto& axis) { return axis.second.min == axis.second.max; });
  }
  if (made.dynamic_axes[row.input].empty()) made.dynamic_axes.erase(row.input);
  return made;
}

bool ShapeProfileModel::setData(const QModelIndex& index, const QVariant& value, int role) {
  if (!index.isValid() || role != Qt::EditRole || index.column() < Min) return false;
  const QString text = value.toString().trimmed();
  bool number = false;
  const qlonglong size = text.toLongLong(&number);
  if (!text.isEmpty() && (!number || size < 1)) return false;
  const Row row = m_rows[static_cast<size_t>(index.row())];
  m_document.editConfiguration(
      tr("sizes of %1").arg(QString::fromStdString(row.input)),
      withSize(row, index.column() - Min, text.isEmpty() ? -1 : static_cast<int64_t>(size)));
  return true;
}

QVariant ShapeProfileModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) return {};
  static constexpr const char* titles[ColumnCount] = {
      QT_TR_NOOP("Input"), QT_TR_NOOP("Axis"), QT_TR_NOOP("Min"), QT_TR_NOOP("Opt"), QT_TR_NOOP("Max")};
  static constexpr const char* tips[ColumnCount] = {
      QT_TR_NOOP("Input of the model"), QT_TR_NOOP("Number and name of the axis"),
      QT_TR_NOOP("Smallest size the engines accept"),
      QT_TR_NOOP("Size the engines are compiled ahead and measured for"),
      QT_TR_NOOP("Largest size the engines accept")};
  if (role == Qt::DisplayRole) return tr(titles[section]);
  if (role == Qt::ToolTipRole) return tr(tips[section]);
  if (role == Qt::TextAlignmentRole)
    return QVariant((section >= Min ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
  return {};
}

}  // namespace lathe
