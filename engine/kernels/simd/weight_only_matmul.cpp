// SPDX-License-Identifier: Apache-2.0
// The kernel of lathe.WeightOnlyMatMul and com.microsoft.MatMulNBits: panels and rows shared out to threads.
#include <algorithm>
#include <omp.h>

#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/weight_only_task.h"

namespace lathe {
namespace simd {
namespace {

bool is_nbits(const KernelRequest& request) {
  return request.node->op_type == "MatMulNBits";
}

class WeightOnlyKernel final : public Kernel {
 public:
  WeightOnlyKernel(PackedWeights weights, int64_t rows, size_t inputs, size_t bias)
      : weights_(std::move(weights)), rows_(rows), bias_(bias), threads_(omp_get_max_threads()) {
    name_ = weights_.nibbles ? "simd:weights_int4" : "simd:weights_int8";
    input_layouts_.assign(inputs, {});
    output_layouts_.assign(1, {});
    consumed_.assign(inputs, false);
    for (size_t i = 1; i < std::min<size_t>(inputs, weights_.nibbles ? 4 : 3); ++i) consumed_[i] = true;
    packed_bytes_ = weights_.bytes();
    in_place_ = rows_ <= most_rows_in_place;
    padded_ = weights_.groups() * weights_a_word;
    const int64_t floats = !in_place_         ? threads_ * floats_a_thread()
                           : weights_.nibbles ? rows_ * (padded_ + weights_.blocks())
                                              : 0;
    scratch_bytes_ = static_cast<size_t>(floats) * sizeof(float);
  }

  Status run(const KernelArguments& arguments) override {
    auto* scratch = reinterpret_cast<float*>(arguments.scratch);
    WeightOnlyTask whole;
    whole.weights = &weights_;
    whole.a = reinterpret_cast<const float*>(arguments.inputs[0]);
    whole.a_row = weights_.depth;
    whole.y = reinterpret_cast<float*>(arguments.outputs[0]);
    if (bias_ != 0) whole.bias = reinterpret_cast<const float*>(arguments.inputs[bias_]);
    if (in_place_ && weights_.nibbles) prepare_rows(whole, scratch);
    const int64_t rows_each = in_place_ ? rows_ : rows_a_task;
    const int64_t parts = (rows_ + rows_each - 1) / rows_each, tasks = weights_.panels() * parts;
#pragma omp parallel for schedule(static) num_threads(threads_) if (tasks > 1)
    for (int64_t i = 0; i < tasks; ++i) {
      WeightOnlyTask task = whole;
      task.panel = i / parts;
      task.first_row = i % parts * rows_each;
      task.last_row = std::min(rows_, task.first_row + rows_each);
      if (!in_place_) {
        task.unpacked = scratch + omp_get_thread_num() * floats_a_thread();
        task.sums = task.unpacked + depth_a_chunk * weights_.panel;
      }
      multiply_weight_only(task);
    }
    return {};
  }

 private:
  int64_t floats_a_thread() const { return (depth_a_chunk + std::min(rows_, rows_a_task)) * weights_.panel; }

  /// Rows as 4-bit weights are multiplied with, and their sums over blocks.
  void prepare_rows(WeightOnlyTask& task, float* scratch) const {
    const int64_t blocks = weights_.blocks(), depth = weights_.depth;
    float* sums = scratch + rows_ * padded_;
    float factors[weights_a_word];
    for (int64_t i = 0; i < weights_a_word; ++i)
      factors[i] = i < scaled_in_a_word ? 1.0F / static_cast<float>(1 << (4 * i)) : 1.0F;
    for (int64_t r = 0; r < rows_; ++r) {
      const float* from = task.a + r * depth;
      float* to = scratch + r * padded_;
      for (int64_t k = 0; k < depth; ++k) to[k] = from[k] * factors[k % weights_a_word];
      std::fill(to + depth, to + padded_, 0.0F);
      for (int64_t b = 0; b < blocks; ++b) {
        float sum = 0;
        for (int64_t k = b * weights_.block; k < std::min(depth, (b + 1) * weights_.block); ++k)
          sum += from[k];
        sums[r * blocks + b] = sum;
      }
    }
    task.a = scratch;
    task.a_row = padded_;
    task.a_sums = sums;
  }

  PackedWeights weights_;
  int64_t rows_, padded_ = 0;
  size_t bias_;  ///< input number, 0 for none
  int threads_;
  bool in_place_ = true;
};

std::optional<Decline> unfit(const KernelRequest& request) {
  const auto present = [&](size_t i) { return i < request.inputs.size() && request.inputs[i].present(); };
  const auto decline = [](DeclineReason reason, std::string detail) {
    return Decline{reason, std::move(detail)};
  };
  const bool nbits = is_nbits(request);
  if (!request.prepack) return decline(DeclineReason::not_profitable, "weights would be packed in every run");
  for (const size_t i : {size_t{0}, size_t{2}})
    if (request.inputs[i].type != ElementType::f32)
      return decline(DeclineReason::element_type, to_string(request.inputs[i].type));
  if (request.constants[1] == nullptr || request.constants[2] == nullptr)
    return decline(DeclineReason::not_constant, "weights");
  if (element_count(request.outputs[0].shape) == 0 || element_count(request.inputs[0].shape) == 0)
    return decline(DeclineReason::shape, "no elements");
  const size_t bias = nbits ? 5 : 3;
  if (present(bias) && request.inputs[bias].type != ElementType::f32)
    return decline(DeclineReason::element_type, "bias");
  if (!nbits) return std::nullopt;
  if (request.node->attributes.get_int("bits", 4) != 4)
    return decline(DeclineReason::attribute,
                   "bits " + std::to_string(request.node->attributes.get_int("bits", 4)));
  if (present(4)) return decline(DeclineReason::attribute, "g_idx");
  if (present(3) && (request.constants[3] == nullptr || request.inputs[3].type != ElementType::u8))
    return decline(DeclineReason::element_type, "zero points that are not packed constants");
  return std::nullopt;
}

Result<PackedWeights> pack(const KernelRequest& request) {
  const Tensor &stored = *request.constants[1], &scales = *request.constants[2];
  const int64_t depth = request.inputs[0].shape.back(), columns = request.outputs[0].shape.back();
  const Attributes& attributes = request.node->attributes;
  if (!is_nbits(request)) {
    if (stored.type() != ElementType::i8 || stored.count() != depth * columns || scales.count() != columns)
      return internal_error("", "weights of another size");
    return pack_bytes(stored.data<int8_t>(), attributes.get_int("transB", 0) != 0, scales.data<float>(),
                      depth, weight_only_panel());
  }
  const int64_t block = attributes.get_int("block_size", 32),
                blocks = (depth + block - 1) / std::max<int64_t>(block, 1);
  const Tensor* zeros = request.inputs.size() > 3 ? request.constants[3] : nullptr;
  if (block < 16 || block % 16 != 0 || stored.type() != ElementType::u8 ||
      stored.count() != columns * blocks * block / 2 || scales.count() != columns * blocks ||
      (zeros != nullptr && zeros->count() != columns * ((blocks + 1) / 2)))
    return internal_error("", "weights of another size");
  return pack_nibbles(stored.data<uint8_t>(), scales.data<float>(),
                      zeros != nullptr ? zeros->data<uint8_t>() : std::span<const uint8_t>(), depth, columns,
                      block, weight_only_panel());
}

Prepared prepare(const KernelRequest& request) {
  if (auto reason = unfit(request)) return *reason;
  auto packed = pack(request);
  if (!packed.ok()) return Decline{DeclineReason::shape, packed.error().text()};
  const size_t bias = is_nbits(request) ? 5 : 3;
  const bool has_bias = bias < request.inputs.size() && request.inputs[bias].present();
  const int64_t rows = element_count(request.outputs[0].shape) / request.outputs[0].shape.back();
  return std::make_unique<WeightOnlyKernel>(std::move(*packed), rows, request.inputs.size(),
                                            has_bias ? bias : 0);
}

}  // namespace
}  // namespace simd

void register_weight_only_matmul(KernelRegistry& registry) {
  registry.add({"simd:weight_only", {"lathe.WeightOnlyMatMul", "com.microsoft.MatMulNBits"}, simd::prepare});
}

}  // namespace lathe
