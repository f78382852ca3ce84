// SPDX-License-Identifier: Apache-2.0
// The sizes of a model's inputs as the configuration settles them.
#pragma once

#include <map>
#include <string>

#include "engine/convert/settings.h"
#include "engine/graph/graph.h"
#include "engine/runtime/converted.h"

namespace lathe {

using InputDims = std::map<std::string, Dims>;

/// Error: the configuration speaks of an input that the model does not have (naming the nearest).
Status check_configured_inputs(const Model& model, const Configuration& configuration);

/// Opt shapes of the inputs that the configuration speaks of, and of those that share a symbol with them.
Result<InputDims> opt_dims(const Model& model, const Configuration& configuration);

/// What inputs of these opt shapes may vary between.
std::map<std::string, ShapeBounds> shape_bounds(const Model& model, const Configuration& configuration,
                                                const InputDims& opt);

}  // namespace lathe
