// SPDX-License-Identifier: Apache-2.0
// Where of plain tensors with elements of 4 bytes: attention masks, mostly.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/where.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <cstdint>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Elements of one run with a condition each; `step`: 0 where one element of x or y serves the whole run.
void choose_run(const uint8_t* condition, const uint32_t* x, int64_t step_x, const uint32_t* y,
                int64_t step_y, uint32_t* to, int64_t count) {
  const hn::ScalableTag<uint32_t> d;
  const hn::Rebind<uint8_t, decltype(d)> bytes;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto a = hn::Set(d, *x), b = hn::Set(d, *y);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    if (step_x != 0) a = hn::LoadU(d, x + i);
    if (step_y != 0) b = hn::LoadU(d, y + i);
    const auto first = hn::Ne(hn::PromoteTo(d, hn::LoadU(bytes, condition + i)), hn::Zero(d));
    hn::StoreU(hn::IfThenElse(first, a, b), d, to + i);
  }
  for (; i < count; ++i) to[i] = condition[i] != 0 ? x[i * step_x] : y[i * step_y];
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <array>

#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/targets.h"
#include "engine/ops/elementwise.h"

namespace lathe {
namespace simd {
namespace {

HWY_EXPORT(choose_run);

class WhereKernel final : public Kernel {
 public:
  explicit WhereKernel(BroadcastLoop loop) : loop_(std::move(loop)) { name_ = "simd:where"; }

  Status run(const KernelArguments& arguments) override {
    const auto* condition = reinterpret_cast<const uint8_t*>(arguments.inputs[0]);
    const auto* x = reinterpret_cast<const uint32_t*>(arguments.inputs[1]);
    const auto* y = reinterpret_cast<const uint32_t*>(arguments.inputs[2]);
    auto* to = reinterpret_cast<uint32_t*>(arguments.outputs[0]);
    const int64_t step_x = loop_.steps(1) ? 1 : 0, step_y = loop_.steps(2) ? 1 : 0;
    loop_.for_each_run([&](int64_t out, const BroadcastLoop::Offsets& at, int64_t count) {
      const bool first = condition[at[0]] != 0;
      if (loop_.steps(0)) HWY_DYNAMIC_DISPATCH(choose_run)
      (condition + at[0], x + at[1], step_x, y + at[2], step_y, to + out, count);
      else if ((first ? step_x : step_y) != 0) std::copy_n(first ? x + at[1] : y + at[2], count, to + out);
      else std::fill_n(to + out, count, first ? x[at[1]] : y[at[2]]);
    });
    return {};
  }

 private:
  BroadcastLoop loop_;
};

Prepared prepare_where(const KernelRequest& request) {
  const TensorDesc &condition = request.inputs[0], &x = request.inputs[1], &y = request.inputs[2];
  if (condition.type != ElementType::boolean || x.type != y.type || element_size(x.type) != 4 ||
      x.type == ElementType::string)
    return Decline{DeclineReason::element_type, to_string(x.type)};
  if (element_count(request.outputs[0].shape) == 0) return Decline{DeclineReason::shape, "empty"};
  cap_targets();
  return std::make_unique<WhereKernel>(
      BroadcastLoop(request.outputs[0].shape, std::array{condition.shape, x.shape, y.shape}));
}

}  // namespace
}  // namespace simd

void register_where(KernelRegistry& registry) {
  registry.add({"simd:where", {"Where"}, simd::prepare_where});
}

}  // namespace lathe
#endif
