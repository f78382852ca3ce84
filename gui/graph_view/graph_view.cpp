// SPDX-License-Identifier: Apache-2.0
// What the view shows; graph_view_input.cpp has what mouse and keys do.
#include "gui/graph_view/graph_view.h"

#include <QPainter>
#include <QPointer>
#include <algorithm>
#include <utility>

#include "gui/document/workspace.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

using ScenePtr = std::shared_ptr<const GraphScene>;

constexpr double readable = 0.75;        // zoom at which labels are shown whole
constexpr double smallestStart = 0.75;   // a first look can be read
constexpr double smallestOpened = 0.45;  // what was opened shows at least names

}  // namespace

GraphView::GraphView(Workspace& workspace, QWidget* parent) : QWidget(parent), m_workspace(workspace) {
  setObjectName(QStringLiteral("graphView"));
  setAccessibleName(tr("Graph of the model"));
  setMouseTracking(true);
  setFocusPolicy(Qt::StrongFocus);
  setAttribute(Qt::WA_OpaquePaintEvent);
  setMinimumSize(160, 120);
  const Document& document = workspace.document();
  const auto recolor = [this] {
    m_colorsFresh = false;
    update();
    emit sceneChanged();
  };
  connect(&document, &Document::modelChanged, this, &GraphView::reset);
  connect(&document, &Document::modelRefreshed, this, [this] { layOut(m_wanted, std::nullopt, false); });
  connect(&document, &Document::conversionChanged, this, recolor);
  connect(&workspace.coloring(), &Coloring::changed, this, recolor);
  connect(&workspace.selection(), &Selection::changed, this, &GraphView::followSelection);
  reset();
}

GraphView::~GraphView() {
  rememberState();
}

const GraphColors& GraphView::colors() {
  if (!m_colorsFresh && m_scene)
    m_colors = collectColors(*m_scene, m_workspace.coloring(), m_workspace.document());
  m_colorsFresh = true;
  return m_colors;
}

int GraphView::visibleBoxCount() const {
  return m_scene ? static_cast<int>(m_scene->layout.boxes.size()) : 0;
}

QRect GraphView::boxRectOnScreen(ModuleId module) const {
  if (!m_scene || !module.valid() || module.index >= m_scene->moduleBoxes.size()) return {};
  const int box = m_scene->moduleBoxes[module.index];
  return box < 0 ? QRect() : screenRect(box).toRect();
}

bool GraphView::isOpen(ModuleId module) const {
  return module == ModuleTree::root() || m_wanted.expanded.contains(module);
}

void GraphView::rememberState() const {
  if (!m_scene || m_path.isEmpty()) return;
  const Model& model = *m_scene->opened->model;
  if (m_untouched && !m_wanted.flat && m_wanted.expanded == firstExpanded(model))
    forgetGraphState(m_path);
  else
    saveGraphState(m_path, model, {m_wanted.flat, m_wanted.expanded, m_camera.origin(), m_camera.zoom()});
}

void GraphView::reset() {
  rememberState();
  m_path = m_workspace.document().path();
  m_untouched = true;
  m_scene.reset();
  m_colors = {};
  m_decoration = {};
  m_matches.clear();
  m_match = -1;
  m_error.clear();
  if (const Model* model = m_workspace.document().model()) {
    SceneOptions options;
    options.metrics = graphMetrics();
    m_restored = loadGraphState(m_path, *model);
    options.flat = m_restored && m_restored->flat;
    options.expanded = m_restored ? m_restored->expanded : firstExpanded(*model);
    layOut(std::move(options), std::nullopt, true);
    setSearch(m_search);
  } else {
    m_workspace.jobs().cancelSlot(QStringLiteral("graph layout"));
  }
  emit sceneChanged();
  update();
}

void GraphView::layOut(SceneOptions wanted, std::optional<Anchor> anchor, bool start) {
  const auto opened = m_workspace.document().opened();
  if (!opened) return;
  m_wanted = std::move(wanted);
  m_workspace.jobs().start<ScenePtr>(
      tr("Lay out the graph"), QStringLiteral("graph layout"),
      [opened, options = m_wanted](const JobContext& job) { return makeGraphScene(opened, options, job); },
      [self = QPointer<GraphView>(this), opened, anchor, start](Result<ScenePtr> result) {
        if (!self || self->m_workspace.document().opened() != opened) return;
        if (result) return self->take(*result, anchor, start);
        if (self->m_scene) self->m_wanted = self->m_scene->options;  // the one before is still shown
        self->m_error = QString::fromStdString(result.error().text());
        self->m_workspace.notifyError(result.error());
        self->update();
      });
}

void GraphView::take(ScenePtr scene, const std::optional<Anchor>& anchor, bool start) {
  m_scene = std::move(scene);
  m_error.clear();
  m_colorsFresh = false;
  m_decoration.hoveredBox = m_decoration.hoveredEdge = -1;
  m_decoration.matches = m_matches.empty() ? std::vector<int>() : matchesByBox(*m_scene, m_matches);
  m_camera.setMinimumZoom(
      std::min(0.2, 0.7 * GraphCamera::fitZoom({m_scene->layout.width, m_scene->layout.height}, size())));
  updateHighlight();
  if (const auto restored = std::exchange(m_restored, std::nullopt)) {
    m_camera.set(restored->origin, restored->zoom);
    m_untouched = false;
  } else if (start) {
    showStart();
  } else if (anchor) {
    applyAnchor(*anchor);
  }
  if (std::exchange(m_revealAfterLayout, false)) reveal(m_decoration.highlight.rect);
  cameraMoved();
  emit sceneChanged();
}

GraphView::Anchor GraphView::anchorAt(ModuleId module) const {
  Anchor anchor{module, {width() / 2.0, height() / 3.0}, false};
  const int box = m_scene ? m_scene->boxOf(module) : -1;
  if (box >= 0) anchor.screen = {screenRect(box).center().x(), screenRect(box).top()};
  return anchor;
}

void GraphView::applyAnchor(const Anchor& anchor) {
  const int index = m_scene->boxOf(anchor.module);
  if (index < 0) return;
  const QRectF rect = toQt(m_scene->box(index).rect);
  m_camera.place({rect.center().x(), rect.top()}, anchor.screen);
  if (!anchor.opening) return;
  // What was opened is wanted in the window: zoom out for it as far as names can be read.
  const QSizeF room = QSizeF(size()) - QSizeF(48, 48);
  const double zoom =
      std::min(m_camera.zoom(), std::max(smallestOpened, GraphCamera::fitZoom(rect.size(), room)));
  m_camera.set(m_camera.origin(), zoom);
  m_camera.place({rect.center().x(), rect.top()}, anchor.screen);
  const QRectF now = m_camera.toScreen(rect);
  const auto shift = [](double low, double high, double size) {
    if (high - low > size - 48) return 24 - low;
    return low < 24 ? 24 - low : high > size - 24 ? size - 24 - high : 0.0;
  };
  const double across =
      now.width() > width() - 48 ? width() / 2.0 - now.center().x() : shift(now.left(), now.right(), width());
  m_camera.panBy({across, shift(now.top(), now.bottom(), height())});
}

void GraphView::setOpen(ModuleId module, bool open) {
  if (!m_scene || isFlat() || module == ModuleTree::root() || isOpen(module) == open) return;
  SceneOptions wanted = m_wanted;
  if (open)
    wanted.expanded.insert(module);
  else
    wanted.expanded.erase(module);
  Anchor anchor = anchorAt(module);
  anchor.opening = open;
  layOut(std::move(wanted), anchor, false);
}

void GraphView::setAllOpen(ModuleId module, bool open) {
  if (!m_scene || isFlat()) return;
  SceneOptions wanted = m_wanted;
  for (const ModuleId inside : m_scene->modules().subtree(module)) {
    if (inside == ModuleTree::root()) continue;
    if (open)
      wanted.expanded.insert(inside);
    else
      wanted.expanded.erase(inside);
  }
  Anchor anchor = anchorAt(module);
  anchor.opening = open;
  layOut(std::move(wanted), anchor, module == ModuleTree::root());
}

void GraphView::openAlike(ModuleId module) {
  if (!m_scene || isFlat()) return;
  const int box = m_scene->moduleBoxes[module.index];
  if (box < 0) return;
  SceneOptions wanted = m_wanted;
  const Module& like = m_scene->modules()[module];
  for (const ModuleId sibling : m_scene->modules()[like.parent].children)
    if (const int other = m_scene->moduleBoxes[sibling.index];
        other >= 0 &&
        m_scene->repeats[static_cast<size_t>(other)] == m_scene->repeats[static_cast<size_t>(box)] &&
        m_scene->modules()[sibling].class_name == like.class_name)
      wanted.expanded.insert(sibling);
  layOut(std::move(wanted), anchorAt(module), false);
}

void GraphView::openLevel() {
  if (!m_scene || isFlat()) return;
  SceneOptions wanted = m_wanted;
  wanted.expanded = oneLevelMore(*m_scene);
  layOut(std::move(wanted), std::nullopt, true);
}

void GraphView::closeLevel() {
  if (!m_scene || isFlat()) return;
  SceneOptions wanted = m_wanted;
  wanted.expanded = oneLevelLess(*m_scene);
  layOut(std::move(wanted), std::nullopt, true);
}

void GraphView::setFlat(bool flat) {
  if (!m_scene || flat == isFlat()) return;
  SceneOptions wanted = m_wanted;
  wanted.flat = flat;
  layOut(std::move(wanted), std::nullopt, true);
}

void GraphView::fit() {
  if (!m_scene) return;
  m_camera.fit({0, 0, m_scene->layout.width, m_scene->layout.height}, size());
  m_untouched = true;
  cameraMoved();
}

void GraphView::showStart() {
  if (!m_scene) return;
  fit();
  if (m_camera.zoom() >= smallestStart || m_scene->layout.boxes.empty()) return;
  // Too long or too wide to be read at once: begin with the inputs.
  m_camera.set(m_camera.origin(), smallestStart);
  const Rect first = m_scene->layout.boxes.front().rect;
  m_camera.place({first.center_x(), 0}, {width() / 2.0, 8});
  cameraMoved();
}

void GraphView::zoomBy(double factor) {
  m_camera.zoomAt(QRectF(rect()).center(), factor);
  m_untouched = false;
  cameraMoved();
}

void GraphView::lookAt(QPointF scenePoint) {
  m_camera.place(scenePoint, QRectF(rect()).center());
  m_untouched = false;
  cameraMoved();
}

void GraphView::setSearch(const QString& text) {
  m_search = text;
  m_match = -1;
  const Model* model = m_workspace.document().model();
  m_matches = model != nullptr ? findInModel(*model, text) : std::vector<GraphMatch>();
  m_decoration.matches =
      m_scene && !m_matches.empty() ? matchesByBox(*m_scene, m_matches) : std::vector<int>();
  emit searchChanged();
  update();
}

void GraphView::nextMatch(int direction) {
  const Model* model = m_workspace.document().model();
  if (m_matches.empty() || model == nullptr || !m_scene) return;
  const int count = matchCount();
  m_match = m_match < 0 ? (direction > 0 ? 0 : count - 1) : (m_match + direction + count) % count;
  const GraphMatch match = m_matches[static_cast<size_t>(m_match)];
  SceneOptions wanted = m_wanted;
  for (const ModuleId around : modulesAround(*model, match)) wanted.expanded.insert(around);
  const bool hidden = !isFlat() && wanted.expanded != m_wanted.expanded;
  m_revealAfterLayout = hidden;
  Selection& selection = m_workspace.selection();
  if (match.module.valid())
    selection.selectModule(match.module);
  else if (match.node.valid())
    selection.selectNode(match.node);
  else
    selection.selectValue(match.value);
  if (hidden)
    layOut(std::move(wanted), std::nullopt, false);
  else
    reveal(m_decoration.highlight.rect);
  emit searchChanged();
}

void GraphView::followSelection() {
  updateHighlight();
  if (m_scene && !m_ownClick) reveal(m_decoration.highlight.rect);
  update();
}

void GraphView::updateHighlight() {
  m_decoration.highlight =
      m_scene ? highlightOf(*m_scene, m_workspace.selection().current()) : GraphHighlight();
}

void GraphView::reveal(const QRectF& rect) {
  if (!m_scene || rect.isNull() || width() < 2) return;
  const QRectF window = QRectF(this->rect()).adjusted(24, 24, -24, -24);
  QRectF now = m_camera.toScreen(rect);
  const bool small = now.height() < 16;
  if (window.contains(now) && !small) return;
  if (small) m_camera.set(m_camera.origin(), std::min(1.0, std::max(readable, m_camera.zoom())));
  now = m_camera.toScreen(rect);
  if (now.width() <= window.width() && now.height() <= window.height()) {
    m_camera.place(rect.center(), window.center());
  } else if (const QRectF seen = now & window;
             seen.width() * seen.height() < 0.4 * window.width() * window.height()) {
    m_camera.place({rect.center().x(), rect.top()}, {window.center().x(), window.top()});
  }
  m_untouched = false;
  cameraMoved();
}

void GraphView::cameraMoved() {
  if (m_scene) m_camera.keepInside({m_scene->layout.width, m_scene->layout.height}, size(), 80);
  emit cameraChanged();
  update();
}

QString GraphView::emptyText() const {
  if (m_workspace.document().model() == nullptr)
    return tr("Open a model (Ctrl+O, or drop one here) to see its graph.");
  return m_error.isEmpty() ? tr("Laying out the graph…") : m_error;
}

void GraphView::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  if (!m_scene) {
    painter.fillRect(rect(), theme().window);
    painter.setPen(theme().mutedText);
    painter.drawText(rect().adjusted(40, 40, -40, -40), Qt::AlignCenter | Qt::TextWordWrap, emptyText());
    return;
  }
  GraphPainter(*m_scene, colors(), theme()).paint(painter, m_camera, rect(), m_decoration);
  if (m_keyboardFocus) {
    painter.setPen(QPen(theme().accent, 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5));
  }
}

void GraphView::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  if (m_untouched)
    showStart();
  else
    cameraMoved();
}

}  // namespace lathe
