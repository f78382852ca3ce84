// SPDX-License-Identifier: Apache-2.0
// MatMulInteger and com.microsoft's MatMulIntegerToFloat: all leading axes of A are rows of one 8-bit product
// with prepacked weights. Zero points, which may be made at run time, are subtracted from the sums:
// (a - za)(b - zb) = ab - za sum(b) - zb (sum(a) - k za), modulo 2^32 as the reference.
#include "engine/kernels/onednn/common.h"
#include "engine/kernels/onednn/integer_product.h"
#include "engine/ops/fused_quantization.h"

namespace lathe {
namespace {

using namespace onednn;

/// Which inputs hold what; 0: the operator has none.
struct Operands {
  size_t a_scale = 0, b_scale = 0, a_zero = 0, b_zero = 0, bias = 0;
  bool real() const { return a_scale != 0; }
};
constexpr Operands integer_operands{0, 0, 2, 3, 0}, real_operands{2, 3, 4, 5, 6};

struct Sizes {
  int64_t rows, depth, columns;
  int64_t rows_a_matrix;  ///< rows of A before leading axes joined them
};

/// An 8-bit parameter's element.
uint32_t element(const std::byte* data, ElementType type, int64_t i) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(data);
  return type == ElementType::u8 ? bytes[i]
                                 : static_cast<uint32_t>(static_cast<int32_t>(static_cast<int8_t>(bytes[i])));
}

uint32_t sum(const uint8_t* elements, int64_t count) {
  uint32_t total = 0;
  for (int64_t i = 0; i < count; ++i) total += elements[i];
  return total;
}

class IntegerMatMul final : public Kernel {
 public:
  IntegerMatMul(const KernelRequest& request, const Operands& operands, const Sizes& sizes,
                IntegerProduct product)
      : operands_(operands), sizes_(sizes), product_(std::move(product)) {
    name_ = product_.kernel->name();
    for (const TensorDesc& input : request.inputs) types_.push_back(input.type);
    const auto count = [&](size_t i) { return has(i) ? element_count(request.inputs[i].shape) : 0; };
    row_zeros_ = count(operands_.a_zero) > 1;
    column_zeros_ = count(operands_.b_zero) > 1;
    column_scales_ = count(operands_.b_scale) > 1;
    consumed_ = {false, true};
    input_layouts_.assign(request.inputs.size(), {});
    output_layouts_.assign(1, {});
    packed_bytes_ = product_.kernel->packed_bytes();
    sums_at_ = aligned(product_.kernel->scratch_bytes());
    const size_t row = aligned(static_cast<size_t>(sizes_.columns) * sizeof(uint32_t));
    zeros_at_ = sums_at_ + (operands_.real() ? row * static_cast<size_t>(sizes_.rows) : 0);
    offsets_at_ = zeros_at_ + row;
    factors_at_ = offsets_at_ + row;
    shifted_at_ = factors_at_ + row;
    const bool shifts = types_[0] == ElementType::i8;
    a_shift_ = shifts ? 128 : 0;
    scratch_bytes_ = shifted_at_ + (shifts ? aligned(static_cast<size_t>(sizes_.rows * sizes_.depth)) : 0);
  }

  Status run(const KernelArguments& arguments) override {
    const uint8_t* a = unsigned_a(arguments);
    const auto* from = reinterpret_cast<const std::byte*>(a);
    auto* sums =
        reinterpret_cast<uint32_t*>(operands_.real() ? arguments.scratch + sums_at_ : arguments.outputs[0]);
    auto* to = reinterpret_cast<std::byte*>(sums);
    LATHE_TRY(product_.kernel->run({{&from, 1}, {&to, 1}, arguments.scratch}));
    const bool zeros = prepare_columns(arguments);
#pragma omp parallel for schedule(static) if (sizes_.rows > 1)
    for (int64_t row = 0; row < sizes_.rows; ++row) {
      subtract_zeros(arguments, a, row, zeros, sums + row * sizes_.columns);
      if (operands_.real()) store_real(arguments, row, sums + row * sizes_.columns);
    }
    return {};
  }

 private:
  static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }
  bool has(size_t input) const {
    return input != 0 && input < types_.size() && types_[input] != ElementType::undefined;
  }
  template <class T>
  T* scratch(const KernelArguments& arguments, size_t at) const {
    return reinterpret_cast<T*>(arguments.scratch + at);
  }
  template <class T>
  const T* input(const KernelArguments& arguments, size_t i) const {
    return has(i) ? reinterpret_cast<const T*>(arguments.inputs[i]) : nullptr;
  }
  /// A, with 128 added to i8.
  const uint8_t* unsigned_a(const KernelArguments& arguments) const {
    const auto* a = reinterpret_cast<const uint8_t*>(arguments.inputs[0]);
    if (a_shift_ == 0) return a;
    auto* shifted = scratch<uint8_t>(arguments, shifted_at_);
    const int64_t count = sizes_.rows * sizes_.depth;
#pragma omp parallel for simd schedule(static) if (count > 65536)
    for (int64_t i = 0; i < count; ++i) shifted[i] = a[i] ^ 0x80;
    return shifted;
  }
  /// Of row `row` of all, for A as u8.
  uint32_t a_zero(const KernelArguments& arguments, int64_t row) const {
    if (!has(operands_.a_zero)) return a_shift_;
    return a_shift_ + element(arguments.inputs[operands_.a_zero], types_[operands_.a_zero],
                              row_zeros_ ? row % sizes_.rows_a_matrix : 0);
  }

  /// What is the same for every row: zero points of B and, for one zero point of A, what it takes away;
  /// factors of the real result. Whether B has zero points other than 0.
  bool prepare_columns(const KernelArguments& arguments) const {
    auto* zeros = scratch<uint32_t>(arguments, zeros_at_);
    auto* offsets = scratch<uint32_t>(arguments, offsets_at_);
    const auto shift = static_cast<uint32_t>(product_.shift);
    const uint32_t first = a_zero(arguments, 0);
    uint32_t any = 0;
    for (int64_t n = 0; n < sizes_.columns; ++n) {
      const uint32_t zero = has(operands_.b_zero) ? element(arguments.inputs[operands_.b_zero],
                                                            types_[operands_.b_zero], column_zeros_ ? n : 0)
                                                  : 0;
      zeros[n] = zero - shift;
      any |= zeros[n];
      offsets[n] = first * product_.column_sums[static_cast<size_t>(n)];
    }
    if (operands_.real()) {
      auto* factors = scratch<float>(arguments, factors_at_);
      const float a_scale = *input<float>(arguments, operands_.a_scale);
      const auto* b_scale = input<float>(arguments, operands_.b_scale);
      for (int64_t n = 0; n < sizes_.columns; ++n) factors[n] = a_scale * b_scale[column_scales_ ? n : 0];
    }
    return any != 0;
  }

  void subtract_zeros(const KernelArguments& arguments, const uint8_t* a, int64_t row, bool b_zeros,
                      uint32_t* sums) const {
    const uint32_t zero = a_zero(arguments, row);
    const auto* offsets = scratch<const uint32_t>(arguments, offsets_at_);
    const int64_t columns = sizes_.columns;
    if (row_zeros_)
      for (int64_t n = 0; n < columns; ++n) sums[n] -= zero * product_.column_sums[static_cast<size_t>(n)];
    else if (zero != 0)
      for (int64_t n = 0; n < columns; ++n) sums[n] -= offsets[n];
    if (!b_zeros) return;
    const uint32_t total = sum(a + row * sizes_.depth, sizes_.depth);
    const uint32_t centred = total - static_cast<uint32_t>(sizes_.depth) * zero;
    const auto* zeros = scratch<const uint32_t>(arguments, zeros_at_);
    for (int64_t n = 0; n < columns; ++n) sums[n] -= centred * zeros[n];
  }

  void store_real(const KernelArguments& arguments, int64_t row, const uint32_t* sums) const {
    const auto* integers = reinterpret_cast<const int32_t*>(sums);
    auto* to = reinterpret_cast<float*>(arguments.outputs[0]) + row * sizes_.columns;
    const auto* factors = scratch<const float>(arguments, factors_at_);
    const auto* bias = input<float>(arguments, operands_.bias);
    if (bias != nullptr)
      for (int64_t n = 0; n < sizes_.columns; ++n)
        to[n] = static_cast<float>(integers[n]) * factors[n] + bias[n];
    else
      for (int64_t n = 0; n < sizes_.columns; ++n) to[n] = static_cast<float>(integers[n]) * factors[n];
  }

  Operands operands_;
  Sizes sizes_;
  IntegerProduct product_;
  std::vector<ElementType> types_;
  bool row_zeros_ = false, column_zeros_ = false, column_scales_ = false;
  uint32_t a_shift_ = 0;
  size_t sums_at_ = 0, zeros_at_ = 0, offsets_at_ = 0, factors_at_ = 0, shifted_at_ = 0;
};

/// Why parameters have other shapes than this kernel reads, nothing when they are right.
std::optional<Decline> unfit_parameters(const KernelRequest& request, const Operands& operands,
                                        const Sizes& sizes) {
  const auto fits = [&](size_t i, ElementType type, int64_t many) {
    if (i == 0 || i >= request.inputs.size() || !request.inputs[i].present()) return true;
    const TensorDesc& given = request.inputs[i];
    const int64_t count = element_count(given.shape);
    const bool axis = count == many && !given.shape.empty() && given.shape.back() == many;
    return given.type == type && (count == 1 || axis);
  };
  const ElementType a = request.inputs[0].type, b = request.inputs[1].type;
  if (operands.a_zero < request.inputs.size() && request.inputs[operands.a_zero].present() &&
      element_count(request.inputs[operands.a_zero].shape) != 1 &&
      request.inputs[operands.a_zero].shape.size() != 1)
    return decline(DeclineReason::shape, "zero points of A that vary by more than the row");
  if (!fits(operands.a_zero, a, sizes.rows_a_matrix) || !fits(operands.b_zero, b, sizes.columns))
    return decline(DeclineReason::shape, "zero points");
  if (operands.real() &&
      (request.outputs[0].type != ElementType::f32 || !fits(operands.a_scale, ElementType::f32, 1) ||
       !fits(operands.b_scale, ElementType::f32, sizes.columns)))
    return decline(DeclineReason::shape, "scales");
  if (operands.bias != 0 && operands.bias < request.inputs.size() &&
      request.inputs[operands.bias].present()) {
    const TensorDesc& bias = request.inputs[operands.bias];
    if (bias.type != ElementType::f32 || element_count(bias.shape) != sizes.columns)
      return decline(DeclineReason::shape, "bias");
  }
  return std::nullopt;
}

Prepared prepare(const KernelRequest& request) {
  const Operands& operands = request.node->op_type == "MatMulInteger" ? integer_operands : real_operands;
  const TensorDesc &a = request.inputs[0], &b = request.inputs[1];
  if (!is_8bit(a.type) || !is_8bit(b.type)) return decline(DeclineReason::element_type, to_string(a.type));
  if (request.constants[1] == nullptr) return decline(DeclineReason::not_constant, "weights");
  if (b.shape.size() != 2 || a.shape.size() < 2)
    return decline(DeclineReason::rank, to_string(a.shape) + " times " + to_string(b.shape));
  if (element_count(a.shape) == 0 || element_count(b.shape) == 0)
    return decline(DeclineReason::shape, "no elements");
  const Sizes sizes{element_count(a.shape) / b.shape[0], b.shape[0], b.shape[1], a.shape[a.shape.size() - 2]};
  if (auto reason = unfit_parameters(request, operands, sizes)) return *reason;
  return guarded([&]() -> Prepared {
    return std::make_unique<IntegerMatMul>(request, operands, sizes,
                                           make_integer_product(sizes.rows, *request.constants[1]));
  });
}

}  // namespace

void register_matmul_integer(KernelRegistry& registry) {
  registry.add({"onednn:matmul_integer", {"MatMulInteger", "com.microsoft.MatMulIntegerToFloat"}, prepare});
}

}  // namespace lathe
