// SPDX-License-Identifier: Apache-2.0
// Matrix products of quantised tensors: MatMulInteger, QLinearMatMul and com.microsoft's
// MatMulIntegerToFloat, DynamicQuantizeMatMul and QGemm.
#include <algorithm>
#include <cmath>

#include "engine/ops/matmul.h"
#include "engine/ops/operator.h"
#include "engine/ops/permute.h"
#include "engine/ops/quantized.h"

namespace lathe {
namespace {

/// A parameter of the rows of A: one number, one a row, or already shaped [.., M, 1].
Shape row_shape(const Tensor& parameter) {
  if (parameter.count() == 1) return {};
  return parameter.rank() == 1 ? Shape{parameter.dim(0), 1} : parameter.shape();
}

/// A parameter of the columns of B: one number, one a column, or already shaped [.., 1, N].
Shape column_shape(const Tensor& parameter) {
  return parameter.count() == 1 ? Shape() : parameter.shape();
}

/// A product with 32-bit sums, and its shape with vectors promoted to matrices.
struct IntegerProduct {
  MatMulGeometry geometry;
  Shape matrix_shape;  ///< batch, m, n
  std::vector<uint32_t> sums;
};

Result<IntegerProduct> integer_product(RunContext& context, const Tensor& a, const Tensor* a_zero,
                                       const Tensor& b, const Tensor* b_zero) {
  IntegerProduct product;
  LATHE_ASSIGN(product.geometry, resolve_matmul(context.node(), a.shape(), b.shape()));
  const MatMulGeometry& geometry = product.geometry;
  product.matrix_shape = geometry.batch;
  product.matrix_shape.insert(product.matrix_shape.end(), {geometry.m, geometry.n});
  const auto count = checked_element_count(product.matrix_shape);
  if (!count) return context.error("has a product that is too large");
  LATHE_ASSIGN(const auto left, centered_integers(context, a, a_zero, a_zero ? row_shape(*a_zero) : Shape()));
  LATHE_ASSIGN(const auto right,
               centered_integers(context, b, b_zero, b_zero ? column_shape(*b_zero) : Shape()));
  product.sums.resize(static_cast<size_t>(*count));
  matmul(geometry, left.data(), right.data(), product.sums.data());
  return product;
}

/// values *= scale, broadcast from `from` to `shape`; inverse divides.
Status apply_scale(const RunContext& context, const Tensor& scale, const Shape& from, const Shape& shape,
                   bool inverse, std::vector<float>& values) {
  if (!is_float(scale.type()) || broadcast(from, shape) != shape || element_count(from) != scale.count())
    return context.error("has a scale of shape " + to_string(scale.shape()) + " for a product of shape " +
                         to_string(shape));
  const Operand<float> factors(scale);
  for_each_strided(shape, broadcast_strides(from, shape), [&](int64_t i, int64_t offset) {
    float& value = values[static_cast<size_t>(i)];
    value = inverse ? value / factors[offset] : value * factors[offset];
  });
  return {};
}

std::vector<float> as_floats(const std::vector<uint32_t>& sums) {
  std::vector<float> out(sums.size());
  std::transform(sums.begin(), sums.end(), out.begin(),
                 [](uint32_t sum) { return static_cast<float>(static_cast<int32_t>(sum)); });
  return out;
}

Status infer_product(InferContext& context, size_t a, size_t b, ElementType element) {
  std::optional<Dims> output;
  if (context.dims(a) != nullptr && context.dims(b) != nullptr) {
    LATHE_ASSIGN(output, matmul_output(context.node(), *context.dims(a), *context.dims(b)));
  }
  context.set_tensor(0, element, std::move(output));
  return {};
}

Status infer_matmul_integer(InferContext& context) {
  return infer_product(context, 0, 1, ElementType::i32);
}
Status infer_matmul_to_float(InferContext& context) {
  return infer_product(context, 0, 1, context.element(2));
}
Status infer_qlinear_matmul(InferContext& context) {
  return infer_product(context, 0, 3, context.element(7));
}

Status run_matmul_integer(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "A"));
  LATHE_TRY(check_rank(context, 1, -1, "B"));
  LATHE_ASSIGN(const IntegerProduct product,
               integer_product(context, context.tensor(0), optional_tensor(context, 2), context.tensor(1),
                               optional_tensor(context, 3)));
  LATHE_ASSIGN(Tensor * y, context.output(0, ElementType::i32, product.geometry.output));
  std::transform(product.sums.begin(), product.sums.end(), y->mutable_data<int32_t>().begin(),
                 [](uint32_t sum) { return static_cast<int32_t>(sum); });
  return {};
}

Status run_qlinear_matmul(RunContext& context) {
  for (size_t i = 0; i < 8; ++i) LATHE_TRY(check_rank(context, i, -1, "(all eight are required)"));
  LATHE_ASSIGN(const IntegerProduct product, integer_product(context, context.tensor(0), &context.tensor(2),
                                                             context.tensor(3), &context.tensor(5)));
  const Tensor &a_scale = context.tensor(1), &b_scale = context.tensor(4), &y_scale = context.tensor(6);
  std::vector<float> values = as_floats(product.sums);
  LATHE_TRY(apply_scale(context, a_scale, row_shape(a_scale), product.matrix_shape, false, values));
  LATHE_TRY(apply_scale(context, b_scale, column_shape(b_scale), product.matrix_shape, false, values));
  LATHE_TRY(apply_scale(context, y_scale, row_shape(y_scale), product.matrix_shape, true, values));
  LATHE_ASSIGN(const Quantizer quantizer, Quantizer::make(context, &context.tensor(7)));
  return quantizer.store(context, 0, product.geometry.output, values);
}

/// Y = product * a_scale * b_scale + bias, as f32 or another float type.
Status store_scaled(RunContext& context, const IntegerProduct& product, const Tensor& a_scale,
                    const Tensor& b_scale, const Tensor* bias, ElementType type) {
  std::vector<float> values = as_floats(product.sums);
  LATHE_TRY(apply_scale(context, a_scale, row_shape(a_scale), product.matrix_shape, false, values));
  LATHE_TRY(apply_scale(context, b_scale, column_shape(b_scale), product.matrix_shape, false, values));
  LATHE_ASSIGN(OutputBuffer<float> y, OutputBuffer<float>::make(context, 0, type, product.geometry.output));
  const int64_t n = product.geometry.n;
  if (bias != nullptr && bias->count() != n)
    return context.error("has a bias of shape " + to_string(bias->shape()));
  const Operand<float> added = bias != nullptr ? Operand<float>(*bias) : Operand<float>();
  for (int64_t i = 0; i < y.count(); ++i)
    y[i] = values[static_cast<size_t>(i)] + (added ? added[i % n] : 0.0f);
  y.finish();
  return {};
}

Status run_matmul_integer_to_float(RunContext& context) {
  for (size_t i = 0; i < 4; ++i) LATHE_TRY(check_rank(context, i, -1, "(the first four are required)"));
  LATHE_ASSIGN(const IntegerProduct product,
               integer_product(context, context.tensor(0), optional_tensor(context, 4), context.tensor(1),
                               optional_tensor(context, 5)));
  return store_scaled(context, product, context.tensor(2), context.tensor(3), optional_tensor(context, 6),
                      context.tensor(2).type());
}

/// As DynamicQuantizeLinear: u8 over a range that includes zero.
struct DynamicQuantized {
  Tensor values, scale, zero_point;
};

Result<DynamicQuantized> quantize_dynamically(const Tensor& tensor) {
  const Operand<float> x(tensor);
  float low = 0, high = 0;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
  }
  const float scale = high == low ? 1.0f : (high - low) / 255.0f;
  const float zero = std::clamp(std::nearbyint(-low / scale), 0.0f, 255.0f);
  LATHE_ASSIGN(Tensor values, Tensor::allocate(ElementType::u8, tensor.shape()));
  const auto target = values.mutable_data<uint8_t>();
  for (size_t i = 0; i < target.size(); ++i) {
    const float stored = std::nearbyint(x[static_cast<int64_t>(i)] / scale) + zero;
    target[i] = static_cast<uint8_t>(std::isnan(stored) ? 0.0f : std::clamp(stored, 0.0f, 255.0f));
  }
  return DynamicQuantized{values, Tensor::scalar(scale), Tensor::scalar(static_cast<uint8_t>(zero))};
}

Status run_dynamic_quantize_matmul(RunContext& context) {
  for (size_t i = 0; i < 3; ++i) LATHE_TRY(check_rank(context, i, -1, "(the first three are required)"));
  if (!is_float(context.tensor(0).type())) return context.type_error(context.tensor(0).type());
  LATHE_ASSIGN(const DynamicQuantized a, quantize_dynamically(context.tensor(0)));
  LATHE_ASSIGN(const IntegerProduct product, integer_product(context, a.values, &a.zero_point,
                                                             context.tensor(1), optional_tensor(context, 3)));
  return store_scaled(context, product, a.scale, context.tensor(2), optional_tensor(context, 4),
                      ElementType::f32);
}

Status infer_dynamic_quantize_matmul(InferContext& context) {
  return infer_product(context, 0, 1, ElementType::f32);
}

bool flag(const Attributes& attributes, const char* name) {
  return attributes.get_int(name, 0) != 0;
}

Status infer_qgemm(InferContext& context) {
  const Dims* a = context.dims(0);
  const Dims* b = context.dims(3);
  std::optional<Dims> output;
  if (a != nullptr && b != nullptr) {
    if (a->size() != 2 || b->size() != 2) return node_error(context.node(), "needs matrices");
    output = Dims{(*a)[flag(context.attributes(), "transA") ? 1 : 0],
                  (*b)[flag(context.attributes(), "transB") ? 0 : 1]};
  }
  context.set_tensor(0, context.has_input(8) ? context.element(8) : ElementType::f32, std::move(output));
  return {};
}

Result<Tensor> maybe_transposed(const Tensor& matrix, bool transpose) {
  if (!transpose) return matrix;
  LATHE_ASSIGN(Tensor out, Tensor::allocate(matrix.type(), {matrix.dim(1), matrix.dim(0)}));
  const int64_t order[] = {1, 0};
  permute(reinterpret_cast<const uint8_t*>(matrix.raw()), matrix.shape(), order,
          out.mutable_data<uint8_t>().data());
  return out;
}

Status run_qgemm(RunContext& context) {
  for (const size_t i : {0, 3}) {
    LATHE_TRY(check_rank(context, i, 2, "A and B"));
    if (element_size(context.tensor(i).type()) != 1) return context.type_error(context.tensor(i).type());
  }
  for (const size_t i : {1, 2, 4, 5}) LATHE_TRY(check_rank(context, i, -1, "scale and zero point"));
  LATHE_ASSIGN(const Tensor a, maybe_transposed(context.tensor(0), flag(context.attributes(), "transA")));
  LATHE_ASSIGN(const Tensor b, maybe_transposed(context.tensor(3), flag(context.attributes(), "transB")));
  LATHE_ASSIGN(IntegerProduct product,
               integer_product(context, a, &context.tensor(2), b, &context.tensor(5)));
  if (const Tensor* c = optional_tensor(context, 6)) {
    if (c->type() != ElementType::i32 || broadcast(c->shape(), product.matrix_shape) != product.matrix_shape)
      return context.error("has a C of shape " + to_string(c->shape()));
    for_each_strided(product.matrix_shape, broadcast_strides(c->shape(), product.matrix_shape),
                     [&](int64_t i, int64_t offset) {
                       product.sums[static_cast<size_t>(i)] +=
                           static_cast<uint32_t>(c->data<int32_t>()[static_cast<size_t>(offset)]);
                     });
  }
  std::vector<float> values = as_floats(product.sums);
  LATHE_TRY(apply_scale(context, context.tensor(1), {}, product.matrix_shape, false, values));
  LATHE_TRY(apply_scale(context, context.tensor(4), column_shape(context.tensor(4)), product.matrix_shape,
                        false, values));
  const float alpha = context.attributes().get_float("alpha", 1);
  for (float& value : values) value *= alpha;
  if (!context.has_input(7)) {
    LATHE_ASSIGN(Tensor * y, context.output(0, ElementType::f32, product.matrix_shape));
    std::copy(values.begin(), values.end(), y->mutable_data<float>().begin());
    return {};
  }
  LATHE_TRY(apply_scale(context, context.tensor(7), {}, product.matrix_shape, true, values));
  LATHE_ASSIGN(const Quantizer quantizer, Quantizer::make(context, optional_tensor(context, 8)));
  return quantizer.store(context, 0, product.matrix_shape, values);
}

int64_t product_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const bool qlinear = node.op_type == "QLinearMatMul";
  const auto shape = resolve_matmul(node, inputs[0], inputs[qlinear ? 3 : 1]);
  return shape.ok() ? shape->flops() : 0;
}

int64_t qgemm_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape> outputs) {
  return 2 * element_count(outputs[0]) * inputs[0][flag(node.attributes, "transA") ? 0 : 1];
}

}  // namespace

void register_quantized_matmul(OperatorRegistry& registry) {
  registry.add({"",
                "MatMulInteger",
                {10},
                2,
                4,
                1,
                1,
                trait_none,
                infer_matmul_integer,
                run_matmul_integer,
                product_flops});
  registry.add({"",
                "QLinearMatMul",
                {10, 21},
                8,
                8,
                1,
                1,
                trait_none,
                infer_qlinear_matmul,
                run_qlinear_matmul,
                product_flops});
  registry.add({"com.microsoft",
                "MatMulIntegerToFloat",
                {1},
                4,
                7,
                1,
                1,
                trait_none,
                infer_matmul_to_float,
                run_matmul_integer_to_float,
                product_flops});
  registry.add({"com.microsoft",
                "DynamicQuantizeMatMul",
                {1},
                3,
                5,
                1,
                1,
                trait_none,
                infer_dynamic_quantize_matmul,
                run_dynamic_quantize_matmul,
                product_flops});
  registry.add({"com.microsoft", "QGemm", {1}, 6, 9, 1, 1, trait_none, infer_qgemm, run_qgemm, qgemm_flops});
}

}  // namespace lathe
