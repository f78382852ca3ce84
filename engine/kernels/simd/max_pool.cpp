// SPDX-License-Identifier: Apache-2.0
// Max pooling of plain f32 planes: a maximum is separable, so each output row first takes the maximum down
// the columns, which runs over whole rows, and then along the one row that is left. With a stride s that row
// is taken apart into its elements 0, s, 2s.., 1, 1 + s.. and so on, so that outputs lie side by side there.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/max_pool.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <algorithm>
#include <cstdint>
#include <hwy/highway.h>
#include <limits>

#include "engine/ops/window.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr float lowest = -std::numeric_limits<float>::infinity();

/// NaN wins, as in the reference. (Of a NaN and a number, Max gives its second argument or the NaN.)
template <class V>
V greater(V best, V x) {
  return hn::IfThenElse(hn::Eq(x, x), hn::Max(x, best), x);
}

/// body(tag, i) for elements i to i + lanes; the last ones may come twice.
template <class Body>
void for_each_vector(int64_t count, Body&& body) {
  const auto run = [&](auto d) {
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    if (count < lanes) return false;
    for (int64_t i = 0; i + lanes <= count; i += lanes) body(d, i);
    if (count % lanes != 0) body(d, count - lanes);
    return true;
  };
  if (!run(hn::ScalableTag<float>()) && !run(hn::CappedTag<float, 8>()) && !run(hn::CappedTag<float, 4>()))
    run(hn::CappedTag<float, 1>());
}

/// The rows of a window, which are `step` elements apart, into `line`.
void down_columns(const float* HWY_RESTRICT top, int64_t rows, int64_t step, int64_t columns,
                  float* HWY_RESTRICT line) {
  for_each_vector(columns, [&](auto d, int64_t i) {
    auto best = hn::LoadU(d, top + i);
    for (int64_t k = 1; k < rows; ++k) best = greater(best, hn::LoadU(d, top + k * step + i));
    hn::StoreU(best, d, line + i);
  });
}

/// Element i of `line` to phases[i % stride * length + i / stride].
void split_phases(const float* HWY_RESTRICT line, int64_t stride, int64_t length,
                  float* HWY_RESTRICT phases) {
  int64_t i = 0;
  if (stride == 2) {
    const hn::ScalableTag<float> d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    for (; i + lanes <= length; i += lanes) {
      hn::Vec<decltype(d)> even, odd;
      hn::LoadInterleaved2(d, line + 2 * i, even, odd);
      hn::StoreU(even, d, phases + i);
      hn::StoreU(odd, d, phases + length + i);
    }
  }
  for (; i < length; ++i)
    for (int64_t p = 0; p < stride; ++p) phases[p * length + i] = line[i * stride + p];
}

void along_row(const float* HWY_RESTRICT phases, const Window& window, int64_t length,
               float* HWY_RESTRICT out) {
  const int64_t stride = window.strides[1], dilation = window.dilations[1], kernel = window.kernel[1];
  for_each_vector(window.output[1], [&](auto d, int64_t x) {
    auto best = hn::LoadU(d, phases + x);
    for (int64_t k = 1, at = dilation; k < kernel; ++k, at += dilation)
      best = greater(best, hn::LoadU(d, phases + at % stride * length + at / stride + x));
    hn::StoreU(best, d, out + x);
  });
}

/// A plane of `rows` by `columns`. `line`: `length` * stride elements; `phases`: as many, where the stride is
/// not 1.
void max_pool_plane(const float* plane, int64_t rows, int64_t columns, const Window& window, int64_t length,
                    float* line, float* phases, float* out) {
  const int64_t stride = window.strides[1], dilation = window.dilations[0];
  std::fill_n(line, length * stride, lowest);  // the padding left and right stays like this
  float* within = line + window.pads_begin[1];
  for (int64_t row = 0; row < window.output[0]; ++row, out += window.output[1]) {
    int64_t top = row * window.strides[0] - window.pads_begin[0], bottom = top + window.extent(0);
    if (top < 0) top += (-top + dilation - 1) / dilation * dilation;
    bottom = std::min(bottom, rows);
    const int64_t taken = top < bottom ? (bottom - top + dilation - 1) / dilation : 0;
    if (taken == 0)
      std::fill_n(within, columns, lowest);
    else
      down_columns(plane + top * columns, taken, dilation * columns, columns, within);
    if (stride != 1) split_phases(line, stride, length, phases);
    along_row(stride != 1 ? phases : line, window, length, out);
  }
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <omp.h>

#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/targets.h"
#include "engine/kernels/unfit.h"

namespace lathe {
namespace simd {
namespace {

HWY_EXPORT(max_pool_plane);

class MaxPoolKernel final : public Kernel {
 public:
  MaxPoolKernel(const Shape& input, Window window)
      : planes_(input[0] * input[1]), rows_(input[2]), columns_(input[3]), window_(std::move(window)) {
    name_ = "simd:max_pool";
    const int64_t stride = window_.strides[1];
    const int64_t reach = (window_.output[1] - 1) * stride + window_.extent(1);
    length_ = (std::max(reach, window_.pads_begin[1] + columns_) + stride - 1) / stride;
    line_ = length_ * stride;
    scratch_bytes_ =
        static_cast<size_t>(omp_get_max_threads()) * static_cast<size_t>(2 * line_) * sizeof(float);
  }

  Status run(const KernelArguments& arguments) override {
    const auto* from = reinterpret_cast<const float*>(arguments.inputs[0]);
    auto* to = reinterpret_cast<float*>(arguments.outputs[0]);
    auto* lines = reinterpret_cast<float*>(arguments.scratch);
    const int64_t in_plane = rows_ * columns_, out_plane = window_.output[0] * window_.output[1];
#pragma omp parallel for schedule(static) if (planes_ * in_plane > elements_worth_threads)
    for (int64_t plane = 0; plane < planes_; ++plane) {
      float* line = lines + omp_get_thread_num() * 2 * line_;
      HWY_DYNAMIC_DISPATCH(max_pool_plane)
      (from + plane * in_plane, rows_, columns_, window_, length_, line, line + line_,
       to + plane * out_plane);
    }
    return {};
  }

 private:
  static constexpr int64_t elements_worth_threads = 1 << 13;

  int64_t planes_, rows_, columns_;
  Window window_;
  int64_t length_ = 0;  ///< elements of each phase of a padded row
  int64_t line_ = 0;    ///< elements of a padded row
};

Prepared prepare_max_pool(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  if (auto reason = unfit_tensor(x, {ElementType::f32}, 4, 4)) return *reason;
  if (!x.layout.plain()) return Decline{DeclineReason::layout, "blocked"};
  if (request.outputs.size() > 1 && request.outputs[1].present())
    return Decline{DeclineReason::attribute, "indices wanted"};
  auto window = resolve_window(*request.node, std::span(x.shape).subspan(2));
  if (!window.ok()) return Decline{DeclineReason::attribute, "window"};
  cap_targets();
  return std::make_unique<MaxPoolKernel>(x.shape, std::move(*window));
}

}  // namespace
}  // namespace simd

void register_max_pool(KernelRegistry& registry) {
  registry.add({"simd:max_pool", {"MaxPool"}, simd::prepare_max_pool});
}

}  // namespace lathe
#endif
