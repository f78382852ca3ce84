// SPDX-License-Identifier: Apache-2.0
// InstanceNormalization and GroupNormalization of plain f32 tensors, compiled per instruction set: each group
// of channels is read three times, for its mean, its variance and the result.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/group_norm.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// The sum of (x - shift) to the power 1 or 2. Short stretches are summed in f32, these in double.
template <int power>
double sum_of(const float* x, int64_t count, float shift) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto shifts = hn::Set(d, shift);
  const auto term = [&](auto sum, auto v) {
    const auto difference = hn::Sub(v, shifts);
    return power == 1 ? hn::Add(sum, difference) : hn::MulAdd(difference, difference, sum);
  };
  constexpr int64_t stretch = 2048;
  double total = 0;
  for (int64_t begin = 0; begin < count; begin += stretch) {
    const int64_t end = std::min(count, begin + stretch);
    auto a = hn::Zero(d), b = hn::Zero(d);
    int64_t i = begin;
    for (; i + 2 * lanes <= end; i += 2 * lanes) {
      a = term(a, hn::LoadU(d, x + i));
      b = term(b, hn::LoadU(d, x + i + lanes));
    }
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, hn::Add(a, b))));
    for (; i < end; ++i) {
      const double difference = static_cast<double>(x[i]) - static_cast<double>(shift);
      total += power == 1 ? difference : difference * difference;
    }
  }
  return total;
}

/// `channels` of `spatial` elements each, normalised together. `step`: 1 where each channel has a scale and a
/// bias of its own, 0 where all share one.
void normalise_group(const float* x, float* y, int64_t channels, int64_t spatial, const float* scale,
                     const float* bias, int64_t step, double epsilon) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t count = channels * spatial;
  // The first element taken away, so that little is lost where all are large and alike.
  const double mean = sum_of<1>(x, count, x[0]) / static_cast<double>(count) + static_cast<double>(x[0]);
  const auto centre = static_cast<float>(mean);
  const double variance = sum_of<2>(x, count, centre) / static_cast<double>(count);
  const double deviation = 1 / std::sqrt(variance + epsilon);
  for (int64_t channel = 0; channel < channels; ++channel, x += spatial, y += spatial) {
    const auto factor = static_cast<float>(static_cast<double>(scale[channel * step]) * deviation);
    const float shift = bias[channel * step];
    const auto factors = hn::Set(d, factor), shifts = hn::Set(d, shift), centres = hn::Set(d, centre);
    int64_t i = 0;
    for (; i + lanes <= spatial; i += lanes)
      hn::StoreU(hn::MulAdd(hn::Sub(hn::LoadU(d, x + i), centres), factors, shifts), d, y + i);
    for (; i < spatial; ++i) y[i] = (x[i] - centre) * factor + shift;
  }
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/targets.h"
#include "engine/kernels/unfit.h"

namespace lathe {
namespace simd {
namespace {

HWY_EXPORT(normalise_group);

struct GroupGeometry {
  int64_t batch = 1, groups = 1, channels = 1, spatial = 1;  ///< channels of one group
  bool shared = false;                                       ///< one scale and bias for a whole group
};

class GroupNormKernel final : public Kernel {
 public:
  GroupNormKernel(const GroupGeometry& geometry, double epsilon) : geometry_(geometry), epsilon_(epsilon) {
    name_ = "simd:group_norm";
    in_place_input_ = 0;
  }

  Status run(const KernelArguments& arguments) override {
    const auto* x = reinterpret_cast<const float*>(arguments.inputs[0]);
    const auto* scale = reinterpret_cast<const float*>(arguments.inputs[1]);
    const auto* bias = reinterpret_cast<const float*>(arguments.inputs[2]);
    auto* y = reinterpret_cast<float*>(arguments.outputs[0]);
    const GroupGeometry& g = geometry_;
    const int64_t size = g.channels * g.spatial, tasks = g.batch * g.groups;
    const int64_t parameters = g.shared ? 1 : g.channels;
#pragma omp parallel for schedule(static) if (tasks * size > elements_worth_threads)
    for (int64_t task = 0; task < tasks; ++task) {
      const int64_t parameter = task % g.groups * parameters;
      HWY_DYNAMIC_DISPATCH(normalise_group)
      (x + task * size, y + task * size, g.channels, g.spatial, scale + parameter, bias + parameter,
       g.shared ? 0 : 1, epsilon_);
    }
    return {};
  }

 private:
  static constexpr int64_t elements_worth_threads = 1 << 14;

  GroupGeometry geometry_;
  double epsilon_;
};

Prepared prepare_group_norm(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  const Node& node = *request.node;
  for (const TensorDesc& input : request.inputs)
    if (input.type != ElementType::f32) return Decline{DeclineReason::element_type, to_string(input.type)};
  if (auto reason = unfit_tensor(x, {ElementType::f32}, 2)) return *reason;
  const bool instance = node.op_type == "InstanceNormalization";
  GroupGeometry geometry;
  geometry.batch = x.shape[0];
  geometry.groups = instance ? x.shape[1] : node.attributes.get_int("num_groups", 0);
  if (geometry.groups < 1 || x.shape[1] % geometry.groups != 0)
    return Decline{DeclineReason::attribute, std::to_string(geometry.groups) + " groups"};
  geometry.channels = x.shape[1] / geometry.groups;
  geometry.spatial = element_count(std::span(x.shape).subspan(2));
  geometry.shared = !instance && node.version < 21;
  const int64_t parameters = geometry.shared ? geometry.groups : x.shape[1];
  for (size_t i = 1; i < request.inputs.size(); ++i)
    if (element_count(request.inputs[i].shape) != parameters)
      return Decline{DeclineReason::shape, to_string(request.inputs[i].shape)};
  cap_targets();
  return std::make_unique<GroupNormKernel>(geometry,
                                           static_cast<double>(node.attributes.get_float("epsilon", 1e-5F)));
}

}  // namespace
}  // namespace simd

void register_group_norm(KernelRegistry& registry) {
  registry.add(
      {"simd:group_norm", {"InstanceNormalization", "GroupNormalization"}, simd::prepare_group_norm});
}

}  // namespace lathe
#endif
