// SPDX-License-Identifier: Apache-2.0
// Products with large constant weights by Strassen's algorithm, where its additions cost less than the eighth
// of the multiplications that it saves.
#include <omp.h>
#include <utility>

#include "engine/kernels/matrix_product.h"
#include "engine/kernels/simd/activations.h"
#include "engine/kernels/simd/strassen_product.h"
#include "engine/kernels/simd/targets.h"

namespace lathe {
namespace simd {
namespace {

/// Measured: below, the gain is lost to the packing of rows and to the additions.
constexpr int64_t least_rows = 64;
constexpr int64_t least_depth = 384, deepest = 1 << 16;
constexpr int64_t least_columns = 384;

class StrassenKernel final : public Kernel {
 public:
  StrassenKernel(StrassenProduct product, const MatrixProduct& form, size_t inputs)
      : product_(std::move(product)), bias_(form.bias) {
    name_ = "simd:matmul:strassen";
    input_layouts_.assign(inputs, {});
    output_layouts_.assign(1, {});
    consumed_.assign(inputs, false);
    consumed_[1] = true;
    if (form.residual != 0) {
      in_place_input_ = static_cast<int>(form.residual);
      in_place_required_ = true;
    }
    packed_bytes_ = product_.packed_bytes();
    scratch_bytes_ = product_.scratch_bytes();
  }

  Status run(const KernelArguments& arguments) override {
    StrassenProduct::Operands operands;
    operands.a = reinterpret_cast<const float*>(arguments.inputs[0]);
    operands.y = reinterpret_cast<float*>(arguments.outputs[0]);
    if (bias_ != 0) operands.bias = reinterpret_cast<const float*>(arguments.inputs[bias_]);
    operands.scratch = arguments.scratch;
    product_.run(operands);
    return {};
  }

 private:
  StrassenProduct product_;
  size_t bias_;  ///< input, or 0: none
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
  const StrassenProduct::Form form{product.y.shape[0], product.a.strides[0], product.y.strides[0],
                                   product.residual != 0, product.activation};
  return std::make_unique<StrassenKernel>(StrassenProduct(std::move(*weights), form, omp_get_max_threads()),
                                          product, request.inputs.size());
}

}  // namespace
}  // namespace simd

void register_strassen_matmul(KernelRegistry& registry) {
  registry.add({"simd:matmul:strassen", {"MatMul", "Gemm", "lathe.FusedMatMul"}, simd::prepare});
}

}  // namespace lathe
