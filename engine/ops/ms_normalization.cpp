// SPDX-License-Identifier: Apache-2.0
// com.microsoft's SkipLayerNormalization, SkipSimplifiedLayerNormalization and EmbedLayerNormalization: sums
// that are normalised over their last axis.
#include <algorithm>

#include "engine/ops/normalize.h"

namespace lathe {
namespace {

constexpr float default_epsilon = 1e-12F;

/// Which inputs scale and shift the normalised rows; a bias of input 0 means none.
struct RowInputs {
  size_t scale = 0, bias = 0;
};

Status give(RunContext& context, size_t i, Shape shape, const std::vector<float>& values) {
  if (!context.has_output(i)) return {};
  LATHE_ASSIGN(Tensor * out, context.output(i, ElementType::f32, std::move(shape)));
  std::copy(values.begin(), values.end(), out->mutable_data<float>().begin());
  return {};
}

/// Writes sums (of `shape`) to output i, if somebody wants them.
template <class A>
Status give_sums(RunContext& context, size_t i, ElementType type, const Shape& shape,
                 const std::vector<A>& sums) {
  if (!context.has_output(i)) return {};
  LATHE_ASSIGN(OutputBuffer<A> out, OutputBuffer<A>::make(context, i, type, shape));
  std::copy(sums.begin(), sums.end(), out.data());
  out.finish();
  return {};
}

/// Output 0 is the rows of `sums` normalised; centred: their mean is subtracted. `statistics`: outputs 1 and
/// 2 are means and inverse deviations.
template <class A>
Status normalize_rows(RunContext& context, ElementType type, const Shape& shape, const std::vector<A>& sums,
                      RowInputs inputs, bool centred, bool statistics) {
  const size_t axis = shape.size() - 1;
  const int64_t length = shape.back();
  const double epsilon = context.attributes().get_float("epsilon", default_epsilon);
  RowParameter<A> bias;
  LATHE_ASSIGN(const auto scale, RowParameter<A>::make(context, inputs.scale, shape, axis));
  if (inputs.bias != 0) {
    LATHE_ASSIGN(bias, RowParameter<A>::make(context, inputs.bias, shape, axis));
  }
  LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, type, shape));
  Shape rows = shape;
  rows.back() = 1;
  std::vector<float> means, inverse_deviations;
  for (int64_t row = 0, count = element_count(rows); row < count; ++row) {
    const A* start = sums.data() + row * length;
    const Moments moments = centred ? moments_of(start, length) : mean_square_of(start, length);
    const double factor = moments.inverse_deviation(epsilon);
    apply_moments(start, y.data() + row * length, length, moments.mean, factor, scale.row(row),
                  bias.row(row));
    means.push_back(static_cast<float>(moments.mean));
    inverse_deviations.push_back(static_cast<float>(factor));
  }
  y.finish();
  if (!statistics) return {};
  LATHE_TRY(give(context, 1, rows, means));
  return give(context, 2, rows, inverse_deviations);
}

// ---- Skip(Simplified)LayerNormalization

Status infer_skip(InferContext& context) {
  LATHE_TRY(infer_same(context));
  set_same_shape(context, 3, context.element(0));
  std::optional<Dims> rows = dims_or_unknown(context, 0);
  if (rows && rows->empty()) return node_error(context.node(), "cannot normalise a scalar");
  if (rows) rows->back() = 1;
  for (const size_t i : {1, 2}) context.set_tensor(i, ElementType::f32, rows);
  return {};
}

/// Inputs X, skip, scale; centred: shift; and at the end a bias that is added before.
template <bool centred>
Status run_skip(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "input"));
  LATHE_TRY(tensor_input(context, 1, "skip"));
  LATHE_TRY(tensor_input(context, 2, "gamma"));
  if (x->rank() == 0) return context.error("cannot normalise a scalar");
  const Shape& shape = x->shape();
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(*x);
    std::vector<A> sums(from.data(), from.data() + x->count());
    for (const size_t i : {size_t{1}, size_t{centred ? 4 : 3}}) {
      if (!context.has_input(i)) continue;
      LATHE_ASSIGN(const auto added, RowParameter<A>::make(context, i, shape, shape.size() - 1));
      for (int64_t row = 0, at = 0; at < x->count(); ++row)
        for (int64_t k = 0; k < shape.back(); ++k) sums[static_cast<size_t>(at++)] += added.row(row)[k];
    }
    LATHE_TRY(give_sums(context, 3, x->type(), shape, sums));
    return normalize_rows(context, x->type(), shape, sums, {2, size_t{centred ? 3 : 0}}, centred, true);
  });
}

// ---- EmbedLayerNormalization

enum EmbedInput : size_t {
  input_ids,
  segment_ids,
  word_embedding,
  position_embedding,
  segment_embedding,
  gamma,
  beta,
  mask,
  position_ids,
};

Status infer_embed(InferContext& context) {
  const Dims *ids = context.dims(input_ids), *words = context.dims(word_embedding);
  std::optional<Dims> out, counts;
  if (ids != nullptr && ids->size() != 2)
    return node_error(context.node(), "needs input_ids of rank 2, not " + to_string(*ids));
  if (words != nullptr && words->size() != 2)
    return node_error(context.node(), "needs a word_embedding of rank 2, not " + to_string(*words));
  if (ids != nullptr && words != nullptr) out = Dims{(*ids)[0], (*ids)[1], (*words)[1]};
  if (ids != nullptr) counts = Dims{ids->front()};
  const ElementType type = context.element(word_embedding);
  context.set_tensor(0, type, out);
  context.set_tensor(1, ElementType::i32, std::move(counts));
  context.set_tensor(2, type, std::move(out));
  return {};
}

/// sums[i] += table[index(i)] for the rows of `hidden` elements. An error names an index out of range.
template <class A, class Index>
Status add_embedding(const RunContext& context, EmbedInput input, const char* name, int64_t hidden,
                     std::vector<A>& sums, Index&& index) {
  LATHE_TRY(check_rank(context, input, 2, name));
  const Tensor& table = context.tensor(input);
  if (table.dim(1) != hidden)
    return context.error(std::string(name) + " has shape " + to_string(table.shape()) +
                         " for a hidden size of " + std::to_string(hidden));
  const Operand<A> rows(table);
  A* to = sums.data();
  for (int64_t i = 0, count = hidden > 0 ? static_cast<int64_t>(sums.size()) / hidden : 0; i < count; ++i) {
    const int64_t row = index(i);
    if (row < 0 || row >= table.dim(0))
      return context.error(std::string(name) + ": " + bad_index(row, i, 0, table.dim(0)));
    for (int64_t k = 0; k < hidden; ++k) *to++ += rows[row * hidden + k];
  }
  return {};
}

/// Output 1: how many ones the mask of each batch item has; 0 without a mask.
Status count_mask(RunContext& context, int64_t batch, int64_t length) {
  if (!context.has_output(1)) return {};
  std::vector<int64_t> masks;
  if (context.has_input(mask)) {
    LATHE_ASSIGN(masks, int_input(context, mask, "mask"));
    if (context.tensor(mask).shape() != Shape{batch, length})
      return context.error("has a mask of shape " + to_string(context.tensor(mask).shape()));
  }
  LATHE_ASSIGN(Tensor * out, context.output(1, ElementType::i32, {batch}));
  for (int64_t b = 0; b < batch; ++b) {
    const auto row = masks.begin() + (masks.empty() ? 0 : b * length);
    out->mutable_data<int32_t>()[static_cast<size_t>(b)] =
        masks.empty() ? 0 : static_cast<int32_t>(std::count(row, row + length, int64_t{1}));
  }
  return {};
}

Status run_embed(RunContext& context) {
  LATHE_TRY(check_rank(context, input_ids, 2, "input_ids"));
  LATHE_TRY(check_rank(context, word_embedding, 2, "word_embedding"));
  const Shape& ids = context.tensor(input_ids).shape();
  const Tensor& words = context.tensor(word_embedding);
  const Shape shape{ids[0], ids[1], words.dim(1)};
  const auto total = checked_element_count(shape);
  if (!total) return context.error("has a result that is too large");
  LATHE_ASSIGN(const auto word, int_input(context, input_ids, "input_ids"));
  LATHE_ASSIGN(const auto segment, int_input(context, segment_ids, "segment_ids"));
  LATHE_ASSIGN(const auto position, int_input(context, position_ids, "position_ids"));
  if (context.has_input(segment_ids) && segment.size() != word.size())
    return context.error("has segment_ids of shape " + to_string(context.tensor(segment_ids).shape()));
  const auto length = static_cast<size_t>(ids[1]);
  if (context.has_input(position_ids) && position.size() != word.size() && position.size() != length)
    return context.error("has position_ids of shape " + to_string(context.tensor(position_ids).shape()));
  LATHE_TRY(count_mask(context, ids[0], ids[1]));
  return compute_float(context, words.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    std::vector<A> sums(static_cast<size_t>(*total));
    const auto add = [&](EmbedInput input, const char* name, auto&& index) {
      return add_embedding(context, input, name, shape[2], sums, index);
    };
    LATHE_TRY(add(word_embedding, "word_embedding", [&](int64_t i) { return word[static_cast<size_t>(i)]; }));
    LATHE_TRY(add(position_embedding, "position_embedding", [&](int64_t i) {
      return position.empty() ? i % ids[1] : position[static_cast<size_t>(i) % position.size()];
    }));
    if (context.has_input(segment_embedding) && context.has_input(segment_ids))
      LATHE_TRY(add(segment_embedding, "segment_embedding",
                    [&](int64_t i) { return segment[static_cast<size_t>(i)]; }));
    LATHE_TRY(give_sums(context, 2, words.type(), shape, sums));
    return normalize_rows(context, words.type(), shape, sums, {gamma, beta}, true, false);
  });
}

int64_t skip_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 9 * element_count(inputs[0]);  // add, mean, variance, normalise, scale, shift
}
int64_t embed_flops(const Node&, std::span<const Shape>, std::span<const Shape> outputs) {
  return 10 * element_count(outputs[0]);
}

}  // namespace

void register_ms_normalization(OperatorRegistry& registry) {
  constexpr std::string_view domain = "com.microsoft";
  registry.add({domain,
                "SkipLayerNormalization",
                {1},
                3,
                5,
                1,
                4,
                trait_none,
                infer_skip,
                run_skip<true>,
                skip_flops});
  registry.add({domain,
                "SkipSimplifiedLayerNormalization",
                {1},
                3,
                4,
                1,
                4,
                trait_none,
                infer_skip,
                run_skip<false>,
                skip_flops});
  registry.add(
      {domain, "EmbedLayerNormalization", {1}, 7, 9, 1, 3, trait_none, infer_embed, run_embed, embed_flops});
}

}  // namespace lathe
