// SPDX-License-Identifier: Apache-2.0
// The graph as a picture.
#pragma once

#include <QString>

#include "engine/base/job.h"
#include "engine/base/result.h"
#include "gui/graph_view/graph_colors.h"
#include "gui/graph_view/graph_scene.h"
#include "gui/widgets/theme.h"

namespace lathe {

struct GraphPicture {
  std::shared_ptr<const GraphScene> scene;
  GraphColors colors;
  Theme theme;
  QString title;  ///< of the SVG
};

/// SVG or PNG by the file's suffix; the whole scene. A PNG is drawn at twice the size, less for very large
/// scenes (at most 16384 pixels a side and 40 megapixels). Any thread. On error no file is left behind.
Status writeGraph(const GraphPicture& picture, const QString& file, const JobContext& job);

}  // namespace lathe
