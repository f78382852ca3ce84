// SPDX-License-Identifier: Apache-2.0
// LayerNormalization, RMSNormalization and SimplifiedLayerNormalization: over the axes from `axis` on.
#include "engine/ops/normalize.h"

namespace lathe {
namespace {

ElementType statistics_type(const Node& node) {
  const auto stash = static_cast<int>(node.attributes.get_int("stash_type", 1));
  return element_type_from_onnx(stash).value_or(ElementType::f32);
}

/// Outputs after Y are statistics, one element per row.
Status infer_layer_norm(InferContext& context) {
  LATHE_TRY(infer_same(context));
  const Dims* dims = context.dims(0);
  std::optional<Dims> rows;
  if (dims != nullptr) {
    LATHE_ASSIGN(const size_t axis,
                 resolve_axis(context.node(), context.attributes().get_int("axis", -1), dims->size()));
    rows = *dims;
    std::fill(rows->begin() + static_cast<std::ptrdiff_t>(axis), rows->end(), Dim(1));
  }
  for (const size_t i : {1, 2}) context.set_tensor(i, statistics_type(context.node()), rows);
  return {};
}

struct Statistics {
  std::vector<float> means, inverse_deviations;
};

/// Writes one of the statistics as output i, if somebody wants it.
Status give(RunContext& context, size_t i, const Shape& rows, const std::vector<float>& values) {
  if (!context.has_output(i)) return {};
  LATHE_ASSIGN(Tensor * out, context.output(i, statistics_type(context.node()), rows));
  if (!visit_float(out->type(), [](auto) {})) return context.error("has a stash_type that is no float type");
  store_elements(values.data(), *out);
  return {};
}

/// centred: the mean is subtracted, and is output 1; the inverse deviation is the output after.
template <bool centred>
Status run_layer_norm(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", -1), x->rank()));
  const double epsilon = context.attributes().get_float("epsilon", 1e-5F);
  const int64_t length = size_between(x->shape(), axis, x->rank());
  Shape rows = x->shape();
  std::fill(rows.begin() + static_cast<std::ptrdiff_t>(axis), rows.end(), 1);
  const auto row_count = static_cast<size_t>(element_count(rows));
  Statistics statistics{std::vector<float>(row_count), std::vector<float>(row_count)};
  LATHE_TRY(compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(*x);
    LATHE_ASSIGN(const auto scale, RowParameter<A>::make(context, 1, x->shape(), axis));
    LATHE_ASSIGN(const auto bias, RowParameter<A>::make(context, 2, x->shape(), axis));
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x->type(), x->shape()));
    for (size_t row = 0; row < row_count; ++row) {
      const auto index = static_cast<int64_t>(row);
      const A* start = from.data() + index * length;
      const Moments moments = centred ? moments_of(start, length) : mean_square_of(start, length);
      const double factor = moments.inverse_deviation(epsilon);
      apply_moments(start, y.data() + index * length, length, moments.mean, factor, scale.row(index),
                    bias.row(index));
      statistics.means[row] = static_cast<float>(moments.mean);
      statistics.inverse_deviations[row] = static_cast<float>(factor);
    }
    y.finish();
    return {};
  }));
  if (centred) LATHE_TRY(give(context, 1, rows, statistics.means));
  return give(context, centred ? 2 : 1, rows, statistics.inverse_deviations);
}

int64_t layer_norm_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 8 * element_count(inputs[0]);  // mean, variance, normalise, scale, shift
}

}  // namespace

void register_layer_normalization(OperatorRegistry& registry) {
  const auto add = [&](std::string_view domain, std::string_view name, std::vector<int> versions, int inputs,
                       int outputs, Status (*run)(RunContext&)) {
    registry.add({domain, name, std::move(versions), 2, inputs, 1, outputs, trait_none, infer_layer_norm, run,
                  layer_norm_flops});
  };
  add("", "LayerNormalization", {17}, 3, 3, run_layer_norm<true>);
  add("com.microsoft", "LayerNormalization", {1}, 3, 3, run_layer_norm<true>);
  add("", "RMSNormalization", {23}, 2, 1, run_layer_norm<false>);
  // ONNX Runtime's exporters put it into either domain.
  add("", "SimplifiedLayerNormalization", {1}, 2, 2, run_layer_norm<false>);
  add("com.microsoft", "SimplifiedLayerNormalization", {1}, 2, 2, run_layer_norm<false>);
}

}  // namespace lathe
