// SPDX-License-Identifier: Apache-2.0
// The layouts of images that oneDNN and our own vector code share.
#pragma once

#include "engine/kernels/kernel.h"

namespace lathe {

/// Images [N, C, H, W] in blocks of 16 channels, [N][C / 16][H][W][16]; channels beyond the last are 0. Of
/// machines with such vectors; 8 elsewhere.
Layout blocked_channels_layout(ElementType type, const Shape& shape);
/// Of any rank from 2: row-major but for the channels (axis 1), which come last.
Layout channels_last_layout(ElementType type, const Shape& shape);

}  // namespace lathe
