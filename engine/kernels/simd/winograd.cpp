// SPDX-License-Identifier: Apache-2.0
// The vector code of Winograd convolutions: a vector is a block of 16 channels.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/winograd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <algorithm>
#include <cstring>
#include <hwy/highway.h>

#include "engine/kernels/simd/activations-inl.h"
#include "engine/kernels/simd/panel-inl.h"
#include "engine/kernels/simd/winograd.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t block = WinogradWeights::block, taps = WinogradWeights::taps;
constexpr int64_t positions = WinogradTask::positions;
constexpr int64_t side = WinogradTask::side;
constexpr int points = 6;                                            // inputs of a tile along one axis
constexpr float a = 0.70710678118654752F, b = 1.41421356237309505F;  // the points; a * a = 0.5, b * b = 2

/// The row of B transposed for each point: the product of (x - p) over all others.
HWY_INLINE void transform_inputs(const V (&in)[points], V (&out)[points]) {
  const D d;
  const V half = hn::Set(d, 0.5F), two = hn::Set(d, 2.0F), middle = hn::Set(d, 2.5F);
  const V even_a = hn::NegMulAdd(two, in[2], in[4]), even_b = hn::NegMulAdd(half, in[2], in[4]);
  const V odd_a = hn::Mul(hn::Set(d, a), hn::NegMulAdd(two, in[1], in[3]));
  const V odd_b = hn::Mul(hn::Set(d, b), hn::NegMulAdd(half, in[1], in[3]));
  out[0] = hn::Add(hn::NegMulAdd(middle, in[2], in[0]), in[4]);
  out[1] = hn::Add(even_a, odd_a);
  out[2] = hn::Sub(even_a, odd_a);
  out[3] = hn::Add(even_b, odd_b);
  out[4] = hn::Sub(even_b, odd_b);
  out[5] = hn::Add(hn::NegMulAdd(middle, in[3], in[1]), in[5]);
}

/// Rows of A transposed: powers of the points.
HWY_INLINE void transform_outputs(const V (&in)[points], V (&out)[side]) {
  const D d;
  const V sum_a = hn::Add(in[1], in[2]), difference_a = hn::Sub(in[1], in[2]);
  const V sum_b = hn::Add(in[3], in[4]), difference_b = hn::Sub(in[3], in[4]);
  out[0] = hn::Add(hn::Add(in[0], sum_a), sum_b);
  out[1] = hn::MulAdd(hn::Set(d, a), difference_a, hn::Mul(hn::Set(d, b), difference_b));
  out[2] = hn::MulAdd(hn::Set(d, 0.5F), sum_a, hn::Mul(hn::Set(d, 2.0F), sum_b));
  out[3] = hn::MulAdd(hn::Set(d, a / 2), difference_a, hn::MulAdd(hn::Set(d, 2 * b), difference_b, in[5]));
}

/// G: powers of the points over the product of their distances to all others.
constexpr float weight_rows[points][3] = {{1, 0, 0},
                                          {-2.0F / 3, -2.0F / 3 * a, -1.0F / 3},
                                          {-2.0F / 3, 2.0F / 3 * a, -1.0F / 3},
                                          {1.0F / 6, 1.0F / 6 * b, 1.0F / 3},
                                          {1.0F / 6, -1.0F / 6 * b, 1.0F / 3},
                                          {0, 0, 1}};
HWY_INLINE void transform_weights(const V (&in)[3], V (&out)[points]) {
  const D d;
  const V third = hn::Set(d, -2.0F / 3), sixth = hn::Set(d, 1.0F / 6);
  const V even_a = hn::Mul(third, hn::MulAdd(hn::Set(d, 0.5F), in[2], in[0]));
  const V even_b = hn::Mul(sixth, hn::MulAdd(hn::Set(d, 2.0F), in[2], in[0]));
  const V odd_a = hn::Mul(hn::Mul(third, hn::Set(d, a)), in[1]);
  const V odd_b = hn::Mul(hn::Mul(sixth, hn::Set(d, b)), in[1]);
  out[0] = in[0];
  out[1] = hn::Add(even_a, odd_a);
  out[2] = hn::Sub(even_a, odd_a);
  out[3] = hn::Add(even_b, odd_b);
  out[4] = hn::Sub(even_b, odd_b);
  out[5] = in[2];
}

/// Where a tile lies.
struct Place {
  int64_t image, row, column;  ///< of its first output
  Place(const WinogradTask& task, int64_t tile) {
    const int64_t columns = task.tile_columns(), rows = task.tile_rows();
    column = tile % columns * side;
    row = tile / columns % rows * side;
    image = tile / columns / rows;
  }
};

/// The 6x6 inputs of one tile, zeros where they lie in the padding; row by row transformed along columns.
HWY_INLINE void load_tile(const WinogradTask& task, const float* HWY_RESTRICT image, const Place& place,
                          V (&rows)[points][points]) {
  const D d;
  const int64_t top = place.row - task.pad_top, left = place.column - task.pad_left;
  const bool inside = top >= 0 && left >= 0 && top + points <= task.height && left + points <= task.width;
  for (int i = 0; i < points; ++i) {
    V line[points];
    const int64_t y = top + i;
    const float* HWY_RESTRICT from = image + (y * task.width + left) * block;
    if (inside) {
      for (int j = 0; j < points; ++j) line[j] = hn::LoadU(d, from + j * block);
    } else {
      for (int j = 0; j < points; ++j) {
        const bool there = y >= 0 && y < task.height && left + j >= 0 && left + j < task.width;
        line[j] = there ? hn::LoadU(d, from + j * block) : hn::Zero(d);
      }
    }
    transform_inputs(line, rows[i]);
  }
}

void inputs(const WinogradTask& task, int64_t begin, int64_t end) {
  const D d;
  const int64_t blocks = task.weights->in_blocks(), plane = task.input_plane();
  const int64_t image_size = task.height * task.width * block;
  for (int64_t c = begin; c < end; ++c) {
    float* HWY_RESTRICT to = task.inputs + c * task.count * block;
    for (int64_t t = 0; t < task.count; ++t, to += block) {
      const Place place(task, task.first + t);
      V rows[points][points];
      load_tile(task, task.x + (place.image * blocks + c) * image_size, place, rows);
      for (int j = 0; j < points; ++j) {
        const V column[points] = {rows[0][j], rows[1][j], rows[2][j], rows[3][j], rows[4][j], rows[5][j]};
        V made[points];
        transform_inputs(column, made);
        for (int i = 0; i < points; ++i) hn::StoreU(made[i], d, to + (i * points + j) * plane);
      }
    }
  }
}

/// One row of the transformed weights of a panel: [depth][9][32] to 6 times [depth][32], weight_plane apart.
void transform_panel(const float* HWY_RESTRICT from, int64_t depth, int row, float* HWY_RESTRICT to) {
  const D d;
  const V first = hn::Set(d, weight_rows[row][0]), second = hn::Set(d, weight_rows[row][1]),
          third = hn::Set(d, weight_rows[row][2]);
  for (int64_t c = 0; c < depth; ++c, from += taps * panel_width, to += panel_width)
    for (int64_t o = 0; o < panel_width; o += block) {
      V line[3], made[points];
      for (int j = 0; j < 3; ++j) {
        const float* HWY_RESTRICT column = from + j * panel_width + o;
        line[j] = hn::MulAdd(first, hn::LoadU(d, column),
                             hn::MulAdd(second, hn::LoadU(d, column + 3 * panel_width),
                                        hn::Mul(third, hn::LoadU(d, column + 6 * panel_width))));
      }
      transform_weights(line, made);
      for (int j = 0; j < points; ++j) hn::StoreU(made[j], d, to + j * WinogradTask::weight_plane + o);
    }
}

/// All products of one panel: [36][1 or 2][count][16], product_plane() apart. A row of the transformed
/// weights of some channels stays in the first-level cache between its making and its use.
void multiply_panel_of(const WinogradTask& task, int64_t panel, float* products, float* transformed) {
  const WinogradWeights& weights = *task.weights;
  const int64_t step = task.count * block, vectors = std::min<int64_t>(2, weights.out_blocks() - 2 * panel);
  for (int row = 0; row < points; ++row)
    for (int64_t c = 0; c < weights.depth(); c += WinogradTask::chunk) {
      const int64_t depth = std::min(WinogradTask::chunk, weights.depth() - c);
      transform_panel(weights.panel_of(panel) + c * taps * panel_width, depth, row, transformed);
      for (int column = 0; column < points; ++column) {
        const int64_t position = row * points + column;
        const BlockedRows rows{.x = task.inputs + position * task.input_plane() + c / block * step,
                               .x_step = step,
                               .y = products + position * task.product_plane(),
                               .y_step = step,
                               .count = task.count};
        multiply_panel(rows, transformed + column * WinogradTask::weight_plane, depth, vectors, c > 0,
                       [](float*, int64_t) {});
      }
    }
}

template <class F>
HWY_INLINE void store_tile(const WinogradTask& task, const Place& place, int64_t image, V bias,
                           const V (&rows)[side][points]) {
  const D d;
  const int64_t height = std::min(side, task.out_height - place.row);
  const int64_t width = std::min(side, task.out_width - place.column);
  for (int64_t i = 0; i < height; ++i) {
    V made[side];
    transform_outputs(rows[i], made);
    const int64_t offset = image + ((place.row + i) * task.out_width + place.column) * block;
    for (int64_t j = 0; j < width; ++j) {
      V value = hn::Add(made[j], bias);
      if (task.residual != nullptr) value = hn::Add(value, hn::LoadU(d, task.residual + offset + j * block));
      hn::StoreU(F::of(d, value, task.activation), d, task.y + offset + j * block);
    }
  }
}

/// The outputs of block `o` from its products.
template <class F>
void outputs(const WinogradTask& task, int64_t o, const float* HWY_RESTRICT products) {
  const D d;
  const int64_t plane = task.product_plane(), image_size = task.out_height * task.out_width * block;
  const V bias = hn::LoadU(d, task.weights->bias() + o * block);
  for (int64_t t = 0; t < task.count; ++t, products += block) {
    const Place place(task, task.first + t);
    V rows[side][points];
    for (int j = 0; j < points; ++j) {
      V column[points], made[side];
      for (int i = 0; i < points; ++i) column[i] = hn::LoadU(d, products + (i * points + j) * plane);
      transform_outputs(column, made);
      for (int i = 0; i < side; ++i) rows[i][j] = made[i];
    }
    store_tile<F>(task, place, (place.image * task.weights->out_blocks() + o) * image_size, bias, rows);
  }
}

void panels(const WinogradTask& task, int64_t begin, int64_t end, float* scratch) {
  float* const products = scratch;
  float* const transformed = scratch + positions * task.product_plane();
  for (int64_t panel = begin; panel < end; ++panel) {
    multiply_panel_of(task, panel, products, transformed);
    for (int64_t o = 2 * panel; o < std::min(2 * panel + 2, task.weights->out_blocks()); ++o)
      with_activation(task.activation.kind, [&]<class F>(F) {
        outputs<F>(task, o, products + (o - 2 * panel) * task.count * block);
      });
  }
}

bool suits() {
  return hn::Lanes(D()) == static_cast<size_t>(block);
}

}  // namespace
}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lathe::simd {

HWY_EXPORT(inputs);
HWY_EXPORT(panels);
HWY_EXPORT(suits);

void winograd_inputs(const WinogradTask& task, int64_t begin, int64_t end) {
  HWY_DYNAMIC_DISPATCH(inputs)(task, begin, end);
}
void winograd_panels(const WinogradTask& task, int64_t begin, int64_t end, float* scratch) {
  HWY_DYNAMIC_DISPATCH(panels)(task, begin, end, scratch);
}
bool winograd_suits() {
  return HWY_DYNAMIC_DISPATCH(suits)();
}

Result<WinogradWeights> pack_winograd(int64_t channels, int64_t out_channels, const std::byte* weights,
                                      const std::byte* bias) {
  constexpr int64_t taps = WinogradWeights::taps, panel = WinogradWeights::panel;
  WinogradWeights made{channels, out_channels, {}};
  const int64_t all = made.panels() * made.depth() * taps * panel, floats = all + made.panels() * panel;
  LATHE_ASSIGN(made.stored, Buffer::allocate_lasting(static_cast<size_t>(floats) * sizeof(float)));
  auto* const to = reinterpret_cast<float*>(made.stored.mutable_data());
  std::fill(to + all, to + floats, 0.0F);
  if (bias != nullptr) std::memcpy(to + all, bias, static_cast<size_t>(out_channels) * sizeof(float));
#pragma omp parallel for collapse(2) schedule(static)
  for (int64_t p = 0; p < made.panels(); ++p)
    for (int64_t c = 0; c < made.depth(); ++c) {
      float* const packed = to + (p * made.depth() + c) * taps * panel;
      const int64_t outputs = c < channels ? std::min(panel, out_channels - p * panel) : 0;
      if (outputs < panel) std::fill(packed, packed + taps * panel, 0.0F);
      for (int64_t o = 0; o < outputs; ++o) {
        float kernel[taps];
        const int64_t from = ((p * panel + o) * channels + c) * taps;
        std::memcpy(kernel, weights + from * static_cast<int64_t>(sizeof(float)), sizeof(kernel));
        for (int64_t k = 0; k < taps; ++k) packed[k * panel + o] = kernel[k];
      }
    }
  return made;
}

}  // namespace lathe::simd
#endif
