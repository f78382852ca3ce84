// SPDX-License-Identifier: Apache-2.0
// LpNormalization, MeanVarianceNormalization and LRN (local response normalisation).
#include "engine/ops/normalize.h"

namespace lathe {
namespace {

Status infer_lp_norm(InferContext& context) {
  if (const Dims* dims = context.dims(0); dims != nullptr) {
    LATHE_TRY(resolve_axis(context.node(), context.attributes().get_int("axis", -1), dims->size()));
  }
  return infer_same(context);
}

Status run_lp_norm(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "input"));
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", -1), x->rank()));
  const int64_t p = context.attributes().get_int("p", 2);
  if (p != 1 && p != 2) return context.error("has p " + std::to_string(p) + ", but only 1 and 2 are defined");
  const AxisSplit split = split_at(x->shape(), axis);
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(*x);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x->type(), x->shape()));
    for (int64_t outer = 0; outer < split.outer; ++outer)
      for (int64_t inner = 0; inner < split.inner; ++inner) {
        const int64_t start = outer * split.size * split.inner + inner;
        double norm = 0;
        for (int64_t i = 0; i < split.size; ++i) {
          const auto e = static_cast<double>(from[start + i * split.inner]);
          norm += p == 1 ? std::abs(e) : e * e;
        }
        if (p == 2) norm = std::sqrt(norm);
        for (int64_t i = 0; i < split.size; ++i) {
          const int64_t at = start + i * split.inner;
          y[at] = norm == 0 ? A(0) : static_cast<A>(static_cast<double>(from[at]) / norm);
        }
      }
    y.finish();
    return {};
  });
}

Result<ReducedAxes> mvn_axes(const Node& node, size_t rank) {
  std::vector<int64_t> axes{0, 2, 3};
  if (node.attributes.has("axes")) axes = node.attributes.get_ints("axes");
  LATHE_ASSIGN(ReducedAxes reduced, resolve_reduced_axes(node, axes, rank));
  reduced.keep = true;
  return reduced;
}

Status infer_mvn(InferContext& context) {
  if (const Dims* dims = context.dims(0); dims != nullptr) {
    LATHE_TRY(mvn_axes(context.node(), dims->size()));
  }
  return infer_same(context);
}

Status run_mvn(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  LATHE_ASSIGN(const ReducedAxes axes, mvn_axes(context.node(), x->rank()));
  const Shape kept = reduced_shape(x->shape(), axes);
  const auto groups = static_cast<size_t>(element_count(kept));
  const BroadcastLoop loop(x->shape(), std::array{kept});
  const double count = groups == 0 ? 0 : static_cast<double>(x->count()) / static_cast<double>(groups);
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(*x);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x->type(), x->shape()));
    const auto each = [&](auto&& body) {
      loop.for_each_run([&](int64_t start, const BroadcastLoop::Offsets& group, int64_t length) {
        for (int64_t i = 0; i < length; ++i)
          body(start + i, static_cast<size_t>(group[0] + (loop.steps(0) ? i : 0)));
      });
    };
    std::vector<double> means(groups), deviations(groups);
    each([&](int64_t i, size_t g) { means[g] += static_cast<double>(from[i]); });
    for (double& mean : means) mean /= count;
    each([&](int64_t i, size_t g) {
      const double distance = static_cast<double>(from[i]) - means[g];
      deviations[g] += distance * distance;
    });
    for (double& deviation : deviations) deviation = std::sqrt(deviation / count) + 1e-9;
    each([&](int64_t i, size_t g) {
      y[i] = static_cast<A>((static_cast<double>(from[i]) - means[g]) / deviations[g]);
    });
    y.finish();
    return {};
  });
}

Status infer_lrn(InferContext& context) {
  if (context.attributes().get_int("size", 0) < 1)
    return node_error(context.node(), "needs a positive size attribute");
  if (context.dims(0) != nullptr && context.dims(0)->size() < 2)
    return node_error(context.node(), "needs an input [N, C, ..]");
  return infer_same(context);
}

Status run_lrn(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  const Attributes& attributes = context.attributes();
  const int64_t size = attributes.get_int("size", 0);
  if (size < 1) return context.error("needs a positive size attribute");
  if (x->rank() < 2) return context.error("needs an input [N, C, ..]");
  const double alpha = attributes.get_float("alpha", 1e-4F) / static_cast<double>(size);
  const double beta = attributes.get_float("beta", 0.75F), bias = attributes.get_float("bias", 1.0F);
  const int64_t channels = x->dim(1), spatial = size_between(x->shape(), 2, x->rank());
  const int64_t before = std::min((size - 1) / 2, channels), after = std::min(size / 2, channels);
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(*x);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x->type(), x->shape()));
    std::vector<double> squares(static_cast<size_t>(spatial));
    for (int64_t plane = 0; plane < x->dim(0) * channels; ++plane) {
      const int64_t channel = plane % channels, first = plane - channel;
      std::fill(squares.begin(), squares.end(), 0.0);
      for (int64_t c = std::max<int64_t>(0, channel - before); c <= std::min(channels - 1, channel + after);
           ++c) {
        const A* row = from.data() + (first + c) * spatial;
        for (double& sum : squares) {
          sum += static_cast<double>(*row) * static_cast<double>(*row);
          ++row;
        }
      }
      for (int64_t i = 0; i < spatial; ++i) {
        const double divisor = std::pow(bias + alpha * squares[static_cast<size_t>(i)], beta);
        y[plane * spatial + i] = static_cast<A>(static_cast<double>(from[plane * spatial + i]) / divisor);
      }
    }
    y.finish();
    return {};
  });
}

int64_t norm_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 6 * element_count(inputs[0]);
}
int64_t lrn_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  return (2 * node.attributes.get_int("size", 1) + 3) * element_count(inputs[0]);
}

}  // namespace

void register_contrast_normalization(OperatorRegistry& registry) {
  registry.add(
      {"", "LpNormalization", {1, 22}, 1, 1, 1, 1, trait_none, infer_lp_norm, run_lp_norm, norm_flops});
  registry.add(
      {"", "MeanVarianceNormalization", {9, 13}, 1, 1, 1, 1, trait_none, infer_mvn, run_mvn, norm_flops});
  registry.add({"", "LRN", {1, 13}, 1, 1, 1, 1, trait_none, infer_lrn, run_lrn, lrn_flops});
}

}  // namespace lathe
