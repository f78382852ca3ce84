// SPDX-License-Identifier: Apache-2.0
// BatchNormalization, InstanceNormalization and GroupNormalization: per channel or group of channels.
#include "engine/ops/normalize.h"

namespace lathe {
namespace {

/// An input [N, C, D1, ..].
struct Channels {
  int64_t batch = 1, count = 1, spatial = 1;
  explicit Channels(const Shape& shape) {
    if (!shape.empty()) batch = shape[0];
    if (shape.size() > 1) count = shape[1];
    if (shape.size() > 2) spatial = size_between(shape, 2, shape.size());
  }
};

/// Input i with `count` elements, in A.
template <class A>
Result<Operand<A>> parameter(const RunContext& context, size_t i, const char* name, int64_t count) {
  LATHE_ASSIGN(const Tensor* tensor, tensor_input(context, i, name));
  if (tensor->count() != count)
    return context.error(std::string("has ") + name + " of shape " + to_string(tensor->shape()) +
                         ", but needs " + std::to_string(count) + " elements");
  if (!visit_float(tensor->type(), [](auto) {})) return context.type_error(tensor->type());
  return Operand<A>(*tensor);
}

/// y = x * factor + shift over a run; shift holds the mean too, in double so that nothing cancels.
template <class A>
void scale_run(const A* x, A* y, int64_t count, double factor, double shift) {
  for (int64_t i = 0; i < count; ++i) y[i] = static_cast<A>(static_cast<double>(x[i]) * factor + shift);
}

// ---- BatchNormalization

/// Before opset 14 the presence of further outputs says that this is training.
bool is_training(const Node& node) {
  if (node.version >= 14) return node.attributes.get_int("training_mode", 0) != 0;
  return node.outputs.size() > 1 && node.outputs[1].valid();
}

Status infer_batch_norm(InferContext& context) {
  LATHE_TRY(infer_same(context));
  const Dims* dims = context.dims(0);
  std::optional<Dims> channels;
  if (dims != nullptr) {
    channels = Dims{dims->size() > 1 ? (*dims)[1] : Dim(1)};
    const bool per_channel = context.version() >= 9 || context.attributes().get_int("spatial", 1) != 0;
    for (size_t i = 1; i < 5 && per_channel; ++i) {
      const Dims* given = context.dims(i);
      if (given != nullptr && given->size() == 1 && given->front().known() && channels->front().known() &&
          !(given->front() == channels->front()))
        return node_error(context.node(), "has parameters of shape " + to_string(*given) +
                                              " for an input of shape " + to_string(*dims));
    }
    if (!per_channel) channels = dims_or_unknown(context, 3);
  }
  for (size_t i = 1; i < context.output_count(); ++i)
    context.set_tensor(i, context.element(i % 2 == 1 ? 3 : 4), channels);
  return {};
}

/// Moments of every channel over the batch and all positions.
template <class A>
std::vector<Moments> channel_moments(const A* x, const Channels& c) {
  std::vector<Moments> all(static_cast<size_t>(c.count));
  const double n = static_cast<double>(c.batch) * static_cast<double>(c.spatial);
  for (int64_t channel = 0; channel < c.count; ++channel) {
    Moments& m = all[static_cast<size_t>(channel)];
    const auto over_batch = [&](auto&& f) {
      double sum = 0;
      for (int64_t b = 0; b < c.batch; ++b)
        sum += sum_of(x + (b * c.count + channel) * c.spatial, c.spatial, f);
      return sum / n;
    };
    m.mean = over_batch([](double e) { return e; });
    m.variance = over_batch([mean = m.mean](double e) { return (e - mean) * (e - mean); });
  }
  return all;
}

/// Outputs 1 and 2: running statistics, 3 and 4 (old opsets): those of this batch.
Status give_statistics(RunContext& context, const std::vector<Moments>& batch, const Shape& shape) {
  const double momentum = context.attributes().get_float("momentum", 0.9F);
  for (size_t i = 1; i < context.output_count(); ++i) {
    if (!context.has_output(i)) continue;
    const bool mean = i % 2 == 1;
    const Tensor& before = context.tensor(mean ? 3 : 4);
    std::vector<double> values = before.to_double();
    for (size_t k = 0; k < values.size(); ++k) {
      const double now = mean ? batch[k].mean : batch[k].variance;
      values[k] = i <= 2 ? values[k] * momentum + now * (1 - momentum) : now;
    }
    LATHE_ASSIGN(Tensor * out, context.output(i, before.type(), shape));
    store_elements(values.data(), *out);
  }
  return {};
}

Status run_batch_norm(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  Channels channels(x->shape());
  if (context.version() < 9 && context.attributes().get_int("spatial", 1) == 0) {
    // Every position is a channel of its own.
    channels.count *= channels.spatial;
    channels.spatial = 1;
  }
  const double epsilon = context.attributes().get_float("epsilon", 1e-5F);
  const auto count = static_cast<size_t>(channels.count);
  LATHE_ASSIGN(const auto scale, parameter<double>(context, 1, "scale", channels.count));
  LATHE_ASSIGN(const auto bias, parameter<double>(context, 2, "bias", channels.count));
  LATHE_ASSIGN(const auto mean, parameter<double>(context, 3, "mean", channels.count));
  LATHE_ASSIGN(const auto variance, parameter<double>(context, 4, "variance", channels.count));
  std::vector<Moments> moments(count);
  for (size_t i = 0; i < count; ++i) moments[i] = {mean.data()[i], variance.data()[i]};
  LATHE_TRY(compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(*x);
    if (is_training(context.node())) moments = channel_moments(from.data(), channels);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x->type(), x->shape()));
    for (int64_t i = 0; i < channels.batch * channels.count; ++i) {
      const int64_t c = i % channels.count;
      const Moments& m = moments[static_cast<size_t>(c)];
      const double factor = scale[c] * m.inverse_deviation(epsilon);
      scale_run(from.data() + i * channels.spatial, y.data() + i * channels.spatial, channels.spatial, factor,
                bias[c] - m.mean * factor);
    }
    y.finish();
    return {};
  }));
  if (!is_training(context.node())) {
    // Nothing was learnt: the statistics are those given.
    for (size_t i = 1; i < context.output_count(); ++i)
      if (context.has_output(i)) context.set_output(i, context.value(i % 2 == 1 ? 3 : 4));
    return {};
  }
  return give_statistics(context, moments, context.tensor(3).shape());
}

// ---- InstanceNormalization and GroupNormalization

Status check_channels(const RunContext& context, const Tensor& x, int64_t groups) {
  if (x.rank() < 2)
    return context.error("has an input of shape " + to_string(x.shape()) + ", but needs [N, C, ..]");
  if (groups < 1 || x.dim(1) % groups != 0)
    return context.error("has " + std::to_string(x.dim(1)) + " channels, which do not make " +
                         std::to_string(groups) + " groups");
  return {};
}

/// Groups of channels; `per_group`: one scale and bias for each group, else for each channel.
Status run_groups(RunContext& context, int64_t groups, bool per_group) {
  const Tensor& x = context.tensor(0);
  const Channels channels(x.shape());
  const double epsilon = context.attributes().get_float("epsilon", 1e-5F);
  const int64_t parameters = per_group ? groups : channels.count;
  LATHE_ASSIGN(const auto scale, parameter<double>(context, 1, "scale", parameters));
  LATHE_ASSIGN(const auto bias, parameter<double>(context, 2, "bias", parameters));
  return compute_float(context, x.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(x);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x.type(), x.shape()));
    const int64_t size = channels.count / std::max<int64_t>(groups, 1) * channels.spatial;
    for (int64_t i = 0; i < channels.batch * groups && size > 0; ++i) {
      const Moments m = moments_of(from.data() + i * size, size);
      const double deviation = m.inverse_deviation(epsilon);
      const int64_t group = i % groups;
      for (int64_t at = 0; at < size; at += channels.spatial) {
        const int64_t p = per_group ? group : group * (channels.count / groups) + at / channels.spatial;
        const double factor = scale[p] * deviation;
        const int64_t start = i * size + at;
        scale_run(from.data() + start, y.data() + start, channels.spatial, factor, bias[p] - m.mean * factor);
      }
    }
    y.finish();
    return {};
  });
}

Status run_instance_norm(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "input"));
  LATHE_TRY(check_channels(context, *x, 1));
  return run_groups(context, x->dim(1), false);
}

Status run_group_norm(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  const int64_t groups = context.attributes().get_int("num_groups", 0);
  LATHE_TRY(check_channels(context, *x, groups));
  return run_groups(context, groups, context.version() < 21);
}

Status infer_group_norm(InferContext& context) {
  const Dims* dims = context.dims(0);
  if (dims != nullptr && dims->size() < 2)
    return node_error(context.node(), "has an input of shape " + to_string(*dims) + ", but needs [N, C, ..]");
  if (context.node().op_type == "GroupNormalization") {
    const int64_t groups = context.attributes().get_int("num_groups", 0);
    if (groups < 1 || (dims != nullptr && (*dims)[1].known() && (*dims)[1].value() % groups != 0))
      return node_error(context.node(), "has num_groups " + std::to_string(groups) + " for its channels");
  }
  return infer_same(context);
}

int64_t batch_norm_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  return (is_training(node) ? 6 : 2) * element_count(inputs[0]);
}
int64_t group_norm_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 6 * element_count(inputs[0]);  // mean, variance, scale, shift
}

}  // namespace

void register_normalization(OperatorRegistry& registry) {
  registry.add({"",
                "BatchNormalization",
                {1, 6, 7, 9, 14, 15},
                5,
                5,
                1,
                5,
                trait_none,
                infer_batch_norm,
                run_batch_norm,
                batch_norm_flops});
  registry.add({"",
                "InstanceNormalization",
                {1, 6, 22},
                3,
                3,
                1,
                1,
                trait_none,
                infer_group_norm,
                run_instance_norm,
                group_norm_flops});
  registry.add({"",
                "GroupNormalization",
                {18, 21},
                3,
                3,
                1,
                1,
                trait_none,
                infer_group_norm,
                run_group_norm,
                group_norm_flops});
}

}  // namespace lathe
