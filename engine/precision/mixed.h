// SPDX-License-Identifier: Apache-2.0
// int8 for products, fp16 or bf16 for the rest.
#pragma once

#include "engine/precision/quantize.h"

namespace lathe {

/// Lowers what `made` left in fp32 as `rest` asks (f16, bf16 or f32 by module); what computes in 8 bit, and
/// the Q/DQ nodes around it, stay as they are. The report then tells of both. Errors as of lower_precision.
Status lower_rest(Quantized& made, PrecisionRequest rest);

}  // namespace lathe
