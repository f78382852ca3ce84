// SPDX-License-Identifier: Apache-2.0
// Remedies as a program shows them: which ones Lathe can take, and what they would bring.
#pragma once

#include <vector>

#include "profiler/workflow/workflow.h"

namespace lathe {

/// Lathe can take it by itself, as a RemedyStep of the configuration; any other is something for a person.
/// Whether it suits the model is told when it is taken.
bool can_take(const Remedy& remedy);

/// What each of the remedies would bring on top of `now`, which came of `request`: in the order given,
/// without those that Lathe takes only when told to and those that cannot be taken here. Shapes to pin are
/// the data set's where the request names one whose samples agree. Nothing is compiled. Errors: interruption.
Result<std::vector<Forecast>> forecast_remedies(const ConvertRequest& request, const Conversion& now,
                                                const std::vector<Remedy>& offered, const JobContext& job);

}  // namespace lathe
