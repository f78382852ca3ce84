// SPDX-License-Identifier: Apache-2.0
// com.microsoft's GatherBlockQuantized and MatMulBnb4, on weights with a scale for each block.
#include <algorithm>
#include <array>

#include "engine/ops/matrix_product.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/quantized.h"

namespace lathe {
namespace {

bool is_block_size(int64_t size) {
  return size >= 16 && size <= (int64_t{1} << 31) && (size & (size - 1)) == 0;
}

// ---- GatherBlockQuantized

/// Attributes, with axes in range for data of a rank.
struct BlockGather {
  int64_t bits = 4, block = 128;
  size_t gather_axis = 0, quantize_axis = 0;
  /// Values in a byte: 1 for element types of their own.
  int64_t packed = 1;
};

Result<BlockGather> read_gather(const Node& node, ElementType data, size_t rank) {
  BlockGather gather;
  const Attributes& attributes = node.attributes;
  gather.bits = attributes.get_int("bits", 4);
  gather.block = attributes.get_int("block_size", 128);
  if (gather.bits != 2 && gather.bits != 4 && gather.bits != 8)
    return node_error(node, "has bits = " + std::to_string(gather.bits) + "; 2, 4 and 8 are possible");
  if (!is_block_size(gather.block))
    return node_error(node,
                      "has block_size = " + std::to_string(gather.block) + ", no power of two from 16 on");
  LATHE_ASSIGN(gather.gather_axis, resolve_axis(node, attributes.get_int("gather_axis", 0), rank));
  LATHE_ASSIGN(gather.quantize_axis, resolve_axis(node, attributes.get_int("quantize_axis", 1), rank));
  if (data == ElementType::u8) {
    gather.packed = 8 / gather.bits;
    if (gather.gather_axis != 0) return node_error(node, "needs gather_axis 0 for data of type u8");
  }
  return gather;
}

template <class Size>
std::vector<Size> gathered_shape(const std::vector<Size>& data, const std::vector<Size>& indices,
                                 size_t axis) {
  std::vector<Size> out(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(axis));
  out.insert(out.end(), indices.begin(), indices.end());
  out.insert(out.end(), data.begin() + static_cast<std::ptrdiff_t>(axis) + 1, data.end());
  return out;
}

Status infer_gather(InferContext& context) {
  const Dims *data = context.dims(0), *indices = context.dims(1);
  std::optional<Dims> out;
  if (data != nullptr) {
    LATHE_ASSIGN(const BlockGather gather, read_gather(context.node(), context.element(0), data->size()));
    Dims values = *data;
    values.back() = values.back() * Dim(gather.packed);
    if (indices != nullptr) out = gathered_shape(values, *indices, gather.gather_axis);
  }
  context.set_tensor(0, context.element(2), std::move(out));
  return {};
}

/// Integers with `packed` values in each byte along the last axis, low bits first.
class PackedIntegers {
 public:
  PackedIntegers(const Tensor& tensor, int64_t bits, int64_t packed, int64_t row_length)
      : bits_(bits),
        packed_(packed),
        row_length_(row_length),
        row_bytes_(tensor.rank() == 0 ? 1 : tensor.shape().back()) {
    if (packed > 1 || tensor.type() == ElementType::u8)
      bytes_ = tensor.data<uint8_t>();
    else
      values_ = tensor.to_int64();
  }
  int64_t operator[](int64_t i) const {
    if (bytes_.empty()) return values_[static_cast<size_t>(i)];
    const int64_t column = i % row_length_, byte = i / row_length_ * row_bytes_ + column / packed_;
    return (bytes_[static_cast<size_t>(byte)] >> (column % packed_ * bits_)) & ((1 << bits_) - 1);
  }

 private:
  int64_t bits_, packed_, row_length_, row_bytes_;
  std::span<const uint8_t> bytes_;
  std::vector<int64_t> values_;
};

/// Shape of the scales that go with values of `shape`.
Shape block_shape(const Shape& shape, const BlockGather& gather) {
  Shape blocks = shape;
  int64_t& size = blocks[gather.quantize_axis];
  size = (size + gather.block - 1) / gather.block;
  return blocks;
}

Status check_blocks(const RunContext& context, const Shape& blocks, const BlockGather& gather) {
  const Tensor& scales = context.tensor(2);
  if (scales.shape() != blocks)
    return context.error("has scales of shape " + to_string(scales.shape()) + ", expected " +
                         to_string(blocks));
  const Tensor* zeros = optional_tensor(context, 3);
  if (zeros == nullptr) return {};
  Shape expected = blocks;
  expected.back() = (expected.back() + gather.packed - 1) / gather.packed;
  if (zeros->type() != context.tensor(0).type() || zeros->shape() != expected)
    return context.error(std::string("has zero points of type ") + to_string(zeros->type()) + " and shape " +
                         to_string(zeros->shape()) + ", expected " + to_string(expected));
  return {};
}

Status run_gather(RunContext& context) {
  for (size_t i = 0; i < 3; ++i) LATHE_TRY(check_rank(context, i, -1, "data, indices or scales"));
  const Tensor &data = context.tensor(0), &scales = context.tensor(2);
  if (data.type() != ElementType::u8 && data.type() != ElementType::u4 && data.type() != ElementType::i4)
    return context.type_error(data.type());
  LATHE_ASSIGN(const BlockGather gather, read_gather(context.node(), data.type(), data.rank()));
  Shape shape = data.shape();
  shape.back() *= gather.packed;
  const Shape blocks = block_shape(shape, gather);
  LATHE_TRY(check_blocks(context, blocks, gather));
  const Tensor& index_tensor = context.tensor(1);
  LATHE_TRY(int_input(context, 1, "indices"));
  const Indices indices(index_tensor);
  const int64_t limit = shape[gather.gather_axis];
  for (int64_t i = 0; i < indices.count(); ++i)
    if (wrap_index(indices[i], limit) < 0)
      return context.error(bad_index(indices[i], i, gather.gather_axis, limit));
  const Shape output = gathered_shape(shape, index_tensor.shape(), gather.gather_axis);
  if (!checked_element_count(output)) return context.error("has a result that is too large");

  const PackedIntegers values(data, gather.bits, gather.packed, shape.back());
  const Tensor* zeros = optional_tensor(context, 3);
  const auto zero = zeros == nullptr ? std::optional<PackedIntegers>()
                                     : PackedIntegers(*zeros, gather.bits, gather.packed, blocks.back());
  const int64_t middle = data.type() == ElementType::u8 ? int64_t{1} << (gather.bits - 1) : 0;
  const int64_t inner = size_between(shape, gather.gather_axis + 1, shape.size()),
                outer = size_between(shape, 0, gather.gather_axis),
                step = size_between(shape, gather.quantize_axis + 1, shape.size()),
                along = shape[gather.quantize_axis], block_count = blocks[gather.quantize_axis];
  const Operand<float> scale(scales);
  return compute_float(context, scales.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, scales.type(), output));
    A* to = y.data();
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < indices.count(); ++i) {
        const int64_t start = (o * limit + wrap_index(indices[i], limit)) * inner;
        for (int64_t at = start; at < start + inner; ++at) {
          const int64_t block =
              (at / step / along * block_count + at / step % along / gather.block) * step + at % step;
          *to++ =
              static_cast<A>(values[at] - (zero ? (*zero)[block] : middle)) * static_cast<A>(scale[block]);
        }
      }
    y.finish();
    return {};
  });
}

// ---- MatMulBnb4

/// What the codes of bitsandbytes' 4-bit types stand for, in units of a block's largest absolute value.
constexpr std::array<float, 16> fp4_values = {
    0.0F,  5.208333333e-03F,  0.66666667F,  1.0F,  0.33333333F,  0.5F,  0.16666667F,  0.25F,
    -0.0F, -5.208333333e-03F, -0.66666667F, -1.0F, -0.33333333F, -0.5F, -0.16666667F, -0.25F};
constexpr std::array<float, 16> nf4_values = {
    -1.0F,        -0.6961928F,  -0.52507305F, -0.3949175F, -0.28444138F, -0.18477343F, -0.09105004F, 0.0F,
    0.079580299F, 0.160930201F, 0.246112302F, 0.33791524F, 0.44070983F,  0.562617004F, 0.72295684F,  1.0F};

struct Bnb4 {
  int64_t k = 0, n = 0, block = 0;
  bool transposed = true;
  const std::array<float, 16>* values = nullptr;
  int64_t depth() const { return transposed ? k : n; }
  int64_t width() const { return transposed ? n : k; }
};

Result<Bnb4> read_bnb4(const Node& node) {
  Bnb4 q;
  q.k = node.attributes.get_int("K", 0);
  q.n = node.attributes.get_int("N", 0);
  q.block = node.attributes.get_int("block_size", 0);
  q.transposed = node.attributes.get_int("transB", 1) != 0;
  constexpr int64_t limit = int64_t{1} << 31;
  if (q.k < 1 || q.n < 1 || q.k > limit || q.n > limit) return node_error(node, "has K or N out of range");
  if (!is_block_size(q.block))
    return node_error(node, "has block_size = " + std::to_string(q.block) + ", no power of two from 16 on");
  const int64_t type = node.attributes.get_int("quant_type", -1);
  if (type != 0 && type != 1)
    return node_error(node, "has quant_type = " + std::to_string(type) + "; 0 is FP4 and 1 NF4");
  q.values = type == 0 ? &fp4_values : &nf4_values;
  return q;
}

Status infer_bnb4(InferContext& context) {
  LATHE_ASSIGN(const Bnb4 q, read_bnb4(context.node()));
  std::optional<Dims> out = dims_or_unknown(context, 0);
  if (out) {
    if (out->empty() || (out->back().known() && !out->back().is(q.depth())))
      return node_error(context.node(), "has an input of shape " + to_string(*out) + ", but needs " +
                                            std::to_string(q.depth()) + " columns");
    out->back() = Dim(q.width());
  }
  context.set_tensor(0, context.element(0), std::move(out));
  return {};
}

/// Weights [n, k]. Of two in a byte, the first is in the high bits.
template <class A>
Result<std::vector<A>> unpack_bnb4(const RunContext& context, const Bnb4& q) {
  const Tensor &b = context.tensor(1), &absmax = context.tensor(2);
  const int64_t count = q.n * q.k;
  if (b.type() != ElementType::u8 || b.count() != (count + 1) / 2 ||
      absmax.count() != (count + q.block - 1) / q.block)
    return context.error("has weights of shape " + to_string(b.shape()) + " and absmax of shape " +
                         to_string(absmax.shape()));
  const Operand<A> scale(absmax);
  const auto bytes = b.data<uint8_t>();
  std::vector<A> out(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const unsigned code = (bytes[static_cast<size_t>(i / 2)] >> (i % 2 == 0 ? 4 : 0)) & 15U;
    out[static_cast<size_t>(i)] = static_cast<A>((*q.values)[code]) * scale[i / q.block];
  }
  return out;
}

Status run_bnb4(RunContext& context) {
  for (size_t i = 0; i < 3; ++i) LATHE_TRY(check_rank(context, i, -1, "A, B or absmax"));
  LATHE_ASSIGN(const Bnb4 q, read_bnb4(context.node()));
  const Tensor& a = context.tensor(0);
  if (a.rank() == 0 || a.shape().back() != q.depth())
    return context.error("has an input of shape " + to_string(a.shape()) + ", but needs " +
                         std::to_string(q.depth()) + " columns");
  Shape output = a.shape();
  output.back() = q.width();
  return compute_float(context, a.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    LATHE_ASSIGN(const auto weights, unpack_bnb4<A>(context, q));
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, a.type(), output));
    multiply<A>(a.count() / q.depth(), q.width(), q.depth(), Operand<A>(a).data(), false, weights.data(),
                q.transposed, y.data());
    y.finish();
    return {};
  });
}

int64_t bnb4_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape> outputs) {
  const bool any = !inputs[0].empty() && !node.attributes.all().empty();
  return any ? 2 * element_count(outputs[0]) * inputs[0].back() : 0;
}

}  // namespace

void register_ms_block_quantized(OperatorRegistry& registry) {
  registry.add({"com.microsoft",
                "GatherBlockQuantized",
                {1},
                3,
                4,
                1,
                1,
                trait_none,
                infer_gather,
                run_gather,
                nullptr});
  registry.add(
      {"com.microsoft", "MatMulBnb4", {1}, 3, 3, 1, 1, trait_none, infer_bnb4, run_bnb4, bnb4_flops});
}

}  // namespace lathe
