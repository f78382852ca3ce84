// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline/timeline_view.h"

#include <QPaintEvent>
#include <QPainter>
#include <QPointer>
#include <QScrollBar>
#include <algorithm>
#include <cmath>

#include "gui/widgets/theme.h"

namespace lathe {
namespace {

/// A trace this long is searched by a job: texts and slices together.
constexpr size_t searchedAtOnce = 1'000'000;

using Matches = std::vector<SliceMatches>;

}  // namespace

TimelineView::TimelineView(Workspace& workspace, QWidget* parent)
    : QWidget(parent), m_workspace(workspace), m_scrollBar(new QScrollBar(Qt::Vertical, this)) {
  setObjectName(QStringLiteral("timelineView"));
  setAccessibleName(tr("Timeline"));
  setMouseTracking(true);
  setFocusPolicy(Qt::StrongFocus);
  setAttribute(Qt::WA_OpaquePaintEvent);
  m_scrollBar->setSingleStep(TimelineRows::sliceHeight);
  connect(m_scrollBar, &QScrollBar::valueChanged, this, [this](int y) {
    m_scene.scroll = y;
    update();
  });
  Document& document = workspace.document();
  connect(&document, &Document::modelChanged, this, [this] {
    m_rows.reset();
    m_fitted = true;
  });
  connect(&document, &Document::tracesChanged, this, &TimelineView::takeTraces);
  connect(&workspace.selection(), &Selection::changed, this, &TimelineView::takeSelection);
  connect(&workspace.coloring(), &Coloring::changed, this, [this] {
    m_painter.reset(traces(), m_workspace.coloring());
    update();
  });
  takeTraces();
}

const Trace* TimelineView::trace(int index) const {
  return index < 0 || static_cast<size_t>(index) >= traces().size()
             ? nullptr
             : traces()[static_cast<size_t>(index)].trace.get();
}

bool TimelineView::shown(int index) const {
  return trace(index) != nullptr && (m_rows.only() < 0 || m_rows.only() == index);
}

TimelineAreas TimelineView::areas() const {
  return TimelineAreas::of(size(), m_scrollBar->isHidden() ? 0 : m_scrollBar->width());
}

// --- what is shown

void TimelineView::takeTraces() {
  m_scene.hovered = {};
  m_rows.rebuild(traces(), trace(m_rows.only()) != nullptr ? m_rows.only() : -1);
  m_painter.reset(traces(), m_workspace.coloring());
  if (searching())
    startSearch();
  else
    takeSelection(m_workspace.selection().current());
  updateScrollBar();
  if (m_fitted) fit();
  update();
}

void TimelineView::showOnly(int trace) {
  if (trace == m_rows.only()) return;
  m_rows.rebuild(traces(), trace);
  m_fitted = true;
  updateScrollBar();
  fit();
  emit matchesChanged();
}

std::vector<SliceMatches> TimelineView::matchesOf(const Selected& selected) const {
  Matches matches;
  const Model* model = m_workspace.document().model();
  if (model == nullptr) return matches;
  for (const TraceEntry& entry : traces()) {
    if (selected.kind == Selected::Kind::Module && selected.module.valid())
      matches.push_back(slicesOfModule(*entry.trace, model->modules[selected.module].path));
    else if (selected.kind != Selected::Kind::Range && selected.node.valid())
      matches.push_back(slicesOfNode(*entry.trace, model->graph.node(selected.node).name));
  }
  return matches;
}

void TimelineView::takeSelection(const Selected& selected) {
  const Trace* of = trace(selected.trace);
  const bool slice = of != nullptr && selected.slice.valid() && selected.slice.index < of->slice_count();
  m_scene.selected = slice ? SliceRef{selected.trace, selected.slice} : SliceRef{};
  m_scene.range = selected.range;
  m_scene.rangeTrace = selected.range ? selected.trace : -1;
  const bool elsewhere = selected.kind == Selected::Kind::Module || selected.kind == Selected::Kind::Node ||
                         selected.kind == Selected::Kind::Value;
  if (!searching()) {
    Matches matches = matchesOf(selected);
    const bool any =
        std::any_of(matches.begin(), matches.end(), [](const SliceMatches& m) { return !m.empty(); });
    // Where nothing was recorded of it, dimming everything would only hide the rest.
    setMatches(std::move(matches), any && elsewhere);
  }
  if (m_scene.selected.slice.valid()) {
    if (!m_clicking) bringIntoView(m_scene.selected);
  } else if (elsewhere && !searching()) {
    bringMatchIntoView();
  }
  update();
}

void TimelineView::bringMatchIntoView() {
  const size_t count = m_scene.matches.size();
  const auto active = static_cast<size_t>(std::max(m_workspace.document().activeTrace(), 0));
  for (size_t i = 0; i < count; ++i) {
    // The active recording first, then whichever has a slice of it.
    const size_t index = (i + active) % count;
    const SliceMatches& found = m_scene.matches[index];
    if (!shown(static_cast<int>(index)) || found.empty()) continue;
    return bringIntoView({static_cast<int>(index), found.earliest(*traces()[index].trace)});
  }
}

void TimelineView::setMatches(std::vector<SliceMatches> matches, bool dimOthers) {
  m_scene.matches = std::move(matches);
  m_scene.dimOthers = dimOthers;
  update();
  emit matchesChanged();
}

int TimelineView::highlightedCount() const {
  size_t count = 0;
  for (size_t i = 0; i < m_scene.matches.size(); ++i)
    if (shown(static_cast<int>(i))) count += m_scene.matches[i].slices.size();
  return static_cast<int>(count);
}

void TimelineView::search(const QString& text) {
  if (text == m_searchText) return;
  m_searchText = text;
  if (searching()) {
    startSearch();
  } else {
    m_workspace.jobs().cancelSlot(QStringLiteral("timelineSearch"));
    takeSelection(m_workspace.selection().current());
  }
}

void TimelineView::startSearch() {
  std::vector<std::shared_ptr<const Trace>> searched;
  size_t size = 0;
  for (const TraceEntry& entry : traces()) {
    searched.push_back(entry.trace);
    size += entry.trace->slice_count() + entry.trace->text_count();
  }
  const auto find = [searched, text = m_searchText.toStdString()](const JobContext& job) -> Result<Matches> {
    Matches matches;
    for (const auto& trace : searched) {
      LATHE_TRY(job.check());
      matches.push_back(slicesWithText(*trace, text));
    }
    return matches;
  };
  if (size <= searchedAtOnce) {
    setMatches(std::move(*find(JobContext())), true);
    return;
  }
  m_workspace.jobs().start<Matches>(
      tr("Search the timeline"), QStringLiteral("timelineSearch"), find,
      [this, view = QPointer<TimelineView>(this), text = m_searchText](Result<Matches> result) {
        if (view && result && text == m_searchText && result->size() == traces().size())
          setMatches(std::move(*result), true);
      });
}

bool TimelineView::selectNextMatch(bool forward) {
  const auto count = static_cast<int>(m_scene.matches.size());
  const SliceRef from = m_scene.selected;
  const int first = shown(from.trace) ? from.trace : 0;
  // From the selected slice on through all traces, and around to its own again.
  for (int step = 0; step <= count; ++step) {
    const int index = ((first + (forward ? step : -step)) % std::max(count, 1) + count) % std::max(count, 1);
    if (!shown(index) || index >= count) continue;
    const SliceId begin = step == 0 && from.trace == index ? from.slice : SliceId();
    const SliceId next = m_scene.matches[static_cast<size_t>(index)].next(*trace(index), begin, forward);
    if (!next.valid()) continue;
    m_workspace.selection().selectSlice(index, next);
    return true;
  }
  return false;
}

void TimelineView::selectNextAlike(bool forward) {
  const SliceRef from = m_scene.selected;
  if (!from.slice.valid() || trace(from.trace) == nullptr) return;
  const SliceId next = trace(from.trace)->next_alike(from.slice, forward);
  if (next.valid()) m_workspace.selection().selectSlice(from.trace, next);
}

// --- window of time

int64_t TimelineView::durationShown() const {
  int64_t longest = 0;
  for (size_t i = 0; i < traces().size(); ++i)
    if (shown(static_cast<int>(i))) {
      const Trace& t = *traces()[i].trace;
      longest = std::max(longest, t.end_time() - t.begin_time());
    }
  return std::max<int64_t>(longest, 1000);
}

void TimelineView::setMap(TimeMap map) {
  const double width = areas().tracks.width();
  const auto whole = static_cast<double>(durationShown());
  map.ns_per_pixel = std::clamp(map.ns_per_pixel, 0.01, 1.5 * whole / width);
  // Some of the recording stays in view.
  const double window = map.ns_per_pixel * width;
  constexpr double earliest = -1e18;  // so that differences to any time of a trace fit
  map.begin_ns =
      static_cast<int64_t>(std::clamp(static_cast<double>(map.begin_ns), std::max(-0.8 * window, earliest),
                                      std::max(0.0, whole - 0.2 * window)));
  m_scene.map = map;
  m_fitted = false;
  update();
}

void TimelineView::showTimes(int64_t begin, int64_t end) {
  const auto margin = static_cast<int64_t>(0.02 * static_cast<double>(end - begin));
  setMap(TimeMap::fit(begin - margin, end + margin, areas().tracks.width()));
}

void TimelineView::fit() {
  showTimes(0, durationShown());
  m_fitted = true;
}

void TimelineView::zoomToSelection() {
  if (const Trace* t = trace(m_scene.rangeTrace); t != nullptr && m_scene.range) {
    showTimes(m_scene.range->begin - t->begin_time(), m_scene.range->end - t->begin_time());
  } else if (const Trace* t = trace(m_scene.selected.trace)) {
    const SliceId slice = m_scene.selected.slice;
    showTimes(t->start(slice) - t->begin_time(), t->end(slice) - t->begin_time());
  } else {
    bringMatchIntoView();
  }
}

void TimelineView::bringIntoView(const SliceRef& ref) {
  const Trace* t = trace(ref.trace);
  if (t == nullptr || !shown(ref.trace)) return;
  m_rows.expand(ref.trace, t->lane_of(ref.slice), traces());
  updateScrollBar();
  const TimelineRow* row = m_rows.lane(ref.trace, t->lane_of(ref.slice));
  if (row == nullptr) return;
  const QRect tracks = areas().tracks;
  const int top = TimelineRows::sliceTop(*row, t->depth(ref.slice));
  if (top < m_scene.scroll || top + TimelineRows::sliceHeight > m_scene.scroll + tracks.height())
    setScroll(top - tracks.height() / 3);
  const TimeMap map = mapOf(*t, m_scene.map);
  const double left = map.x(t->start(ref.slice)), right = map.x(t->end(ref.slice)), width = right - left;
  const bool inside = left >= 0 && right <= tracks.width();
  const auto middle = static_cast<double>(t->start(ref.slice) - t->begin_time()) +
                      static_cast<double>(t->duration(ref.slice)) / 2;
  if (width < 3 || width > tracks.width()) {
    // Too small to be seen, or larger than the window: a size that shows it and its neighbours.
    const double scale = std::max(static_cast<double>(t->duration(ref.slice)), 100.0) /
                         (tracks.width() * (width < 3 ? 0.1 : 0.9));
    setMap({static_cast<int64_t>(middle - scale * tracks.width() / 2), scale});
  } else if (!inside) {
    setMap({static_cast<int64_t>(middle - map.ns_per_pixel * tracks.width() / 2), map.ns_per_pixel});
  }
}

void TimelineView::setScroll(int y) {
  m_scrollBar->setValue(y);
}

void TimelineView::updateScrollBar() {
  const int height = areas().tracks.height();
  const int barWidth = m_scrollBar->sizeHint().width();
  m_scrollBar->setGeometry(width() - barWidth, TimelineAreas::rulerHeight, barWidth, height);
  m_scrollBar->setPageStep(height);
  m_scrollBar->setRange(0, std::max(0, m_rows.height() - height));
  m_scrollBar->setVisible(m_rows.height() > height);
}

// --- places

QRect TimelineView::sliceRect(int index, SliceId slice) const {
  const Trace* t = trace(index);
  if (t == nullptr || !shown(index) || slice.index >= t->slice_count()) return {};
  const TimelineRow* row = m_rows.lane(index, t->lane_of(slice));
  if (row == nullptr || t->depth(slice) >= row->depths) return {};
  const QRect tracks = areas().tracks;
  const TimeMap map = mapOf(*t, m_scene.map);
  constexpr double far = 1e6;
  const int left = static_cast<int>(std::floor(std::clamp(map.x(t->start(slice)), -far, far)));
  const int right = static_cast<int>(std::ceil(std::clamp(map.x(t->end(slice)), -far, far)));
  const int top = tracks.top() + TimelineRows::sliceTop(*row, t->depth(slice)) - m_scene.scroll;
  const QRect whole(tracks.left() + left, top, std::max(1, right - left), TimelineRows::sliceHeight - 1);
  const QRect visible = whole & tracks;
  return visible.isEmpty() ? whole : visible;
}

SliceRef TimelineView::sliceAt(const QPoint& position) const {
  const TimelineAreas places = areas();
  if (!places.tracks.contains(position)) return {};
  const TimelineRow* row = m_rows.at(position.y() - places.tracks.top() + m_scene.scroll);
  if (row == nullptr || row->kind != TimelineRow::Kind::Lane) return {};
  const int within = position.y() - places.tracks.top() + m_scene.scroll - TimelineRows::sliceTop(*row, 0);
  if (within < 0 || within / TimelineRows::sliceHeight >= static_cast<int>(row->depths)) return {};
  const Trace& t = *trace(row->trace);
  const SliceId slice = pick_slice(t, row->lane, static_cast<uint32_t>(within / TimelineRows::sliceHeight),
                                   mapOf(t, m_scene.map), position.x() - places.tracks.left() + 0.5);
  return slice.valid() ? SliceRef{row->trace, slice} : SliceRef{};
}

int TimelineView::traceAt(const QPoint& position) const {
  const TimelineAreas places = areas();
  if (position.y() >= places.tracks.top())
    if (const TimelineRow* row = m_rows.at(position.y() - places.tracks.top() + m_scene.scroll))
      return row->trace;
  // The ruler is of all of them: the active one is meant.
  const int active = m_workspace.document().activeTrace();
  return shown(active) ? active : m_rows.rows().empty() ? -1 : m_rows.rows().front().trace;
}

// --- events that are not input

void TimelineView::paintEvent(QPaintEvent* event) {
  QPainter painter(this);
  m_painter.paint(painter, m_scene, m_rows, traces(), areas(), event->rect());
}

void TimelineView::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  updateScrollBar();
  if (m_fitted) fit();
}

void TimelineView::changeEvent(QEvent* event) {
  if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
    m_painter.reset(traces(), m_workspace.coloring());
    update();
  }
  QWidget::changeEvent(event);
}

}  // namespace lathe
