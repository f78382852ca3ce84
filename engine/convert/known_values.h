// SPDX-License-Identifier: Apache-2.0
// Values that only look as if they depended on data: they follow from constants and from known shapes.
#pragma once

#include <optional>

#include "engine/graph/graph.h"
#include "engine/ops/inference.h"

namespace lathe {

/// True when no input's elements and no random number can change the value. Sub-graphs are not looked into.
bool follows_from_constants(const Graph& graph, const InferenceResult& types, ValueId value);

/// Its tensor, computed by reference kernels; nullopt when it does not follow from constants, is no tensor,
/// or is too large to be worth it.
std::optional<Tensor> known_value(const Graph& graph, const InferenceResult& types, ValueId value);

}  // namespace lathe
