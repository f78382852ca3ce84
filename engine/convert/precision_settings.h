// SPDX-License-Identifier: Apache-2.0
// The precision that a configuration asks for, as a request to lower it.
#pragma once

#include "engine/convert/settings.h"
#include "engine/precision/precision.h"
#include "engine/precision/weights_only.h"

namespace lathe {

/// Module by module: what it sets itself, the rest inherits. int8 comes before fp16 and bf16. Errors: fp16
/// and bf16 for the same module.
Result<PrecisionRequest> precision_request(const Configuration& configuration);

/// fp16 and bf16 alone: what becomes of the part of a model that is not in 8 bit.
PrecisionRequest rest_request(const Configuration& configuration);

/// How the weights of each module are stored. Errors: a module for which fp16, bf16 or int8 is asked for,
/// too; a block size where nothing is stored in int4.
Result<WeightsRequest> weights_request(const Configuration& configuration, const ModuleTree& tree);

/// "f32", "f16", "bf16" or "i8": the type most of the module's nodes that are narrow have; f32 where none is.
std::string module_precision(const ModuleTree& tree, ModuleId module, const PrecisionReport& report);

}  // namespace lathe
