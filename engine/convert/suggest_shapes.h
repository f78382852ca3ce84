// SPDX-License-Identifier: Apache-2.0
// Shapes to pin inputs to that leave some of their sizes open.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/runtime/runnable.h"

namespace lathe {

struct SuggestedShape {
  Shape shape;
  bool assumed = false;  ///< no data tells it: a usual size that the model agrees with
  /// "the shape of the data's samples", "no data tells it: a usual size".
  std::string why() const;
};

/// By name of every input with open sizes for which a shape can be told. `known` holds dims that are settled
/// already (configured or bound to them). From the samples where they agree; without samples a usual size
/// that inference finds no contradiction in.
std::map<std::string, SuggestedShape> suggest_shapes(const Model& model,
                                                     const std::map<std::string, Dims>& known,
                                                     const std::vector<NamedValues>& samples);

}  // namespace lathe
