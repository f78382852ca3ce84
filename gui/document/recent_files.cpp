// SPDX-License-Identifier: Apache-2.0
#include "gui/document/recent_files.h"

#include <QFileInfo>
#include <QSettings>
#include <algorithm>

namespace lathe {
namespace {

constexpr size_t maxEntries = 12;
const char* const settingsKey = "recentFiles";

}  // namespace

RecentFiles::RecentFiles(QObject* parent) : QObject(parent) {
  QSettings settings;
  const int count = settings.beginReadArray(settingsKey);
  for (int i = 0; i < count; ++i) {
    settings.setArrayIndex(i);
    m_entries.push_back({settings.value("path").toString(), settings.value("kind").toString(),
                         settings.value("nodes").toLongLong(), settings.value("opened").toDateTime()});
  }
  settings.endArray();
}

void RecentFiles::add(const QString& path, const QString& kind, qlonglong nodes) {
  const QString absolute = QFileInfo(path).absoluteFilePath();
  std::erase_if(m_entries, [&](const Entry& entry) { return entry.path == absolute; });
  m_entries.insert(m_entries.begin(), {absolute, kind, nodes, QDateTime::currentDateTime()});
  if (m_entries.size() > maxEntries) m_entries.resize(maxEntries);
  save();
  emit changed();
}

void RecentFiles::remove(const QString& path) {
  std::erase_if(m_entries, [&](const Entry& entry) { return entry.path == path; });
  save();
  emit changed();
}

void RecentFiles::save() const {
  QSettings settings;
  settings.beginWriteArray(settingsKey, static_cast<int>(m_entries.size()));
  for (size_t i = 0; i < m_entries.size(); ++i) {
    settings.setArrayIndex(static_cast<int>(i));
    settings.setValue("path", m_entries[i].path);
    settings.setValue("kind", m_entries[i].kind);
    settings.setValue("nodes", m_entries[i].nodes);
    settings.setValue("opened", m_entries[i].opened);
  }
  settings.endArray();
}

}  // namespace lathe
