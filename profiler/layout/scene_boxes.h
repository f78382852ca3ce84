// SPDX-License-Identifier: Apache-2.0
// Internal to the scene layout: which boxes and edges are visible, before anything has a place.
#pragma once

#include "profiler/layout/scene.h"

namespace lathe {

/// Boxes (with sizes, without places; frames without sizes) and edges (without points) of a scene.
SceneLayout visible_scene(const Model& model, const SceneOptions& options);

}  // namespace lathe
