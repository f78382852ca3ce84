// SPDX-License-Identifier: Apache-2.0
// Softmax over axes other than the last one, and LogSoftmax over any, of plain f32 tensors.
//
// A tensor is [outer, size, inner], normalised along `size`. With inner elements behind the axis, a block of
// neighbouring columns is copied close together first: rows may lie so far apart that they would push each
// other out of the cache.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/softmax.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>
#include <limits>

#include "engine/kernels/simd/exponential-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr float lowest = -std::numeric_limits<float>::infinity();

template <class V>
V larger(V best, V x) {
  return hn::IfThenElse(hn::Gt(x, best), x, best);
}

/// Elements i.. of a row of `count`, those beyond it `rest`.
template <class D>
hn::Vec<D> load_some(D d, const float* row, int64_t i, int64_t count, float rest) {
  if (i + static_cast<int64_t>(hn::Lanes(d)) <= count) return hn::LoadU(d, row + i);
  float lanes[hn::MaxLanes(d)];
  std::fill_n(lanes, hn::Lanes(d), rest);
  std::copy_n(row + i, std::max<int64_t>(count - i, 0), lanes);
  return hn::LoadU(d, lanes);
}

template <class D>
void store_some(D d, hn::Vec<D> v, float* row, int64_t i, int64_t count) {
  if (i + static_cast<int64_t>(hn::Lanes(d)) <= count) return hn::StoreU(v, d, row + i);
  float lanes[hn::MaxLanes(d)];
  hn::StoreU(v, d, lanes);
  std::copy_n(lanes, std::max<int64_t>(count - i, 0), row + i);
}

/// `count` columns of a matrix of `size` rows, `inner` elements apart. `scratch`: (size + 2) rows of `count`
/// elements rounded up to whole vectors.
void softmax_columns(const float* x, float* y, int64_t size, int64_t inner, int64_t count, bool logarithm,
                     float* scratch) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t width = (count + lanes - 1) / lanes * lanes;
  float* largest = scratch;
  float* sums = scratch + width;
  float* block = scratch + 2 * width;
  std::fill_n(largest, width, lowest);
  std::fill_n(sums, width, 0.0F);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < width; j += lanes) {
      const auto v = load_some(d, x + i * inner, j, count, 0);
      hn::StoreU(v, d, block + i * width + j);
      hn::StoreU(larger(hn::LoadU(d, largest + j), v), d, largest + j);
    }
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < width; j += lanes) {
      float* at = block + i * width + j;
      const auto shifted = hn::Sub(hn::LoadU(d, at), hn::LoadU(d, largest + j));
      const auto e = exponential(d, shifted);
      hn::StoreU(logarithm ? shifted : e, d, at);
      hn::StoreU(hn::Add(hn::LoadU(d, sums + j), e), d, sums + j);
    }
  for (int64_t j = 0; j < width; j += lanes) {
    const auto sum = hn::LoadU(d, sums + j);
    const auto log = hn::IfThenElse(hn::Eq(sum, sum), hn::Log(d, sum), sum);
    hn::StoreU(logarithm ? log : hn::Div(hn::Set(d, 1.0F), sum), d, sums + j);
  }
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < width; j += lanes) {
      const auto v = hn::LoadU(d, block + i * width + j), sum = hn::LoadU(d, sums + j);
      store_some(d, logarithm ? hn::Sub(v, sum) : hn::Mul(v, sum), y + i * inner, j, count);
    }
}

/// One row, which may be written over.
void softmax_row(const float* x, float* y, int64_t size, bool logarithm) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto best = hn::Set(d, lowest);
  for (int64_t i = 0; i < size; i += lanes) best = larger(best, load_some(d, x, i, size, lowest));
  const auto largest = hn::MaxOfLanes(d, best);
  auto sums = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const auto e = exponential(d, hn::Sub(hn::LoadU(d, x + i), largest));
    if (!logarithm) hn::StoreU(e, d, y + i);
    sums = hn::Add(sums, e);
  }
  if (i < size) {
    const auto e = exponential(d, hn::Sub(load_some(d, x, i, size, lowest), largest));
    if (!logarithm) store_some(d, e, y, i, size);
    const auto within = hn::FirstN(d, static_cast<size_t>(size - i));  // lowest - lowest is NaN
    sums = hn::Add(sums, hn::IfThenElseZero(within, e));
  }
  const float sum = hn::GetLane(hn::SumOfLanes(d, sums));
  const auto factor = hn::Set(d, 1 / sum), shift = hn::Set(d, std::log(sum));
  for (i = 0; i < size; i += lanes) {
    const auto v = load_some(d, logarithm ? x : y, i, size, 0);
    store_some(d, logarithm ? hn::Sub(hn::Sub(v, largest), shift) : hn::Mul(v, factor), y, i, size);
  }
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <omp.h>

#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/targets.h"
#include "engine/kernels/unfit.h"
#include "engine/ops/infer_util.h"
#include "engine/ops/movement_util.h"

namespace lathe {
namespace simd {
namespace {

HWY_EXPORT(softmax_columns);
HWY_EXPORT(softmax_row);

constexpr int64_t row_unit = 64;             // whole vectors of every instruction set
constexpr int64_t block_elements = 4096;     // of a thread's copy, which should stay in the nearest cache
constexpr int64_t longest_column = 1 << 16;  // of which each thread holds 64
constexpr int64_t elements_worth_threads = 1 << 14;

class SoftmaxKernel final : public Kernel {
 public:
  SoftmaxKernel(const AxisSplit& split, bool logarithm) : split_(split), logarithm_(logarithm) {
    name_ = logarithm ? "simd:log_softmax" : "simd:softmax";
    in_place_input_ = 0;
    if (split.inner == 1) return;
    columns_ = std::clamp(block_elements / split.size / row_unit * row_unit, row_unit, 16 * row_unit);
    columns_ = std::min(columns_, split.inner);
    scratch_ = (split.size + 2) * ((columns_ + row_unit - 1) / row_unit * row_unit);
    scratch_bytes_ =
        static_cast<size_t>(omp_get_max_threads()) * static_cast<size_t>(scratch_) * sizeof(float);
  }

  Status run(const KernelArguments& arguments) override {
    const auto* x = reinterpret_cast<const float*>(arguments.inputs[0]);
    auto* y = reinterpret_cast<float*>(arguments.outputs[0]);
    auto* scratch = reinterpret_cast<float*>(arguments.scratch);
    const int64_t matrix = split_.size * split_.inner;
    const bool threads = split_.outer * matrix > elements_worth_threads;
    if (split_.inner == 1) {
#pragma omp parallel for schedule(static) if (threads)
      for (int64_t row = 0; row < split_.outer; ++row)
        HWY_DYNAMIC_DISPATCH(softmax_row)(x + row * matrix, y + row * matrix, split_.size, logarithm_);
      return {};
    }
    const int64_t blocks = (split_.inner + columns_ - 1) / columns_;
#pragma omp parallel for schedule(static) if (threads)
    for (int64_t task = 0; task < split_.outer * blocks; ++task) {
      const int64_t column = task % blocks * columns_, at = task / blocks * matrix + column;
      const int64_t count = std::min(columns_, split_.inner - column);
      HWY_DYNAMIC_DISPATCH(softmax_columns)
      (x + at, y + at, split_.size, split_.inner, count, logarithm_,
       scratch + omp_get_thread_num() * scratch_);
    }
    return {};
  }

 private:
  AxisSplit split_;
  bool logarithm_;
  int64_t columns_ = 0;  ///< of a block
  int64_t scratch_ = 0;  ///< elements of a thread's scratch
};

Prepared prepare_softmax(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  const Node& node = *request.node;
  if (auto reason = unfit_tensor(x, {ElementType::f32})) return *reason;
  const auto axis =
      normalize_axis(node.attributes.get_int("axis", node.version < 13 ? 1 : -1), x.shape.size());
  if (!axis) return Decline{DeclineReason::attribute, "axis"};
  AxisSplit split = split_at(x.shape, static_cast<size_t>(*axis));
  if (node.version < 13) split = {split.outer, split.size * split.inner, 1};
  const bool logarithm = node.op_type == "LogSoftmax";
  if (!logarithm && static_cast<size_t>(*axis) + 1 == x.shape.size())
    return Decline{DeclineReason::not_profitable, "the last axis"};
  if (split.inner > 1 && split.size > longest_column)
    return Decline{DeclineReason::shape, "columns too long to be copied: " + std::to_string(split.size)};
  cap_targets();
  return std::make_unique<SoftmaxKernel>(split, logarithm);
}

}  // namespace
}  // namespace simd

void register_softmax(KernelRegistry& registry) {
  registry.add({"simd:softmax", {"Softmax", "LogSoftmax"}, simd::prepare_softmax});
}

}  // namespace lathe
#endif
