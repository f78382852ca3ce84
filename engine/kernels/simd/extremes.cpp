// SPDX-License-Identifier: Apache-2.0
// ReduceMax and ReduceMin over the last axes, ArgMax and ArgMin over the last one, of plain f32 tensors.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/extremes.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <cstdint>
#include <hwy/highway.h>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// NaN wins, as in the reference. (Of a NaN and a number, Max gives its second argument or the NaN.)
template <class V>
V greater(V best, V x) {
  return hn::IfThenElse(hn::Eq(x, x), hn::Max(x, best), x);
}

/// The largest element of a row, or the smallest, which is the largest with all signs turned.
float extreme_of_row(const float* x, int64_t count, bool smallest) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto turn = hn::And(hn::SignBit(d), hn::Set(d, smallest ? -1.0F : 1.0F));
  float best = -std::numeric_limits<float>::infinity();
  const auto take = [&](float element) { best = element > best || element != element ? element : best; };
  int64_t i = 0;
  if (count >= 2 * lanes) {
    auto a = hn::Set(d, best), b = a;
    for (; i + 2 * lanes <= count; i += 2 * lanes) {
      a = greater(a, hn::Xor(turn, hn::LoadU(d, x + i)));
      b = greater(b, hn::Xor(turn, hn::LoadU(d, x + i + lanes)));
    }
    float each[hn::MaxLanes(d)];
    hn::StoreU(greater(a, b), d, each);
    for (int64_t lane = 0; lane < lanes; ++lane) take(each[lane]);
  }
  for (; i < count; ++i) take(smallest ? -x[i] : x[i]);
  return smallest ? -best : best;
}

/// Where the first extreme of a row stands, or the last one.
int64_t place_of_extreme(const float* x, int64_t count, bool smallest, bool last) {
  const float best = extreme_of_row(x, count, smallest);
  const auto is_best = [&](int64_t i) { return best != best ? x[i] != x[i] : x[i] == best; };
  if (last || best != best) {
    int64_t i = last ? count - 1 : 0;
    while (!is_best(i)) i += last ? -1 : 1;
    return i;
  }
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto wanted = hn::Set(d, best);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const intptr_t lane = hn::FindFirstTrue(d, hn::Eq(hn::LoadU(d, x + i), wanted));
    if (lane >= 0) return i + lane;
  }
  while (!is_best(i)) ++i;
  return i;
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/targets.h"
#include "engine/kernels/unfit.h"
#include "engine/ops/infer_util.h"

namespace lathe {
namespace simd {
namespace {

HWY_EXPORT(extreme_of_row);
HWY_EXPORT(place_of_extreme);

struct ExtremeTask {
  int64_t rows = 0, size = 0;
  bool smallest = false;
  bool place = false;  ///< where it stands is wanted, not the extreme
  bool last = false;   ///< of equal ones
};

class ExtremeKernel final : public Kernel {
 public:
  explicit ExtremeKernel(const ExtremeTask& task) : task_(task) {
    name_ = task.place ? "simd:arg_extreme" : "simd:reduce_extreme";
  }

  Status run(const KernelArguments& arguments) override {
    const auto* x = reinterpret_cast<const float*>(arguments.inputs[0]);
    auto* extremes = reinterpret_cast<float*>(arguments.outputs[0]);
    auto* places = reinterpret_cast<int64_t*>(arguments.outputs[0]);
    const int64_t size = task_.size;
#pragma omp parallel for schedule(static) if (task_.rows * size > elements_worth_threads)
    for (int64_t row = 0; row < task_.rows; ++row)
      if (task_.place)
        places[row] =
            HWY_DYNAMIC_DISPATCH(place_of_extreme)(x + row * size, size, task_.smallest, task_.last);
      else
        extremes[row] = HWY_DYNAMIC_DISPATCH(extreme_of_row)(x + row * size, size, task_.smallest);
    return {};
  }

 private:
  static constexpr int64_t elements_worth_threads = 1 << 15;

  ExtremeTask task_;
};

/// The kernel for the axes from `first` on.
Prepared prepare_rows(const KernelRequest& request, size_t first, ExtremeTask task) {
  const TensorDesc& x = request.inputs[0];
  if (auto reason = unfit_tensor(x, {ElementType::f32})) return *reason;
  task.size = element_count(std::span(x.shape).subspan(first));
  task.rows = element_count(x.shape) / task.size;
  task.smallest = request.node->op_type.ends_with("Min");
  cap_targets();
  return std::make_unique<ExtremeKernel>(task);
}

Prepared prepare_reduce(const KernelRequest& request) {
  const Node& node = *request.node;
  std::vector<int64_t> axes = node.attributes.get_ints("axes");
  if (request.inputs.size() > 1 && request.inputs[1].present()) {
    if (request.constants[1] == nullptr) return Decline{DeclineReason::not_constant, "axes"};
    axes = request.constants[1]->to_int64();
  }
  const Shape& shape = request.inputs[0].shape;
  const auto resolved = resolve_reduced_axes(node, axes, shape.size());
  if (!resolved.ok()) return Decline{DeclineReason::attribute, "axes"};
  size_t first = shape.size();
  while (first > 0 && (resolved->reduced[first - 1] || shape[first - 1] == 1)) --first;
  for (size_t axis = 0; axis < first; ++axis)
    if (resolved->reduced[axis] && shape[axis] != 1)
      return Decline{DeclineReason::attribute, "axes other than the last ones"};
  return prepare_rows(request, first, {});
}

Prepared prepare_arg(const KernelRequest& request) {
  const Node& node = *request.node;
  const Shape& shape = request.inputs[0].shape;
  const auto axis = normalize_axis(node.attributes.get_int("axis", 0), shape.size());
  if (!axis || static_cast<size_t>(*axis) + 1 != shape.size())
    return Decline{DeclineReason::attribute, "axes other than the last one"};
  ExtremeTask task;
  task.place = true;
  task.last = node.attributes.get_int("select_last_index", 0) != 0;
  return prepare_rows(request, static_cast<size_t>(*axis), task);
}

}  // namespace
}  // namespace simd

void register_extremes(KernelRegistry& registry) {
  registry.add({"simd:reduce_extreme", {"ReduceMax", "ReduceMin"}, simd::prepare_reduce});
  registry.add({"simd:arg_extreme", {"ArgMax", "ArgMin"}, simd::prepare_arg});
}

}  // namespace lathe
#endif
