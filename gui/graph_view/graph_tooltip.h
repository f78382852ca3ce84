// SPDX-License-Identifier: Apache-2.0
// What the graph says about the thing under the cursor.
#pragma once

#include <QString>

#include "gui/graph_view/graph_scene.h"

namespace lathe {

class Document;

/// Rich text: what it is, its shapes, its work and the time it took.
QString boxTooltip(const GraphScene& scene, const Document& document, int box);
QString edgeTooltip(const GraphScene& scene, int edge);

}  // namespace lathe
