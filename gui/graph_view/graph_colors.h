// SPDX-License-Identifier: Apache-2.0
// The colours of a scene as a value, so that it can be painted on any thread.
#pragma once

#include <QColor>
#include <QString>
#include <utility>
#include <vector>

#include "gui/graph_view/graph_scene.h"

namespace lathe {

class Coloring;
class Document;

struct GraphColors {
  struct Share {
    QColor color;
    double share = 0;
  };
  std::vector<QColor> boxes;  ///< by box; invalid: neutral
  std::vector<std::vector<Share>>
      mixtures;                  ///< by box: of what is in closed modules without a colour of their own
  std::vector<QString> engines;  ///< by box: tag of a module that is an engine ("engine bf16"), or empty
  QString rootEngine;            ///< tag, where the whole model is one engine
  bool filled = false;           ///< colours are amounts: fill boxes with them rather than tint
  std::vector<std::pair<QString, QColor>> legend;  ///< of the colours that occur
};

/// On the UI thread.
GraphColors collectColors(const GraphScene& scene, const Coloring& coloring, const Document& document);

}  // namespace lathe
