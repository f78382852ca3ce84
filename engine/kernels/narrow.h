// SPDX-License-Identifier: Apache-2.0
// What narrow types need of the machine, and what is done about those that it has no arithmetic for: narrow
// floats are computed in f32 and rounded to what the narrow type can hold.
#pragma once

#include <memory>

#include "engine/kernels/kernel.h"

namespace lathe {

/// A kernel that rounds `count` f32 elements in place (input 0 and output 0 are the same memory, in any
/// layout) to values of `precision`: f16 or bf16.
std::unique_ptr<Kernel> make_rounding(ElementType precision, size_t count);

/// Whether products of 8-bit integers are exact and fast here (VNNI). Older instructions add pairs of
/// products in 16 bit, which saturate.
bool multiplies_8bit();

/// Types this machine has no arithmetic for, so that computing in f32 and rounding is the faster way.
bool computes_wide(ElementType type);

}  // namespace lathe
