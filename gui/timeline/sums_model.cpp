// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline/sums_model.h"

#include <QPainter>
#include <QPixmap>
#include <array>

#include "gui/timeline/slice_colors.h"
#include "gui/widgets/format.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

QString kindName(const std::string& category) {
  if (category == "op") return SumsModel::tr("operator");
  if (category == "module") return SumsModel::tr("module class");
  return QString::fromStdString(category);
}

QVariant swatch(const QColor& color) {
  if (!color.isValid()) return {};
  QPixmap pixmap(10, 10);
  pixmap.fill(color);
  return pixmap;
}

}  // namespace

void SumsModel::set(SliceSums sums, std::vector<QColor> colors) {
  beginResetModel();
  m_sums = std::move(sums);
  m_colors = std::move(colors);
  m_colors.resize(m_sums.size());
  endResetModel();
}

int SumsModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(m_sums.size());
}

int SumsModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : ColumnCount;
}

QVariant SumsModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const SliceSum& sum = at(index.row());
  const bool shown = role == Qt::DisplayRole, sorted = role == SortRole;
  if (role == Qt::TextAlignmentRole && index.column() >= Calls)
    return QVariant::fromValue(Qt::Alignment(Qt::AlignRight | Qt::AlignVCenter));
  if (role == Qt::ToolTipRole && index.column() == Name) return QString::fromStdString(sum.name);
  if (role == Qt::DecorationRole && index.column() == Name)
    return swatch(m_colors[static_cast<size_t>(index.row())]);
  if (!shown && !sorted) return {};
  const double mean = static_cast<double>(sum.self_ns) / static_cast<double>(std::max<int64_t>(sum.calls, 1));
  switch (index.column()) {
    case Name:
      return QString::fromStdString(sum.name);
    case Kind:
      return kindName(sum.category);
    case Calls:
      return shown ? QVariant(QStringLiteral("%L1").arg(sum.calls))
                   : QVariant(static_cast<qlonglong>(sum.calls));
    case Time:
      return shown ? QVariant(formatDuration(static_cast<double>(sum.self_ns)))
                   : QVariant(static_cast<qlonglong>(sum.self_ns));
    case Mean:
      return shown ? QVariant(formatDuration(mean)) : QVariant(mean);
    case Share:
      return shown ? QVariant(formatPercent(sum.share)) : QVariant(sum.share);
    default:
      return {};
  }
}

QVariant SumsModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) return {};
  static constexpr std::array names = {QT_TR_NOOP("Name"),      QT_TR_NOOP("Kind"),     QT_TR_NOOP("Calls"),
                                       QT_TR_NOOP("Self time"), QT_TR_NOOP("Per call"), QT_TR_NOOP("Share")};
  static constexpr std::array tips = {QT_TR_NOOP("Operator type, class of module, or name"),
                                      QT_TR_NOOP("What the row sums up: the category of its slices"),
                                      QT_TR_NOOP("Slices"),
                                      QT_TR_NOOP("Time within the selection, without what is nested inside"),
                                      QT_TR_NOOP("Self time of one slice, on average"),
                                      QT_TR_NOOP("Of the self time of all rows of the same kind")};
  if (role == Qt::DisplayRole) return tr(names[static_cast<size_t>(section)]);
  if (role == Qt::ToolTipRole) return tr(tips[static_cast<size_t>(section)]);
  if (role == Qt::TextAlignmentRole)
    return QVariant::fromValue(
        Qt::Alignment((section >= Calls ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter));
  return {};
}

void ShareDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const {
  const double share = std::clamp(index.data(SumsModel::SortRole).toDouble(), 0.0, 1.0);
  if (!(option.state & QStyle::State_Selected)) {
    QRectF bar = QRectF(option.rect).adjusted(4, 3, -4, -3);
    bar.setWidth(bar.width() * share);
    painter->fillRect(bar, mixed(theme().surface, theme().accent, 0.3));
  }
  QStyledItemDelegate::paint(painter, option, index);
}

}  // namespace lathe
