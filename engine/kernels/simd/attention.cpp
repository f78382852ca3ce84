// SPDX-License-Identifier: Apache-2.0
// lathe.Attention in tiles of a few queries: their scores against all keys stay in the first-level cache from
// the first product over the softmax to the second.
//
// Keys are packed so that the inner loops read contiguous vectors: panels [keys / panel][size][panel]. Values
// are read in place where their rows are contiguous f32.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/attention.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <hwy/highway.h>

#include "engine/kernels/simd/attention_task.h"
#include "engine/kernels/simd/exponential-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t rows_a_tile = 6;  // with four vectors of columns: 24 sums, the registers AVX-512 has
constexpr int64_t vectors_a_panel = 4;

/// to[r][0..width) = (accumulate ? to : 0) + sum over k of a[k * a_step + r * a_row] * b[k * b_row + ..], for
/// R rows and W vectors.
template <int R, int W>
HWY_INLINE void multiply_tile(const float* HWY_RESTRICT a, int64_t a_step, int64_t a_row,
                              const float* HWY_RESTRICT b, int64_t b_row, int64_t depth,
                              float* HWY_RESTRICT to, int64_t to_row) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V sum[R][W];
  for (auto& row : sum)
    for (V& each : row) each = hn::Zero(d);
  for (int64_t k = 0; k < depth; ++k) {
    V column[W];
    for (int w = 0; w < W; ++w) column[w] = hn::LoadU(d, b + k * b_row + w * static_cast<int64_t>(lanes));
    for (int r = 0; r < R; ++r) {
      const V factor = hn::Set(d, a[k * a_step + r * a_row]);
      for (int w = 0; w < W; ++w) sum[r][w] = hn::MulAdd(factor, column[w], sum[r][w]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int w = 0; w < W; ++w) hn::StoreU(sum[r][w], d, to + r * to_row + w * static_cast<int64_t>(lanes));
}

using Tile = void (*)(const float*, int64_t, int64_t, const float*, int64_t, int64_t, float*, int64_t);

template <int W>
Tile tile_of_rows(int64_t rows) {
  constexpr Tile tiles[] = {multiply_tile<1, W>, multiply_tile<2, W>, multiply_tile<3, W>,
                            multiply_tile<4, W>, multiply_tile<5, W>, multiply_tile<6, W>};
  return tiles[rows - 1];
}
Tile tile_of(int64_t rows, int64_t vectors) {
  switch (vectors) {
    case 1:
      return tile_of_rows<1>(rows);
    case 2:
      return tile_of_rows<2>(rows);
    case 3:
      return tile_of_rows<3>(rows);
    default:
      return tile_of_rows<4>(rows);
  }
}

/// exp(x - highest) in place over `count` elements; returns their sum. (A row that is masked altogether gives
/// NaN, as Softmax does.)
float exponentials(float* row, int64_t count) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  V highest = hn::Set(d, -std::numeric_limits<float>::infinity());
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) highest = hn::Max(highest, hn::LoadU(d, row + i));
  float top = hn::GetLane(hn::MaxOfLanes(d, highest));
  for (; i < count; ++i) top = std::max(top, row[i]);
  const V shift = hn::Set(d, top);
  V sums = hn::Zero(d);
  for (i = 0; i + lanes <= count; i += lanes) {
    const V e = exponential(d, hn::Sub(hn::LoadU(d, row + i), shift));
    hn::StoreU(e, d, row + i);
    sums = hn::Add(sums, e);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, sums));
  const hn::CappedTag<float, 1> one;
  for (; i < count; ++i) {
    row[i] = hn::GetLane(exponential(one, hn::Set(one, row[i] - top)));
    sum += row[i];
  }
  return top != top || top == -std::numeric_limits<float>::infinity()
             ? std::numeric_limits<float>::quiet_NaN()
             : sum;
}

class Attend {
 public:
  Attend(const AttentionTask& task, float* scratch)
      : task_(task), lanes_(static_cast<int64_t>(hn::Lanes(D()))), panel_(lanes_ * vectors_a_panel) {
    const AttentionScratch sizes = attention_scratch(task, panel_);
    keys_ = scratch;
    values_ = keys_ + sizes.keys;
    tile_ = values_ + sizes.values;
    scores_ = tile_ + sizes.tile;
    result_ = scores_ + sizes.scores;
    line_ = result_ + sizes.result;
  }

  void run() {
    pack_keys();
    pack_values();
    for (int64_t first = task_.first_query; first < task_.last_query; first += rows_a_tile)
      attend(first, std::min(rows_a_tile, task_.last_query - first));
  }

 private:
  /// Row r as contiguous f32: where it lies, or a copy in `line_`.
  const float* row_of(const StridedMatrix& matrix, int64_t r, int64_t count) {
    if (matrix.f32 != nullptr && matrix.column == 1) return matrix.f32 + r * matrix.row;
    for (int64_t c = 0; c < count; ++c) line_[c] = matrix.at(r, c);
    return line_;
  }

  void pack_keys() {
    const StridedMatrix keys = task_.k.transposed();
    for (int64_t start = 0; start < task_.keys; start += panel_) {
      const int64_t width = std::min(panel_, task_.keys - start);
      float* HWY_RESTRICT panel = keys_ + start * task_.size;
      if (width < panel_) std::fill(panel, panel + panel_ * task_.size, 0.0F);
      // A line of the panel is written to the end while it is in the cache.
      for (int64_t first = 0; first < width; first += lanes_)
        for (int64_t j = first; j < std::min(first + lanes_, width); ++j) {
          const float* HWY_RESTRICT row = row_of(keys, start + j, task_.size);
          for (int64_t s = 0; s < task_.size; ++s) panel[s * panel_ + j] = row[s];
        }
    }
  }

  /// Rows of a whole number of vectors; the packed copy where they do not lie like that.
  void pack_values() {
    const StridedMatrix& v = task_.v;
    if (v.f32 != nullptr && v.column == 1 && task_.v_size % lanes_ == 0) {
      v_rows_ = v.f32;
      v_row_ = v.row;
      return;
    }
    v_row_ = (task_.v_size + lanes_ - 1) / lanes_ * lanes_;
    v_rows_ = values_;
    for (int64_t j = 0; j < task_.keys; ++j) {
      float* row = values_ + j * v_row_;
      std::copy_n(row_of(v, j, task_.v_size), task_.v_size, row);
      std::fill(row + task_.v_size, row + v_row_, 0.0F);
    }
  }

  void attend(int64_t first, int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
      const float* HWY_RESTRICT query = row_of(task_.q, first + r, task_.size);
      float* HWY_RESTRICT scaled = tile_ + r * task_.size;
      for (int64_t s = 0; s < task_.size; ++s) scaled[s] = task_.scale * query[s];
    }
    const int64_t row = (task_.keys + panel_ - 1) / panel_ * panel_;
    for (int64_t start = 0; start < task_.keys; start += panel_) {
      const int64_t vectors = std::min(vectors_a_panel, (task_.keys - start + lanes_ - 1) / lanes_);
      tile_of(rows, vectors)(tile_, 1, task_.size, keys_ + start * task_.size, panel_, task_.size,
                             scores_ + start, row);
    }
    float scales[rows_a_tile];
    for (int64_t r = 0; r < rows; ++r) {
      if (task_.mask.present()) add_mask(scores_ + r * row, row_of(task_.mask, first + r, task_.keys));
      scales[r] = 1.0F / exponentials(scores_ + r * row, task_.keys);
    }
    const int64_t vectors = (task_.v_size + lanes_ - 1) / lanes_, width = vectors * lanes_;
    for (int64_t at = 0; at < vectors; at += vectors_a_panel) {
      const int64_t take = std::min(vectors_a_panel, vectors - at);
      tile_of(rows, take)(scores_, 1, row, v_rows_ + at * lanes_, v_row_, task_.keys, result_ + at * lanes_,
                          width);
    }
    for (int64_t r = 0; r < rows; ++r) store(first + r, result_ + r * width, scales[r]);
  }

  void add_mask(float* HWY_RESTRICT row, const float* HWY_RESTRICT mask) {
    for (int64_t j = 0; j < task_.keys; ++j) row[j] += mask[j];
  }

  void store(int64_t query, const float* HWY_RESTRICT values, float scale) {
    const StridedMatrix& y = task_.y.matrix;
    if (y.f32 == nullptr || y.column != 1) {
      for (int64_t e = 0; e < task_.v_size; ++e) task_.y.set(query, e, values[e] * scale);
      return;
    }
    float* HWY_RESTRICT to = const_cast<float*>(y.f32) + query * y.row;
    for (int64_t e = 0; e < task_.v_size; ++e) to[e] = values[e] * scale;
  }

  const AttentionTask& task_;
  int64_t lanes_, panel_;
  float *keys_, *values_, *tile_, *scores_, *result_, *line_;
  const float* v_rows_ = nullptr;
  int64_t v_row_ = 0;
};

void attend_all(const AttentionTask& task, float* scratch) {
  Attend(task, scratch).run();
}

int64_t scores_panel_width() {
  return static_cast<int64_t>(hn::Lanes(D())) * vectors_a_panel;
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <omp.h>

#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/targets.h"
#include "engine/ops/fused_attention.h"

namespace lathe {
namespace simd {
namespace {

HWY_EXPORT(attend_all);
HWY_EXPORT(scores_panel_width);

constexpr int64_t most_rows = 6;

StridedMatrix matrix(const std::byte* data, ElementType type, int64_t offset, const StridedView& view,
                     size_t rank) {
  StridedMatrix made;
  made.row = view.strides[rank];
  made.column = view.strides[rank + 1];
  if (type == ElementType::f32)
    made.f32 = reinterpret_cast<const float*>(data) + offset;
  else
    made.bf16 = reinterpret_cast<const uint16_t*>(data) + offset;
  return made;
}

class AttentionKernel final : public Kernel {
 public:
  AttentionKernel(AttentionForm form, std::optional<StridedView> mask, ElementType type,
                  ElementType mask_type)
      : form_(std::move(form)), mask_(std::move(mask)), type_(type), mask_type_(mask_type) {
    name_ = "simd:attention";
    input_layouts_.assign(4, {});
    output_layouts_.assign(1, {});
    threads_ = omp_get_max_threads();
    // Where there are fewer batches than threads, queries are shared out too.
    parts_ = form_.batches() >= threads_
                 ? 1
                 : std::min<int64_t>((threads_ + form_.batches() - 1) / form_.batches(),
                                     (form_.queries() + most_rows - 1) / most_rows);
    AttentionTask task;
    task.keys = form_.keys();
    task.size = form_.size();
    task.v_size = form_.v_size();
    const AttentionScratch sizes = attention_scratch(task, HWY_DYNAMIC_DISPATCH(scores_panel_width)());
    floats_ = sizes.keys + sizes.values + sizes.tile + sizes.scores + sizes.result + sizes.line;
    scratch_bytes_ = static_cast<size_t>(floats_ * threads_) * sizeof(float);
  }

  Status run(const KernelArguments& arguments) override {
    auto* scratch = reinterpret_cast<float*>(arguments.scratch);
    const int64_t tasks = form_.batches() * parts_;
#pragma omp parallel for schedule(static) num_threads(threads_) if (tasks > 1)
    for (int64_t i = 0; i < tasks; ++i) HWY_DYNAMIC_DISPATCH(attend_all)
    (task(arguments, i / parts_, i % parts_), scratch + omp_get_thread_num() * floats_);
    return {};
  }

 private:
  AttentionTask task(const KernelArguments& arguments, int64_t batch, int64_t part) const {
    const size_t rank = form_.batch_rank();
    AttentionTask made;
    made.keys = form_.keys();
    made.size = form_.size();
    made.v_size = form_.v_size();
    made.scale = form_.scale;
    made.first_query = form_.queries() * part / parts_;
    made.last_query = form_.queries() * (part + 1) / parts_;
    made.q = matrix(arguments.inputs[0], type_, form_.batch_offset(form_.q, batch), form_.q, rank);
    made.k = matrix(arguments.inputs[1], type_, form_.batch_offset(form_.k, batch), form_.k, rank);
    made.v = matrix(arguments.inputs[2], type_, form_.batch_offset(form_.v, batch), form_.v, rank);
    made.y.matrix = matrix(arguments.outputs[0], type_, form_.batch_offset(form_.y, batch), form_.y, rank);
    if (mask_)
      made.mask = matrix(arguments.inputs[3], mask_type_, form_.batch_offset(*mask_, batch), *mask_, rank);
    return made;
  }

  AttentionForm form_;
  std::optional<StridedView> mask_;
  ElementType type_, mask_type_;
  int64_t threads_ = 1, parts_ = 1, floats_ = 0;
};

Prepared prepare(const KernelRequest& request) {
  const ElementType type = request.inputs[0].type;
  const auto fits = [](ElementType each) { return each == ElementType::f32 || each == ElementType::bf16; };
  for (size_t i = 0; i < request.inputs.size(); ++i)
    if (request.inputs[i].present() &&
        (!fits(request.inputs[i].type) || (i < 3 && request.inputs[i].type != type)))
      return Decline{DeclineReason::element_type, to_string(request.inputs[i].type)};
  const auto count = [&](size_t i) { return element_count(request.inputs[i].shape); };
  auto form = parse_attention(*request.node, count(0), count(1), count(2));
  if (!form.ok()) return Decline{DeclineReason::attribute, form.error().text()};
  if (element_count(form->y.shape) == 0 || form->keys() == 0 || form->size() == 0)
    return Decline{DeclineReason::shape, "no elements"};
  std::optional<StridedView> mask;
  ElementType mask_type = ElementType::f32;
  if (request.inputs.size() > 3 && request.inputs[3].present()) {
    auto view = mask_view(*request.node, *form, request.inputs[3].shape);
    if (!view.ok()) return Decline{DeclineReason::shape, view.error().text()};
    mask = std::move(*view);
    mask_type = request.inputs[3].type;
  }
  cap_targets();
  return std::make_unique<AttentionKernel>(std::move(*form), std::move(mask), type, mask_type);
}

}  // namespace
}  // namespace simd

void register_attention(KernelRegistry& registry) {
  registry.add({"simd:attention", {"lathe.Attention"}, simd::prepare});
}

}  // namespace lathe
#endif
