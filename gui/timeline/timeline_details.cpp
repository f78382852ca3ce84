// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline/timeline_details.h"

#include <QEvent>
#include <QHeaderView>
#include <QPointer>
#include <QSortFilterProxyModel>
#include <QTableView>
#include <QTreeWidget>
#include <QVBoxLayout>
#include <algorithm>

#include "gui/timeline/slice_colors.h"
#include "gui/widgets/format.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr size_t summedAtOnce = 300'000;

QString toQString(std::string_view text) {
  return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

/// A column of a bold title over a view.
QWidget* titled(QLabel* title, QWidget* view, QWidget* parent) {
  auto* column = new QWidget(parent);
  auto* layout = new QVBoxLayout(column);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  QFont font = title->font();
  font.setBold(true);
  title->setFont(font);
  title->setContentsMargins(6, 5, 6, 5);
  title->setTextFormat(Qt::PlainText);
  title->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  layout->addWidget(title);
  layout->addWidget(view, 1);
  return column;
}

QString valueText(const Trace& trace, const Arg& arg) {
  const std::string_view key = trace.text(arg.key);
  switch (arg.kind) {
    case ArgKind::null:
      return QStringLiteral("–");
    case ArgKind::boolean:
      return arg.bits != 0 ? TimelineDetails::tr("yes") : TimelineDetails::tr("no");
    case ArgKind::integer:
      if (key == "flops") return formatFlops(arg.bits);
      if (key == "bytes") return formatBytes(arg.bits);
      return QStringLiteral("%L1").arg(arg.bits);
    case ArgKind::real:
      return formatReal(arg.real_value());
    case ArgKind::string:
    case ArgKind::json:
      return toQString(trace.text(arg.text()));
  }
  return {};
}

}  // namespace

TimelineDetails::TimelineDetails(Workspace& workspace, QWidget* parent)
    : QSplitter(Qt::Horizontal, parent),
      m_workspace(workspace),
      m_title(new QLabel),
      m_properties(new QTreeWidget),
      m_sumsTitle(new QLabel),
      m_table(new QTableView),
      m_sums(new SumsModel(this)) {
  setObjectName(QStringLiteral("timelineDetails"));
  m_properties->setObjectName(QStringLiteral("timelineProperties"));
  m_properties->setColumnCount(2);
  m_properties->setHeaderHidden(true);
  m_properties->setRootIsDecorated(false);
  m_properties->setUniformRowHeights(true);
  m_properties->setIndentation(0);
  m_properties->header()->setSectionResizeMode(0, QHeaderView::ResizeToContents);

  auto* sorted = new QSortFilterProxyModel(this);
  sorted->setSourceModel(m_sums);
  sorted->setSortRole(SumsModel::SortRole);
  m_table->setObjectName(QStringLiteral("timelineSums"));
  m_table->setModel(sorted);
  m_table->setItemDelegateForColumn(SumsModel::Share, new ShareDelegate(this));
  m_table->setSortingEnabled(true);
  m_table->sortByColumn(-1, Qt::AscendingOrder);
  m_table->setShowGrid(false);
  m_table->setTabKeyNavigation(false);  // Tab leaves the table; arrows move in it
  m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
  m_table->setSelectionMode(QAbstractItemView::SingleSelection);
  m_table->setWordWrap(false);
  m_table->verticalHeader()->hide();
  m_table->verticalHeader()->setDefaultSectionSize(fontMetrics().height() + 6);
  m_table->horizontalHeader()->setSectionResizeMode(SumsModel::Name, QHeaderView::Stretch);
  m_table->horizontalHeader()->setHighlightSections(false);
  for (const auto& [column, width] :
       {std::pair(SumsModel::Kind, 84), std::pair(SumsModel::Calls, 54), std::pair(SumsModel::Time, 72),
        std::pair(SumsModel::Mean, 72), std::pair(SumsModel::Share, 72)})
    m_table->setColumnWidth(column, width);
  connect(m_table, &QTableView::doubleClicked, this, &TimelineDetails::selectLongest);

  addWidget(titled(m_title, m_properties, this));
  addWidget(titled(m_sumsTitle, m_table, this));
  setSizes({340, 660});
  setStretchFactor(0, 1);
  setStretchFactor(1, 2);
  setChildrenCollapsible(false);
  setHandleWidth(1);
  connect(&workspace.selection(), &Selection::changed, this, &TimelineDetails::follow);
  const auto again = [this] { follow(m_workspace.selection().current()); };
  connect(&workspace.document(), &Document::tracesChanged, this, again);
  connect(&workspace.document(), &Document::activeTraceChanged, this, again);
  connect(&workspace.coloring(), &Coloring::changed, this, again);
  again();
}

const Trace* TimelineDetails::trace(int index) const {
  const auto& traces = m_workspace.document().traces();
  return index < 0 || static_cast<size_t>(index) >= traces.size()
             ? nullptr
             : traces[static_cast<size_t>(index)].trace.get();
}

void TimelineDetails::follow(const Selected& selected) {
  m_properties->clear();
  m_workspace.jobs().cancelSlot(QStringLiteral("timelineSums"));
  if (selected.slice.valid() && trace(selected.trace) != nullptr)
    showSlice(selected.trace, selected.slice);
  else if (selected.range && trace(selected.trace) != nullptr)
    showRange(selected.trace, *selected.range);
  else if (trace(m_workspace.document().activeTrace()) == nullptr)
    m_sums->set({});
  else if (selected.module.valid() || selected.node.valid())
    showMatches(selected);
  else
    showWhole();
}

void TimelineDetails::setTitle(const QString& title) {
  m_title->setText(title);
  m_title->setToolTip(title);
}

void TimelineDetails::add(const QString& name, const QString& value, const QString& tip) {
  auto* item =
      new QTreeWidgetItem(m_properties, {name, QString(value).replace(QLatin1Char('\n'), QLatin1Char(' '))});
  item->setForeground(0, theme().mutedText);
  item->setToolTip(0, tip);
  item->setToolTip(1, value.size() > 40 ? value.left(2000) : QString());
}

void TimelineDetails::addArguments(const Trace& trace, SliceId slice) {
  for (const Arg& arg : trace.args(slice)) add(toQString(trace.text(arg.key)), valueText(trace, arg));
}

void TimelineDetails::addAlike(const Trace& trace, SliceId slice) {
  const TraceLane& lane = trace.lane(trace.lane_of(slice));
  std::vector<int64_t> times;
  for (uint32_t i = lane.first_slice; i < lane.end_slice; ++i)
    if (const SliceId other{size_t{i}};
        trace.name(other) == trace.name(slice) && trace.args_id(other) == trace.args_id(slice))
      times.push_back(trace.duration(other));
  if (times.size() < 2) return;
  std::sort(times.begin(), times.end());
  add(tr("alike"),
      tr("%L1 slices, %2 to %3, median %4")
          .arg(times.size())
          .arg(formatDuration(static_cast<double>(times.front())),
               formatDuration(static_cast<double>(times.back())), formatDuration(percentile(times, 0.5))),
      tr("Slices of this lane with the same name and arguments: N and P go from one to the next"));
}

void TimelineDetails::showSlice(int index, SliceId slice) {
  const Trace& t = *trace(index);
  setTitle(toQString(t.text(t.name(slice))));
  add(tr("duration"), formatDuration(static_cast<double>(t.duration(slice))));
  int64_t inside = 0;
  const SliceRange children = t.children(slice);
  for (uint32_t i = children.first; i < children.end; ++i) inside += t.duration(SliceId(size_t{i}));
  if (!children.empty())
    add(tr("self time"), formatDuration(static_cast<double>(t.duration(slice) - inside)),
        tr("Without what is nested inside"));
  add(tr("starts at"), formatDuration(static_cast<double>(t.start(slice) - t.begin_time())));
  add(tr("category"), toQString(t.text(t.category(slice))));
  addAlike(t, slice);
  addArguments(t, slice);
  showSums(index, {t.start(slice), t.end(slice)});
}

void TimelineDetails::showRange(int index, TraceRange range) {
  const Trace& t = *trace(index);
  setTitle(tr("Range of %1").arg(formatDuration(static_cast<double>(range.end - range.begin))));
  add(tr("recording"), m_workspace.document().traces()[static_cast<size_t>(index)].label);
  add(tr("from"), formatDuration(static_cast<double>(range.begin - t.begin_time())));
  add(tr("to"), formatDuration(static_cast<double>(range.end - t.begin_time())));
  add(tr("slices"), QStringLiteral("%L1").arg(slicesInRange(t, range)));
  showSums(index, range);
}

void TimelineDetails::showMatches(const Selected& selected) {
  const int index = m_workspace.document().activeTrace();
  const Trace& t = *trace(index);
  const Model* model = m_workspace.document().model();
  if (model == nullptr) return;
  const bool node = selected.node.valid();
  const std::string& name =
      node ? model->graph.node(selected.node).name : model->modules[selected.module].path;
  const SliceMatches matches = node ? slicesOfNode(t, name) : slicesOfModule(t, name);
  setTitle(name.empty() ? tr("The whole model") : QString::fromStdString(name));
  add(tr("recording"), m_workspace.document().active()->label);
  add(tr("slices"), QStringLiteral("%L1").arg(matches.slices.size()));
  SliceSums sums = sumsOfSlices(t, matches);
  int64_t operators = 0, calls = 0;
  for (const SliceSum& sum : sums)
    if (sum.category == "op") operators += sum.self_ns, calls += sum.calls;
  const int runs = std::max(1, m_workspace.document().active()->statistics.runs);
  add(tr("operators"), tr("%L1, %2 in all").arg(calls).arg(formatDuration(static_cast<double>(operators))));
  add(tr("per run"), formatDuration(static_cast<double>(operators) / runs),
      tr("Operator time divided by the recorded runs"));
  m_sumsTitle->setText(tr("Time in its slices"));
  m_trace = index;
  takeSums(std::move(sums));
}

void TimelineDetails::takeSums(SliceSums sums) {
  std::vector<QColor> colors;
  if (const Trace* t = trace(m_trace)) {
    const SliceColors found(*t, m_workspace.coloring());
    for (const SliceSum& sum : sums)
      colors.push_back(sum.longest.valid() ? QColor(found.lookUp(sum.longest)) : QColor());
  }
  m_sums->set(std::move(sums), std::move(colors));
}

void TimelineDetails::showWhole() {
  const TraceEntry& entry = *m_workspace.document().active();
  const Trace& t = *entry.trace;
  setTitle(entry.label);
  add(tr("duration"), formatDuration(static_cast<double>(t.end_time() - t.begin_time())));
  add(tr("slices"), QStringLiteral("%L1").arg(t.slice_count()));
  add(tr("lanes"), QStringLiteral("%L1").arg(t.lanes().size()));
  if (entry.latency.count > 0)
    add(tr("median latency"), formatDuration(entry.latency.p50), tr("Timed with recording off"));
  add(tr("format"), QString::fromStdString(t.info().format));
  for (const std::string& note : t.info().notes) add(tr("note"), QString::fromStdString(note));
  add({}, tr("Click a slice, or drag over a range of time"));
  showSums(m_workspace.document().activeTrace(), {t.begin_time(), t.end_time()});
}

void TimelineDetails::showSums(int index, TraceRange range) {
  const std::shared_ptr<const Trace> shown =
      m_workspace.document().traces()[static_cast<size_t>(index)].trace;
  m_sumsTitle->setText(tr("Time in %1").arg(formatDuration(static_cast<double>(range.end - range.begin))));
  m_trace = index;
  if (slicesInRange(*shown, range) <= summedAtOnce) {
    takeSums(sumsOfRange(*shown, range));
    return;
  }
  m_sums->set({});
  m_workspace.jobs().start<SliceSums>(
      tr("Sum up the selected time"), QStringLiteral("timelineSums"),
      [shown, range](const JobContext&) -> Result<SliceSums> { return sumsOfRange(*shown, range); },
      [details = QPointer<TimelineDetails>(this)](Result<SliceSums> sums) {
        if (details && sums) details->takeSums(std::move(*sums));
      });
}

void TimelineDetails::selectLongest(const QModelIndex& index) {
  const auto* sorted = static_cast<const QSortFilterProxyModel*>(m_table->model());
  const SliceId slice = m_sums->at(sorted->mapToSource(index).row()).longest;
  if (slice.valid()) m_workspace.selection().selectSlice(m_trace, slice);
}

void TimelineDetails::changeEvent(QEvent* event) {
  if (event->type() == QEvent::PaletteChange) follow(m_workspace.selection().current());
  QSplitter::changeEvent(event);
}

}  // namespace lathe
