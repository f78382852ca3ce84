// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/simd/targets.h"

#include <cstdlib>
#include <hwy/targets.h>
#include <mutex>
#include <string_view>

namespace lathe::simd {

void cap_targets() {
  static std::once_flag once;
  std::call_once(once, [] {
    const char* cap = std::getenv("LATHE_ISA");
    if (cap == nullptr) return;
    // Highway numbers better targets lower: everything below the cap's bit is too new.
    const std::string_view name = cap;
    int64_t newest = 0;
    if (name == "sse41") newest = HWY_SSE4;
    if (name == "avx2") newest = HWY_AVX2;
    if (name == "avx512") newest = HWY_AVX3;
    if (newest != 0) hwy::DisableTargets(newest - 1);
  });
}

}  // namespace lathe::simd
