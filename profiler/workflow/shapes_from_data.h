// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "profiler/workflow/workflow.h"

namespace lathe {

/// Sets the shapes of inputs that the request leaves open by what its data set's samples have, and notes what
/// was learnt. Data for calibration serves where there is no other. Errors: no data set; see
/// engine/convert/shapes_from_data.h.
Status learn_shapes(ConvertRequest& request, const JobContext& job);

}  // namespace lathe
