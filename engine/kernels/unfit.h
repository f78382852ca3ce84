// SPDX-License-Identifier: Apache-2.0
// What most kernels ask of a tensor first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "engine/kernels/kernel.h"

namespace lathe {

/// Why a kernel written for these element types and ranks cannot take the tensor: another type, another rank,
/// no elements; nothing where it can.
std::optional<Decline> unfit_tensor(const TensorDesc& tensor, std::initializer_list<ElementType> types,
                                    size_t least_rank = 0, size_t most_rank = SIZE_MAX);

}  // namespace lathe
