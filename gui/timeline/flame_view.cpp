// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline/flame_view.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QPointer>
#include <QScrollBar>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "gui/widgets/format.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr size_t builtAtOnce = 200'000;
constexpr double drawnWidth = 0.5, namedWidth = 28;  ///< pixels

}  // namespace

FlameView::FlameView(Workspace& workspace, QWidget* parent)
    : QWidget(parent), m_workspace(workspace), m_scrollBar(new QScrollBar(Qt::Vertical, this)) {
  setObjectName(QStringLiteral("flameView"));
  setAccessibleName(tr("Flame graph"));
  setMouseTracking(true);
  setFocusPolicy(Qt::StrongFocus);
  setAttribute(Qt::WA_OpaquePaintEvent);
  connect(m_scrollBar, &QScrollBar::valueChanged, this, [this] { update(); });
  for (const auto signal : {&Document::tracesChanged, &Document::activeTraceChanged})
    connect(&workspace.document(), signal, this, [this] { showTrace(m_trace); });
  connect(&workspace.selection(), &Selection::changed, this, [this](const Selected& selected) {
    // A range stays until another is chosen or fit(): clicks on frames must not change what they are of.
    if (selected.kind == Selected::Kind::Range && selected.trace == traceIndex()) {
      m_chosen = selected.range;
      invalidate();
    }
    update();
  });
  connect(&workspace.coloring(), &Coloring::changed, this, [this] {
    m_colors.reset();
    update();
  });
}

const TraceEntry* FlameView::entry() const {
  const int index = traceIndex();
  return index < 0 ? nullptr : &m_workspace.document().traces()[static_cast<size_t>(index)];
}

int FlameView::traceIndex() const {
  const int index = m_trace >= 0 ? m_trace : m_workspace.document().activeTrace();
  return index < static_cast<int>(m_workspace.document().traces().size()) ? index : -1;
}

// --- frames

void FlameView::showTrace(int trace) {
  m_trace = trace;
  m_chosen.reset();
  invalidate();
}

void FlameView::invalidate() {
  m_stale = true;
  if (isVisible()) rebuild();
}

void FlameView::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  if (m_stale) rebuild();
}

void FlameView::rebuild() {
  m_stale = false;
  m_workspace.jobs().cancelSlot(QStringLiteral("flame"));
  const TraceEntry* shown = entry();
  if (shown == nullptr) {
    m_framesOf.reset();
    return take({});
  }
  m_range = m_chosen.value_or(TraceRange{shown->trace->begin_time(), shown->trace->end_time()});
  m_framesOf = shown->trace;
  m_colors.reset();
  if (shown->trace->slice_count() <= builtAtOnce) {
    if (Result<FlameFrames> frames = flameFrames(*shown->trace, m_range)) take(std::move(*frames));
    return;
  }
  take({});
  m_workspace.jobs().start<FlameFrames>(
      tr("Sum up the flame graph"), QStringLiteral("flame"),
      [trace = shown->trace, range = m_range](const JobContext& job) {
        return flameFrames(*trace, range, job);
      },
      [view = QPointer<FlameView>(this)](Result<FlameFrames> frames) {
        if (view && frames) view->take(std::move(*frames));
      });
}

void FlameView::take(FlameFrames frames) {
  m_frames = std::move(frames);
  m_zoomed = m_hovered = -1;
  updateScrollBar();
  update();
}

void FlameView::search(const QString& text) {
  m_searchText = text;
  update();
}

void FlameView::fit() {
  m_zoomed = -1;
  if (m_chosen) showTrace(m_trace);
  update();
}

// --- places

void FlameView::updateScrollBar() {
  const int content = static_cast<int>(m_frames.depth) * rowHeight,
            shown = std::max(1, height() - headerHeight);
  const int barWidth = m_scrollBar->sizeHint().width();
  m_scrollBar->setGeometry(width() - barWidth, headerHeight, barWidth, shown);
  m_scrollBar->setPageStep(shown);
  m_scrollBar->setRange(0, std::max(0, content - shown));
  m_scrollBar->setVisible(content > shown);
}

QRectF FlameView::boxOf(const FlameBox& box) const {
  const double space = width() - 2.0 - (m_scrollBar->isHidden() ? 0 : m_scrollBar->width());
  double from = 0, scale = 1;
  if (m_zoomed >= 0) {
    const FlameBox& zoomed = m_frames.boxes[static_cast<size_t>(m_zoomed)];
    from = zoomed.x;
    scale = 1 / std::max(zoomed.width, 1e-12);
  }
  const double left = std::clamp((box.x - from) * scale, 0.0, 1.0);
  const double right = std::clamp((box.x + box.width - from) * scale, 0.0, 1.0);
  const double top = headerHeight + 1 + static_cast<double>(box.depth) * rowHeight - m_scrollBar->value();
  return {1 + left * space, top, (right - left) * space, rowHeight - 1.0};
}

QRect FlameView::frameRect(size_t frame) const {
  if (frame >= m_frames.boxes.size()) return {};
  const QRectF box = boxOf(m_frames.boxes[frame]);
  return box.width() < drawnWidth ? QRect() : box.toAlignedRect();
}

int FlameView::frameAt(const QPoint& position) const {
  if (position.y() < headerHeight) return -1;
  for (size_t i = 0; i < m_frames.boxes.size(); ++i)
    if (boxOf(m_frames.boxes[i]).contains(position)) return static_cast<int>(i);
  return -1;
}

// --- painting

bool FlameView::dimmed(const FlameBox& box) const {
  if (m_searchText.isEmpty()) return false;
  return !QString::fromStdString(box.name).contains(m_searchText, Qt::CaseInsensitive) &&
         !QString::fromStdString(box.module).contains(m_searchText, Qt::CaseInsensitive);
}

QColor FlameView::colorOf(const FlameBox& box) {
  if (box.example.valid()) {
    if (!m_colors) m_colors = std::make_unique<SliceColors>(*m_framesOf, m_workspace.coloring());
    return QColor(m_colors->of(box.example));
  }
  QColor color;
  if (const Model* model = m_workspace.document().model(); model != nullptr && box.is_module)
    if (const auto module = model->modules.find(box.module)) color = m_workspace.coloring().module(*module);
  return color.isValid() ? color : mixed(theme().surface, theme().neutral, 0.4);
}

void FlameView::paintBox(QPainter& painter, size_t index) {
  const FlameBox& box = m_frames.boxes[index];
  QRectF place = boxOf(box);
  if (place.width() < drawnWidth || place.bottom() < headerHeight || place.top() > height()) return;
  QColor fill = colorOf(box);
  if (dimmed(box)) fill = mixed(theme().surface, fill, 0.22);
  if (place.width() >= 3) place.setWidth(place.width() - 1);
  painter.fillRect(place, fill);
  const Selected& selected = m_workspace.selection().current();
  const Model* model = m_workspace.document().model();
  const bool chosen =
      (box.example.valid() && selected.slice == box.example && selected.trace == traceIndex()) ||
      (box.is_module && model != nullptr && selected.kind == Selected::Kind::Module &&
       selected.module.valid() && model->modules[selected.module].path == box.module);
  if (chosen || static_cast<int>(index) == m_hovered) {
    painter.setPen(QPen(chosen ? theme().accent : theme().text, chosen ? 2 : 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(place.adjusted(0.5, 0.5, -0.5, -0.5));
  }
  if (place.width() < namedWidth) return;
  painter.setPen(Theme::textOn(fill));
  const double share =
      static_cast<double>(box.total_ns) / static_cast<double>(std::max<int64_t>(m_frames.total_ns, 1));
  QString text = QString::fromStdString(box.name.substr(0, 512)).simplified();
  const QString more = QStringLiteral("  ") + formatDuration(static_cast<double>(box.total_ns)) +
                       QStringLiteral(", ") + formatPercent(share);
  if (painter.fontMetrics().horizontalAdvance(text + more) < place.width() - 8) text += more;
  painter.drawText(
      place.adjusted(4, 0, -4, 0), Qt::AlignLeft | Qt::AlignVCenter,
      painter.fontMetrics().elidedText(text, Qt::ElideRight, static_cast<int>(place.width()) - 8));
}

void FlameView::paintEvent(QPaintEvent* event) {
  QPainter painter(this);
  const Theme& t = theme();
  painter.fillRect(event->rect(), t.surface);
  painter.setClipRect(event->rect() & QRect(0, headerHeight, width(), height()));
  for (size_t i = 0; i < m_frames.boxes.size(); ++i) paintBox(painter, i);
  painter.setClipRect(event->rect());
  const QRect header(0, 0, width(), headerHeight);
  painter.fillRect(header, t.window);
  painter.setPen(t.border);
  painter.drawLine(0, headerHeight - 1, width(), headerHeight - 1);
  const TraceEntry* shown = entry();
  if (shown == nullptr) return;
  painter.setPen(t.mutedText);
  const bool part = m_range.begin != shown->trace->begin_time() || m_range.end != shown->trace->end_time();
  QString text =
      m_frames.boxes.empty() ? tr("Nothing was recorded in this range")
      : part                 ? tr("%1 · selected range of %2 · %3 in frames")
                   .arg(shown->label, formatDuration(static_cast<double>(m_range.end - m_range.begin)),
                        formatDuration(static_cast<double>(m_frames.total_ns)))
             : tr("%1 · whole recording · %2 in frames")
                   .arg(shown->label, formatDuration(static_cast<double>(m_frames.total_ns)));
  if (m_workspace.jobs().running(QStringLiteral("flame"))) text = tr("Summing up…");
  if (m_zoomed >= 0)
    text += tr(" · zoomed to %1 (Escape: back)")
                .arg(QString::fromStdString(m_frames.boxes[static_cast<size_t>(m_zoomed)].name));
  painter.drawText(header.adjusted(10, 0, -10, 0), Qt::AlignLeft | Qt::AlignVCenter,
                   painter.fontMetrics().elidedText(text, Qt::ElideRight, width() - 20));
}

QString FlameView::toolTipOf(const FlameBox& box) const {
  const double whole = static_cast<double>(std::max<int64_t>(m_frames.total_ns, 1));
  QString text = QStringLiteral("<b>%1</b>").arg(QString::fromStdString(box.name).toHtmlEscaped());
  if (!box.module.empty())
    text += QStringLiteral("<br>") + QString::fromStdString(box.module).toHtmlEscaped();
  return text + tr("<br>total %1 (%2)<br>self %3<br>%L4 slices")
                    .arg(formatDuration(static_cast<double>(box.total_ns)),
                         formatPercent(static_cast<double>(box.total_ns) / whole),
                         formatDuration(static_cast<double>(box.self_ns)))
                    .arg(box.count);
}

// --- input

bool FlameView::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const int frame = frameAt(help->pos());
  if (frame < 0)
    QToolTip::hideText();
  else
    QToolTip::showText(help->globalPos(), toolTipOf(m_frames.boxes[static_cast<size_t>(frame)]), this,
                       frameRect(static_cast<size_t>(frame)));
  return true;
}

void FlameView::mousePressEvent(QMouseEvent* event) {
  const int frame = frameAt(event->position().toPoint());
  if (frame < 0 || event->button() != Qt::LeftButton) return;
  const FlameBox box = m_frames.boxes[static_cast<size_t>(frame)];
  const Model* model = m_workspace.document().model();
  const auto module = box.is_module && model != nullptr ? model->modules.find(box.module) : std::nullopt;
  if (module)
    m_workspace.selection().selectModule(*module);
  else if (box.example.valid())
    m_workspace.selection().selectSlice(traceIndex(), box.example);
}

void FlameView::mouseDoubleClickEvent(QMouseEvent* event) {
  const int frame = frameAt(event->position().toPoint());
  m_zoomed =
      frame >= 0 && m_frames.boxes[static_cast<size_t>(frame)].parent < 0 && m_zoomed >= 0 ? -1 : frame;
  update();
}

void FlameView::mouseMoveEvent(QMouseEvent* event) {
  const int frame = frameAt(event->position().toPoint());
  if (frame == m_hovered) return;
  m_hovered = frame;
  update();
}

void FlameView::leaveEvent(QEvent* event) {
  m_hovered = -1;
  update();
  QWidget::leaveEvent(event);
}

void FlameView::wheelEvent(QWheelEvent* event) {
  m_scrollBar->setValue(m_scrollBar->value() - event->angleDelta().y() / 2);
  event->accept();
}

void FlameView::keyPressEvent(QKeyEvent* event) {
  if (event->key() == Qt::Key_Escape && m_zoomed >= 0) {
    m_zoomed = m_frames.boxes[static_cast<size_t>(m_zoomed)].parent;
    update();
  } else if (event->key() == Qt::Key_Home || event->key() == Qt::Key_0) {
    fit();
  } else {
    QWidget::keyPressEvent(event);
  }
}

void FlameView::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  updateScrollBar();
}

void FlameView::changeEvent(QEvent* event) {
  if (event->type() == QEvent::PaletteChange) {
    m_colors.reset();
    update();
  }
  QWidget::changeEvent(event);
}

}  // namespace lathe
