// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/window.h"

#include <algorithm>
#include <limits>

#include "engine/base/checked.h"
#include "engine/ops/operand.h"

namespace lathe {
namespace {

// Keeps every position computed below (stride * output, kernel * dilation) far from overflow.
constexpr int64_t max_size = std::numeric_limits<int32_t>::max();

enum class AutoPad { notset, same_upper, same_lower, valid };

/// The attributes, checked and brought to the number of spatial axes.
struct WindowAttributes {
  std::vector<int64_t> kernel, strides, dilations, pads_begin, pads_end;
  AutoPad auto_pad = AutoPad::notset;
  bool ceil_mode = false;

  int64_t extent(size_t axis) const { return (kernel[axis] - 1) * dilations[axis] + 1; }
};

Status read_sizes(const Node& node, const char* name, size_t count, int64_t least, int64_t fallback,
                  std::vector<int64_t>& out) {
  out = node.attributes.get_ints(name);
  if (out.empty()) out.assign(count, fallback);
  if (out.size() != count)
    return node_error(node, std::string(name) + " has " + std::to_string(out.size()) +
                                " numbers, but needs " + std::to_string(count));
  for (const int64_t value : out)
    if (value < least || value > max_size)
      return node_error(node,
                        std::string(name) + " holds " + std::to_string(value) + ", which is out of range");
  return {};
}

Result<AutoPad> read_auto_pad(const Node& node) {
  const std::string text = node.attributes.get_string("auto_pad", "NOTSET");
  if (text == "NOTSET" || text.empty()) return AutoPad::notset;
  if (text == "SAME_UPPER") return AutoPad::same_upper;
  if (text == "SAME_LOWER") return AutoPad::same_lower;
  if (text == "VALID") return AutoPad::valid;
  return node_error(node, "auto_pad is '" + text + "', which is not known");
}

Result<WindowAttributes> read_window(const Node& node, size_t rank, std::span<const int64_t> kernel) {
  WindowAttributes window;
  if (!kernel.empty() && !node.attributes.has("kernel_shape")) {
    window.kernel.assign(kernel.begin(), kernel.end());
  } else {
    if (!node.attributes.has("kernel_shape")) return node_error(node, "needs the attribute kernel_shape");
    LATHE_TRY(read_sizes(node, "kernel_shape", rank, 1, 1, window.kernel));
    if (!kernel.empty() &&
        !std::equal(kernel.begin(), kernel.end(), window.kernel.begin(), window.kernel.end()))
      return node_error(node, "kernel_shape is " + to_string(window.kernel) + ", but the weights have " +
                                  to_string(kernel));
  }
  if (window.kernel.size() != rank)
    return node_error(node, "has a kernel of " + std::to_string(window.kernel.size()) +
                                " axes for an input of " + std::to_string(rank) + " spatial axes");
  for (const int64_t size : window.kernel)
    if (size < 1 || size > max_size)
      return node_error(node, "has a kernel of shape " + to_string(window.kernel));
  LATHE_TRY(read_sizes(node, "strides", rank, 1, 1, window.strides));
  LATHE_TRY(read_sizes(node, "dilations", rank, 1, 1, window.dilations));
  LATHE_ASSIGN(window.auto_pad, read_auto_pad(node));
  window.ceil_mode = node.attributes.get_int("ceil_mode", 0) != 0;
  std::vector<int64_t> pads(2 * rank, 0);
  if (window.auto_pad == AutoPad::notset) LATHE_TRY(read_sizes(node, "pads", 2 * rank, 0, 0, pads));
  window.pads_begin.assign(pads.begin(), pads.begin() + static_cast<ptrdiff_t>(rank));
  window.pads_end.assign(pads.begin() + static_cast<ptrdiff_t>(rank), pads.end());
  return window;
}

bool is_same(AutoPad pad) {
  return pad == AutoPad::same_upper || pad == AutoPad::same_lower;
}

/// Number of windows along one axis, with explicit padding.
Dim window_count(const WindowAttributes& w, size_t axis, const Dim& input) {
  const int64_t stride = w.strides[axis], extent = w.extent(axis);
  const Dim room = input + Dim(w.pads_begin[axis] + w.pads_end[axis] - extent);
  if (!w.ceil_mode || w.auto_pad == AutoPad::valid) return dim_floor_div(room, stride) + Dim(1);
  Dim rounded_up = dim_ceil_div(room, stride) + Dim(1);
  // A window that would start in the padding at the end is dropped. Opset 22 says so; exporters and other
  // runtimes have always done it, also for models of earlier opsets.
  if (stride + w.pads_end[axis] <= extent) return rounded_up;
  return dim_min(rounded_up, dim_floor_div(input + Dim(w.pads_begin[axis] - 1), stride) + Dim(1));
}

}  // namespace

bool Window::padded() const {
  const auto positive = [](int64_t pad) { return pad != 0; };
  return std::any_of(pads_begin.begin(), pads_begin.end(), positive) ||
         std::any_of(pads_end.begin(), pads_end.end(), positive);
}

bool Window::pointwise() const {
  const auto one = [](int64_t size) { return size == 1; };
  return !padded() && std::all_of(kernel.begin(), kernel.end(), one) &&
         std::all_of(strides.begin(), strides.end(), one);
}

Result<Window> resolve_window(const Node& node, std::span<const int64_t> spatial,
                              std::span<const int64_t> kernel) {
  LATHE_ASSIGN(WindowAttributes read, read_window(node, spatial.size(), kernel));
  Window window{read.kernel, read.strides, read.dilations, read.pads_begin, read.pads_end, {}};
  for (size_t axis = 0; axis < spatial.size(); ++axis) {
    const int64_t input = spatial[axis], extent = read.extent(axis), stride = read.strides[axis];
    if (is_same(read.auto_pad)) {
      const int64_t output = ceil_div(input, stride);
      const int64_t total = output == 0 ? 0 : std::max<int64_t>(0, (output - 1) * stride + extent - input);
      const int64_t smaller = total / 2;
      window.pads_begin[axis] = read.auto_pad == AutoPad::same_upper ? smaller : total - smaller;
      window.pads_end[axis] = total - window.pads_begin[axis];
      window.output.push_back(output);
      continue;
    }
    const int64_t padded = input + read.pads_begin[axis] + read.pads_end[axis];
    if (padded < extent && input > 0)
      return node_error(node, "has a kernel spanning " + std::to_string(extent) +
                                  " positions, but the padded input has " + std::to_string(padded) +
                                  " on spatial axis " + std::to_string(axis));
    window.output.push_back(std::max<int64_t>(0, window_count(read, axis, input).value()));
  }
  return window;
}

Result<Dims> window_output(const Node& node, std::span<const Dim> spatial, std::span<const int64_t> kernel) {
  const Dims dims(spatial.begin(), spatial.end());
  if (is_static(dims)) {
    LATHE_ASSIGN(const Window window, resolve_window(node, to_shape(dims), kernel));
    return to_dims(window.output);
  }
  LATHE_ASSIGN(const WindowAttributes window, read_window(node, spatial.size(), kernel));
  Dims output;
  for (size_t axis = 0; axis < spatial.size(); ++axis)
    output.push_back(is_same(window.auto_pad) ? dim_ceil_div(spatial[axis], window.strides[axis])
                                              : window_count(window, axis, spatial[axis]));
  return output;
}

int64_t ConvGeometry::flops() const {
  return 2 * batch * out_channels * element_count(window.output) * group_channels() * kernel_count();
}

Result<ConvGeometry> resolve_conv(const Node& node, const Shape& x, const Shape& w) {
  if (x.size() < 3 || w.size() != x.size())
    return node_error(
        node, "cannot convolve an input of shape " + to_string(x) + " with weights of shape " + to_string(w));
  ConvGeometry conv;
  conv.groups = node.attributes.get_int("group", 1);
  conv.batch = x[0];
  conv.channels = x[1];
  conv.out_channels = w[0];
  if (conv.groups < 1 || conv.groups > std::max<int64_t>(1, conv.channels) ||
      conv.channels % conv.groups != 0 || conv.out_channels % conv.groups != 0 ||
      conv.group_channels() != w[1])
    return node_error(node, "has input " + to_string(x) + ", weights " + to_string(w) + " and " +
                                std::to_string(conv.groups) + " groups, which do not fit");
  conv.input.assign(x.begin() + 2, x.end());
  LATHE_ASSIGN(conv.window, resolve_window(node, conv.input, std::span(w).subspan(2)));
  conv.output = {conv.batch, conv.out_channels};
  conv.output.insert(conv.output.end(), conv.window.output.begin(), conv.window.output.end());
  return conv;
}

namespace {

/// The weights' spatial shape where it is known, else nothing (then the attribute decides).
Shape known_kernel(const Dims& w) {
  const Dims spatial(w.begin() + 2, w.end());
  return is_static(spatial) ? to_shape(spatial) : Shape();
}

bool divides(const Dim& a, int64_t b) {
  return !a.known() || a.value() % b == 0;
}

}  // namespace

Result<Dims> conv_output(const Node& node, const Dims& x, const Dims& w) {
  if (is_static(x) && is_static(w)) {
    LATHE_ASSIGN(const ConvGeometry conv, resolve_conv(node, to_shape(x), to_shape(w)));
    return to_dims(conv.output);
  }
  if (x.size() < 3 || w.size() != x.size())
    return node_error(
        node, "cannot convolve an input of shape " + to_string(x) + " with weights of shape " + to_string(w));
  const int64_t groups = node.attributes.get_int("group", 1);
  if (groups < 1 || !divides(x[1], groups) || !divides(w[0], groups) ||
      (x[1].known() && w[1].known() && x[1].value() != w[1].value() * groups))
    return node_error(node, "has input " + to_string(x) + ", weights " + to_string(w) + " and " +
                                std::to_string(groups) + " groups, which do not fit");
  LATHE_ASSIGN(Dims spatial, window_output(node, std::span(x).subspan(2), known_kernel(w)));
  Dims output{x[0], w[0]};
  output.insert(output.end(), spatial.begin(), spatial.end());
  return output;
}

namespace {

/// Sizes and pads of a transposed convolution along one axis.
struct TransposedAxis {
  Dim output;
  int64_t pad_begin = 0, pad_end = 0;
};

Result<std::vector<TransposedAxis>> transposed_axes(const Node& node, std::span<const Dim> spatial,
                                                    const WindowAttributes& w) {
  std::vector<int64_t> extra, wanted;
  LATHE_TRY(read_sizes(node, "output_padding", spatial.size(), 0, 0, extra));
  if (node.attributes.has("output_shape")) {
    wanted = node.attributes.get_ints("output_shape");
    if (wanted.size() == spatial.size() + 2) wanted.erase(wanted.begin(), wanted.begin() + 2);
    if (wanted.size() != spatial.size()) return node_error(node, "has an output_shape of the wrong length");
  }
  std::vector<TransposedAxis> axes(spatial.size());
  for (size_t i = 0; i < spatial.size(); ++i) {
    TransposedAxis& axis = axes[i];
    const Dim full = (spatial[i] - Dim(1)) * Dim(w.strides[i]) + Dim(extra[i] + w.extent(i));
    const bool same = is_same(w.auto_pad);
    if (wanted.empty() && !same) {
      axis.pad_begin = w.pads_begin[i];
      axis.pad_end = w.pads_end[i];
      axis.output = full - Dim(axis.pad_begin + axis.pad_end);
    } else {
      axis.output = wanted.empty() ? spatial[i] * Dim(w.strides[i]) : Dim(wanted[i]);
      const Dim total = full - axis.output;
      if (total.known()) {
        // What the output asks for beyond the scatter stays empty at the end.
        const int64_t pad = std::max<int64_t>(0, total.value());
        const bool larger_first = w.auto_pad != AutoPad::same_upper;
        axis.pad_begin = larger_first ? pad - pad / 2 : pad / 2;
        axis.pad_end = pad - axis.pad_begin;
      }
    }
    if (axis.output.known() && axis.output.value() < 0)
      return node_error(node, "pads cut more than the whole output on spatial axis " + std::to_string(i));
  }
  return axes;
}

}  // namespace

Result<ConvGeometry> resolve_conv_transpose(const Node& node, const Shape& x, const Shape& w) {
  if (x.size() < 3 || w.size() != x.size())
    return node_error(
        node, "cannot convolve an input of shape " + to_string(x) + " with weights of shape " + to_string(w));
  ConvGeometry conv;
  conv.groups = node.attributes.get_int("group", 1);
  conv.batch = x[0];
  conv.channels = x[1];
  if (conv.groups < 1 || conv.groups > std::max<int64_t>(1, conv.channels) ||
      conv.channels % conv.groups != 0 || w[0] != conv.channels)
    return node_error(node, "has input " + to_string(x) + ", weights " + to_string(w) + " and " +
                                std::to_string(conv.groups) + " groups, which do not fit");
  const auto outputs = checked_mul(w[1], conv.groups);
  if (!outputs) return node_error(node, "has too many output channels");
  conv.out_channels = *outputs;
  conv.input.assign(x.begin() + 2, x.end());
  const Shape kernel(w.begin() + 2, w.end());
  LATHE_ASSIGN(WindowAttributes read, read_window(node, kernel.size(), kernel));
  LATHE_ASSIGN(const auto axes, transposed_axes(node, to_dims(conv.input), read));
  conv.window = {read.kernel, read.strides, read.dilations, {}, {}, {}};
  conv.output = {conv.batch, conv.out_channels};
  for (const TransposedAxis& axis : axes) {
    conv.window.pads_begin.push_back(axis.pad_begin);
    conv.window.pads_end.push_back(axis.pad_end);
    conv.window.output.push_back(axis.output.value());
    conv.output.push_back(axis.output.value());
  }
  return conv;
}

Result<Dims> conv_transpose_output(const Node& node, const Dims& x, const Dims& w) {
  if (is_static(x) && is_static(w)) {
    LATHE_ASSIGN(const ConvGeometry conv, resolve_conv_transpose(node, to_shape(x), to_shape(w)));
    return to_dims(conv.output);
  }
  if (x.size() < 3 || w.size() != x.size())
    return node_error(
        node, "cannot convolve an input of shape " + to_string(x) + " with weights of shape " + to_string(w));
  LATHE_ASSIGN(const WindowAttributes read, read_window(node, x.size() - 2, known_kernel(w)));
  LATHE_ASSIGN(const auto axes, transposed_axes(node, std::span(x).subspan(2), read));
  Dims output{x[0], w[1] * Dim(node.attributes.get_int("group", 1))};
  for (const TransposedAxis& axis : axes) output.push_back(axis.output);
  return output;
}

}  // namespace lathe
