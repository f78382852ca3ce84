// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/onednn/convolution.h"

namespace lathe::onednn {
namespace {

using dnnl::memory;

memory::dims minus_one(const std::vector<int64_t>& dilations) {
  memory::dims made;
  for (const int64_t d : dilations) made.push_back(d - 1);
  return made;
}

}  // namespace

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
  if (descs.b)
    return {{kind, algorithm, descs.x, descs.w, *descs.b, descs.y, strides, dilations, begin, end},
            attributes,
            cpu_engine()};
  return {
      {kind, algorithm, descs.x, descs.w, descs.y, strides, dilations, begin, end}, attributes, cpu_engine()};
}

}  // namespace lathe::onednn
