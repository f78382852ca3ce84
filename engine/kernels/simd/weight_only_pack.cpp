// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "engine/kernels/simd/weight_only.h"

namespace lathe::simd {
namespace {

constexpr uint8_t middle = 8;  ///< zero point of 4-bit weights that have none of their own

Result<Buffer> zeroed(int64_t count, size_t size) {
  LATHE_ASSIGN(Buffer buffer, Buffer::allocate_lasting(static_cast<size_t>(count) * size));
  std::memset(buffer.mutable_data(), 0, buffer.size());
  return buffer;
}

template <class T>
T* elements(Buffer& buffer) {
  return reinterpret_cast<T*>(buffer.mutable_data());
}

}  // namespace

Result<PackedWeights> pack_bytes(std::span<const int8_t> stored, bool transposed,
                                 std::span<const float> scales, int64_t depth, int64_t panel) {
  PackedWeights made;
  made.depth = depth;
  made.columns = static_cast<int64_t>(scales.size());
  made.panel = panel;
  LATHE_ASSIGN(made.stored, zeroed(made.panels() * depth * panel, sizeof(int8_t)));
  LATHE_ASSIGN(made.scales, zeroed(made.panels() * panel, sizeof(float)));
  const int64_t by_depth = transposed ? 1 : made.columns, by_column = transposed ? depth : 1;
  for (int64_t first = 0; first < made.columns; first += panel) {
    int8_t* to = elements<int8_t>(made.stored) + first * depth;
    const int64_t width = std::min(panel, made.columns - first);
    const int8_t* from = stored.data() + first * by_column;
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t n = 0; n < width; ++n) to[k * panel + n] = from[k * by_depth + n * by_column];
  }
  std::memcpy(made.scales.mutable_data(), scales.data(), scales.size_bytes());
  return made;
}

Result<PackedWeights> pack_nibbles(std::span<const uint8_t> stored, std::span<const float> scales,
                                   std::span<const uint8_t> zeros, int64_t depth, int64_t columns,
                                   int64_t block, int64_t panel) {
  PackedWeights made;
  made.nibbles = true;
  made.depth = depth;
  made.columns = columns;
  made.block = block;
  made.panel = panel;
  const int64_t blocks = made.blocks(), groups = made.groups(), zero_row = (blocks + 1) / 2;
  LATHE_ASSIGN(made.stored, zeroed(made.panels() * groups * panel, sizeof(uint32_t)));
  LATHE_ASSIGN(made.scales, zeroed(made.panels() * blocks * panel, sizeof(float)));
  LATHE_ASSIGN(made.zeros, zeroed(made.panels() * blocks * panel, sizeof(uint8_t)));
  for (int64_t n = 0; n < columns; ++n) {
    const int64_t p = n / panel, at = n % panel;
    const uint8_t* from = stored.data() + n * blocks * block / 2;
    uint32_t* words = elements<uint32_t>(made.stored) + p * groups * panel + at;
    for (int64_t g = 0; g < groups; ++g) std::memcpy(words + g * panel, from + 4 * g, sizeof(uint32_t));
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t to = (p * blocks + b) * panel + at;
      elements<float>(made.scales)[to] = scales[static_cast<size_t>(n * blocks + b)];
      const int shift = b % 2 == 0 ? 0 : 4;
      elements<uint8_t>(made.zeros)[to] =
          zeros.empty() ? middle : (zeros[static_cast<size_t>(n * zero_row + b / 2)] >> shift) & 15;
    }
  }
  return made;
}

}  // namespace lathe::simd
