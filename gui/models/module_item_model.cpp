// SPDX-License-Identifier: Apache-2.0
#include "gui/models/module_item_model.h"

namespace lathe {

ModuleItemModel::ModuleItemModel(QObject* parent) : QAbstractItemModel(parent) {}

void ModuleItemModel::takeModules(std::shared_ptr<const OpenedModel> opened) {
  m_opened = std::move(opened);
  m_places.clear();
  if (!m_opened) return;
  const std::vector<Module>& modules = m_opened->model->modules.modules();
  m_places.resize(modules.size());
  // Parents stand before their children, so from the end on every child is done before its parent.
  for (size_t i = modules.size(); i-- > 0;) {
    Place& place = m_places[i];
    for (const ModuleId child : modules[i].children) {
      if (!m_places[child.index].shown) continue;
      m_places[child.index].row = static_cast<int>(place.children.size());
      place.children.push_back(child);
    }
    place.shown = i == 0 || !modules[i].nodes.empty() || !place.children.empty();
  }
}

void ModuleItemModel::emitChanged(int first, int last) {
  if (m_places.empty()) return;
  emit dataChanged(index(0, first), index(0, last));
  for (const Place& place : m_places)
    if (place.shown && !place.children.empty())
      emit dataChanged(indexOf(place.children.front(), first), indexOf(place.children.back(), last));
}

ModuleId ModuleItemModel::moduleOf(const QModelIndex& index) const {
  return index.isValid() ? ModuleId(static_cast<size_t>(index.internalId())) : ModuleId();
}

QModelIndex ModuleItemModel::indexOf(ModuleId module, int column) const {
  if (!module.valid() || module.index >= m_places.size() || !shown(module)) return {};
  return createIndex(m_places[module.index].row, column, static_cast<quintptr>(module.index));
}

QModelIndex ModuleItemModel::index(int row, int column, const QModelIndex& parent) const {
  if (!hasIndex(row, column, parent)) return {};
  if (!parent.isValid()) return createIndex(0, column, quintptr{0});
  const ModuleId child = childrenOf(moduleOf(parent))[static_cast<size_t>(row)];
  return createIndex(row, column, static_cast<quintptr>(child.index));
}

QModelIndex ModuleItemModel::parent(const QModelIndex& index) const {
  if (!index.isValid() || !m_opened) return {};
  return indexOf(module(moduleOf(index)).parent);
}

int ModuleItemModel::rowCount(const QModelIndex& parent) const {
  if (m_places.empty() || parent.column() > 0) return 0;
  return parent.isValid() ? static_cast<int>(childrenOf(moduleOf(parent)).size()) : 1;
}

}  // namespace lathe
