// SPDX-License-Identifier: Apache-2.0
#include <webp/decode.h>

#include "engine/tensor/image_codecs.h"

namespace lathe {

Status decode_webp(ImageBytes bytes, Image& image) {
  int width = 0, height = 0;
  if (!WebPGetInfo(image_data(bytes), bytes.size(), &width, &height))
    return bad_input("", "is a damaged WebP image");
  LATHE_TRY(allocate_image(image, width, height));
  if (WebPDecodeRGBInto(image_data(bytes), bytes.size(), image.pixels.data(), image.pixels.size(),
                        width * 3) == nullptr)
    return bad_input("", "is a damaged WebP image");
  return {};
}

}  // namespace lathe
