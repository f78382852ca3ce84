// SPDX-License-Identifier: Apache-2.0
// How a person left the graph of a file: open modules and the place looked at.
#pragma once

#include <QPointF>
#include <QString>
#include <optional>
#include <set>

#include "engine/graph/graph.h"

namespace lathe {

struct GraphState {
  bool flat = false;
  std::set<ModuleId> expanded;
  QPointF origin;  ///< of the camera
  double zoom = 1;
};

/// In the program's settings, for the files seen last. Does nothing where the program has no settings of its
/// own (tests that do not name one).
void saveGraphState(const QString& file, const Model& model, const GraphState& state);
void forgetGraphState(const QString& file);
/// Modules that the model does not have any more are left out.
std::optional<GraphState> loadGraphState(const QString& file, const Model& model);

}  // namespace lathe
