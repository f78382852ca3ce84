// SPDX-License-Identifier: Apache-2.0
// Finds modules, operators and tensors of a model by a part of their names.
#pragma once

#include <QString>
#include <vector>

#include "gui/graph_view/graph_scene.h"

namespace lathe {

/// One of the three is valid.
struct GraphMatch {
  ModuleId module;
  NodeId node;
  ValueId value;
};

/// Ignoring case: module paths and classes, operator types and node names, then tensors whose node was not
/// found already. Of dotted or slashed names the last part is looked at, unless the text has a dot or slash
/// itself. Nothing for an empty text.
std::vector<GraphMatch> findInModel(const Model& model, const QString& text);

/// How many of them each box of the scene is or hides.
std::vector<int> matchesByBox(const GraphScene& scene, const std::vector<GraphMatch>& matches);

/// Modules that must be open to see it, outermost first; without the root.
std::vector<ModuleId> modulesAround(const Model& model, const GraphMatch& match);

}  // namespace lathe
