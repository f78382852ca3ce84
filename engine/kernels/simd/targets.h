// SPDX-License-Identifier: Apache-2.0
// Which instruction sets our own vector code may use.
#pragma once

namespace lathe::simd {

/// Applies LATHE_ISA's cap to what Highway chooses from. Called before the first kernel is prepared; later
/// calls do nothing.
void cap_targets();

}  // namespace lathe::simd
