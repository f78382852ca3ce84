// SPDX-License-Identifier: Apache-2.0
// The error function of f32 tensors, compiled per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/erf.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <hwy/highway.h>

#include "engine/kernels/simd/activations-inl.h"
#include "engine/kernels/simd/elementwise_kernel.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void erf_all(const float* from, float* to, size_t count) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(erf(d, hn::LoadU(d, from + i)), d, to + i);
  const hn::CappedTag<float, 1> one;
  for (; i < count; ++i) hn::StoreU(erf(one, hn::LoadU(one, from + i)), one, to + i);
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lathe {
namespace simd {
namespace {

HWY_EXPORT(erf_all);

Prepared prepare_erf(const KernelRequest& request) {
  return prepare_elementwise(request, "simd:erf", [](const float* from, float* to, size_t count) {
    HWY_DYNAMIC_DISPATCH(erf_all)(from, to, count);
  });
}

}  // namespace
}  // namespace simd

void register_erf(KernelRegistry& registry) {
  registry.add({"simd:erf", {"Erf"}, simd::prepare_erf});
}

}  // namespace lathe
#endif
