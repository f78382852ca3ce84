// SPDX-License-Identifier: Apache-2.0
#include "gui/widgets/format.h"

#include <QCoreApplication>
#include <QStringList>
#include <cmath>

#include "engine/graph/graph.h"

namespace lathe {
namespace {

const QString unknown = QStringLiteral("–");

QString tr(const char* text) {
  return QCoreApplication::translate("lathe::format", text);
}

/// Three significant digits without an exponent: 0.123, 1.23, 12.3, 123, 1234.
QString digits(double value) {
  const double size = std::abs(value);
  if (size >= 99.95) return QString::number(value, 'f', 0);
  if (size >= 9.995) return QString::number(value, 'f', 1);
  if (size >= 0.9995 || size == 0) return QString::number(value, 'f', 2);
  return QString::number(value, 'g', 3);
}

/// Scales by `step` until three digits suffice; `units` from the smallest on. Whole numbers below the first
/// step keep no decimals.
QString scaled(double value, double step, std::initializer_list<const char*> units) {
  auto unit = units.begin();
  // 999.5 would be shown as 1000 of this unit rather than 1 of the next.
  while (std::abs(value) >= step - 0.5 && unit + 1 != units.end()) {
    value /= step;
    ++unit;
  }
  const QString number =
      unit == units.begin() && value == std::floor(value) ? QString::number(value, 'f', 0) : digits(value);
  const QString name = QString::fromUtf8(*unit);
  return name.isEmpty() ? number : number + QChar(QChar::Nbsp) + name;
}

}  // namespace

QString formatDuration(double ns) {
  if (std::abs(ns) >= 120e9) {
    const auto seconds = static_cast<qint64>(std::llround(ns / 1e9));
    return tr("%1 min %2 s").arg(seconds / 60).arg(std::abs(seconds % 60));
  }
  return scaled(ns, 1000, {"ns", "µs", "ms", "s"});
}

QString formatCount(int64_t count) {
  return count < 0 ? unknown : scaled(static_cast<double>(count), 1000, {"", "k", "M", "G", "T"});
}

QString formatFlops(int64_t flops) {
  return flops < 0 ? unknown
                   : scaled(static_cast<double>(flops), 1000,
                            {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"});
}

QString formatBytes(int64_t bytes) {
  return bytes < 0 ? unknown
                   : scaled(static_cast<double>(bytes), 1024, {"B", "KiB", "MiB", "GiB", "TiB", "PiB"});
}

QString formatFlopRate(double flopsPerSecond) {
  return scaled(flopsPerSecond, 1000, {"FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s"});
}

QString formatByteRate(double bytesPerSecond) {
  return scaled(bytesPerSecond, 1000, {"B/s", "kB/s", "MB/s", "GB/s", "TB/s"});
}

QString formatPercent(double fraction) {
  const double percent = fraction * 100, size = std::abs(percent);
  const int decimals = size >= 99.95 ? 0 : size >= 0.95 || size == 0 ? 1 : 2;
  return QString::number(percent, 'f', decimals) + QChar(QChar::Nbsp) + QLatin1Char('%');
}

QString formatReal(double value) {
  return QString::number(value, 'g', 4);
}

QString formatShape(std::span<const int64_t> shape) {
  if (shape.empty()) return tr("scalar");
  QStringList sizes;
  for (const int64_t size : shape) sizes << QString::number(size);
  return sizes.join(QStringLiteral(" × "));
}

QString formatShape(const TypeInfo& type) {
  if (!type.is_tensor()) return {};
  if (!type.dims) return tr("any rank");
  if (type.dims->empty()) return tr("scalar");
  QStringList sizes;
  for (const Dim& dim : *type.dims) sizes << QString::fromStdString(dim.text());
  return sizes.join(QStringLiteral(" × "));
}

QString formatElement(const TypeInfo& type) {
  const auto inner = [&type] { return type.inner ? formatElement(*type.inner) : tr("unknown type"); };
  switch (type.kind) {
    case TypeInfo::Kind::tensor:
      return QString::fromLatin1(to_string(type.element));
    case TypeInfo::Kind::sequence:
      return tr("sequence of %1").arg(inner());
    case TypeInfo::Kind::optional:
      return tr("optional %1").arg(inner());
    case TypeInfo::Kind::map:
      return tr("map");
    case TypeInfo::Kind::sparse_tensor:
      return tr("sparse tensor");
    case TypeInfo::Kind::unknown:
      break;
  }
  return tr("unknown type");
}

}  // namespace lathe
