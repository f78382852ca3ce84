// SPDX-License-Identifier: Apache-2.0
// DFT and STFT, the windows of HannWindow, HammingWindow and BlackmanWindow, and MelWeightMatrix.
#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "engine/base/checked.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/fourier.h"

namespace lathe {
namespace {

using Complex = std::complex<double>;

// ---- DFT

/// What a DFT does along its axis: a real signal and the first half of its spectrum where it is one-sided.
struct DftPlan {
  size_t axis = 0;
  bool inverse = false, onesided = false;

  /// Channels (1 real, 2 complex) of the output.
  int64_t output_channels() const { return inverse && onesided ? 1 : 2; }
  template <class T>
  T default_length(const T& size) const {
    return inverse && onesided ? (size - T(1)) * T(2) : size;
  }
};

/// `given` nullopt: the axis the operator takes unless told.
Result<DftPlan> dft_plan(const Node& node, std::optional<int64_t> given, size_t rank) {
  DftPlan plan;
  if (rank < 2) return node_error(node, "needs a signal axis and a last axis of 1 or 2");
  const int64_t axis =
      given.value_or(node.version < 20 ? node.attributes.get_int("axis", 1) : static_cast<int64_t>(-2));
  LATHE_ASSIGN(plan.axis, resolve_axis(node, axis, rank));
  if (plan.axis + 1 == rank)
    return node_error(node, "cannot transform the last axis, which holds real and imaginary parts");
  plan.inverse = node.attributes.get_int("inverse", 0) != 0;
  plan.onesided = node.attributes.get_int("onesided", 0) != 0;
  return plan;
}

Status check_channels(const Node& node, int64_t channels, const DftPlan& plan) {
  if (channels != 1 && channels != 2)
    return node_error(node,
                      "has a last axis of " + std::to_string(channels) + ", which must be 1 (real) or 2");
  if (plan.onesided && channels != (plan.inverse ? 2 : 1))
    return node_error(node, plan.inverse ? "needs a complex spectrum for a one-sided inverse"
                                         : "cannot give a one-sided spectrum of a complex signal");
  return {};
}

Status infer_dft(InferContext& context) {
  const Dims* dims = context.dims(0);
  std::optional<int64_t> axis;
  const bool axis_given = context.version() >= 20 && context.has_input(2);
  if (axis_given)
    if (const auto known = context.known_ints(2); known && known->size() == 1) axis = known->front();
  if (dims == nullptr) return infer_unknown_shape(context);
  if (axis_given && !axis) {
    Dims out = unknown_dims(context, dims->size());
    context.set_tensor(0, context.element(0), std::move(out));
    return {};
  }
  LATHE_ASSIGN(const DftPlan plan, dft_plan(context.node(), axis, dims->size()));
  if (dims->back().known()) LATHE_TRY(check_channels(context.node(), dims->back().value(), plan));
  Dims out = *dims;
  const Dim* given = scalar_contents(context, 1);
  Dim length = context.has_input(1) ? (given != nullptr ? *given : context.data_dependent_dim("dft_length"))
                                    : plan.default_length((*dims)[plan.axis]);
  if (plan.onesided && !plan.inverse) length = dim_floor_div(length, 2) + 1;
  out[plan.axis] = std::move(length);
  out.back() = plan.output_channels();
  context.set_tensor(0, context.element(0), std::move(out));
  return {};
}

/// Transforms the `count` elements at x, `stride` apart and of `channels` numbers each, cut or padded with
/// zeros.
template <class A>
void transform_line(FourierTransform& transform, const DftPlan& plan, const A* x, int64_t count,
                    int64_t stride, int64_t channels, std::vector<Complex>& line) {
  const int64_t length = transform.length(), half = length / 2 + 1;
  const bool mirrored = plan.inverse && plan.onesided;
  const int64_t used = std::min(count, mirrored ? half : length);
  std::fill(line.begin(), line.end(), Complex());
  for (int64_t i = 0; i < used; ++i) {
    const A* element = x + i * stride * channels;
    line[static_cast<size_t>(i)] = {static_cast<double>(element[0]),
                                    channels == 2 ? static_cast<double>(element[1]) : 0.0};
  }
  if (mirrored)
    for (int64_t i = half; i < length; ++i)
      line[static_cast<size_t>(i)] = std::conj(line[static_cast<size_t>(length - i)]);
  if (plan.inverse)
    transform.inverse(line.data());
  else
    transform.forward(line.data());
}

/// Writes `count` elements of `channels` numbers, `stride` apart.
template <class A>
void store_line(const std::vector<Complex>& line, A* y, int64_t count, int64_t stride, int64_t channels) {
  for (int64_t i = 0; i < count; ++i) {
    A* element = y + i * stride * channels;
    element[0] = static_cast<A>(line[static_cast<size_t>(i)].real());
    if (channels == 2) element[1] = static_cast<A>(line[static_cast<size_t>(i)].imag());
  }
}

Status run_dft(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "input"));
  std::optional<int64_t> axis;
  if (context.version() >= 20 && context.has_input(2)) {
    LATHE_ASSIGN(axis, integer_input(context, 2, "axis"));
  }
  LATHE_ASSIGN(const DftPlan plan, dft_plan(context.node(), axis, x->rank()));
  const int64_t channels = x->shape().back(), size = x->dim(plan.axis);
  LATHE_TRY(check_channels(context.node(), channels, plan));
  int64_t length = plan.default_length(size);
  if (context.has_input(1)) {
    LATHE_ASSIGN(length, integer_input(context, 1, "dft_length"));
  }
  if (length < 1) return context.error("has a transform length of " + std::to_string(length));
  Shape shape = x->shape();
  shape[plan.axis] = plan.onesided && !plan.inverse ? length / 2 + 1 : length;
  shape.back() = plan.output_channels();
  const int64_t outer = size_between(shape, 0, plan.axis),
                inner = size_between(shape, plan.axis + 1, x->rank() - 1);
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(*x);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x->type(), shape));
    if (y.count() == 0) return {};
    FourierTransform transform(length);
    std::vector<Complex> line(static_cast<size_t>(length));
    for (int64_t i = 0; i < outer * inner; ++i) {
      const int64_t row = i / inner, column = i % inner;
      transform_line(transform, plan, from.data() + (row * size * inner + column) * channels, size, inner,
                     channels, line);
      store_line(line, y.data() + (row * shape[plan.axis] * inner + column) * shape.back(), shape[plan.axis],
                 inner, shape.back());
    }
    y.finish();
    return {};
  });
}

/// 5 n log n for a transform of n elements, as is usual; the longest axis stands for n.
int64_t transform_flops(const Node&, std::span<const Shape>, std::span<const Shape> outputs) {
  if (outputs[0].empty()) return 0;
  const int64_t longest = *std::max_element(outputs[0].begin(), outputs[0].end());
  return 5 * element_count(outputs[0]) / 2 * std::bit_width(static_cast<uint64_t>(longest));
}

// ---- STFT

Status infer_stft(InferContext& context) {
  const Dims* signal = context.dims(0);
  if (signal != nullptr && signal->size() != 3)
    return node_error(context.node(), "needs a signal of rank 3, not " + to_string(*signal));
  Dims out{context.unknown_dim(), context.unknown_dim(), context.unknown_dim(), 2};
  const Dim *step = scalar_contents(context, 1), *given = scalar_contents(context, 3);
  const Dims* window = context.has_input(2) ? context.dims(2) : nullptr;
  std::optional<Dim> length;
  if (given != nullptr)
    length = *given;
  else if (context.has_input(2))
    length = window != nullptr && window->size() == 1 ? std::optional(window->front()) : std::nullopt;
  else if (!context.has_input(3) && signal != nullptr)
    length = (*signal)[1];
  if (signal != nullptr) out[0] = signal->front();
  if (length)
    out[2] = context.attributes().get_int("onesided", 1) != 0 ? dim_floor_div(*length, 2) + 1 : *length;
  if (length && step != nullptr && !step->is(0) && signal != nullptr)
    out[1] = dim_floor_div((*signal)[1] - *length, *step) + 1;
  context.set_tensor(0, context.element(0), std::move(out));
  return {};
}

Status run_stft(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, 3, "signal"));
  const Tensor& signal = context.tensor(0);
  const int64_t size = signal.dim(1), channels = signal.dim(2);
  LATHE_ASSIGN(const int64_t step, integer_input(context, 1, "frame_step"));
  if (context.has_input(2)) LATHE_TRY(check_rank(context, 2, 1, "window"));
  int64_t length = context.has_input(2) ? context.tensor(2).count() : size;
  if (context.has_input(3)) {
    LATHE_ASSIGN(length, integer_input(context, 3, "frame_length"));
  }
  if (context.has_input(2) && context.tensor(2).count() != length)
    return context.error("has a window of " + std::to_string(context.tensor(2).count()) +
                         " elements for frames of " + std::to_string(length));
  if (step < 1 || length < 1 || length > size)
    return context.error("has frames of " + std::to_string(length) + " every " + std::to_string(step) +
                         " for a signal of " + std::to_string(size));
  const DftPlan plan{1, false, context.attributes().get_int("onesided", 1) != 0};
  LATHE_TRY(check_channels(context.node(), channels, plan));
  const Shape shape{signal.dim(0), (size - length) / step + 1, plan.onesided ? length / 2 + 1 : length, 2};
  return compute_float(context, signal.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(signal), window = optional_operand<A>(context, 2);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, signal.type(), shape));
    FourierTransform transform(length);
    std::vector<Complex> line(static_cast<size_t>(length));
    std::vector<A> frame(static_cast<size_t>(length * channels));
    for (int64_t i = 0; i < shape[0] * shape[1]; ++i) {
      const A* start = from.data() + (i / shape[1] * size + i % shape[1] * step) * channels;
      for (int64_t k = 0; k < length * channels; ++k)
        frame[static_cast<size_t>(k)] = window ? start[k] * window[k / channels] : start[k];
      transform_line(transform, plan, frame.data(), length, 1, channels, line);
      store_line(line, y.data() + i * shape[2] * 2, shape[2], 1, 2);
    }
    y.finish();
    return {};
  });
}

// ---- Windows and mel weights

Result<ElementType> output_type(const Node& node) {
  const auto type = element_type_from_onnx(static_cast<int>(node.attributes.get_int("output_datatype", 1)));
  if (!type || !visit_numeric(*type, [](auto) {}))
    return node_error(node, "has an output_datatype that is no type of numbers");
  return *type;
}

/// Stores as Cast would: integers are truncated.
void store_cast(std::vector<double>& values, Tensor& to) {
  if (is_integer(to.type()))
    for (double& value : values) value = std::trunc(value);
  store_elements(values.data(), to);
}

Status infer_window(InferContext& context) {
  LATHE_ASSIGN(const ElementType type, output_type(context.node()));
  const Dim* size = scalar_contents(context, 0);
  context.set_tensor(0, type, Dims{size != nullptr ? *size : context.data_dependent_dim("window")});
  return {};
}

/// a0 - a1 cos(t) + a2 cos(2t) for t over one period.
struct CosineWindow {
  double a0 = 0, a1 = 0, a2 = 0;
};
constexpr CosineWindow hann{0.5, 0.5, 0}, hamming{25.0 / 46.0, 21.0 / 46.0, 0}, blackman{0.42, 0.5, 0.08};

template <const CosineWindow& window>
Status run_window(RunContext& context) {
  LATHE_ASSIGN(const ElementType type, output_type(context.node()));
  LATHE_ASSIGN(const int64_t size, integer_input(context, 0, "size"));
  if (size < 0) return context.error("has a window size of " + std::to_string(size));
  LATHE_ASSIGN(Tensor * out, context.output(0, type, {size}));
  const bool periodic = context.attributes().get_int("periodic", 1) != 0;
  const auto period = static_cast<double>(periodic ? size : size - 1);
  std::vector<double> values(static_cast<size_t>(size), 1.0);  // a symmetric window of one element is 1
  for (int64_t i = 0; i < size && period > 0; ++i) {
    const double t = 2 * std::numbers::pi * static_cast<double>(i) / period;
    values[static_cast<size_t>(i)] = window.a0 - window.a1 * std::cos(t) + window.a2 * std::cos(2 * t);
  }
  store_cast(values, *out);
  return {};
}

Status infer_mel(InferContext& context) {
  LATHE_ASSIGN(const ElementType type, output_type(context.node()));
  const Dim *bins = scalar_contents(context, 0), *length = scalar_contents(context, 1);
  context.set_tensor(
      0, type,
      Dims{length != nullptr ? dim_floor_div(*length, 2) + 1 : context.data_dependent_dim("dft"),
           bins != nullptr ? *bins : context.data_dependent_dim("mel")});
  return {};
}

/// The spectrogram bins at which the triangles of `bands` mel bands start, peak and end.
std::vector<int64_t> mel_edges(int64_t bands, int64_t length, int64_t rate, double low, double high) {
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double step = (mel(high) - mel(low)) / static_cast<double>(bands + 2);
  std::vector<int64_t> edges;
  for (int64_t i = 0; i < bands + 2; ++i) {
    const double hertz = 700 * (std::pow(10, (mel(low) + step * static_cast<double>(i)) / 2595) - 1);
    const double bin = std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate));
    // Bins beyond the spectrum have no rows; where exactly they are matters for the slope only.
    edges.push_back(static_cast<int64_t>(std::clamp(bin, 0.0, 1e15)));
  }
  return edges;
}

Status run_mel(RunContext& context) {
  LATHE_ASSIGN(const ElementType type, output_type(context.node()));
  LATHE_ASSIGN(const int64_t bands, integer_input(context, 0, "num_mel_bins"));
  LATHE_ASSIGN(const int64_t length, integer_input(context, 1, "dft_length"));
  LATHE_ASSIGN(const int64_t rate, integer_input(context, 2, "sample_rate"));
  double limits[2];
  for (const size_t i : {0, 1}) {
    LATHE_ASSIGN(const Tensor* edge,
                 tensor_input(context, 3 + i, i == 0 ? "lower_edge_hertz" : "upper_edge_hertz"));
    const auto numbers = edge->to_double();
    if (numbers.size() != 1 || !std::isfinite(numbers[0]) || numbers[0] < 0)
      return context.error("needs edges that are single frequencies of at least 0 Hz");
    limits[i] = numbers[0];
  }
  if (bands < 0 || length < 1 || rate < 1 || limits[0] > limits[1])
    return context.error("has " + std::to_string(bands) + " bands, a DFT of " + std::to_string(length) +
                         " and a sample rate of " + std::to_string(rate));
  const int64_t rows = length / 2 + 1;
  LATHE_ASSIGN(Tensor * out, context.output(0, type, {rows, bands}));
  const auto edges = mel_edges(bands, length, rate, limits[0], limits[1]);
  std::vector<double> weights(static_cast<size_t>(out->count()), 0.0);
  for (int64_t band = 0; band < bands; ++band) {
    const int64_t* edge = edges.data() + band;
    const auto rise = static_cast<double>(edge[1] - edge[0]), fall = static_cast<double>(edge[2] - edge[1]);
    const auto at = [&](int64_t row) -> double& { return weights[static_cast<size_t>(row * bands + band)]; };
    for (int64_t row = edge[0]; row < std::min(edge[1], rows); ++row)
      at(row) = static_cast<double>(row - edge[0]) / rise;
    if (edge[1] < rows) at(edge[1]) = 1;
    for (int64_t row = edge[1]; row < std::min(edge[2], rows); ++row)
      at(row) = static_cast<double>(edge[2] - row) / fall;
  }
  store_cast(weights, *out);
  return {};
}

}  // namespace

void register_signal(OperatorRegistry& registry) {
  registry.add({"", "DFT", {17, 20}, 1, 3, 1, 1, trait_none, infer_dft, run_dft, transform_flops});
  registry.add({"", "STFT", {17}, 2, 4, 1, 1, trait_none, infer_stft, run_stft, transform_flops});
  const auto add_window = [&](std::string_view name, Status (*run)(RunContext&)) {
    registry.add({"", name, {17}, 1, 1, 1, 1, trait_none, infer_window, run});
  };
  add_window("HannWindow", run_window<hann>);
  add_window("HammingWindow", run_window<hamming>);
  add_window("BlackmanWindow", run_window<blackman>);
  registry.add({"", "MelWeightMatrix", {17}, 5, 5, 1, 1, trait_none, infer_mel, run_mel});
}

}  // namespace lathe
