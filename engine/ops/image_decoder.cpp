// SPDX-License-Identifier: Apache-2.0
// ImageDecoder, for inspection only: images are decoded before a model (engine/data), not inside it.
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

Status infer_image_decoder(InferContext& context) {
  const std::string format = context.attributes().get_string("pixel_format", "RGB");
  if (format != "RGB" && format != "BGR" && format != "Grayscale")
    return node_error(context.node(), "has an unknown pixel_format '" + format + "'");
  const Dim height = context.data_dependent_dim("height"), width = context.data_dependent_dim("width");
  context.set_tensor(0, ElementType::u8, Dims{height, width, Dim(format == "Grayscale" ? 1 : 3)});
  return {};
}

}  // namespace

void register_image_decoder(OperatorRegistry& registry) {
  registry.add(
      {"", "ImageDecoder", {20}, 1, 1, 1, 1, trait_data_dependent, infer_image_decoder, nullptr, nullptr});
}

}  // namespace lathe
