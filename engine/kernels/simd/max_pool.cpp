// SPDX-License-Identifier: Apache-2.0
// Max pooling of plain f32 planes: a maximum is separable, so each output row first takes the maximum down
// the columns, which runs over whole rows, and then along the one row that is left.
#include <algorithm>
#include <limits>
#include <omp.h>

#include "engine/kernels/kernel.h"
#include "engine/ops/window.h"

namespace lathe {
namespace {

constexpr float lowest = -std::numeric_limits<float>::infinity();

/// NaN wins, as in the reference.
float greater(float a, float b) {
  return b > a || b != b ? b : a;
}

class MaxPoolKernel final : public Kernel {
 public:
  MaxPoolKernel(const Shape& input, Window window)
      : planes_(input[0] * input[1]), rows_(input[2]), columns_(input[3]), window_(std::move(window)) {
    name_ = "simd:max_pool";
    const int64_t reach = (window_.output[1] - 1) * window_.strides[1] + window_.extent(1);
    line_ = std::max(reach, window_.pads_begin[1] + columns_);
    scratch_bytes_ = static_cast<size_t>(omp_get_max_threads()) * static_cast<size_t>(line_) * sizeof(float);
  }

  Status run(const KernelArguments& arguments) override {
    const auto* from = reinterpret_cast<const float*>(arguments.inputs[0]);
    auto* to = reinterpret_cast<float*>(arguments.outputs[0]);
    auto* lines = reinterpret_cast<float*>(arguments.scratch);
    const int64_t in_plane = rows_ * columns_, out_plane = window_.output[0] * window_.output[1];
#pragma omp parallel
    {
      float* line = lines + omp_get_thread_num() * line_;
      std::fill_n(line, line_, lowest);  // the padding left and right stays like this
#pragma omp for schedule(static)
      for (int64_t plane = 0; plane < planes_; ++plane)
        for (int64_t row = 0; row < window_.output[0]; ++row) {
          down_columns(from + plane * in_plane, row, line + window_.pads_begin[1]);
          along_row(line, to + plane * out_plane + row * window_.output[1]);
        }
    }
    return {};
  }

 private:
  void down_columns(const float* plane, int64_t row, float* line) const {
    std::fill_n(line, columns_, lowest);
    for (int64_t k = 0; k < window_.kernel[0]; ++k) {
      const int64_t y = row * window_.strides[0] - window_.pads_begin[0] + k * window_.dilations[0];
      if (y < 0 || y >= rows_) continue;
      const float* source = plane + y * columns_;
      for (int64_t x = 0; x < columns_; ++x) line[x] = greater(line[x], source[x]);
    }
  }

  void along_row(const float* line, float* out) const {
    const int64_t stride = window_.strides[1], dilation = window_.dilations[1], kernel = window_.kernel[1];
    for (int64_t x = 0; x < window_.output[1]; ++x) {
      const float* start = line + x * stride;
      float best = start[0];
      for (int64_t k = 1; k < kernel; ++k) best = greater(best, start[k * dilation]);
      out[x] = best;
    }
  }

  int64_t planes_, rows_, columns_;
  Window window_;
  int64_t line_ = 0;  ///< elements of a padded row
};

Prepared prepare(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  if (x.type != ElementType::f32) return Decline{DeclineReason::element_type, to_string(x.type)};
  if (!x.layout.plain()) return Decline{DeclineReason::layout, "blocked"};
  if (x.shape.size() != 4 || element_count(x.shape) == 0)
    return Decline{DeclineReason::shape, to_string(x.shape)};
  if (request.outputs.size() > 1 && request.outputs[1].present())
    return Decline{DeclineReason::attribute, "indices wanted"};
  auto window = resolve_window(*request.node, std::span(x.shape).subspan(2));
  if (!window.ok()) return Decline{DeclineReason::attribute, "window"};
  return std::make_unique<MaxPoolKernel>(x.shape, std::move(*window));
}

}  // namespace

void register_max_pool(KernelRegistry& registry) {
  registry.add({"simd:max_pool", {"MaxPool"}, prepare});
}

}  // namespace lathe
