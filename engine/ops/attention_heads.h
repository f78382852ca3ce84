// SPDX-License-Identifier: Apache-2.0
// What com.microsoft's attention operators share: heads cut out of rows, caches, biases and the final
// product.
#pragma once

#include <algorithm>

#include "engine/ops/attention_core.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"
#include "engine/ops/permute.h"

namespace lathe {

inline constexpr double masked = -std::numeric_limits<double>::infinity();

/// Heads as [batch, heads, length, size].
template <class A>
struct Heads {
  int64_t batch = 0, heads = 0, length = 0, size = 0;
  std::vector<A> data;

  int64_t rows() const { return batch * heads; }
  Shape shape() const { return {batch, heads, length, size}; }
  A* row(int64_t b, int64_t head, int64_t t) {
    return data.data() + ((b * heads + head) * length + t) * size;
  }
};

/// Where the heads lie in a tensor [batch, length, row]: element = start + head * head_stride + i of a row.
struct RowLayout {
  int64_t row = 0, start = 0, head_stride = 0;
};

template <class A>
Heads<A> split_heads(const A* data, int64_t batch, int64_t length, int64_t heads, int64_t size,
                     RowLayout layout, const A* bias = nullptr) {
  Heads<A> out{batch, heads, length, size,
               std::vector<A>(static_cast<size_t>(batch * heads * length * size))};
  for (int64_t i = 0; i < batch * length * heads; ++i) {
    const int64_t position = i / heads, head = i % heads;
    const A* from = data + position * layout.row + layout.start + head * layout.head_stride;
    A* to = out.row(position / length, head, position % length);
    for (int64_t k = 0; k < size; ++k) to[k] = from[k] + (bias != nullptr ? bias[head * size + k] : A(0));
  }
  return out;
}

/// `past` [batch, heads, past length, size] before the new positions.
template <class A>
Heads<A> after_past(const A* past, int64_t past_length, Heads<A> current) {
  if (past_length == 0) return current;
  Heads<A> out{current.batch, current.heads, past_length + current.length, current.size, {}};
  for (int64_t row = 0; row < current.rows(); ++row) {
    out.data.insert(out.data.end(), past + row * past_length * out.size,
                    past + (row + 1) * past_length * out.size);
    const auto from = current.data.begin() + row * current.length * out.size;
    out.data.insert(out.data.end(), from, from + current.length * out.size);
  }
  return out;
}

/// Attention over heads, stored as [batch, queries, heads * v size].
template <class A>
Status attend_and_store(RunContext& context, AttentionProblem problem, const Heads<A>& q, const Heads<A>& k,
                        const Heads<A>& v) {
  problem.batch = q.batch;
  problem.heads = q.heads;
  problem.kv_heads = k.heads;
  problem.queries = q.length;
  problem.keys = k.length;
  problem.head_size = q.size;
  problem.v_head_size = v.size;
  problem.scale = context.attributes().get_float("scale", 0);
  if (problem.scale == 0) problem.scale = 1 / std::sqrt(static_cast<double>(q.size));
  std::vector<A> result(static_cast<size_t>(q.batch * q.heads * q.length * v.size));
  attend<A>(problem, q.data.data(), k.data.data(), v.data.data(), result.data(), nullptr,
            AttentionStage::product);
  const Shape shape{q.batch, q.length, q.heads * v.size};
  const ElementType type = is_float(context.tensor(0).type()) ? context.tensor(0).type() : ElementType::f32;
  LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, type, shape));
  const int64_t order[] = {0, 2, 1, 3};
  permute(result.data(), {q.batch, q.heads, q.length, v.size}, order, y.data());
  y.finish();
  return {};
}

/// Adds `values`, whose shape broadcasts to [batch, heads, queries, keys].
struct BroadcastBias {
  Operand<double> values;
  std::vector<int64_t> strides;

  double at(int64_t b, int64_t head, int64_t i, int64_t j) const {
    return strides.empty() ? 0 : values[b * strides[0] + head * strides[1] + i * strides[2] + j * strides[3]];
  }
};

inline Result<BroadcastBias> broadcast_bias(const RunContext& context, size_t input, const Shape& scores) {
  BroadcastBias bias;
  if (!context.has_input(input)) return bias;
  const Shape& shape = context.tensor(input).shape();
  if (shape.size() != 4 || broadcast(shape, scores) != scores)
    return context.error("has an attention bias of shape " + to_string(shape) + " for scores of shape " +
                         to_string(scores));
  bias.values = Operand<double>(context.tensor(input));
  bias.strides = broadcast_strides(shape, scores);
  return bias;
}

/// Input i as heads: [batch, length, hidden] or [batch, heads, length, size].
template <class A>
Result<Heads<A>> load_heads(const RunContext& context, size_t i, int64_t heads, const A* bias) {
  const Tensor& tensor = context.tensor(i);
  const Operand<A> data(tensor);
  if (tensor.rank() == 4 && tensor.dim(1) == heads) {
    Heads<A> out{
        tensor.dim(0), heads, tensor.dim(2), tensor.dim(3), {data.data(), data.data() + tensor.count()}};
    for (size_t k = 0; bias != nullptr && k < out.data.size(); ++k) {
      const auto index = static_cast<int64_t>(k);
      out.data[k] += bias[index / (out.length * out.size) % heads * out.size + index % out.size];
    }
    return out;
  }
  if (tensor.rank() != 3 || tensor.dim(2) % heads != 0)
    return context.error("has an input of shape " + to_string(tensor.shape()) + " for " +
                         std::to_string(heads) + " heads");
  const int64_t size = tensor.dim(2) / heads;
  return split_heads(data.data(), tensor.dim(0), tensor.dim(1), heads, size, {tensor.dim(2), 0, size}, bias);
}

/// Output i, when wanted, as [batch, heads, length, size].
template <class A>
Status store_heads(RunContext& context, size_t i, const Heads<A>& heads) {
  if (!context.has_output(i)) return {};
  LATHE_ASSIGN(OutputBuffer<A> out,
               OutputBuffer<A>::make(context, i, context.tensor(0).type(), heads.shape()));
  std::copy(heads.data.begin(), heads.data.end(), out.data());
  out.finish();
  return {};
}

/// Query, key and value that can be attended.
template <class A>
bool consistent(const Heads<A>& q, const Heads<A>& k, const Heads<A>& v) {
  return q.batch == k.batch && q.batch == v.batch && q.size == k.size && k.length == v.length &&
         k.heads == v.heads;
}

/// Products of queries with keys and of scores with values; `outputs[1]` is the present key where there is
/// one.
inline int64_t multi_head_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape> outputs) {
  int64_t keys = inputs[0].size() > 1 ? inputs[0][1] : 0;
  if (outputs.size() > 1 && outputs[1].size() == 4)
    keys = outputs[1][2];
  else if (inputs.size() > 1 && inputs[1].size() >= 3)
    keys = inputs[1][inputs[1].size() == 4 ? 2 : 1];
  return 4 * element_count(outputs[0]) * keys;
}

}  // namespace lathe
