// SPDX-License-Identifier: Apache-2.0
// What would convert if this build had one operator more.
#pragma once

#include "engine/convert/mend.h"

namespace lathe {

/// The operator's results stand for themselves, of the types that the model declares. The step is left open.
/// Errors: a type that is not declared, so that nothing can be told; interruption.
Result<Forecast> forecast_operator(const Model& model, const Configuration& configuration,
                                   const std::string& qualified_type, const JobContext& job);

}  // namespace lathe
