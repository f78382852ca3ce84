// SPDX-License-Identifier: Apache-2.0
// Rows and columns of a convolution's kernel that never meet anything but padding are cut off: what is left
// of a 3x3 kernel with dilation 24 over an image of 16x16 (the last layers of DeepLab) is its middle.
#include <cstring>

#include "engine/ops/window.h"
#include "engine/passes/match.h"

namespace lathe {
namespace {

/// Taps [first, last) of one axis.
struct Taps {
  int64_t first = 0, last = 0;
};

/// Those between the first and the last one that read the input at some output position. All of them where
/// cutting would need negative padding.
Taps live_taps(const Window& window, size_t axis, int64_t size) {
  const int64_t kernel = window.kernel[axis], dilation = window.dilations[axis],
                stride = window.strides[axis];
  const auto reads = [&](int64_t tap) {
    for (int64_t o = 0; o < window.output[axis]; ++o) {
      const int64_t at = o * stride - window.pads_begin[axis] + tap * dilation;
      if (at >= 0 && at < size) return true;
    }
    return false;
  };
  Taps taps{0, kernel};
  while (taps.last > 1 && !reads(taps.last - 1) &&
         window.pads_end[axis] >= (kernel - taps.last + 1) * dilation)
    --taps.last;
  while (taps.first + 1 < taps.last && !reads(taps.first) &&
         window.pads_begin[axis] >= (taps.first + 1) * dilation)
    ++taps.first;
  return taps;
}

/// weights [outer.., kernel..] with these taps of each kernel axis only.
Result<Tensor> cut(const Tensor& weights, const std::vector<Taps>& taps) {
  Tensor now = weights;
  for (size_t i = 0; i < taps.size(); ++i) {
    const size_t axis = weights.rank() - taps.size() + i;
    Shape shape = now.shape();
    const int64_t before = shape[axis];
    shape[axis] = taps[i].last - taps[i].first;
    LATHE_ASSIGN(Tensor made, Tensor::allocate(now.type(), shape));
    const auto row = static_cast<size_t>(element_count(std::span<const int64_t>(shape).subspan(axis + 1))) *
                     element_size(now.type());
    const auto rows = static_cast<size_t>(element_count(std::span<const int64_t>(shape).first(axis)));
    const size_t width = static_cast<size_t>(shape[axis]) * row;
    const std::byte* from = now.raw() + static_cast<size_t>(taps[i].first) * row;
    for (size_t r = 0; r < rows; ++r)
      std::memcpy(made.mutable_raw() + r * width, from + r * static_cast<size_t>(before) * row, width);
    now = std::move(made);
  }
  return now;
}

Status apply(PassContext& context, NodeId id, const Window& window, const std::vector<Taps>& taps) {
  const Node& node = context.graph.node(id);
  LATHE_ASSIGN(Tensor weights, cut(read_once(*context.graph.constant(node.inputs[1])), taps));
  std::vector<int64_t> begin = window.pads_begin, end = window.pads_end, kernel;
  for (size_t axis = 0; axis < taps.size(); ++axis) {
    begin[axis] -= taps[axis].first * window.dilations[axis];
    end[axis] -= (window.kernel[axis] - taps[axis].last) * window.dilations[axis];
    kernel.push_back(taps[axis].last - taps[axis].first);
  }
  begin.insert(begin.end(), end.begin(), end.end());
  std::vector<ValueId> inputs = node.inputs;
  inputs[1] = context.editor.add_constant(node.name + ".weight_trimmed", std::move(weights));
  context.editor.set_node_inputs(id, std::move(inputs));
  context.editor.set_attribute(id, "kernel_shape", std::move(kernel));
  context.editor.set_attribute(id, "auto_pad", std::string("NOTSET"));
  context.editor.set_attribute(id, "pads", std::move(begin));
  return {};
}

Result<size_t> trim(PassContext& context) {
  size_t changes = 0;
  for (size_t i = 0; i < context.graph.nodes().size(); ++i) {
    const Node& node = context.graph.nodes()[i];
    if (!node.alive || !(is_op(node, "Conv") || is_internal(node, "FusedConv"))) continue;
    const Tensor* weights = context.graph.constant(node.inputs[1]);
    const auto x = static_shape(context, node.inputs[0]);
    if (weights == nullptr || !x || weights->count() == 0) continue;
    const auto conv = resolve_conv(node, *x, weights->shape());
    if (!conv.ok() || !conv->window.padded()) continue;
    std::vector<Taps> taps;
    bool cuts = false;
    for (size_t axis = 0; axis < conv->window.rank(); ++axis) {
      taps.push_back(live_taps(conv->window, axis, conv->input[axis]));
      cuts = cuts || taps[axis].last - taps[axis].first < conv->window.kernel[axis];
    }
    if (!cuts) continue;
    LATHE_TRY(apply(context, node.id, conv->window, taps));
    ++changes;
  }
  return changes;
}

}  // namespace

void register_trim_kernels(PassRegistry& registry) {
  registry.add({"trim_kernels", true, trim});
}

}  // namespace lathe
