// SPDX-License-Identifier: Apache-2.0
// DynamicQuantizeLinear: one pass for the range, one that quantises, compiled per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/dynamic_quantize.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <cstddef>
#include <cstdint>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Widens [*low, *high] to hold all elements; NaN counts for nothing.
void range(const float* from, size_t count, float* low, float* high) {
  const hn::ScalableTag<float> d;
  auto least = hn::Set(d, *low), most = hn::Set(d, *high);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    const auto x = hn::LoadU(d, from + i);
    least = hn::IfThenElse(hn::Lt(x, least), x, least);
    most = hn::IfThenElse(hn::Gt(x, most), x, most);
  }
  float lowest = hn::GetLane(hn::MinOfLanes(d, least)), highest = hn::GetLane(hn::MaxOfLanes(d, most));
  for (; i < count; ++i) {
    lowest = from[i] < lowest ? from[i] : lowest;
    highest = from[i] > highest ? from[i] : highest;
  }
  *low = lowest;
  *high = highest;
}

/// NaN becomes 0, as in the reference.
template <class D>
void quantize_at(D d, const float* HWY_RESTRICT from, float scale, float zero, uint8_t* HWY_RESTRICT to) {
  const hn::Rebind<int32_t, D> integers;
  const hn::Rebind<uint8_t, D> bytes;
  const auto steps = hn::Round(hn::Div(hn::LoadU(d, from), hn::Set(d, scale)));
  const auto shifted = hn::Add(steps, hn::Set(d, zero));
  const auto stored = hn::IfThenElseZero(hn::Gt(shifted, hn::Zero(d)), hn::Min(shifted, hn::Set(d, 255.0F)));
  hn::StoreU(hn::DemoteTo(bytes, hn::ConvertTo(integers, stored)), bytes, to);
}

void quantize(const float* from, float scale, float zero, uint8_t* to, size_t count) {
  const hn::ScalableTag<float> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) quantize_at(d, from + i, scale, zero, to + i);
  for (; i < count; ++i) quantize_at(hn::CappedTag<float, 1>(), from + i, scale, zero, to + i);
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <cmath>

#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/targets.h"

namespace lathe {
namespace simd {

HWY_EXPORT(range);
HWY_EXPORT(quantize);

namespace {

constexpr int64_t elements_a_task = 1 << 15;

class DynamicQuantizeKernel final : public Kernel {
 public:
  explicit DynamicQuantizeKernel(int64_t count) : count_(count) { name_ = "simd:dynamic_quantize"; }

  Status run(const KernelArguments& arguments) override {
    const auto* from = reinterpret_cast<const float*>(arguments.inputs[0]);
    const int64_t tasks = (count_ + elements_a_task - 1) / elements_a_task;
    // The range holds 0, so that 0 is represented exactly.
    float low = 0, high = 0;
#pragma omp parallel for schedule(static) reduction(min : low) reduction(max : high) if (tasks > 1)
    for (int64_t task = 0; task < tasks; ++task)
      HWY_DYNAMIC_DISPATCH(range)(from + task * elements_a_task, task_size(task), &low, &high);
    const float span = (high - low) / 255.0F, scale = span == 0 ? 1.0F : span;
    const float stored = std::nearbyint(-low / scale);
    const float zero = stored > 0 ? std::min(stored, 255.0F) : 0.0F;
    auto* to = reinterpret_cast<uint8_t*>(arguments.outputs[0]);
#pragma omp parallel for schedule(static) if (tasks > 1)
    for (int64_t task = 0; task < tasks; ++task) {
      const int64_t begin = task * elements_a_task;
      HWY_DYNAMIC_DISPATCH(quantize)(from + begin, scale, zero, to + begin, task_size(task));
    }
    if (arguments.outputs.size() > 1 && arguments.outputs[1] != nullptr)
      *reinterpret_cast<float*>(arguments.outputs[1]) = scale;
    if (arguments.outputs.size() > 2 && arguments.outputs[2] != nullptr)
      *reinterpret_cast<uint8_t*>(arguments.outputs[2]) = static_cast<uint8_t>(zero);
    return {};
  }

 private:
  size_t task_size(int64_t task) const {
    return static_cast<size_t>(std::min(elements_a_task, count_ - task * elements_a_task));
  }

  int64_t count_;
};

Prepared prepare(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  if (x.type != ElementType::f32) return Decline{DeclineReason::element_type, to_string(x.type)};
  if (!request.outputs[0].present()) return Decline{DeclineReason::attribute, "output 0 is not wanted"};
  cap_targets();
  return std::make_unique<DynamicQuantizeKernel>(element_count(x.shape));
}

}  // namespace
}  // namespace simd

void register_dynamic_quantize(KernelRegistry& registry) {
  registry.add({"simd:dynamic_quantize", {"DynamicQuantizeLinear"}, simd::prepare});
}

}  // namespace lathe
#endif
