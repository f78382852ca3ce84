// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/onednn/convolution.h"

#include <algorithm>
#include <string_view>

namespace lathe::onednn {
namespace {

using dnnl::memory;

/// oneDNN 2.6's AMX kernels for 8 bit lose paddings of volumes, and read beyond inputs where a window sees
/// nothing but padding.
bool is_unsound(const ConvGeometry& conv, const dnnl::convolution_forward::primitive_desc& chosen) {
  if (conv.window.rank() < 3 && !window_in_padding(conv.window)) return false;
  return std::string_view(chosen.impl_info_str()).find("amx") != std::string_view::npos;
}

memory::dims minus_one(const std::vector<int64_t>& dilations) {
  memory::dims made;
  for (const int64_t d : dilations) made.push_back(d - 1);
  return made;
}

}  // namespace

bool window_in_padding(const Window& window) {
  for (size_t axis = 0; axis < window.rank(); ++axis)
    if (std::max(window.pads_begin[axis], window.pads_end[axis]) >= window.extent(axis)) return true;
  return false;
}

Shape grouped(const Shape& weights, int64_t groups) {
  if (groups == 1) return weights;
  Shape shape{groups, weights[0] / groups};
  shape.insert(shape.end(), weights.begin() + 1, weights.end());
  return shape;
}

dnnl::convolution_forward::primitive_desc describe_conv(const ConvGeometry& conv, const ConvDescs& descs,
                                                        dnnl::algorithm algorithm,
                                                        const dnnl::primitive_attr& attributes) {
  const memory::dims strides(conv.window.strides.begin(), conv.window.strides.end()),
      dilations = minus_one(conv.window.dilations);
  const memory::dims begin(conv.window.pads_begin.begin(), conv.window.pads_begin.end()),
      end(conv.window.pads_end.begin(), conv.window.pads_end.end());
  const auto kind = dnnl::prop_kind::forward_inference;
  dnnl::convolution_forward::primitive_desc chosen =
      descs.b ? dnnl::convolution_forward::primitive_desc(
                    {kind, algorithm, descs.x, descs.w, *descs.b, descs.y, strides, dilations, begin, end},
                    attributes, cpu_engine())
              : dnnl::convolution_forward::primitive_desc(
                    {kind, algorithm, descs.x, descs.w, descs.y, strides, dilations, begin, end}, attributes,
                    cpu_engine());
  while (is_unsound(conv, chosen))
    if (!chosen.next_impl()) throw dnnl::error(dnnl_unimplemented, "only by an unsound kernel");
  return chosen;
}

}  // namespace lathe::onednn
