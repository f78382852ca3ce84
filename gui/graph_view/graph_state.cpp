// SPDX-License-Identifier: Apache-2.0
#include "gui/graph_view/graph_state.h"

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QDateTime>
#include <QFileInfo>
#include <QSettings>
#include <QStringList>
#include <limits>

namespace lathe {
namespace {

constexpr int mostFiles = 40;

bool hasSettings() {
  return !QCoreApplication::organizationName().isEmpty();
}

QString groupOf(const QString& file) {
  const QByteArray path = QFileInfo(file).absoluteFilePath().toUtf8();
  return QStringLiteral("graph/") +
         QString::fromLatin1(QCryptographicHash::hash(path, QCryptographicHash::Sha1).toHex().left(16));
}

/// Forgets the file left longest ago when there are too many.
void makeRoom(QSettings& settings) {
  settings.beginGroup(QStringLiteral("graph"));
  const QStringList groups = settings.childGroups();
  QString oldest;
  qint64 when = std::numeric_limits<qint64>::max();
  for (const QString& group : groups) {
    const qint64 left = settings.value(group + QStringLiteral("/left")).toLongLong();
    if (left >= when) continue;
    when = left;
    oldest = group;
  }
  if (groups.size() > mostFiles) settings.remove(oldest);
  settings.endGroup();
}

}  // namespace

void saveGraphState(const QString& file, const Model& model, const GraphState& state) {
  if (!hasSettings()) return;
  QStringList open;
  for (const ModuleId module : state.expanded) open << QString::fromStdString(model.modules[module].path);
  QSettings settings;
  settings.beginGroup(groupOf(file));
  settings.setValue(QStringLiteral("open"), open);
  settings.setValue(QStringLiteral("flat"), state.flat);
  settings.setValue(QStringLiteral("origin"), state.origin);
  settings.setValue(QStringLiteral("zoom"), state.zoom);
  settings.setValue(QStringLiteral("left"), QDateTime::currentSecsSinceEpoch());
  settings.endGroup();
  makeRoom(settings);
}

void forgetGraphState(const QString& file) {
  if (hasSettings()) QSettings().remove(groupOf(file));
}

std::optional<GraphState> loadGraphState(const QString& file, const Model& model) {
  if (!hasSettings()) return std::nullopt;
  QSettings settings;
  settings.beginGroup(groupOf(file));
  if (!settings.contains(QStringLiteral("open"))) return std::nullopt;
  GraphState state;
  for (const QString& path : settings.value(QStringLiteral("open")).toStringList())
    if (const auto module = model.modules.find(path.toStdString())) state.expanded.insert(*module);
  state.flat = settings.value(QStringLiteral("flat")).toBool();
  state.origin = settings.value(QStringLiteral("origin")).toPointF();
  state.zoom = settings.value(QStringLiteral("zoom"), 1.0).toDouble();
  return state;
}

}  // namespace lathe
