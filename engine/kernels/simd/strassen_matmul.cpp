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
    int64_t blocks = (rows_ + most_rows_a_block - 1) / most_rows_a_block;
    apart_ = threads_ > 1 && rows_ >= 96 * threads_;
    if (apart_) blocks = (blocks + threads_ - 1) / threads_ * threads_;
    rows_a_block_ = (rows_ + blocks - 1) / blocks;
    sum_floats_ = strassen_sum_floats(weights_.cut, rows_a_block_);
    const int64_t results = strassen_panel_floats(weights_.cut, rows_a_block_);
    panels_a_batch_ = panels_for(results);
    thread_floats_ = 2 * weights_.cut.block() + panels_a_batch_ * results;
    scratch_bytes_ = static_cast<size_t>((apart_ ? threads_ : 1) * sum_floats_ + threads_ * thread_floats_) *
                     sizeof(float);
  }

  Status run(const KernelArguments& arguments) override {
    StrassenTask task;
    task.weights = &weights_;
    task.a_row = a_row_;
    task.y_row = y_row_;
    task.accumulate = residual_ != 0;
    task.activation = activation_;
    if (bias_ != 0) task.bias = reinterpret_cast<const float*>(arguments.inputs[bias_]);
    task.sums = reinterpret_cast<float*>(arguments.scratch);
    task.a = reinterpret_cast<const float*>(arguments.inputs[0]);
    task.y = reinterpret_cast<float*>(arguments.outputs[0]);
    if (apart_) {
#pragma omp parallel for schedule(static) num_threads(threads_)
      for (int64_t first = 0; first < rows_; first += rows_a_block_) multiply_alone(rows_from(task, first));
    } else {
      for (int64_t first = 0; first < rows_; first += rows_a_block_)
        multiply_together(rows_from(task, first));
    }
    return {};
  }

 private:
  /// One panel after the other keeps its results in the first-level cache. Where the sums of all rows do not
  /// fit into the second, a batch of panels reads each chunk of them once.
  int64_t panels_for(int64_t results) const {
    constexpr int64_t cached_floats = 384 << 10, batch_floats = 128 << 10;
    if (sum_floats_ <= cached_floats) return 1;
    const int64_t threads = apart_ ? 1 : threads_;
    const int64_t share = (weights_.cut.panels() + threads - 1) / threads;
    const int64_t batches = (share * results + batch_floats - 1) / batch_floats;
    return (share + batches - 1) / batches;
  }

  StrassenTask rows_from(StrassenTask task, int64_t first) const {
    task.rows = std::min(rows_a_block_, rows_ - first);
    task.a += first * a_row_;
    task.y += first * y_row_;
    return task;
  }

  /// The sums of its rows stay in this thread's caches.
  void multiply_alone(StrassenTask task) const {
    task.sums += omp_get_thread_num() * (sum_floats_ + thread_floats_);
    task.blocks = task.sums + sum_floats_;
    task.results = task.blocks + 2 * weights_.cut.block();
    bool plain = false;
    for (int64_t r = 0; r < task.half_rows(); ++r) plain = !pack_row_sums(task, r) || plain;
    if (plain)
      for (int64_t r = 0; r < task.half_rows(); ++r) pack_row_quarters(task, r);
    for (int64_t first = 0; first < weights_.cut.panels(); first += panels_a_batch_)
      multiply_strassen(task, first, std::min(first + panels_a_batch_, weights_.cut.panels()), plain);
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
      for (int64_t first = 0; first < panels; first += panels_a_batch_)
        multiply_strassen(task, first, std::min(first + panels_a_batch_, panels), plain);
    }
  }

  StrassenWeights weights_;
  int64_t rows_, a_row_, y_row_;
  size_t bias_, residual_;
  Activation activation_;
  int threads_;
  bool apart_ = false;  ///< each thread multiplies rows of its own
  int64_t rows_a_block_ = 0, sum_floats_ = 0, thread_floats_ = 0, panels_a_batch_ = 1;
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
