// SPDX-License-Identifier: Apache-2.0
// A model that is mostly an engine: what its data does not decide on is one, the rest runs eagerly.
#pragma once

#include <memory>

#include "engine/runtime/converted.h"

namespace lathe {

/// The whole model as one engine where it can be one: sizes may be open, but no size, branch or sequence may
/// depend on data. Else one engine of all nodes that no such node stands before. Executor thread only.
Result<std::unique_ptr<ConvertedModel>> make_engine_prefix(std::shared_ptr<const Model> model);

}  // namespace lathe
