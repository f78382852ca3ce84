// SPDX-License-Identifier: Apache-2.0
// Internal to remedies: what unrolling a Loop and unrolling a Scan share.
#pragma once

#include "engine/convert/remedies/remedy.h"

namespace lathe {

/// Errors: so many rounds that the graph would be too large to work with.
Status few_enough(int64_t rounds, const Graph& body);

/// The Scan that the step names becomes its body, once for each place along the axes it goes through.
Result<std::string> unroll_scan(RemedyContext& context);

}  // namespace lathe
