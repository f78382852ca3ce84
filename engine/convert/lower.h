// SPDX-License-Identifier: Apache-2.0
// The precision that a configuration asks for, before anything is compiled.
#pragma once

#include "engine/convert/convert.h"
#include "engine/precision/weights_only.h"

namespace lathe {

/// Adds to the request what stays wide whatever is asked for: nodes outside of `engines` (what would be
/// compiled), and those whose numbers fp16 cannot hold on the samples. Executor thread, unless dry.
Status keep_wide(Conversion& conversion, const Partition& engines, PrecisionRequest& request,
                 const ConvertOptions& options, const JobContext& job);

/// Rewrites the conversion's model in the precision asked for, and tells how in its report and notes. Errors
/// as of lower_precision, lower_to_int8 and store_weights; interruption. Executor thread, unless dry.
Status lower(Conversion& conversion, PrecisionRequest request, WeightsRequest weights,
             const ConvertOptions& options, const JobContext& job);

}  // namespace lathe
