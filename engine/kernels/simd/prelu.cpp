// SPDX-License-Identifier: Apache-2.0
// PRelu of plain f32 tensors with one slope, one of each channel, or one of each place of the last axes.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/prelu.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <cstdint>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Elements of one run. `step`: 1 where every element has its own slope, 0 where all share one.
void prelu_run(const float* x, const float* slope, int64_t step, float* y, int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto slopes = hn::Set(d, *slope);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    if (step != 0) slopes = hn::LoadU(d, slope + i);
    const auto v = hn::LoadU(d, x + i);
    hn::StoreU(hn::IfThenElse(hn::Lt(v, hn::Zero(d)), hn::Mul(v, slopes), v), d, y + i);
  }
  for (; i < count; ++i) y[i] = x[i] < 0 ? x[i] * slope[i * step] : x[i];
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <optional>

#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/targets.h"
#include "engine/kernels/unfit.h"

namespace lathe {
namespace simd {
namespace {

HWY_EXPORT(prelu_run);

constexpr int64_t elements_a_task = 1 << 14;

/// Element i has slope i / inner % slopes.
struct SlopePattern {
  int64_t slopes = 1, inner = 1;
};

class PReluKernel final : public Kernel {
 public:
  PReluKernel(int64_t count, SlopePattern pattern) : count_(count), pattern_(pattern) {
    name_ = "simd:prelu";
    in_place_input_ = 0;
  }

  Status run(const KernelArguments& arguments) override {
    const auto* x = reinterpret_cast<const float*>(arguments.inputs[0]);
    const auto* slope = reinterpret_cast<const float*>(arguments.inputs[1]);
    auto* y = reinterpret_cast<float*>(arguments.outputs[0]);
    const int64_t tasks = (count_ + elements_a_task - 1) / elements_a_task;
#pragma omp parallel for schedule(static) if (tasks > 1)
    for (int64_t task = 0; task < tasks; ++task)
      run_range(x, slope, y, task * elements_a_task, std::min(count_, (task + 1) * elements_a_task));
    return {};
  }

 private:
  void run_range(const float* x, const float* slope, float* y, int64_t begin, int64_t end) const {
    const bool each = pattern_.inner == 1;  // neighbours have slopes of their own
    const int64_t run = each ? pattern_.slopes : pattern_.inner;
    for (int64_t i = begin; i < end;) {
      const int64_t next = std::min(end, (i / run + 1) * run);
      HWY_DYNAMIC_DISPATCH(prelu_run)
      (x + i, slope + i / pattern_.inner % pattern_.slopes, each ? 1 : 0, y + i, next - i);
      i = next;
    }
  }

  int64_t count_;
  SlopePattern pattern_;
};

/// Of a slope whose axes other than 1 are neighbours and as long as those of x.
std::optional<SlopePattern> pattern_of(const Shape& x, Shape slope, int version) {
  // Before opset 7 a slope of rank 1 was per channel.
  if (version < 7 && slope.size() == 1 && x.size() > 1 && slope[0] != 1) slope.resize(x.size() - 1, 1);
  if (slope.size() > x.size()) return std::nullopt;
  SlopePattern pattern;
  if (element_count(slope) == 1) return SlopePattern{1, std::max<int64_t>(2, element_count(x))};
  bool before = false;
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t axis = x.size() - 1 - i;
    const int64_t size = i < slope.size() ? slope[slope.size() - 1 - i] : 1;
    if (x[axis] == 1) continue;
    if (size == x[axis]) {
      if (before) return std::nullopt;
      pattern.slopes *= size;
    } else if (pattern.slopes == 1) {
      pattern.inner *= x[axis];
    } else {
      before = true;
    }
  }
  return pattern;
}

Prepared prepare_prelu(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  const TensorDesc& slope = request.inputs[1];
  for (const TensorDesc* input : {&x, &slope})
    if (auto reason = unfit_tensor(*input, {ElementType::f32})) return *reason;
  const auto pattern = pattern_of(x.shape, slope.shape, request.node->version);
  if (!pattern) return Decline{DeclineReason::shape, to_string(slope.shape) + " for " + to_string(x.shape)};
  cap_targets();
  return std::make_unique<PReluKernel>(element_count(x.shape), *pattern);
}

}  // namespace
}  // namespace simd

void register_prelu(KernelRegistry& registry) {
  registry.add({"simd:prelu", {"PRelu"}, simd::prepare_prelu});
}

}  // namespace lathe
#endif
