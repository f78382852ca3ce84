// SPDX-License-Identifier: Apache-2.0
#include "gui/graph_view/minimap.h"

#include <QMouseEvent>
#include <QPainter>
#include <algorithm>

#include "gui/graph_view/graph_view.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr double largest = 160, inset = 6;
constexpr int margin = 12;

}  // namespace

Minimap::Minimap(GraphView& view) : QWidget(&view), m_view(view) {
  setObjectName(QStringLiteral("graphMinimap"));
  setToolTip(tr("The whole graph. Click or drag to go there."));
  setCursor(Qt::ArrowCursor);
  view.installEventFilter(this);
  connect(&view, &GraphView::sceneChanged, this, [this] {
    m_picture = {};
    arrange();
  });
  connect(&view, &GraphView::cameraChanged, this, &Minimap::arrange);
  arrange();
}

void Minimap::setWanted(bool wanted) {
  m_wanted = wanted;
  arrange();
}

bool Minimap::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::Resize) arrange();
  return QWidget::eventFilter(watched, event);
}

/// Minimap pixels per scene unit.
double Minimap::scale() const {
  const SceneLayout& layout = m_view.scene()->layout;
  return std::min(largest / std::max(1.0, layout.width), largest / std::max(1.0, layout.height));
}

void Minimap::arrange() {
  const auto& scene = m_view.scene();
  if (!scene || scene->layout.boxes.empty() || !m_wanted) return hide();
  const QRectF all(0, 0, scene->layout.width, scene->layout.height);
  const bool allSeen = m_view.camera().toScene(QRectF(m_view.rect())).contains(all);
  setVisible(!allSeen && m_view.width() > 3 * largest);
  if (isHidden()) return;
  const QSize size = (all.size() * scale()).toSize().expandedTo({36, 36}) + QSize(2 * inset, 2 * inset);
  setGeometry(m_view.width() - size.width() - margin, m_view.height() - size.height() - margin, size.width(),
              size.height());
  update();
}

void Minimap::draw() {
  m_picture = QPixmap(size() * devicePixelRatioF());
  m_picture.setDevicePixelRatio(devicePixelRatioF());
  m_picture.fill(Qt::transparent);
  QPainter painter(&m_picture);
  const GraphScene& scene = *m_view.scene();
  const GraphColors& colors = m_view.colors();
  painter.translate(inset, inset);
  painter.scale(scale(), scale());
  const double least = 1.0 / scale();  // nothing is smaller than a pixel
  for (size_t i = 0; i < scene.layout.boxes.size(); ++i) {
    const SceneBox& box = scene.layout.boxes[i];
    QRectF rect = toQt(box.rect);
    if (box.kind == SceneBox::Kind::frame) {
      painter.fillRect(rect, box.depth % 2 == 0 ? theme().grid : theme().surface);
      continue;
    }
    QColor color = colors.boxes[i];
    if (!color.isValid())
      color = i < colors.mixtures.size() && !colors.mixtures[i].empty() ? colors.mixtures[i].front().color
                                                                        : theme().neutral;
    rect.setSize(rect.size().expandedTo({least, least}));
    painter.fillRect(rect, color);
  }
}

void Minimap::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  QColor back = theme().surface;
  back.setAlpha(235);
  painter.fillRect(rect(), back);
  painter.setPen(theme().border);
  painter.drawRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5));
  if (!m_view.scene()) return;
  if (m_picture.isNull() || m_picture.size() != size() * devicePixelRatioF()) draw();
  painter.drawPixmap(0, 0, m_picture);
  const QRectF seen = m_view.camera().toScene(QRectF(m_view.rect()));
  const QRectF window(seen.topLeft() * scale() + QPointF(inset, inset), seen.size() * scale());
  QColor fill = theme().accent;
  fill.setAlpha(32);
  painter.setBrush(fill);
  painter.setPen(QPen(theme().accent, 1.5));
  painter.drawRect(window & QRectF(rect()).adjusted(1, 1, -1, -1));
}

void Minimap::goTo(QPointF at) {
  if (m_view.scene()) m_view.lookAt((at - QPointF(inset, inset)) / scale());
}

void Minimap::mousePressEvent(QMouseEvent* event) {
  goTo(event->position());
}

void Minimap::mouseMoveEvent(QMouseEvent* event) {
  if (event->buttons() != Qt::NoButton) goTo(event->position());
}

void Minimap::wheelEvent(QWheelEvent* event) {
  m_view.zoomBy(event->angleDelta().y() > 0 ? 1.25 : 0.8);
  event->accept();
}

}  // namespace lathe
