// SPDX-License-Identifier: Apache-2.0
// Files opened lately, kept between sessions.
#pragma once

#include <QDateTime>
#include <QObject>
#include <QString>
#include <vector>

namespace lathe {

class RecentFiles : public QObject {
  Q_OBJECT
 public:
  struct Entry {
    QString path;
    QString kind;         ///< "model", "conversion" or "trace"
    qlonglong nodes = 0;  ///< or slices of a trace
    QDateTime opened;
  };

  explicit RecentFiles(QObject* parent = nullptr);
  const std::vector<Entry>& entries() const { return m_entries; }  ///< newest first, at most twelve
  void add(const QString& path, const QString& kind, qlonglong nodes);
  void remove(const QString& path);

 signals:
  void changed();

 private:
  void save() const;
  std::vector<Entry> m_entries;
};

}  // namespace lathe
