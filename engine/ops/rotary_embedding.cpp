// SPDX-License-Identifier: Apache-2.0
// RotaryEmbedding of ai.onnx 23 and of com.microsoft, which differ in the order of their inputs.
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

Status infer_rotary(InferContext& context) {
  context.set_output(0, context.input(0));
  return {};
}

/// Positions of the elements: x is [batch, heads, length, size] or [batch, length, heads * size].
struct RotaryShape {
  int64_t batch = 0, heads = 0, length = 0, size = 0, rotated = 0;
  bool flat = false;

  int64_t offset(int64_t b, int64_t head, int64_t t) const {
    return flat ? ((b * length + t) * heads + head) * size : ((b * heads + head) * length + t) * size;
  }
};

Result<RotaryShape> rotary_shape(const RunContext& context, int64_t cache_width) {
  const Shape& x = context.tensor(0).shape();
  RotaryShape shape;
  shape.flat = x.size() == 3;
  if (x.size() != 3 && x.size() != 4)
    return context.error("needs an input of rank 3 or 4, not " + to_string(x));
  shape.rotated = context.attributes().get_int("rotary_embedding_dim", 0);
  shape.heads = shape.flat ? context.attributes().get_int("num_heads", 0) : x[1];
  // com.microsoft lets the cache tell the head size.
  if (shape.flat && shape.heads == 0 && shape.rotated == 0 && cache_width > 0)
    shape.heads = x[2] / (2 * cache_width);
  if (shape.flat && (shape.heads < 1 || x[2] % shape.heads != 0))
    return context.error("needs num_heads that divides " + std::to_string(x[2]));
  shape.batch = x[0];
  shape.length = x[shape.flat ? 1 : 2];
  shape.size = shape.flat ? x[2] / shape.heads : x[3];
  if (shape.rotated == 0) shape.rotated = shape.size;
  if (shape.rotated < 0 || shape.rotated > shape.size || shape.rotated % 2 != 0 ||
      cache_width != shape.rotated / 2)
    return context.error("rotates " + std::to_string(shape.rotated) + " of " + std::to_string(shape.size) +
                         " elements with a cache of width " + std::to_string(cache_width));
  return shape;
}

/// Row of the caches for each (batch, position).
Result<std::vector<int64_t>> cache_rows(const RunContext& context, const RotaryShape& shape,
                                        const Tensor& cache, const Tensor* ids, bool offset_allowed) {
  std::vector<int64_t> rows, given;
  if (ids != nullptr) given = ids->to_int64();
  const int64_t positions = shape.batch * shape.length;
  const bool offset = offset_allowed && ids != nullptr && given.size() == 1;
  if (ids != nullptr && !offset && static_cast<int64_t>(given.size()) != positions)
    return context.error("has position_ids of shape " + to_string(ids->shape()));
  if (ids == nullptr && cache.shape() != Shape{shape.batch, shape.length, shape.rotated / 2})
    return context.error("has caches of shape " + to_string(cache.shape()) + " and no position_ids");
  const int64_t available = cache.count() / std::max<int64_t>(1, shape.rotated / 2);
  for (int64_t i = 0; i < positions; ++i) {
    const int64_t row = ids == nullptr ? i
                        : offset       ? given[0] + i % shape.length
                                       : given[static_cast<size_t>(i)];
    if (row < 0 || row >= available)
      return context.error("has position " + std::to_string(row) + " beyond its caches");
    rows.push_back(row);
  }
  return rows;
}

Status run_by(RunContext& context, size_t cos_input, size_t sin_input, size_t ids_input,
              bool offset_allowed) {
  for (const size_t i : {size_t{0}, cos_input, sin_input})
    LATHE_TRY(check_rank(context, i, -1, "and both caches"));
  const Tensor &x = context.tensor(0), &cosines = context.tensor(cos_input),
               &sines = context.tensor(sin_input);
  if (cosines.rank() < 2 || cosines.shape() != sines.shape())
    return context.error("has caches of shapes " + to_string(cosines.shape()) + " and " +
                         to_string(sines.shape()));
  LATHE_ASSIGN(const RotaryShape shape, rotary_shape(context, cosines.shape().back()));
  const Tensor* ids = context.has_input(ids_input) ? &context.tensor(ids_input) : nullptr;
  LATHE_ASSIGN(const auto rows, cache_rows(context, shape, cosines, ids, offset_allowed));
  const bool interleaved = context.attributes().get_int("interleaved", 0) != 0;
  return compute_float(context, x.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> data(x), cosine(cosines), sine(sines);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x.type(), x.shape()));
    std::copy_n(data.data(), y.count(), y.data());
    const int64_t half = shape.rotated / 2;
    for (int64_t i = 0; i < shape.batch * shape.length * shape.heads; ++i) {
      const int64_t position = i / shape.heads, row = rows[static_cast<size_t>(position)] * half;
      const int64_t start = shape.offset(position / shape.length, i % shape.heads, position % shape.length);
      for (int64_t j = 0; j < half; ++j) {
        const int64_t first = start + (interleaved ? 2 * j : j),
                      second = interleaved ? first + 1 : first + half;
        const A c = cosine[row + j], s = sine[row + j];
        y[first] = c * data[first] - s * data[second];
        y[second] = s * data[first] + c * data[second];
      }
    }
    y.finish();
    return {};
  });
}

Status run_rotary(RunContext& context) {
  return run_by(context, 1, 2, 3, false);
}
Status run_microsoft_rotary(RunContext& context) {
  return run_by(context, 2, 3, 1, true);
}

int64_t rotary_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 3 * element_count(inputs[0]);
}

}  // namespace

void register_rotary_embedding(OperatorRegistry& registry) {
  registry.add({"", "RotaryEmbedding", {23}, 3, 4, 1, 1, trait_none, infer_rotary, run_rotary, rotary_flops});
  registry.add({"com.microsoft",
                "RotaryEmbedding",
                {1},
                4,
                4,
                1,
                1,
                trait_none,
                infer_rotary,
                run_microsoft_rotary,
                rotary_flops});
}

}  // namespace lathe
