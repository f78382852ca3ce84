// SPDX-License-Identifier: Apache-2.0
#include "gui/graph_view/graph_export.h"

#include <QBuffer>
#include <QFileInfo>
#include <QImage>
#include <QPainter>
#include <QSaveFile>
#include <QSvgGenerator>
#include <algorithm>
#include <cmath>

#include "gui/graph_view/graph_painter.h"

namespace lathe {
namespace {

constexpr double mostPixels = 40e6, mostAlong = 16384;

void draw(const GraphPicture& picture, QPainter& painter, double zoom, QSizeF size) {
  GraphCamera camera;
  camera.setMinimumZoom(zoom);
  camera.set({0, 0}, zoom);
  GraphPainter(*picture.scene, picture.colors, picture.theme)
      .paint(painter, camera, QRectF(QPointF(0, 0), size), {});
}

Result<QByteArray> asSvg(const GraphPicture& picture, const QString& file) {
  const SceneLayout& layout = picture.scene->layout;
  const QSizeF size(layout.width, layout.height);
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  QSvgGenerator generator;
  generator.setOutputDevice(&buffer);
  generator.setSize(size.toSize());
  generator.setViewBox(QRectF(QPointF(0, 0), size));
  generator.setTitle(picture.title);
  QPainter painter;
  if (!painter.begin(&generator)) return resource_error(file.toStdString(), "the picture cannot be drawn");
  draw(picture, painter, 1, size);
  painter.end();
  return bytes;
}

Result<QByteArray> asPng(const GraphPicture& picture, const QString& file) {
  const SceneLayout& layout = picture.scene->layout;
  const double zoom = std::min({2.0, mostAlong / std::max(layout.width, layout.height),
                                std::sqrt(mostPixels / std::max(1.0, layout.width * layout.height))});
  const QSize size(std::max(1, static_cast<int>(layout.width * zoom)),
                   std::max(1, static_cast<int>(layout.height * zoom)));
  QImage image(size, QImage::Format_RGB32);
  if (image.isNull()) return resource_error(file.toStdString(), "not enough memory for the picture");
  QPainter painter(&image);
  draw(picture, painter, zoom, size);
  painter.end();
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  if (!image.save(&buffer, "PNG")) return resource_error(file.toStdString(), "the picture cannot be encoded");
  return bytes;
}

}  // namespace

Status writeGraph(const GraphPicture& picture, const QString& file, const JobContext& job) {
  LATHE_TRY(job.check());
  const bool svg = QFileInfo(file).suffix().compare(QLatin1String("svg"), Qt::CaseInsensitive) == 0;
  LATHE_ASSIGN(const QByteArray bytes, svg ? asSvg(picture, file) : asPng(picture, file));
  LATHE_TRY(job.check());
  QSaveFile out(file);
  if (!out.open(QIODevice::WriteOnly) || out.write(bytes) != bytes.size() || !out.commit())
    return resource_error(file.toStdString(), out.errorString().toStdString());
  return {};
}

}  // namespace lathe
