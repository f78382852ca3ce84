// SPDX-License-Identifier: Apache-2.0
// com.microsoft's quantised poolings, NhwcMaxPool and MatMulNBits.
#include <algorithm>
#include <limits>

#include "engine/ops/matrix_product.h"
#include "engine/ops/operator.h"
#include "engine/ops/pooling.h"
#include "engine/ops/quantized.h"

namespace lathe {
namespace {

bool channels_last(const Node& node) {
  return node.op_type == "NhwcMaxPool" || node.attributes.get_int("channels_last", 0) != 0;
}

/// The spatial part of a shape with channels second or last, and the whole with other spatial sizes.
template <class Size>
std::vector<Size> spatial_of(const std::vector<Size>& x, bool last) {
  return last ? std::vector<Size>(x.begin() + 1, x.end() - 1) : std::vector<Size>(x.begin() + 2, x.end());
}
template <class Size>
std::vector<Size> with_spatial(const std::vector<Size>& x, const std::vector<Size>& spatial, bool last) {
  std::vector<Size> out{x[0]};
  if (!last) out.push_back(x[1]);
  out.insert(out.end(), spatial.begin(), spatial.end());
  if (last) out.push_back(x.back());
  return out;
}

Status infer_by(InferContext& context, ElementType element, bool global) {
  const Dims* x = context.dims(0);
  std::optional<Dims> output;
  if (x != nullptr) {
    if (x->size() < 3)
      return node_error(context.node(), "needs an input with spatial axes, not " + to_string(*x));
    const bool last = channels_last(context.node());
    Dims spatial(x->size() - 2, Dim(1));
    if (!global) {
      LATHE_ASSIGN(spatial, window_output(context.node(), spatial_of(*x, last)));
    }
    output = with_spatial(*x, spatial, last);
  }
  context.set_tensor(0, element, std::move(output));
  return {};
}

Status infer_average_pool(InferContext& context) {
  return infer_by(context, context.element(0), false);
}
Status infer_global_average_pool(InferContext& context) {
  return infer_by(context, context.element(0), true);
}

/// Elements of x as [batch, positions, channels] offsets: index(n, position, channel).
struct PoolLayout {
  int64_t batch, channels, positions;
  bool last;
  int64_t index(int64_t n, int64_t position, int64_t channel) const {
    return last ? (n * positions + position) * channels + channel
                : (n * channels + channel) * positions + position;
  }
};

PoolLayout layout_of(const Shape& shape, bool last) {
  const Shape spatial = spatial_of(shape, last);
  return {shape[0], last ? shape.back() : shape[1], element_count(spatial), last};
}

/// The whole input as one window.
Window global_window(const Shape& spatial) {
  const std::vector<int64_t> ones(spatial.size(), 1), zeros(spatial.size(), 0);
  return {spatial, ones, ones, zeros, zeros, ones};
}

Status run_average(RunContext& context, bool global) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  const Tensor& x = context.tensor(0);
  if (x.rank() < 3) return context.error("needs an input with spatial axes, not " + to_string(x.shape()));
  const bool last = channels_last(context.node());
  const Shape spatial = spatial_of(x.shape(), last);
  Window window = global_window(spatial);
  if (!global) {
    LATHE_ASSIGN(window, resolve_window(context.node(), spatial));
  }
  LATHE_ASSIGN(const auto centered, centered_integers(context, x, optional_tensor(context, 2)));
  LATHE_ASSIGN(const float x_scale, scalar_input(context, 1, "X_scale"));
  LATHE_ASSIGN(const float y_scale, scalar_input(context, 3, "Y_scale"));
  Quantizer quantizer;
  const Tensor zero = Tensor::scalar<uint8_t>(0), signed_zero = Tensor::scalar<int8_t>(0);
  const Tensor* y_zero = optional_tensor(context, 4);
  if (y_zero == nullptr) y_zero = x.type() == ElementType::i8 ? &signed_zero : &zero;
  LATHE_ASSIGN(quantizer, Quantizer::make(context, y_zero));
  const Shape output = with_spatial(x.shape(), window.output, last);
  const auto count = checked_element_count(output);
  if (!count) return context.error("has an output that is too large");
  std::vector<float> values(static_cast<size_t>(*count));
  const PoolLayout in = layout_of(x.shape(), last), out = layout_of(output, last);
  const bool include_padding = context.attributes().get_int("count_include_pad", 0) != 0;
  for_each_window(window, spatial, [&](const PoolWindow& placed) {
    const auto divisor = include_padding ? placed.padded_count : static_cast<int64_t>(placed.offsets.size());
    for (int64_t n = 0; n < in.batch; ++n)
      for (int64_t channel = 0; channel < in.channels; ++channel) {
        int64_t sum = 0;
        for (const int64_t offset : placed.offsets)
          sum += static_cast<int32_t>(centered[static_cast<size_t>(in.index(n, offset, channel))]);
        const float mean = divisor == 0 ? 0.0f : static_cast<float>(sum) / static_cast<float>(divisor);
        values[static_cast<size_t>(out.index(n, placed.position, channel))] = mean * x_scale / y_scale;
      }
  });
  return quantizer.store(context, 0, output, values);
}

Status run_qlinear_average_pool(RunContext& context) {
  return run_average(context, false);
}
Status run_qlinear_global_average_pool(RunContext& context) {
  return run_average(context, true);
}

Status run_nhwc_max_pool(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  const Tensor& x = context.tensor(0);
  if (x.rank() < 3) return context.error("needs an input with spatial axes, not " + to_string(x.shape()));
  const Shape spatial = spatial_of(x.shape(), true);
  LATHE_ASSIGN(const Window window, resolve_window(context.node(), spatial));
  const Shape output = with_spatial(x.shape(), window.output, true);
  LATHE_ASSIGN(Tensor * y, context.output(0, x.type(), output));
  const PoolLayout in = layout_of(x.shape(), true), out = layout_of(output, true);
  const bool known = visit_type<uint8_t, int8_t>(x.type(), [&](auto tag) {
    using T = decltype(tag);
    for_each_window(window, spatial, [&](const PoolWindow& placed) {
      for (int64_t i = 0; i < in.batch * in.channels; ++i) {
        T best = std::numeric_limits<T>::min();
        for (const int64_t offset : placed.offsets)
          best = std::max(
              best, x.data<T>()[static_cast<size_t>(in.index(i / in.channels, offset, i % in.channels))]);
        y->mutable_data<T>()[static_cast<size_t>(
            out.index(i / in.channels, placed.position, i % in.channels))] = best;
      }
    });
  });
  return known ? Status() : Status(context.type_error(x.type()));
}

/// Sizes of MatMulNBits from its attributes.
struct BlockQuantized {
  int64_t k = 0, n = 0, bits = 4, block = 32;
  int64_t blocks() const { return (k + block - 1) / block; }
};

Result<BlockQuantized> read_block_quantized(const Node& node) {
  const BlockQuantized q{node.attributes.get_int("K", 0), node.attributes.get_int("N", 0),
                         node.attributes.get_int("bits", 4), node.attributes.get_int("block_size", 32)};
  constexpr int64_t limit = int64_t{1} << 31;
  if (q.k < 1 || q.n < 1 || q.k > limit || q.n > limit || q.block < 16 || q.block > 65536 ||
      q.block % 16 != 0 || (q.bits != 2 && q.bits != 4 && q.bits != 8))
    return node_error(node, "has K, N, bits or block_size out of range");
  return q;
}

Status infer_matmul_nbits(InferContext& context) {
  const Dims* a = context.dims(0);
  LATHE_ASSIGN(const BlockQuantized q, read_block_quantized(context.node()));
  std::optional<Dims> output;
  if (a != nullptr) {
    if (a->empty() || (a->back().known() && !a->back().is(q.k)))
      return node_error(context.node(),
                        "has an input of shape " + to_string(*a) + " for K = " + std::to_string(q.k));
    output = *a;
    output->back() = Dim(q.n);
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

/// Element i of values packed low bits first.
int packed_value(std::span<const uint8_t> bytes, int64_t i, int64_t bits) {
  const int64_t bit = i * bits;
  return (bytes[static_cast<size_t>(bit / 8)] >> (bit % 8)) & ((1 << bits) - 1);
}

/// Weights as [n, k].
template <class A>
Result<std::vector<A>> unpack_weights(const RunContext& context, const BlockQuantized& q) {
  const Tensor &b = context.tensor(1), &scales = context.tensor(2);
  const int64_t blob = q.block * q.bits / 8, blocks = q.blocks(), zero_row = (blocks * q.bits + 7) / 8;
  if (b.type() != ElementType::u8 || b.count() != q.n * blocks * blob || scales.count() != q.n * blocks)
    return context.error("has weights of shape " + to_string(b.shape()) + " and scales of shape " +
                         to_string(scales.shape()));
  const Tensor* zeros = optional_tensor(context, 3);
  const bool packed_zeros = zeros != nullptr && zeros->type() == ElementType::u8;
  if (zeros != nullptr && zeros->count() != (packed_zeros ? q.n * zero_row : q.n * blocks))
    return context.error("has zero points of shape " + to_string(zeros->shape()));
  std::vector<int64_t> groups;
  if (const Tensor* index = optional_tensor(context, 4)) {
    groups = index->to_int64();
    if (static_cast<int64_t>(groups.size()) < q.k ||
        std::any_of(groups.begin(), groups.end(), [&](int64_t g) { return g < 0 || g >= blocks; }))
      return context.error("has a g_idx that does not fit");
  }
  const Operand<A> scale(scales),
      real_zero = zeros != nullptr && !packed_zeros ? Operand<A>(*zeros) : Operand<A>();
  std::vector<A> out(static_cast<size_t>(q.n * q.k));
  for (int64_t i = 0; i < q.n * q.k; ++i) {
    const int64_t row = i / q.k, column = i % q.k;
    const int64_t block = groups.empty() ? column / q.block : groups[static_cast<size_t>(column)];
    const auto bytes = b.data<uint8_t>().subspan(
        static_cast<size_t>((row * blocks + column / q.block) * blob), static_cast<size_t>(blob));
    A zero = static_cast<A>(1 << (q.bits - 1));
    if (real_zero)
      zero = real_zero[row * blocks + block];
    else if (packed_zeros)
      zero = static_cast<A>(
          packed_value(zeros->data<uint8_t>().subspan(static_cast<size_t>(row * zero_row)), block, q.bits));
    out[static_cast<size_t>(i)] =
        (static_cast<A>(packed_value(bytes, column % q.block, q.bits)) - zero) * scale[row * blocks + block];
  }
  return out;
}

Status run_matmul_nbits(RunContext& context) {
  for (size_t i = 0; i < 3; ++i) LATHE_TRY(check_rank(context, i, -1, "A, B or scales"));
  LATHE_ASSIGN(const BlockQuantized q, read_block_quantized(context.node()));
  const Tensor& a = context.tensor(0);
  if (a.rank() == 0 || a.shape().back() != q.k)
    return context.error("has an input of shape " + to_string(a.shape()) + " for K = " + std::to_string(q.k));
  if (context.has_input(5) && context.tensor(5).count() != q.n)
    return context.error("has a bias that does not fit");
  Shape output = a.shape();
  output.back() = q.n;
  return compute_float(context, a.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    LATHE_ASSIGN(const auto weights, unpack_weights<A>(context, q));
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, a.type(), output));
    multiply<A>(a.count() / q.k, q.n, q.k, Operand<A>(a).data(), false, weights.data(), true, y.data());
    if (const Operand<A> bias = optional_operand<A>(context, 5))
      for (int64_t i = 0; i < y.count(); ++i) y[i] += bias[i % q.n];
    y.finish();
    return {};
  });
}

int64_t matmul_nbits_flops(const Node& node, std::span<const Shape>, std::span<const Shape> outputs) {
  return 2 * element_count(outputs[0]) * node.attributes.get_int("K", 0);
}

int64_t average_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return element_count(inputs[0]);
}

}  // namespace

void register_ms_quantized(OperatorRegistry& registry) {
  constexpr std::string_view domain = "com.microsoft";
  registry.add({domain,
                "QLinearAveragePool",
                {1},
                4,
                5,
                1,
                1,
                trait_none,
                infer_average_pool,
                run_qlinear_average_pool,
                average_flops});
  registry.add({domain,
                "QLinearGlobalAveragePool",
                {1},
                5,
                5,
                1,
                1,
                trait_none,
                infer_global_average_pool,
                run_qlinear_global_average_pool,
                average_flops});
  registry.add(
      {domain, "NhwcMaxPool", {1}, 1, 1, 1, 1, trait_none, infer_average_pool, run_nhwc_max_pool, nullptr});
  registry.add({domain,
                "MatMulNBits",
                {1},
                3,
                6,
                1,
                1,
                trait_none,
                infer_matmul_nbits,
                run_matmul_nbits,
                matmul_nbits_flops});
}

}  // namespace lathe
