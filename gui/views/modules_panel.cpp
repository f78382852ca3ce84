// SPDX-License-Identifier: Apache-2.0
// The module tree: filter, counts, times, and what became of each module.
#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QCoreApplication>
#include <QCryptographicHash>
#include <QEvent>
#include <QHeaderView>
#include <QLineEdit>
#include <QMenu>
#include <QScopedValueRollback>
#include <QSettings>
#include <QSortFilterProxyModel>
#include <QTimer>
#include <QToolButton>
#include <QTreeView>
#include <QVBoxLayout>
#include <array>

#include "gui/app/view_registry.h"
#include "gui/document/workspace.h"
#include "gui/models/module_tree_model.h"
#include "gui/views/module_delegate.h"
#include "gui/widgets/bar_delegate.h"
#include "gui/widgets/empty_hint.h"

namespace lathe {
namespace {

/// Rows that are opened by themselves when a model arrives or a filter is typed: enough to see, not a flood.
constexpr int rowsOpenedAtFirst = 40;
constexpr int matchesOpened = 500;
constexpr int leastNameDigits = 15;  ///< width of the name column when others go to make room

class ModulesPanel : public QWidget {
  Q_DECLARE_TR_FUNCTIONS(lathe::ModulesPanel)
 public:
  ModulesPanel(Workspace& workspace, QWidget* parent);

 protected:
  void changeEvent(QEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void makeTree();
  void makeHeader();
  void makeBar(QVBoxLayout* column);
  void showMenu(const QPoint& position);
  void showUsefulColumns();
  void openFirstRows();
  void saveOpen() const;
  bool restoreOpen();
  QString openKey() const;
  void applyFilter(const QString& text);
  void expandFailing();
  void follow(const Selected& selected);
  void choose(const QModelIndex& index);

  Workspace& m_workspace;
  ModuleTreeModel* m_model;
  QSortFilterProxyModel* m_proxy;
  QTreeView* m_tree;
  QLineEdit* m_filter;
  QToolButton* m_expandFailing;
  QTimer* m_columnsLater;
  QTimer* m_saveLater;
  std::array<int, ModuleTreeModel::ColumnCount> m_widths{};
  bool m_following = false;  ///< the selection moves the tree, not the other way round
};

ModulesPanel::ModulesPanel(Workspace& workspace, QWidget* parent)
    : QWidget(parent),
      m_workspace(workspace),
      m_model(new ModuleTreeModel(workspace.document(), workspace.coloring(), this)),
      m_proxy(new QSortFilterProxyModel(this)),
      m_tree(new QTreeView(this)),
      m_filter(new QLineEdit(this)),
      m_expandFailing(new QToolButton(this)),
      m_columnsLater(new QTimer(this)),
      m_saveLater(new QTimer(this)) {
  setObjectName(QStringLiteral("modulesPanel"));
  m_proxy->setSourceModel(m_model);
  m_proxy->setSortRole(ModuleTreeModel::SortRole);
  m_proxy->setFilterRole(ModuleTreeModel::FilterRole);
  m_proxy->setFilterCaseSensitivity(Qt::CaseInsensitive);
  m_proxy->setRecursiveFilteringEnabled(true);

  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  makeBar(column);
  makeTree();
  column->addWidget(m_tree, 1);

  Document& document = workspace.document();
  connect(m_model, &QAbstractItemModel::modelReset, this, [this] {
    m_filter->clear();
    if (!restoreOpen()) openFirstRows();
    showUsefulColumns();
  });
  for (const auto signal : {&Document::activeTraceChanged, &Document::conversionChanged})
    connect(&document, signal, this, &ModulesPanel::showUsefulColumns);
  // While a conversion runs, states change by the hundred.
  m_columnsLater->setSingleShot(true);
  m_columnsLater->setInterval(100);
  connect(m_columnsLater, &QTimer::timeout, this, &ModulesPanel::showUsefulColumns);
  connect(&document, &Document::moduleStatesChanged, m_columnsLater, [this] {
    if (!m_columnsLater->isActive()) m_columnsLater->start();
  });
  connect(&workspace.selection(), &Selection::changed, this, &ModulesPanel::follow);
  m_saveLater->setSingleShot(true);
  m_saveLater->setInterval(500);
  connect(m_saveLater, &QTimer::timeout, this, &ModulesPanel::saveOpen);
  for (const auto signal : {&QTreeView::expanded, &QTreeView::collapsed})
    connect(m_tree, signal, m_saveLater, qOverload<>(&QTimer::start));
  if (!restoreOpen()) openFirstRows();
  showUsefulColumns();
}

void ModulesPanel::makeBar(QVBoxLayout* column) {
  m_filter->setObjectName(QStringLiteral("moduleFilter"));
  m_filter->setPlaceholderText(tr("Filter by path or class"));
  m_filter->setClearButtonEnabled(true);
  m_filter->setToolTip(tr("Shows modules whose path or class holds this text, with what contains them"));
  connect(m_filter, &QLineEdit::textChanged, this, &ModulesPanel::applyFilter);
  m_expandFailing->setObjectName(QStringLiteral("expandFailing"));
  m_expandFailing->setText(tr("Expand failing"));
  m_expandFailing->setToolTip(tr("Opens the tree down to the modules where the conversion broke"));
  connect(m_expandFailing, &QToolButton::clicked, this, &ModulesPanel::expandFailing);
  auto* bar = new QHBoxLayout;
  bar->setContentsMargins(6, 4, 6, 4);
  bar->addWidget(m_filter, 1);
  bar->addWidget(m_expandFailing);
  column->addLayout(bar);
}

void ModulesPanel::makeTree() {
  m_tree->setObjectName(QStringLiteral("moduleTree"));
  m_tree->setAccessibleName(tr("Modules"));
  m_tree->setModel(m_proxy);
  m_tree->setUniformRowHeights(true);
  m_tree->setAllColumnsShowFocus(true);
  m_tree->setIndentation(14);
  m_tree->setContextMenuPolicy(Qt::CustomContextMenu);
  m_tree->setSortingEnabled(true);
  m_tree->sortByColumn(-1, Qt::AscendingOrder);
  auto* names = new ModuleDelegate(m_tree);
  auto* times = new BarDelegate(ModuleTreeModel::BarRole, ModuleTreeModel::BarPartRole, m_tree);
  m_tree->setItemDelegateForColumn(ModuleTreeModel::Name, names);
  m_tree->setItemDelegateForColumn(ModuleTreeModel::State, names);
  m_tree->setItemDelegateForColumn(ModuleTreeModel::Time, times);
  m_tree->setItemDelegateForColumn(ModuleTreeModel::After, times);
  new EmptyHint(m_tree, tr("No modules.\nOpen a model, or change the filter."));

  makeHeader();
  connect(m_tree, &QTreeView::clicked, this, &ModulesPanel::choose);
  connect(m_tree->selectionModel(), &QItemSelectionModel::currentChanged, this, &ModulesPanel::choose);
  connect(m_tree, &QWidget::customContextMenuRequested, this, &ModulesPanel::showMenu);
}

void ModulesPanel::makeHeader() {
  QHeaderView* header = m_tree->header();
  header->setSortIndicatorClearable(true);  // a third click brings the model's own order back
  header->setStretchLastSection(false);
  header->setMinimumSectionSize(40);
  header->setSectionResizeMode(ModuleTreeModel::Name, QHeaderView::Stretch);
  const int digit = fontMetrics().horizontalAdvance(QLatin1Char('0'));
  const int digits[ModuleTreeModel::ColumnCount] = {leastNameDigits, 13, 9, 9, 9, 9, 13};
  for (size_t i = 0; i < m_widths.size(); ++i) {
    m_widths[i] = digits[i] * digit;
    header->resizeSection(static_cast<int>(i), m_widths[i]);
  }
  connect(header, &QHeaderView::sectionResized, this, [this](int section, int, int width) {
    if (section != ModuleTreeModel::Name && width > 0) m_widths[static_cast<size_t>(section)] = width;
  });
  header->setContextMenuPolicy(Qt::ActionsContextMenu);
  for (int i = ModuleTreeModel::Class; i < ModuleTreeModel::ColumnCount; ++i) {
    auto* show = new QAction(m_model->headerData(i, Qt::Horizontal).toString(), header);
    show->setCheckable(true);
    show->setChecked(true);
    connect(show, &QAction::toggled, this, [this, show](bool checked) {
      show->setProperty("pinned", checked);  // asked for: shown even where there is no room
      showUsefulColumns();
    });
    header->addAction(show);
  }
  m_tree->viewport()->installEventFilter(this);
}

bool ModulesPanel::eventFilter(QObject* watched, QEvent* event) {
  if (watched == m_tree->viewport() && event->type() == QEvent::Resize) showUsefulColumns();
  return QWidget::eventFilter(watched, event);
}

void ModulesPanel::showMenu(const QPoint& position) {
  const QModelIndex index = m_tree->indexAt(position);
  QMenu menu(this);
  if (index.isValid()) {
    const ModuleId module = m_model->moduleOf(m_proxy->mapToSource(index));
    menu.addAction(tr("Copy path"), this, [this, module] {
      QApplication::clipboard()->setText(
          QString::fromStdString(m_workspace.document().model()->modules[module].path));
    });
    menu.addAction(tr("Show in graph"), this, [this, module] {
      m_workspace.selection().selectModule(module);
      m_workspace.showView(QStringLiteral("graph"));
    });
    menu.addSeparator();
    menu.addAction(tr("Expand all below"), this, [this, index] { m_tree->expandRecursively(index); });
  }
  menu.addAction(tr("Collapse all"), this, [this] {
    m_tree->collapseAll();
    m_tree->expandToDepth(0);
  });
  menu.exec(m_tree->viewport()->mapToGlobal(position));
}

/// Columns that would be empty in every row give their place to the others; in a narrow dock, those that tell
/// least go first, so that nobody has to scroll sideways to see where the time went.
void ModulesPanel::showUsefulColumns() {
  using Model = ModuleTreeModel;
  const QList<QAction*> actions = m_tree->header()->actions();
  int room = m_tree->viewport()->width() - m_widths[Model::Name];
  for (const int column :
       {Model::State, Model::Time, Model::After, Model::Parameters, Model::Flops, Model::Class}) {
    const QAction* action = actions[column - Model::Class];
    const int width = m_widths[static_cast<size_t>(column)];
    const bool wanted = action->isChecked() && m_model->hasData(column);
    const bool shown = wanted && (width <= room || action->property("pinned").toBool());
    m_tree->setColumnHidden(column, !shown);
    if (wanted) room -= width;
  }
  m_expandFailing->setEnabled(!m_model->deepestFailures().empty());
}

void ModulesPanel::openFirstRows() {
  std::vector<QModelIndex> level{m_proxy->index(0, 0)};
  int rows = 1;
  while (!level.empty() && level.front().isValid()) {
    std::vector<QModelIndex> next;
    for (const QModelIndex& index : level)
      for (int row = 0; row < m_proxy->rowCount(index); ++row) next.push_back(m_proxy->index(row, 0, index));
    rows += static_cast<int>(next.size());
    if (rows > rowsOpenedAtFirst && level.front().parent().isValid()) return;
    for (const QModelIndex& index : level) m_tree->expand(index);
    level = std::move(next);
  }
}

/// Which modules are open is remembered for each file.
QString ModulesPanel::openKey() const {
  const QByteArray hash =
      QCryptographicHash::hash(m_workspace.document().path().toUtf8(), QCryptographicHash::Sha1);
  return QStringLiteral("openModules/") + QString::fromLatin1(hash.toHex().left(16));
}

void ModulesPanel::saveOpen() const {
  const Model* model = m_workspace.document().model();
  if (model == nullptr || !m_filter->text().isEmpty()) return;
  QStringList open;
  for (const Module& module : model->modules.modules()) {
    const QModelIndex index = m_proxy->mapFromSource(m_model->indexOf(module.id));
    if (!index.isValid() || !m_tree->isExpanded(index)) continue;
    open << QString::fromStdString(module.path);
    if (open.size() == matchesOpened) break;
  }
  QSettings().setValue(openKey(), open);
}

bool ModulesPanel::restoreOpen() {
  const Model* model = m_workspace.document().model();
  const QSettings settings;
  if (model == nullptr || !settings.contains(openKey())) return false;
  for (const QString& path : settings.value(openKey()).toStringList())
    if (const auto module = model->modules.find(path.toStdString()))
      m_tree->expand(m_proxy->mapFromSource(m_model->indexOf(*module)));
  return true;
}

void ModulesPanel::applyFilter(const QString& text) {
  {
    // The current row may go away: that is no choice of the person's.
    const QScopedValueRollback following(m_following, true);
    m_proxy->setFilterFixedString(text);
  }
  if (text.isEmpty()) {
    restoreOpen();  // rows that were filtered out come back closed
    return follow(m_workspace.selection().current());
  }
  // Open what leads to the matches; all of it only while that is a sight and not a flood.
  int opened = 0;
  std::vector<QModelIndex> open{m_proxy->index(0, 0)};
  while (!open.empty() && opened < matchesOpened) {
    const QModelIndex index = open.back();
    open.pop_back();
    if (!index.isValid()) continue;
    m_tree->expand(index);
    for (int row = m_proxy->rowCount(index); row-- > 0; ++opened)
      open.push_back(m_proxy->index(row, 0, index));
  }
}

void ModulesPanel::expandFailing() {
  const std::vector<ModuleId> failures = m_model->deepestFailures();
  if (failures.empty()) return;
  m_filter->clear();
  m_tree->collapseAll();
  for (const ModuleId module : failures)
    for (QModelIndex up = m_proxy->mapFromSource(m_model->indexOf(module)).parent(); up.isValid();
         up = up.parent())
      m_tree->expand(up);
  m_workspace.selection().selectModule(failures.front());
  m_tree->setFocus();
}

void ModulesPanel::choose(const QModelIndex& index) {
  if (m_following || !index.isValid()) return;
  m_workspace.selection().selectModule(m_model->moduleOf(m_proxy->mapToSource(index)));
}

void ModulesPanel::follow(const Selected& selected) {
  const QScopedValueRollback following(m_following, true);
  const QModelIndex index = m_proxy->mapFromSource(m_model->indexOf(selected.module));
  if (!index.isValid()) return m_tree->clearSelection();
  m_tree->setCurrentIndex(index);
  m_tree->scrollTo(index);
}

void ModulesPanel::changeEvent(QEvent* event) {
  if (event->type() == QEvent::PaletteChange) m_tree->viewport()->update();
  QWidget::changeEvent(event);
}

}  // namespace

void register_modules_panel(ViewRegistry& registry) {
  registry.add({QStringLiteral("modules"), QCoreApplication::translate("views", "Modules"),
                ViewEntry::Place::Left,
                [](Workspace& workspace, QWidget* parent) { return new ModulesPanel(workspace, parent); }});
}

}  // namespace lathe
