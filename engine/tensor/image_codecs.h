// SPDX-License-Identifier: Apache-2.0
// The decoders behind decode_image, one file each. Internal to tensor.
#pragma once

#include "engine/tensor/image.h"

namespace lathe {

using ImageBytes = std::span<const std::byte>;

/// Sizes the image and makes it black; an error for sizes that are not to be decoded.
Status allocate_image(Image& image, int64_t width, int64_t height);

inline const uint8_t* image_data(ImageBytes bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

// Each has been given bytes that begin as its format does. May throw std::bad_alloc.
Status decode_bmp(ImageBytes bytes, Image& image);
Status decode_jpeg(ImageBytes bytes, Image& image);
Status decode_jpeg2000(ImageBytes bytes, Image& image);
Status decode_png(ImageBytes bytes, Image& image);
Status decode_pnm(ImageBytes bytes, Image& image);
Status decode_tiff(ImageBytes bytes, Image& image);
Status decode_webp(ImageBytes bytes, Image& image);

}  // namespace lathe
