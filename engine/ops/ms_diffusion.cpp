// SPDX-License-Identifier: Apache-2.0
// com.microsoft's fusions of diffusion models: GroupNorm, SkipGroupNorm, BiasAdd and BiasSplitGelu.
#include <algorithm>
#include <cmath>

#include "engine/ops/activation.h"
#include "engine/ops/normalize.h"

namespace lathe {
namespace {

// ---- GroupNorm, SkipGroupNorm

struct GroupAttributes {
  int64_t groups = 0;
  bool channels_last = true, silu = false;
};

Result<GroupAttributes> read_groups(const Node& node) {
  GroupAttributes attributes;
  attributes.groups = node.attributes.get_int("groups", 0);
  attributes.channels_last = node.attributes.get_int("channels_last", 1) != 0;
  const int64_t activation = node.attributes.get_int("activation", 0);
  if (attributes.groups < 1) return node_error(node, "has groups = " + std::to_string(attributes.groups));
  if (activation != 0 && activation != 1)
    return node_error(node, "has an unknown activation " + std::to_string(activation));
  attributes.silu = activation == 1;
  return attributes;
}

Error indivisible(const Node& node, const std::string& channels, int64_t groups) {
  return node_error(node, "has " + channels + " channels, which is no multiple of its " +
                              std::to_string(groups) + " groups");
}

Status infer_group_norm(InferContext& context) {
  LATHE_ASSIGN(const GroupAttributes attributes, read_groups(context.node()));
  if (const Dims* dims = context.dims(0)) {
    if (dims->size() < 3)
      return node_error(context.node(), "needs an input with spatial axes, not " + to_string(*dims));
    const Dim& channels = attributes.channels_last ? dims->back() : (*dims)[1];
    if (channels.known() && channels.value() % attributes.groups != 0)
      return indivisible(context.node(), channels.text(), attributes.groups);
  }
  set_same_shape(context, 1, context.element(0));
  return infer_same(context);
}

/// Elements as [batch, channel, position], wherever the channels are.
struct Image {
  int64_t batch = 0, channels = 0, positions = 0;
  int64_t channel_stride = 1, position_stride = 1;
  int64_t start(int64_t n, int64_t channel) const {
    return n * channels * positions + channel * channel_stride;
  }
};

Result<Image> image_of(const RunContext& context, const Shape& shape, const GroupAttributes& attributes) {
  if (shape.size() < 3) return context.error("needs an input with spatial axes, not " + to_string(shape));
  Image image;
  image.batch = shape[0];
  image.channels = attributes.channels_last ? shape.back() : shape[1];
  image.positions = attributes.channels_last ? size_between(shape, 1, shape.size() - 1)
                                             : size_between(shape, 2, shape.size());
  image.channel_stride = attributes.channels_last ? 1 : image.positions;
  image.position_stride = attributes.channels_last ? image.channels : 1;
  if (image.channels % attributes.groups != 0)
    return indivisible(context.node(), std::to_string(image.channels), attributes.groups);
  return image;
}

/// Normalises group after group of `x` into `y`.
template <class A>
void normalise_groups(const Image& image, const GroupAttributes& attributes, double epsilon, const A* x,
                      const A* gamma, const A* beta, A* y) {
  const int64_t size = image.channels / attributes.groups;
  std::vector<A> values(static_cast<size_t>(size * image.positions));
  for (int64_t n = 0; n < image.batch; ++n)
    for (int64_t first = 0; first < image.channels; first += size) {
      A* to = values.data();
      for (int64_t c = first; c < first + size; ++c)
        for (int64_t p = 0; p < image.positions; ++p)
          *to++ = x[image.start(n, c) + p * image.position_stride];
      const Moments moments = moments_of(values.data(), static_cast<int64_t>(values.size()));
      const double factor = moments.inverse_deviation(epsilon);
      const A* from = values.data();
      for (int64_t c = first; c < first + size; ++c)
        for (int64_t p = 0; p < image.positions; ++p) {
          const A value =
              static_cast<A>((static_cast<double>(*from++) - moments.mean) * factor) * gamma[c] + beta[c];
          y[image.start(n, c) + p * image.position_stride] =
              attributes.silu ? value / (1 + std::exp(-value)) : value;
        }
    }
}

/// x += skip, which has the shape of x, or one element for each image and channel; and bias, one a channel.
template <class A>
Status add_skip(const RunContext& context, const Image& image, std::vector<A>& x) {
  LATHE_TRY(check_rank(context, 3, -1, "skip"));
  const Tensor& skip = context.tensor(3);
  const bool whole = skip.shape() == context.tensor(0).shape();
  if (!whole && skip.count() != image.batch * image.channels)
    return context.error("has a skip of shape " + to_string(skip.shape()) + " for an input of shape " +
                         to_string(context.tensor(0).shape()));
  const Operand<A> added(skip), bias = optional_operand<A>(context, 4);
  if (bias && context.tensor(4).count() != image.channels)
    return context.error("has a bias of shape " + to_string(context.tensor(4).shape()));
  for (int64_t n = 0; n < image.batch; ++n)
    for (int64_t c = 0; c < image.channels; ++c)
      for (int64_t p = 0; p < image.positions; ++p) {
        const int64_t at = image.start(n, c) + p * image.position_stride;
        x[static_cast<size_t>(at)] += added[whole ? at : n * image.channels + c] + (bias ? bias[c] : A(0));
      }
  return {};
}

template <bool with_skip>
Status run_group_norm(RunContext& context) {
  LATHE_ASSIGN(const GroupAttributes attributes, read_groups(context.node()));
  for (size_t i = 0; i < 3; ++i) LATHE_TRY(check_rank(context, i, -1, "X, gamma or beta"));
  const Tensor& x = context.tensor(0);
  LATHE_ASSIGN(const Image image, image_of(context, x.shape(), attributes));
  for (const size_t i : {1, 2})
    if (context.tensor(i).count() != image.channels)
      return context.error("has a gamma or beta of shape " + to_string(context.tensor(i).shape()) + " for " +
                           std::to_string(image.channels) + " channels");
  const double epsilon = context.attributes().get_float("epsilon", 1e-5F);
  return compute_float(context, x.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(x);
    std::vector<A> sums(from.data(), from.data() + x.count());
    if constexpr (with_skip) LATHE_TRY(add_skip(context, image, sums));
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x.type(), x.shape()));
    normalise_groups(image, attributes, epsilon, sums.data(), Operand<A>(context.tensor(1)).data(),
                     Operand<A>(context.tensor(2)).data(), y.data());
    y.finish();
    if (!with_skip || !context.has_output(1)) return {};
    LATHE_ASSIGN(OutputBuffer<A> s, OutputBuffer<A>::make(context, 1, x.type(), x.shape()));
    std::copy(sums.begin(), sums.end(), s.data());
    s.finish();
    return {};
  });
}

// ---- BiasAdd, BiasSplitGelu

Status check_bias(const RunContext& context, const Tensor& x) {
  LATHE_TRY(check_rank(context, 1, 1, "bias"));
  if (x.rank() > 0 && context.tensor(1).dim(0) == x.shape().back()) return {};
  return context.error("has a bias of shape " + to_string(context.tensor(1).shape()) +
                       " for an input of shape " + to_string(x.shape()));
}

Status run_bias_add(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  LATHE_ASSIGN(const Tensor* skip, tensor_input(context, 2, "skip"));
  LATHE_TRY(check_bias(context, *x));
  if (skip->shape() != x->shape())
    return context.error("has a skip of shape " + to_string(skip->shape()) + " for an input of shape " +
                         to_string(x->shape()));
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(*x), bias(context.tensor(1)), added(*skip);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x->type(), x->shape()));
    for (int64_t i = 0; i < y.count(); ++i) y[i] = from[i] + bias[i % x->shape().back()] + added[i];
    y.finish();
    return {};
  });
}

Status infer_split_gelu(InferContext& context) {
  std::optional<Dims> out = dims_or_unknown(context, 0);
  if (out && (out->empty() || (out->back().known() && out->back().value() % 2 != 0)))
    return node_error(context.node(), "needs an even last axis, not " + to_string(*out));
  if (out) out->back() = dim_floor_div(out->back(), Dim(2));
  context.set_tensor(0, context.element(0), std::move(out));
  return {};
}

/// The left half of each row times the Gelu of the right half.
Status run_split_gelu(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  LATHE_TRY(check_bias(context, *x));
  Shape shape = x->shape();
  if (shape.back() % 2 != 0) return context.error("needs an even last axis, not " + to_string(shape));
  const int64_t half = shape.back() /= 2;
  const Activation gelu(ActivationKind::gelu);
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(*x), bias(context.tensor(1));
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x->type(), shape));
    for (int64_t i = 0; i < y.count(); ++i) {
      const int64_t column = i % half, left = i / half * 2 * half + column;
      y[i] = (from[left] + bias[column]) * activate(gelu, from[left + half] + bias[column + half]);
    }
    y.finish();
    return {};
  });
}

int64_t group_norm_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 8 * element_count(inputs[0]);
}

}  // namespace

void register_ms_diffusion(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, int least, int most, int outputs,
                       Status (*infer)(InferContext&), Status (*run)(RunContext&),
                       decltype(Operator::flops) flops) {
    registry.add({"com.microsoft", name, {1}, least, most, 1, outputs, trait_none, infer, run, flops});
  };
  add("GroupNorm", 3, 3, 1, infer_group_norm, run_group_norm<false>, group_norm_flops);
  add("SkipGroupNorm", 4, 5, 2, infer_group_norm, run_group_norm<true>, group_norm_flops);
  add("BiasAdd", 3, 3, 1, infer_same, run_bias_add, nullptr);
  add("BiasSplitGelu", 2, 2, 1, infer_split_gelu, run_split_gelu, nullptr);
}

}  // namespace lathe
