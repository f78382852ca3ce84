// SPDX-License-Identifier: Apache-2.0
// ImageDecoder: an encoded image as a tensor [height, width, channels].
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"
#include "engine/tensor/image.h"

namespace lathe {
namespace {

enum class PixelFormat : uint8_t { rgb, bgr, grayscale };

Result<PixelFormat> pixel_format(const Node& node) {
  const std::string name = node.attributes.get_string("pixel_format", "RGB");
  if (name == "RGB") return PixelFormat::rgb;
  if (name == "BGR") return PixelFormat::bgr;
  if (name == "Grayscale") return PixelFormat::grayscale;
  return node_error(node, "has an unknown pixel_format '" + name + "'");
}

Status infer_image_decoder(InferContext& context) {
  LATHE_ASSIGN(const PixelFormat format, pixel_format(context.node()));
  const ElementType type = context.element(0);
  if (type != ElementType::undefined && type != ElementType::u8)
    return node_error(context.node(), std::string("does not take elements of type ") + to_string(type));
  if (const Dims* dims = context.dims(0); dims != nullptr && dims->size() != 1)
    return node_error(context.node(), "takes encoded bytes of rank 1, not " + std::to_string(dims->size()));
  const Dim height = context.data_dependent_dim("height"), width = context.data_dependent_dim("width");
  context.set_tensor(0, ElementType::u8, Dims{height, width, Dim(format == PixelFormat::grayscale ? 1 : 3)});
  return {};
}

/// Luma of ITU-R 601 in 16-bit fixed point, rounded.
uint8_t luma(const uint8_t* rgb) {
  return static_cast<uint8_t>((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

Status run_image_decoder(RunContext& context) {
  LATHE_ASSIGN(const PixelFormat format, pixel_format(context.node()));
  LATHE_TRY(check_rank(context, 0, 1, "encoded_stream"));
  const Tensor& encoded = context.tensor(0);
  if (encoded.type() != ElementType::u8) return context.type_error(encoded.type());
  auto decoded = decode_image({encoded.raw(), encoded.bytes()});
  if (!decoded.ok()) {
    Error error = std::move(decoded).error();
    error.where = context.error("").where;
    error.what = "encoded_stream " + error.what;
    return error;
  }
  const Image& image = *decoded;
  const int64_t channels = format == PixelFormat::grayscale ? 1 : 3;
  LATHE_ASSIGN(Tensor * output,
               context.output(0, ElementType::u8, Shape{image.height, image.width, channels}));
  uint8_t* to = output->mutable_data<uint8_t>().data();
  const uint8_t* from = image.pixels.data();
  const uint8_t* const end = from + image.pixels.size();
  for (; from != end; from += 3, to += channels) {
    if (format == PixelFormat::grayscale) {
      *to = luma(from);
      continue;
    }
    const bool swapped = format == PixelFormat::bgr;
    to[0] = from[swapped ? 2 : 0];
    to[1] = from[1];
    to[2] = from[swapped ? 0 : 2];
  }
  return {};
}

}  // namespace

void register_image_decoder(OperatorRegistry& registry) {
  registry.add({"",
                "ImageDecoder",
                {20},
                1,
                1,
                1,
                1,
                trait_data_dependent,
                infer_image_decoder,
                run_image_decoder,
                nullptr});
}

}  // namespace lathe
