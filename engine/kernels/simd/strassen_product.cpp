// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/simd/strassen_product.h"

#include <algorithm>
#include <omp.h>
#include <utility>

namespace lathe::simd {

namespace {

/// What stays in the second-level cache, in floats, beside the weights that pass through it.
constexpr int64_t cached_sums = 384 << 10, cached_results = 160 << 10;
/// With fewer each, threads had better share what they read of the weights.
constexpr int64_t least_rows_apart = 96;
/// With more, blocks of rows are halved rather than read their sums from beyond the second-level cache.
constexpr int64_t most_rows_deep = 128;

}  // namespace

StrassenProduct::StrassenProduct(StrassenWeights weights, const Form& form, int threads)
    : weights_(std::move(weights)), form_(form), threads_(threads) {
  const StrassenCut& cut = weights_.cut;
  int64_t blocks = (form_.rows + most_rows_a_block - 1) / most_rows_a_block;
  apart_ = threads_ > 1 && form_.rows >= least_rows_apart * threads_;
  if (apart_) blocks = (blocks + threads_ - 1) / threads_ * threads_;
  const auto rows_of = [&](int64_t count) { return (form_.rows + count - 1) / count; };
  const auto fits = [&](int64_t rows) {
    return strassen_sum_floats(cut, rows, cut.chunks()) <= cached_sums ||
           cut.panels() * strassen_panel_floats(cut, rows) <= cached_results;
  };
  if (!fits(rows_of(blocks)) && rows_of(blocks) > most_rows_deep && fits(rows_of(2 * blocks))) blocks *= 2;
  rows_a_block_ = rows_of(blocks);
  const int64_t team = apart_ ? 1 : threads_, results = strassen_panel_floats(cut, rows_a_block_);
  sum_floats_ = strassen_sum_floats(cut, rows_a_block_, cut.chunks());
  if (sum_floats_ > cached_sums) {
    deep_ = cut.chunks() >= 2 * team && cut.panels() * results <= cached_results;
    const int64_t share = (cut.panels() + team - 1) / team;
    const int64_t batches = (share * results + cached_results - 1) / cached_results;
    panels_a_batch_ = (share + batches - 1) / batches;
  }
  if (deep_) {
    panels_a_batch_ = cut.panels();
    chunks_a_group_ = std::max<int64_t>(1, cached_sums / 2 * cut.chunks() / sum_floats_);
    sum_floats_ = strassen_sum_floats(cut, rows_a_block_, chunks_a_group_);
  }
  thread_floats_ = 2 * cut.block() + panels_a_batch_ * results;
}

size_t StrassenProduct::scratch_bytes() const {
  const int64_t sums = apart_ || deep_ ? threads_ : 1;
  return static_cast<size_t>(sums * sum_floats_ + threads_ * thread_floats_) * sizeof(float);
}

void StrassenProduct::run(const Operands& operands) const {
  StrassenTask task;
  task.weights = &weights_;
  task.end_chunk = weights_.cut.chunks();
  task.a = operands.a;
  task.a_row = form_.a_row;
  task.y = operands.y;
  task.y_row = form_.y_row;
  task.bias = operands.bias;
  task.accumulate = form_.accumulate;
  task.activation = form_.activation;
  task.sums = reinterpret_cast<float*>(operands.scratch);
  if (apart_) {
#pragma omp parallel for schedule(static) num_threads(threads_)
    for (int64_t first = 0; first < form_.rows; first += rows_a_block_)
      multiply_alone(rows_from(task, first));
  } else {
    for (int64_t first = 0; first < form_.rows; first += rows_a_block_)
      deep_ ? multiply_deep(rows_from(task, first)) : multiply_together(rows_from(task, first));
  }
}

StrassenTask StrassenProduct::rows_from(StrassenTask task, int64_t first) const {
  task.rows = std::min(rows_a_block_, form_.rows - first);
  task.a += first * form_.a_row;
  task.y += first * form_.y_row;
  return task;
}

/// With sums, blocks and results of this thread's own.
StrassenTask StrassenProduct::alone(StrassenTask task) const {
  task.sums += omp_get_thread_num() * (sum_floats_ + thread_floats_);
  task.blocks = task.sums + sum_floats_;
  task.results = task.blocks + 2 * weights_.cut.block();
  return task;
}

void StrassenProduct::multiply_alone(const StrassenTask& block) const {
  StrassenTask task = alone(block);
  const int64_t panels = weights_.cut.panels(), chunks = weights_.cut.chunks();
  if (deep_) {
    if (!multiply_chunks(task, 0, chunks, false)) multiply_chunks(task, 0, chunks, true);
    store_strassen(task, 0, panels);
    return;
  }
  bool plain = false;
  for (int64_t r = 0; r < task.half_rows(); ++r) plain = !pack_row_sums(task, r) || plain;
  if (plain)
    for (int64_t r = 0; r < task.half_rows(); ++r) pack_row_quarters(task, r);
  for (int64_t first = 0; first < panels; first += panels_a_batch_) multiply_batch(task, first, plain);
}

void StrassenProduct::multiply_batch(const StrassenTask& task, int64_t first, bool plain) const {
  const int64_t end = std::min(first + panels_a_batch_, weights_.cut.panels());
  multiply_strassen(task, first, end, plain, false);
  store_strassen(task, first, end);
}

/// All panels over some chunks of the depth, a few at a time, whose sums stay in the cache. False where
/// values may not be mixed.
bool StrassenProduct::multiply_chunks(StrassenTask& task, int64_t begin, int64_t end, bool plain) const {
  bool mixable = true;
  for (int64_t c = begin; c < end; c += chunks_a_group_) {
    task.first_chunk = c;
    task.end_chunk = std::min(c + chunks_a_group_, end);
    for (int64_t r = 0; r < task.half_rows(); ++r) {
      if (plain)
        pack_row_quarters(task, r);
      else
        mixable = pack_row_sums(task, r) && mixable;
    }
    multiply_strassen(task, 0, weights_.cut.panels(), plain, c > begin);
  }
  return mixable;
}

/// Threads share out the depth: what they read of each other is results, which are fewer than the sums.
void StrassenProduct::multiply_deep(const StrassenTask& block) const {
  const StrassenCut& cut = weights_.cut;
  bool plain = false;
#pragma omp parallel num_threads(threads_) reduction(|| : plain)
  {
    const int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
    StrassenTask task = alone(block);
    plain =
        !multiply_chunks(task, cut.chunks() * thread / threads, cut.chunks() * (thread + 1) / threads, false);
  }
#pragma omp parallel num_threads(threads_)
  {
    const int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
    StrassenTask task = alone(block);
    if (plain) {
      multiply_chunks(task, cut.chunks() * thread / threads, cut.chunks() * (thread + 1) / threads, true);
#pragma omp barrier
    }
    const int64_t part_floats = sum_floats_ + thread_floats_;
    const int64_t results = strassen_panel_floats(cut, task.rows);
    float* const first = task.results - thread * part_floats;
#pragma omp for schedule(static)
    for (int64_t p = 0; p < cut.panels(); ++p) {
      task.results = first + p * results;
      store_strassen(task, p, p + 1, threads, part_floats);
    }
  }
}

void StrassenProduct::multiply_together(const StrassenTask& block) const {
  bool plain = false;
  const int64_t panels = weights_.cut.panels();
#pragma omp parallel num_threads(threads_)
  {
    StrassenTask task = block;
    task.blocks = block.sums + sum_floats_ + omp_get_thread_num() * thread_floats_;
    task.results = task.blocks + 2 * weights_.cut.block();
#pragma omp for schedule(static) reduction(|| : plain)
    for (int64_t r = 0; r < task.half_rows(); ++r) plain = !pack_row_sums(task, r) || plain;
    if (plain) {
#pragma omp for schedule(static)
      for (int64_t r = 0; r < task.half_rows(); ++r) pack_row_quarters(task, r);
    }
#pragma omp for schedule(static)
    for (int64_t first = 0; first < panels; first += panels_a_batch_) multiply_batch(task, first, plain);
  }
}

}  // namespace lathe::simd
