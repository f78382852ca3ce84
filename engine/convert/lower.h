// SPDX-License-Identifier: Apache-2.0
// The precision that a configuration asks for, before anything is compiled.
#pragma once

#include "engine/convert/convert.h"
#include "engine/precision/weights_only.h"

namespace lathe {

/// Rewrites the conversion's model in the precision asked for, and tells how in its report and notes.
/// `engines` is what would be compiled: what runs eagerly stays in fp32, and so does what exceeds the range
/// of fp16 on the samples. Errors as of lower_precision, lower_to_int8 and store_weights; interruption.
/// Executor thread, unless dry.
Status lower(Conversion& conversion, const Partition& engines, PrecisionRequest request,
             WeightsRequest weights, const ConvertOptions& options, const JobContext& job);

}  // namespace lathe
