// SPDX-License-Identifier: Apache-2.0
// com.microsoft's operators on linearly quantised tensors that are computed element by element, along an axis
// or by reduction: QLinearAdd, QLinearMul, QLinearSigmoid, QLinearLeakyRelu, QLinearSoftmax, QLinearWhere,
// QLinearConcat and QLinearReduceMean.
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/quantized.h"

namespace lathe {
namespace {

/// Which inputs hold a tensor and its parameters.
struct QuantizedInput {
  size_t tensor, scale, zero_point;
};

/// The real numbers that a quantised input stands for.
Result<std::vector<float>> dequantized(const RunContext& context, QuantizedInput input, const char* name) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, input.tensor, name));
  LATHE_ASSIGN(const float scale, scalar_input(context, input.scale, "a scale"));
  const Tensor* zero = optional_tensor(context, input.zero_point);
  if (zero != nullptr && zero->count() != 1)
    return context.error("has a zero point of shape " + to_string(zero->shape()) +
                         ", but needs a single number");
  LATHE_ASSIGN(const auto centered, centered_integers(context, *x, zero));
  std::vector<float> out(centered.size());
  std::transform(centered.begin(), centered.end(), out.begin(), [scale](uint32_t element) {
    return static_cast<float>(static_cast<int32_t>(element)) * scale;
  });
  return out;
}

/// Stores real numbers as output 0, of type `type`.
Status quantize(RunContext& context, ElementType type, Shape shape, size_t scale_input, size_t zero_input,
                std::vector<float>& values) {
  LATHE_ASSIGN(const float scale, scalar_input(context, scale_input, "the scale of the output"));
  const Tensor zero = Tensor::scalar<uint8_t>(0), signed_zero = Tensor::scalar<int8_t>(0);
  const Tensor* given = optional_tensor(context, zero_input);
  if (given == nullptr) given = type == ElementType::i8 ? &signed_zero : &zero;
  if (given->type() != type)
    return context.error(std::string("has a zero point of type ") + to_string(given->type()) +
                         " for an output of type " + to_string(type));
  LATHE_ASSIGN(const Quantizer quantizer, Quantizer::make(context, given));
  for (float& value : values) value /= scale;
  return quantizer.store(context, 0, std::move(shape), values);
}

// ---- QLinearAdd, QLinearMul

Status infer_binary(InferContext& context) {
  std::optional<Dims> out;
  if (context.dims(0) != nullptr && context.dims(3) != nullptr) {
    LATHE_ASSIGN(out, broadcast_dims(context.node(), *context.dims(0), *context.dims(3)));
  }
  context.set_tensor(0, context.element(0), std::move(out));
  return {};
}

template <class F>
Status run_binary(RunContext& context, F&& f) {
  LATHE_ASSIGN(const auto a, dequantized(context, {0, 1, 2}, "A"));
  LATHE_ASSIGN(const auto b, dequantized(context, {3, 4, 5}, "B"));
  const Tensor &left = context.tensor(0), &right = context.tensor(3);
  if (left.type() != right.type()) return context.error("has inputs of different element types");
  const auto shape = broadcast(left.shape(), right.shape());
  if (!shape)
    return context.error("has shapes " + to_string(left.shape()) + " and " + to_string(right.shape()) +
                         ", which do not broadcast");
  std::vector<float> values(static_cast<size_t>(element_count(*shape)));
  const BroadcastLoop loop(*shape, std::array{left.shape(), right.shape()});
  binary_loop(loop, a.data(), b.data(), values.data(), f);
  return quantize(context, left.type(), *shape, 6, 7, values);
}

Status run_add(RunContext& context) {
  return run_binary(context, [](float a, float b) { return a + b; });
}
Status run_mul(RunContext& context) {
  return run_binary(context, [](float a, float b) { return a * b; });
}

// ---- QLinearSigmoid, QLinearLeakyRelu, QLinearSoftmax

Status run_sigmoid(RunContext& context) {
  LATHE_ASSIGN(auto values, dequantized(context, {0, 1, 2}, "X"));
  for (float& value : values) value = 1 / (1 + std::exp(-value));
  return quantize(context, context.tensor(0).type(), context.tensor(0).shape(), 3, 4, values);
}

Status run_leaky_relu(RunContext& context) {
  LATHE_ASSIGN(auto values, dequantized(context, {0, 1, 2}, "X"));
  const float alpha = context.attributes().get_float("alpha", 0.01F);
  for (float& value : values) value = value < 0 ? value * alpha : value;
  return quantize(context, context.tensor(0).type(), context.tensor(0).shape(), 3, 4, values);
}

/// Before opset 13 of Softmax, everything from the axis on is one axis.
Result<AxisSplit> softmax_split(const Node& node, const Shape& shape) {
  LATHE_ASSIGN(const size_t axis, resolve_axis(node, node.attributes.get_int("axis", -1), shape.size()));
  if (node.attributes.get_int("opset", 13) >= 13) return split_at(shape, axis);
  return AxisSplit{size_between(shape, 0, axis), size_between(shape, axis, shape.size()), 1};
}

Status infer_softmax(InferContext& context) {
  if (const Dims* dims = context.dims(0))
    LATHE_TRY(resolve_axis(context.node(), context.attributes().get_int("axis", -1), dims->size()));
  return infer_same(context);
}

Status run_softmax(RunContext& context) {
  LATHE_ASSIGN(auto values, dequantized(context, {0, 1, 2}, "X"));
  const Tensor& x = context.tensor(0);
  LATHE_ASSIGN(const AxisSplit split, softmax_split(context.node(), x.shape()));
  for (int64_t o = 0; o < split.outer; ++o)
    for (int64_t j = 0; j < split.inner; ++j) {
      const auto at = [&](int64_t i) -> float& {
        return values[static_cast<size_t>((o * split.size + i) * split.inner + j)];
      };
      float largest = -std::numeric_limits<float>::infinity(), sum = 0;
      for (int64_t i = 0; i < split.size; ++i) largest = std::max(largest, at(i));
      for (int64_t i = 0; i < split.size; ++i) sum += at(i) = std::exp(at(i) - largest);
      for (int64_t i = 0; i < split.size; ++i) at(i) /= sum;
    }
  return quantize(context, x.type(), x.shape(), 3, 4, values);
}

// ---- QLinearWhere

Status infer_where(InferContext& context) {
  std::optional<Dims> out;
  if (context.dims(0) != nullptr && context.dims(1) != nullptr && context.dims(4) != nullptr) {
    LATHE_ASSIGN(const Dims values, broadcast_dims(context.node(), *context.dims(1), *context.dims(4)));
    LATHE_ASSIGN(out, broadcast_dims(context.node(), *context.dims(0), values));
  }
  context.set_tensor(0, context.element(1), std::move(out));
  return {};
}

Status run_where(RunContext& context) {
  LATHE_ASSIGN(const Tensor* condition, tensor_input(context, 0, "condition"));
  LATHE_ASSIGN(const auto x, dequantized(context, {1, 2, 3}, "X"));
  LATHE_ASSIGN(const auto y, dequantized(context, {4, 5, 6}, "Y"));
  const Tensor &first = context.tensor(1), &second = context.tensor(4);
  if (condition->type() != ElementType::boolean) return context.type_error(condition->type());
  if (first.type() != second.type()) return context.error("has inputs of different element types");
  const auto both = broadcast(first.shape(), second.shape());
  const auto shape = both ? broadcast(condition->shape(), *both) : std::nullopt;
  if (!shape)
    return context.error("has shapes " + to_string(condition->shape()) + ", " + to_string(first.shape()) +
                         " and " + to_string(second.shape()) + ", which do not broadcast");
  std::vector<float> values(static_cast<size_t>(element_count(*shape)));
  const BroadcastLoop loop(*shape, std::array{condition->shape(), first.shape(), second.shape()});
  const bool* chosen = condition->data<bool>().data();
  loop.for_each_run([&](int64_t to, const BroadcastLoop::Offsets& at, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const auto from = [&](size_t operand) {
        return static_cast<size_t>(at[operand] + (loop.steps(operand) ? i : 0));
      };
      values[static_cast<size_t>(to + i)] = chosen[from(0)] ? x[from(1)] : y[from(2)];
    }
  });
  return quantize(context, first.type(), *shape, 7, 8, values);
}

// ---- QLinearConcat: scale and zero point of the output, then triples

Status check_triples(const Node& node, size_t inputs) {
  if (inputs >= 5 && (inputs - 2) % 3 == 0) return {};
  return node_error(node, "has " + std::to_string(inputs) + " inputs, but needs 2 and then triples");
}

/// Sizes other than that of the axis must agree.
template <class Size>
bool joins(const std::vector<Size>& a, const std::vector<Size>& b, size_t axis) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (i != axis && !(a[i] == b[i])) return false;
  return true;
}

Status infer_concat(InferContext& context) {
  const Node& node = context.node();
  LATHE_TRY(check_triples(node, context.input_count()));
  std::optional<Dims> out;
  for (size_t i = 2; i < context.input_count(); i += 3) {
    const Dims* dims = context.dims(i);
    if (dims == nullptr) {
      context.set_tensor(0, context.element(1), std::nullopt);
      return {};
    }
    LATHE_ASSIGN(const size_t axis,
                 resolve_axis(node, context.attributes().get_int("axis", 0), dims->size()));
    if (!out) {
      out = *dims;
      continue;
    }
    if (out->size() != dims->size())
      return node_error(node, "has inputs of shapes " + to_string(*out) + " and " + to_string(*dims));
    for (size_t k = 0; k < dims->size(); ++k) {
      Dim& to = (*out)[k];
      if (k == axis)
        to = to + (*dims)[k];
      else if (to.known() && (*dims)[k].known() && !(to == (*dims)[k]))
        return node_error(node, "has inputs of shapes " + to_string(*out) + " and " + to_string(*dims));
      else if (!to.known())
        to = (*dims)[k];
    }
  }
  context.set_tensor(0, context.element(1), std::move(out));
  return {};
}

Status run_concat(RunContext& context) {
  LATHE_TRY(check_triples(context.node(), context.input_count()));
  LATHE_ASSIGN(const Tensor* zero, tensor_input(context, 1, "Y_zero_point"));
  LATHE_ASSIGN(const Tensor* first, tensor_input(context, 2, "the first tensor"));
  Shape shape = first->shape();
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", 0), shape.size()));
  std::vector<std::vector<float>> parts;
  std::vector<int64_t> runs;
  shape[axis] = 0;
  for (size_t i = 2; i < context.input_count(); i += 3) {
    LATHE_ASSIGN(auto part, dequantized(context, {i, i + 1, i + 2}, "of a triple"));
    const Shape& next = context.tensor(i).shape();
    if (!joins(shape, next, axis))
      return context.error("has inputs of shapes " + to_string(first->shape()) + " and " + to_string(next));
    shape[axis] += next[axis];
    runs.push_back(size_between(next, axis, next.size()));
    parts.push_back(std::move(part));
  }
  std::vector<float> values;
  values.reserve(static_cast<size_t>(element_count(shape)));
  for (int64_t row = 0, rows = size_between(shape, 0, axis); row < rows; ++row)
    for (size_t k = 0; k < parts.size(); ++k) {
      const auto from = parts[k].begin() + row * runs[k];
      values.insert(values.end(), from, from + runs[k]);
    }
  return quantize(context, zero->type(), shape, 0, 1, values);
}

// ---- QLinearReduceMean

Status infer_reduce_mean(InferContext& context) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr) return infer_unknown_shape(context);
  LATHE_ASSIGN(const ReducedAxes axes,
               resolve_reduced_axes(context.node(), context.attributes().get_ints("axes"), dims->size()));
  Dims out;
  for (size_t i = 0; i < dims->size(); ++i)
    if (!axes.reduced[i] || axes.keep) out.push_back(axes.reduced[i] ? Dim(1) : (*dims)[i]);
  context.set_tensor(0, context.element(0), std::move(out));
  return {};
}

Status run_reduce_mean(RunContext& context) {
  LATHE_ASSIGN(const auto from, dequantized(context, {0, 1, 2}, "data"));
  const Tensor& x = context.tensor(0);
  LATHE_ASSIGN(ReducedAxes axes,
               resolve_reduced_axes(context.node(), context.attributes().get_ints("axes"), x.rank()));
  const Shape shape = reduced_shape(x.shape(), axes);
  axes.keep = true;
  const Shape kept = reduced_shape(x.shape(), axes);
  std::vector<double> sums(static_cast<size_t>(element_count(kept)));
  const BroadcastLoop loop(x.shape(), std::array{kept});
  loop.for_each_run([&](int64_t at, const BroadcastLoop::Offsets& to, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      sums[static_cast<size_t>(to[0] + (loop.steps(0) ? i : 0))] +=
          static_cast<double>(from[static_cast<size_t>(at + i)]);
  });
  const double count = sums.empty() ? 1 : static_cast<double>(from.size()) / static_cast<double>(sums.size());
  std::vector<float> means(sums.size());
  std::transform(sums.begin(), sums.end(), means.begin(),
                 [count](double sum) { return static_cast<float>(sum / count); });
  return quantize(context, x.type(), shape, 3, 4, means);
}

}  // namespace

void register_ms_qlinear(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, int least, int most, uint32_t traits,
                       Status (*infer)(InferContext&), Status (*run)(RunContext&)) {
    registry.add({"com.microsoft", name, {1}, least, most, 1, 1, traits, infer, run, nullptr});
  };
  add("QLinearAdd", 7, 8, trait_none, infer_binary, run_add);
  add("QLinearMul", 7, 8, trait_none, infer_binary, run_mul);
  add("QLinearSigmoid", 4, 5, trait_none, infer_same, run_sigmoid);
  add("QLinearLeakyRelu", 4, 5, trait_none, infer_same, run_leaky_relu);
  add("QLinearSoftmax", 4, 5, trait_none, infer_softmax, run_softmax);
  add("QLinearWhere", 9, 9, trait_none, infer_where, run_where);
  add("QLinearConcat", 5, -1, trait_none, infer_concat, run_concat);
  add("QLinearReduceMean", 4, 5, trait_none, infer_reduce_mean, run_reduce_mean);
}

}  // namespace lathe
