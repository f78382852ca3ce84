// SPDX-License-Identifier: Apache-2.0
// Resize and Upsample of plain f32 tensors, axis by axis: interpolation is separable. Axes that shrink go
// first, of those that grow the innermost, so that every pass writes as little as it can.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/resize.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <algorithm>
#include <hwy/highway.h>

#include "engine/kernels/simd/resize_taps.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// One output row of an axis with `inner` elements behind it: the weighted sum of input rows.
void blend_rows(const float* HWY_RESTRICT from, const EvenTaps& taps, int64_t output, int64_t inner,
                float* HWY_RESTRICT to) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto at = static_cast<size_t>(output);
  const size_t outputs = taps.outputs;
  if (taps.copies) {
    std::copy_n(from + taps.indices[at] * inner, inner, to);
    return;
  }
  int64_t i = 0;
  for (; i + lanes <= inner; i += lanes) {
    auto sum = hn::Mul(hn::Set(d, taps.weights[at]), hn::LoadU(d, from + taps.indices[at] * inner + i));
    for (size_t k = 1; k < taps.count; ++k)
      sum = hn::MulAdd(hn::Set(d, taps.weights[k * outputs + at]),
                       hn::LoadU(d, from + taps.indices[k * outputs + at] * inner + i), sum);
    hn::StoreU(sum, d, to + i);
  }
  for (; i < inner; ++i) {
    float sum = 0;
    for (size_t k = 0; k < taps.count; ++k)
      sum += taps.weights[k * outputs + at] * from[taps.indices[k * outputs + at] * inner + i];
    to[i] = sum;
  }
}

/// Each element of the row so many times: twice in vectors.
void repeat_row(const float* HWY_RESTRICT from, const EvenTaps& taps, float* HWY_RESTRICT to) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d), inputs = taps.outputs / taps.repeats;
  size_t i = 0;
  if (taps.repeats == 2)
    for (; i + lanes <= inputs; i += lanes) {
      const auto v = hn::LoadU(d, from + i);
      hn::StoreInterleaved2(v, v, d, to + 2 * i);
    }
  for (; i < inputs; ++i) std::fill_n(to + i * taps.repeats, taps.repeats, from[i]);
}

/// All outputs of an innermost axis: each gathers its elements of the row.
void gather_row(const float* HWY_RESTRICT from, const EvenTaps& taps, float* HWY_RESTRICT to) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const size_t lanes = hn::Lanes(d), outputs = taps.outputs;
  size_t i = 0;
  if (taps.copies) {
    if (taps.repeats != 0) return repeat_row(from, taps, to);
    for (; i < outputs; ++i) to[i] = from[taps.indices[i]];
    return;
  }
  for (; i + lanes <= outputs; i += lanes) {
    auto sum = hn::Zero(d);
    for (size_t k = 0; k < taps.count; ++k)
      sum = hn::MulAdd(hn::LoadU(d, taps.weights.data() + k * outputs + i),
                       hn::GatherIndex(d, from, hn::LoadU(di, taps.indices.data() + k * outputs + i)), sum);
    hn::StoreU(sum, d, to + i);
  }
  for (; i < outputs; ++i) {
    float sum = 0;
    for (size_t k = 0; k < taps.count; ++k)
      sum += taps.weights[k * outputs + i] * from[taps.indices[k * outputs + i]];
    to[i] = sum;
  }
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <limits>
#include <numeric>

#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/targets.h"
#include "engine/kernels/unfit.h"

namespace lathe {
namespace simd {
namespace {

HWY_EXPORT(blend_rows);
HWY_EXPORT(gather_row);

/// One axis resampled: [outer, input, inner] -> [outer, output, inner].
struct Resampling {
  int64_t outer = 1, input = 1, inner = 1;
  EvenTaps taps;
  int64_t results() const { return outer * static_cast<int64_t>(taps.outputs) * inner; }
};

class ResizeKernel final : public Kernel {
 public:
  explicit ResizeKernel(std::vector<Resampling> passes) : passes_(std::move(passes)) {
    name_ = "simd:resize";
    for (size_t i = 0; i + 1 < passes_.size(); ++i) between_ = std::max(between_, passes_[i].results());
    copies_image_ = passes_.size() == 2 && passes_[0].taps.copies && passes_[1].taps.copies &&
                    passes_[0].inner == 1 && passes_[0].outer == passes_[1].outer * passes_[1].input;
    if (!copies_image_) scratch_bytes_ = 2 * static_cast<size_t>(between_) * sizeof(float);
  }

  Status run(const KernelArguments& arguments) override {
    const auto* from = reinterpret_cast<const float*>(arguments.inputs[0]);
    if (copies_image_) {
      copy_images(from, reinterpret_cast<float*>(arguments.outputs[0]));
      return {};
    }
    auto* scratch = reinterpret_cast<float*>(arguments.scratch);
    for (size_t i = 0; i < passes_.size(); ++i) {
      const bool last = i + 1 == passes_.size();
      float* to =
          last ? reinterpret_cast<float*>(arguments.outputs[0]) : scratch + (i % 2 == 0 ? 0 : between_);
      resample(passes_[i], from, to);
      from = to;
    }
    return {};
  }

 private:
  static void resample(const Resampling& pass, const float* from, float* to) {
    const auto outputs = static_cast<int64_t>(pass.taps.outputs);
    if (pass.inner == 1) {
#pragma omp parallel for schedule(static)
      for (int64_t row = 0; row < pass.outer; ++row)
        HWY_DYNAMIC_DISPATCH(gather_row)(from + row * pass.input, pass.taps, to + row * outputs);
      return;
    }
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < pass.outer * outputs; ++row) HWY_DYNAMIC_DISPATCH(blend_rows)
    (from + row / outputs * pass.input * pass.inner, pass.taps, row % outputs, pass.inner,
     to + row * pass.inner);
  }

  /// Both of the last two axes at once: each row is spread, and copied where the next one is the same.
  void copy_images(const float* from, float* to) const {
    const Resampling &across = passes_[0], &down = passes_[1];
    const auto rows = static_cast<int64_t>(down.taps.outputs),
               columns = static_cast<int64_t>(across.taps.outputs);
#pragma omp parallel for schedule(static)
    for (int64_t image = 0; image < down.outer; ++image)
      for (int64_t row = 0; row < rows; ++row) {
        const int32_t* source = down.taps.indices.data() + row;
        float* out = to + (image * rows + row) * columns;
        if (row > 0 && source[0] == source[-1])
          std::copy_n(out - columns, columns, out);
        else
          HWY_DYNAMIC_DISPATCH(gather_row)
        (from + (image * down.input + *source) * across.input, across.taps, out);
      }
  }

  std::vector<Resampling> passes_;
  bool copies_image_ = false;  ///< nothing but copies along the last two axes
  int64_t between_ = 0;        ///< elements of the largest intermediate result
};

/// Sees whether the taps only copy, as those of mode nearest.
void find_copies(EvenTaps& taps, int64_t inputs) {
  const auto one = [](float weight) { return weight == 1; };
  taps.copies = taps.count == 1 && std::all_of(taps.weights.begin(), taps.weights.end(), one);
  const auto scale = taps.outputs / static_cast<size_t>(inputs);
  if (!taps.copies || scale * static_cast<size_t>(inputs) != taps.outputs) return;
  for (size_t o = 0; o < taps.outputs; ++o)
    if (static_cast<size_t>(taps.indices[o]) != o / scale) return;
  taps.repeats = scale;
}

/// As many taps for every output: those with fewer have their first one divided. No taps where an output has
/// none.
EvenTaps even(const ResizeTaps& taps, int64_t inputs, int64_t outputs) {
  EvenTaps made;
  made.outputs = static_cast<size_t>(outputs);
  for (int64_t o = 0; o < outputs; ++o) {
    if (taps.at(o).empty()) return {};
    made.count = std::max(made.count, taps.at(o).size());
  }
  made.indices.resize(made.count * made.outputs);
  made.weights.resize(made.count * made.outputs);
  for (int64_t o = 0; o < outputs; ++o) {
    const auto own = taps.at(o);
    const size_t missing = made.count - own.size();
    for (size_t k = 0; k < made.count; ++k) {
      const ResizeTaps::Tap& tap = own[k < own.size() ? k : 0];
      const bool divided = k == 0 || k >= own.size();
      const double share = divided ? static_cast<double>(missing + 1) : 1.0;
      const size_t at = k * made.outputs + static_cast<size_t>(o);
      made.indices[at] = static_cast<int32_t>(tap.index);
      made.weights[at] = static_cast<float>(tap.weight / share);
    }
  }
  find_copies(made, inputs);
  return made;
}

/// The order of the axes that change: by how much each grows, the innermost of equals first.
std::vector<size_t> pass_order(const std::vector<ResizeAxis>& axes) {
  std::vector<size_t> order;
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i].input != axes[i].output || axes[i].scale != 1) order.push_back(i);
  const auto growth = [&](size_t i) {
    return static_cast<double>(axes[i].output) / static_cast<double>(axes[i].input);
  };
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return std::pair(growth(a), b) < std::pair(growth(b), a); });
  return order;
}

Prepared prepare_resize(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  for (const TensorDesc* tensor : {&x, &request.outputs[0]})
    if (auto reason = unfit_tensor(*tensor, {ElementType::f32})) return *reason;
  if (element_count(x.shape) > std::numeric_limits<int32_t>::max())
    return Decline{DeclineReason::shape, to_string(x.shape)};
  for (size_t i = 1; i < request.inputs.size(); ++i)
    if (request.inputs[i].present() && request.constants[i] == nullptr)
      return Decline{DeclineReason::not_constant, "scales or sizes"};
  const auto settings = read_resize(*request.node, x.shape.size());
  if (!settings.ok()) return Decline{DeclineReason::attribute, settings.error().what};
  using Coordinates = ResizeSettings::Coordinates;
  if (settings->coordinates == Coordinates::tf_crop_and_resize ||
      settings->coordinates == Coordinates::tf_half_pixel_for_nn)
    return Decline{DeclineReason::attribute, "coordinates of TensorFlow"};
  const auto axes = resize_axes(*request.node, *settings, x.shape, [&](size_t i) -> const Tensor* {
    return i < request.constants.size() ? request.constants[i] : nullptr;
  });
  if (!axes.ok()) return Decline{DeclineReason::attribute, axes.error().what};
  Shape shape = x.shape;
  std::vector<Resampling> passes;
  for (const size_t axis : pass_order(*axes)) {
    Resampling pass;
    pass.outer = element_count(std::span<const int64_t>(shape).first(axis));
    pass.input = shape[axis];
    pass.inner = element_count(std::span<const int64_t>(shape).subspan(axis + 1));
    pass.taps = even(make_taps(*settings, (*axes)[axis]), pass.input, (*axes)[axis].output);
    if (pass.taps.count == 0) return Decline{DeclineReason::attribute, "an output without taps"};
    shape[axis] = (*axes)[axis].output;
    passes.push_back(std::move(pass));
  }
  if (passes.empty()) return Decline{DeclineReason::not_profitable, "nothing changes"};
  cap_targets();
  return std::make_unique<ResizeKernel>(std::move(passes));
}

}  // namespace
}  // namespace simd

void register_resize(KernelRegistry& registry) {
  registry.add({"simd:resize", {"Resize", "Upsample"}, simd::prepare_resize});
}

}  // namespace lathe
#endif
