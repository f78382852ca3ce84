// SPDX-License-Identifier: Apache-2.0
#include "gui/views/settings_tree.h"

#include <QComboBox>
#include <QHeaderView>
#include <QKeyEvent>
#include <QStyledItemDelegate>
#include <QTimer>

#include "gui/document/workspace.h"

namespace lathe {
namespace {

/// Offers what the column allows, the inherited choice with what it would mean.
class ChoiceDelegate : public QStyledItemDelegate {
 public:
  ChoiceDelegate(const Document& document, QObject* parent)
      : QStyledItemDelegate(parent), m_document(document) {}

  QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem&,
                        const QModelIndex& index) const override {
    auto* combo = new QComboBox(parent);
    combo->setObjectName(QStringLiteral("choiceEditor"));
    if (index.column() == SettingsTreeModel::Convert)
      fillConvert(combo, moduleOf(index));
    else
      fillPrecision(combo, moduleOf(index));
    combo->view()->setMinimumWidth(combo->view()->sizeHintForColumn(0) + 24);
    auto* self = const_cast<ChoiceDelegate*>(this);
    connect(combo, &QComboBox::activated, self, [self, combo] {
      emit self->commitData(combo);
      emit self->closeEditor(combo);
    });
    QTimer::singleShot(0, combo, &QComboBox::showPopup);
    return combo;
  }

  void setEditorData(QWidget* editor, const QModelIndex& index) const override {
    auto* combo = static_cast<QComboBox*>(editor);
    combo->setCurrentIndex(combo->findData(index.data(Qt::EditRole)));
  }

  void setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const override {
    const QVariant choice = static_cast<QComboBox*>(editor)->currentData();
    if (choice.isValid() && choice != index.data(Qt::EditRole)) model->setData(index, choice);
  }

 private:
  static ModuleId moduleOf(const QModelIndex& index) {
    return ModuleId(static_cast<size_t>(index.data(SettingsTreeModel::ModuleRole).toUInt()));
  }

  void fillConvert(QComboBox* combo, ModuleId module) const {
    const ModuleTree& tree = m_document.model()->modules;
    const std::string& path = tree[module].path;
    const Configuration plain = withChoice(m_document.configuration(), path, ConvertChoice::Inherit);
    combo->addItem(inherited(module, choiceName(convertInForce(plain, tree, module))),
                   static_cast<int>(ConvertChoice::Inherit));
    for (const ConvertChoice choice : {ConvertChoice::Convert, ConvertChoice::Skip, ConvertChoice::Exclude})
      if (choice != ConvertChoice::Exclude || !path.empty())
        combo->addItem(choiceName(choice), static_cast<int>(choice));
  }

  void fillPrecision(QComboBox* combo, ModuleId module) const {
    const ModuleTree& tree = m_document.model()->modules;
    const Configuration plain =
        withChoice(m_document.configuration(), tree[module].path, PrecisionChoice::Inherit);
    combo->addItem(inherited(module, choiceName(precisionInForce(plain, tree, module))),
                   static_cast<int>(PrecisionChoice::Inherit));
    for (const PrecisionChoice choice : {PrecisionChoice::F32, PrecisionChoice::F16, PrecisionChoice::Bf16,
                                         PrecisionChoice::Int8, PrecisionChoice::Int8F16})
      combo->addItem(choiceName(choice), static_cast<int>(choice));
  }

  static QString inherited(ModuleId module, const QString& choice) {
    return module == ModuleTree::root() ? SettingsTree::tr("default (%1)").arg(choice)
                                        : SettingsTree::tr("as above (%1)").arg(choice);
  }

  const Document& m_document;
};

}  // namespace

SettingsTree::SettingsTree(Workspace& workspace, QWidget* parent)
    : QTreeView(parent), m_workspace(workspace), m_model(new SettingsTreeModel(workspace.document(), this)) {
  setObjectName(QStringLiteral("settingsTree"));
  setModel(m_model);
  setItemDelegate(new ChoiceDelegate(workspace.document(), this));
  setEditTriggers(QAbstractItemView::EditKeyPressed);
  setUniformRowHeights(true);
  setIndentation(10);
  setMinimumHeight(190);
  header()->setStretchLastSection(false);
  header()->setSectionResizeMode(SettingsTreeModel::Name, QHeaderView::Stretch);
  header()->resizeSection(SettingsTreeModel::Convert, 60);
  header()->resizeSection(SettingsTreeModel::Precision, 64);
  header()->resizeSection(SettingsTreeModel::Outcome, 66);
  connect(this, &QTreeView::clicked, this, [this](const QModelIndex& index) {
    if (index.flags() & Qt::ItemIsEditable) edit(index);
  });
  connect(m_model, &QAbstractItemModel::modelReset, this, [this] { expandFirst(); });
  connect(&workspace.selection(), &Selection::changed, this,
          [this](const Selected& selected) { follow(selected.module); });
  expandFirst();
}

void SettingsTree::expandFirst() {
  // Down to where there is something to choose between.
  QModelIndex at = m_model->index(0, 0);
  while (at.isValid()) {
    expand(at);
    at = m_model->rowCount(at) == 1 ? m_model->index(0, 0, at) : QModelIndex();
  }
}

void SettingsTree::follow(ModuleId module) {
  const QModelIndex index = m_model->indexOf(module);
  if (!index.isValid() || m_model->moduleOf(currentIndex()) == module) return;
  m_following = true;
  setCurrentIndex(index);
  scrollTo(index);
  m_following = false;
}

void SettingsTree::currentChanged(const QModelIndex& current, const QModelIndex& previous) {
  QTreeView::currentChanged(current, previous);
  const ModuleId module = m_model->moduleOf(current);
  if (!m_following && hasFocus() && module.valid() && module != m_model->moduleOf(previous))
    m_workspace.selection().selectModule(module);
}

void SettingsTree::keyPressEvent(QKeyEvent* event) {
  const QModelIndex at = currentIndex();
  if (event->key() == Qt::Key_Delete && (at.flags() & Qt::ItemIsEditable)) {
    // Inherit is 0 in both columns.
    m_model->setData(at, 0);
    return;
  }
  QTreeView::keyPressEvent(event);
}

}  // namespace lathe
