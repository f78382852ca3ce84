// SPDX-License-Identifier: Apache-2.0
// ConvInteger on oneDNN's 8-bit convolutions. They hold their sums in f32 for a moment, which is exact below
// 2^24: weights that could make more are split into parts, whose sums are added as integers.
//
// The zero point of x may be made at run time. What it takes away, x_zero times the weights that lie on the
// image, is a convolution of ones, made once.
#include <algorithm>
#include <cstring>

#include "engine/kernels/narrow.h"
#include "engine/kernels/onednn/convolution.h"
#include "engine/kernels/onednn/quantized.h"
#include "engine/kernels/onednn/reordered.h"

namespace lathe {
namespace {

using namespace onednn;

constexpr size_t x_zero_input = 2, w_zero_input = 3;
constexpr int64_t largest_sum = (int64_t{1} << 24) - 1;

/// Takes from `left` what fits into one i8 tensor with bounded sums for each output channel.
Tensor take_part(std::vector<int32_t>& left, const Shape& shape) {
  auto made = Tensor::allocate(ElementType::i8, shape);
  if (!made.ok()) throw std::bad_alloc();
  const size_t channel = left.size() / static_cast<size_t>(shape[0]);
  const auto to = made->mutable_data<int8_t>();
  for (size_t begin = 0; begin < left.size(); begin += channel) {
    int64_t bound = 0;
    for (size_t i = begin; i < begin + channel; ++i) {
      const int32_t taken = std::clamp(left[i], -128, 127);
      bound += 255 * std::abs(taken);
      const bool fits = bound <= largest_sum;
      if (!fits) bound = largest_sum;  // the rest of this channel goes into later parts
      to[i] = static_cast<int8_t>(fits ? taken : 0);
      left[i] -= to[i];
    }
  }
  return std::move(*made);
}

class IntegerConv final : public Kernel {
 public:
  IntegerConv(const KernelRequest& request, std::vector<std::unique_ptr<PrimitiveKernel>> parts)
      : parts_(std::move(parts)), x_type_(request.inputs[0].type) {
    PrimitiveKernel& first = *parts_.front();
    name_ = first.name();
    input_layouts_ = first.input_layouts();
    input_layouts_.resize(request.inputs.size());
    output_layouts_ = first.output_layouts();
    consumed_.assign(request.inputs.size(), false);
    consumed_[1] = true;
    x_zero_ = present(request, x_zero_input);
    const TensorDesc y{ElementType::i32, request.outputs[0].shape, output_layouts_[0]};
    count_ = static_cast<int64_t>(y.bytes() / sizeof(uint32_t));
    for (const auto& part : parts_) {
      packed_bytes_ += part->packed_bytes();
      inner_scratch_ = std::max(inner_scratch_, (part->scratch_bytes() + 63) / 64 * 64);
    }
    scratch_bytes_ = inner_scratch_ + (parts_.size() > 1 ? y.bytes() + 64 : 0);
    const TensorDesc x{x_type_, request.inputs[0].shape, input_layouts_[0]};
    if (x_zero_) convolve_ones(x.bytes());
  }

  Status run(const KernelArguments& arguments) override {
    LATHE_TRY(sum_parts(arguments.inputs[0], arguments.outputs[0], arguments.scratch));
    if (!x_zero_) return {};
    const auto stored = std::to_integer<uint8_t>(*arguments.inputs[x_zero_input]);
    const auto zero = x_type_ == ElementType::u8
                          ? uint32_t{stored}
                          : static_cast<uint32_t>(static_cast<int32_t>(static_cast<int8_t>(stored)));
    if (zero == 0) return {};
    auto* sums = reinterpret_cast<uint32_t*>(arguments.outputs[0]);
    const auto* ones = reinterpret_cast<const uint32_t*>(ones_.data());
#pragma omp parallel for simd schedule(static) if (count_ > 65536)
    for (int64_t i = 0; i < count_; ++i) sums[i] -= zero * ones[i];
    return {};
  }

 private:
  Status sum_parts(const std::byte* x, std::byte* y, std::byte* scratch) const {
    std::byte* other = scratch + inner_scratch_;
    for (size_t part = 0; part < parts_.size(); ++part) {
      std::byte* to = part == 0 ? y : other;
      LATHE_TRY(parts_[part]->run({{&x, 1}, {&to, 1}, scratch}));
      if (part == 0) continue;
      auto* sums = reinterpret_cast<uint32_t*>(y);
      const auto* more = reinterpret_cast<const uint32_t*>(other);
#pragma omp parallel for simd schedule(static) if (count_ > 65536)
      for (int64_t i = 0; i < count_; ++i) sums[i] += more[i];
    }
    return {};
  }

  /// What a zero point of 1 takes away. Channels that only fill up a block meet weights of 0.
  void convolve_ones(size_t x_bytes) {
    const auto allocate = [](size_t bytes) {
      auto made = Buffer::allocate_lasting(bytes + 64);
      if (!made.ok()) throw std::bad_alloc();
      return std::move(*made);
    };
    Buffer x = allocate(x_bytes), scratch = allocate(scratch_bytes_);
    std::memset(x.mutable_data(), 1, x_bytes);
    ones_ = allocate(static_cast<size_t>(count_) * sizeof(uint32_t));
    packed_bytes_ += ones_.size();
    if (!sum_parts(x.data(), ones_.mutable_data(), scratch.mutable_data()).ok()) throw std::bad_alloc();
  }

  std::vector<std::unique_ptr<PrimitiveKernel>> parts_;
  ElementType x_type_;
  bool x_zero_ = false;
  int64_t count_ = 0;  ///< elements of the output's memory
  size_t inner_scratch_ = 0;
  Buffer ones_;
};

std::optional<Decline> unfit(const KernelRequest& request) {
  const TensorDesc &x = request.inputs[0], &w = request.inputs[1];
  if (!is_8bit(x.type) || !is_8bit(w.type)) return decline(DeclineReason::element_type, to_string(x.type));
  if (!multiplies_8bit()) return decline(DeclineReason::instruction_set, instruction_set());
  if (request.constants[1] == nullptr) return decline(DeclineReason::not_constant, "weights");
  if (element_count(x.shape) == 0 || element_count(w.shape) == 0 ||
      element_count(request.outputs[0].shape) == 0)
    return decline(DeclineReason::shape, "no elements");
  if (x.shape.size() > 5) return decline(DeclineReason::rank, std::to_string(x.shape.size()));
  if (present(request, x_zero_input) &&
      (request.inputs[x_zero_input].type != x.type || element_count(request.inputs[x_zero_input].shape) != 1))
    return decline(DeclineReason::shape, "zero points of x");
  if (!present(request, w_zero_input)) return std::nullopt;
  const Tensor* zero = request.constants[w_zero_input];
  if (zero == nullptr || zero->type() != w.type || (zero->count() != 1 && zero->count() != w.shape[0]))
    return decline(DeclineReason::not_constant, "zero points of the weights");
  return std::nullopt;
}

Prepared prepare(const KernelRequest& request) {
  if (auto reason = unfit(request)) return *reason;
  const auto conv = resolve_conv(*request.node, request.inputs[0].shape, request.inputs[1].shape);
  if (!conv.ok()) return decline(DeclineReason::attribute, "geometry");
  return guarded([&]() -> Prepared {
    const Shape& shape = request.inputs[1].shape;
    const Shape weights = grouped(shape, conv->groups);
    const ConvDescs descs{any_desc(request.inputs[0].type, request.inputs[0].shape),
                          any_desc(ElementType::i8, weights),
                          any_desc(ElementType::i32, request.outputs[0].shape), std::nullopt};
    const auto chosen =
        describe_conv(*conv, descs, dnnl::algorithm::convolution_direct, scratch_attributes());
    std::vector<int32_t> left = centred(
        *request.constants[1], present(request, w_zero_input) ? request.constants[w_zero_input] : nullptr, 0);
    std::vector<std::unique_ptr<PrimitiveKernel>> parts;
    do {
      auto part =
          std::make_unique<PrimitiveKernel>("onednn:conv_integer:" + std::string(chosen.impl_info_str()),
                                            dnnl::convolution_forward(chosen), chosen.scratchpad_desc());
      part->bind_input(DNNL_ARG_SRC, 0, chosen.src_desc());
      part->bind_owned(
          DNNL_ARG_WEIGHTS,
          pack(take_part(left, shape), plain_desc(ElementType::i8, weights), chosen.weights_desc()), 1);
      part->bind_output(DNNL_ARG_DST, 0, chosen.dst_desc());
      parts.push_back(std::move(part));
    } while (std::any_of(left.begin(), left.end(), [](int32_t weight) { return weight != 0; }));
    auto kernel = std::make_unique<IntegerConv>(request, std::move(parts));
    if (!request.plain_layouts) return std::unique_ptr<Kernel>(std::move(kernel));
    auto plain = in_plain_layouts(std::move(kernel), request);
    if (!plain.ok()) return decline(DeclineReason::layout, plain.error().text());
    return std::move(*plain);
  });
}

}  // namespace

void register_conv_integer(KernelRegistry& registry) {
  registry.add({"onednn:conv_integer", {"ConvInteger"}, prepare});
}

}  // namespace lathe
