// SPDX-License-Identifier: Apache-2.0
// Products with large constant weights by Strassen's algorithm, where its additions cost less than the eighth
// of the multiplications that it saves.
#include <algorithm>
#include <omp.h>

#include "engine/kernels/matrix_product.h"
#include "engine/kernels/simd/activations.h"
#include "engine/kernels/simd/strassen.h"
#include "engine/kernels/simd/targets.h"

namespace lathe {
namespace simd {
namespace {

/// Measured: below, the gain is lost to the packing of rows and to the additions. Deeper, the packed rows no
/// longer fit into the last cache.
constexpr int64_t least_rows = 64;
constexpr int64_t least_depth = 384, deepest = 8192;
constexpr int64_t least_columns = 384;
/// With fewer each, threads had better share what they read of the weights.
constexpr int64_t least_rows_apart = 96;

class StrassenKernel final : public Kernel {
 public:
  StrassenKernel(StrassenWeights weights, const MatrixProduct& product, size_t inputs)
      : weights_(std::move(weights)),
        rows_(product.a.shape[0]),
        a_row_(product.a.strides[0]),
        y_row_(product.y.strides[0]),
        bias_(product.bias),
        residual_(product.residual),
        activation_(product.activation),
        threads_(omp_get_max_threads()) {
    name_ = "simd:matmul:strassen";
    input_layouts_.assign(inputs, {});
    output_layouts_.assign(1, {});
    consumed_.assign(inputs, false);
    consumed_[1] = true;
    if (residual_ != 0) {
      in_place_input_ = static_cast<int>(residual_);
      in_place_required_ = true;
    }
    packed_bytes_ = weights_.stored.size();
    share_out();
  }

  Status run(const KernelArguments& arguments) override {
    StrassenTask task;
    task.weights = &weights_;
    task.a_row = a_row_;
    task.y_row = y_row_;
    task.accumulate = residual_ != 0;
    task.activation = activation_;
    if (bias_ != 0) task.bias = reinterpret_cast<const float*>(arguments.inputs[bias_]);
    task.end_chunk = weights_.cut.chunks();
    task.sums = reinterpret_cast<float*>(arguments.scratch);
    task.a = reinterpret_cast<const float*>(arguments.inputs[0]);
    task.y = reinterpret_cast<float*>(arguments.outputs[0]);
    if (apart_) {
#pragma omp parallel for schedule(static) num_threads(threads_)
      for (int64_t first = 0; first < rows_; first += rows_a_block_) multiply_alone(rows_from(task, first));
    } else {
      for (int64_t first = 0; first < rows_; first += rows_a_block_)
        deep_ ? multiply_deep(rows_from(task, first)) : multiply_together(rows_from(task, first));
    }
    return {};
  }

 private:
  /// What stays in the second-level cache, beside the weights that pass through it.
  static constexpr int64_t cached_sums = 384 << 10, cached_results = 160 << 10;

  void share_out() {
    const StrassenCut& cut = weights_.cut;
    int64_t blocks = (rows_ + most_rows_a_block - 1) / most_rows_a_block;
    apart_ = threads_ > 1 && rows_ >= least_rows_apart * threads_;
    if (apart_) blocks = (blocks + threads_ - 1) / threads_ * threads_;
    rows_a_block_ = (rows_ + blocks - 1) / blocks;
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
    const int64_t sums = apart_ || deep_ ? threads_ : 1;
    scratch_bytes_ = static_cast<size_t>(sums * sum_floats_ + threads_ * thread_floats_) * sizeof(float);
  }

  StrassenTask rows_from(StrassenTask task, int64_t first) const {
    task.rows = std::min(rows_a_block_, rows_ - first);
    task.a += first * a_row_;
    task.y += first * y_row_;
    return task;
  }

  /// With sums, blocks and results of this thread's own.
  StrassenTask alone(StrassenTask task) const {
    task.sums += omp_get_thread_num() * (sum_floats_ + thread_floats_);
    task.blocks = task.sums + sum_floats_;
    task.results = task.blocks + 2 * weights_.cut.block();
    return task;
  }

  void multiply_alone(const StrassenTask& block) const {
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

  void multiply_batch(const StrassenTask& task, int64_t first, bool plain) const {
    const int64_t end = std::min(first + panels_a_batch_, weights_.cut.panels());
    multiply_strassen(task, first, end, plain, false);
    store_strassen(task, first, end);
  }

  /// All panels over some chunks of the depth, a few at a time, whose sums stay in the cache. False where
  /// values may not be mixed.
  bool multiply_chunks(StrassenTask& task, int64_t begin, int64_t end, bool plain) const {
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
  void multiply_deep(const StrassenTask& block) const {
    const StrassenCut& cut = weights_.cut;
    bool plain = false;
#pragma omp parallel num_threads(threads_) reduction(|| : plain)
    {
      const int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
      StrassenTask task = alone(block);
      plain = !multiply_chunks(task, cut.chunks() * thread / threads, cut.chunks() * (thread + 1) / threads,
                               false);
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

  void multiply_together(const StrassenTask& block) const {
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

  StrassenWeights weights_;
  int64_t rows_, a_row_, y_row_;
  size_t bias_, residual_;
  Activation activation_;
  int threads_;
  bool apart_ = false;  ///< each thread multiplies rows of its own
  bool deep_ = false;   ///< chunk after chunk of the depth, all panels in each
  int64_t rows_a_block_ = 0, panels_a_batch_ = 1, chunks_a_group_ = 0;
  int64_t sum_floats_ = 0, thread_floats_ = 0;
};

std::optional<Decline> unfit(const KernelRequest& request, const MatrixProduct& product) {
  const auto decline = [](DeclineReason reason, std::string detail) {
    return Decline{reason, std::move(detail)};
  };
  if (product.y.shape.size() != 2) return decline(DeclineReason::rank, "a batch of products");
  const int64_t rows = product.y.shape[0], depth = product.a.shape[1], columns = product.y.shape[1];
  const int64_t part = request.measured ? 2 : 1;  // who measures may find that less is enough
  if (rows * part < least_rows || depth * part < least_depth || depth > deepest ||
      columns * part < least_columns)
    return decline(DeclineReason::not_profitable,
                   std::to_string(rows) + "x" + std::to_string(depth) + "x" + std::to_string(columns));
  if (product.a.strides[1] != 1 || product.y.strides[1] != 1 ||
      (product.b.strides[0] != 1 && product.b.strides[1] != 1))
    return decline(DeclineReason::layout, "rows that are not contiguous");
  if (product.bias != 0 && (element_count(request.inputs[product.bias].shape) != columns ||
                            request.inputs[product.bias].shape.back() != columns))
    return decline(DeclineReason::shape, "bias");
  if (!is_fused_activation(product.activation.kind)) return decline(DeclineReason::attribute, "activation");
  return std::nullopt;
}

Prepared prepare(const KernelRequest& request) {
  if (!request.prepack || request.constants[1] == nullptr)
    return Decline{DeclineReason::not_constant, "weights"};
  for (const TensorDesc& input : request.inputs)
    if (input.present() && input.type != ElementType::f32)
      return Decline{DeclineReason::element_type, to_string(input.type)};
  auto read = read_product(request);
  if (auto* reason = std::get_if<Decline>(&read)) return *reason;
  const auto product = std::get<MatrixProduct>(std::move(read));
  if (auto reason = unfit(request, product)) return *reason;
  cap_targets();
  StrassenCut cut{product.a.shape[1], product.y.shape[1], strassen_panel()};
  auto weights = pack_strassen(cut, {request.constants[1]->buffer().data(), product.b.strides[0],
                                     product.b.strides[1], product.scale});
  if (!weights.ok()) return Decline{DeclineReason::not_profitable, weights.error().text()};
  return std::make_unique<StrassenKernel>(std::move(*weights), product, request.inputs.size());
}

}  // namespace
}  // namespace simd

void register_strassen_matmul(KernelRegistry& registry) {
  registry.add({"simd:matmul:strassen", {"MatMul", "Gemm", "lathe.FusedMatMul"}, simd::prepare});
}

}  // namespace lathe
