// SPDX-License-Identifier: Apache-2.0
// Multi-scale deformable attention (Deformable DETR) as a custom operator, computed plainly.
//
// com.example::MultiScaleDeformableAttention-1, all f32 but the shapes:
//   value              [N, S, M, D]        S: places of all levels, one level after the other
//   spatial_shapes     [L, 2]  i64         height and width of each level
//   sampling_locations [N, Q, M, L, P, 2]  x and y, 0..1 within a level
//   attention_weights  [N, Q, M, L, P]
//   output             [N, Q, M * D]
// Attribute `align_corners` (int, 0): whether 0 and 1 are the middles of the outermost places.
#include <math.h>
#include <stdio.h>

#include "engine/ops/plugin/lathe_plugin.h"

static int fail(const LathePluginCall* call, const char* what) {
  snprintf(call->message, call->message_size, "%s", what);
  return 1;
}

static int infer(const LathePluginCall* call, LathePluginType* outputs) {
  static const int32_t types[4] = {LATHE_PLUGIN_FLOAT, LATHE_PLUGIN_INT64, LATHE_PLUGIN_FLOAT,
                                   LATHE_PLUGIN_FLOAT};
  static const int32_t ranks[4] = {4, 2, 6, 5};
  const LathePluginTensor* in = call->inputs;
  for (int i = 0; i < 4; ++i) {
    if (in[i].element_type != types[i])
      return fail(call, "value, locations and weights are float, shapes int64");
    if (in[i].rank != LATHE_PLUGIN_UNKNOWN && in[i].rank != ranks[i])
      return fail(call, "value has rank 4, spatial_shapes 2, sampling_locations 6, attention_weights 5");
  }
  outputs[0].element_type = LATHE_PLUGIN_FLOAT;
  outputs[0].rank = 3;
  outputs[0].dims[0] = LATHE_PLUGIN_SIZE_OF(0, 0);
  outputs[0].dims[1] = LATHE_PLUGIN_SIZE_OF(2, 1);
  outputs[0].dims[2] = LATHE_PLUGIN_UNKNOWN;
  if (in[0].rank == 4 && in[0].dims[2] >= 0 && in[0].dims[3] >= 0)
    outputs[0].dims[2] = in[0].dims[2] * in[0].dims[3];
  return 0;
}

/* One level of one head: `height` x `width` places, `stride` floats apart. */
typedef struct Level {
  const float* places;
  int64_t height, width, stride;
} Level;

/* Adds weight * (the level at y, x, interpolated; nothing outside of it) to `size` floats. */
static void add_sample(const Level* level, float y, float x, float weight, float* out, int64_t size) {
  const float top = floorf(y), left = floorf(x);
  for (int corner = 0; corner < 4; ++corner) {
    const float row = top + (float)(corner / 2), column = left + (float)(corner % 2);
    if (!(row >= 0 && row < (float)level->height && column >= 0 && column < (float)level->width)) continue;
    const float share = weight * (1 - fabsf(y - row)) * (1 - fabsf(x - column));
    const float* place = level->places + ((int64_t)row * level->width + (int64_t)column) * level->stride;
    for (int64_t d = 0; d < size; ++d) out[d] += share * place[d];
  }
}

static int check_sizes(const LathePluginCall* call) {
  const LathePluginTensor* in = call->inputs;
  const int64_t *value = in[0].dims, *at = in[2].dims, *weight = in[3].dims;
  const int64_t* shapes = (const int64_t*)in[1].data;
  int64_t places = 0;
  if (at[0] != value[0] || at[2] != value[2] || at[3] != in[1].dims[0] || at[5] != 2 || in[1].dims[1] != 2)
    return fail(call, "sampling_locations does not fit value and spatial_shapes");
  for (int axis = 0; axis < 5; ++axis)
    if (weight[axis] != at[axis]) return fail(call, "attention_weights does not fit sampling_locations");
  for (int64_t level = 0; level < at[3]; ++level) {
    const int64_t height = shapes[2 * level], width = shapes[2 * level + 1];
    if (height < 0 || width < 0 || (width > 0 && height > value[1] / width))
      return fail(call, "spatial_shapes speaks of more places than value has");
    places += height * width;
  }
  if (places != value[1]) return fail(call, "spatial_shapes speaks of other places than value has");
  return 0;
}

static int compute(const LathePluginCall* call, const LathePluginOutput* outputs) {
  const LathePluginTensor* in = call->inputs;
  if (check_sizes(call) != 0) return 1;
  const int64_t places = in[0].dims[1], heads = in[0].dims[2], size = in[0].dims[3];
  const int64_t queries = in[2].dims[1], levels = in[2].dims[3], points = in[2].dims[4];
  const int64_t* shapes = (const int64_t*)in[1].data;
  const float *location = (const float*)in[2].data, *weight = (const float*)in[3].data;
  float* out = (float*)outputs[0].data;
  int64_t align = 0;
  call->host->get_int(call->node, "align_corners", &align);
  for (int64_t n = 0; n < in[0].dims[0]; ++n)
    for (int64_t q = 0; q < queries; ++q)
      for (int64_t m = 0; m < heads; ++m, out += size) {
        const float* first = (const float*)in[0].data + (n * places * heads + m) * size;
        for (int64_t d = 0; d < size; ++d) out[d] = 0;
        for (int64_t l = 0; l < levels; ++l) {
          const Level level = {first, shapes[2 * l], shapes[2 * l + 1], heads * size};
          first += level.height * level.width * level.stride;
          for (int64_t p = 0; p < points; ++p, location += 2, ++weight) {
            const float x =
                align ? location[0] * (float)(level.width - 1) : location[0] * (float)level.width - 0.5f;
            const float y =
                align ? location[1] * (float)(level.height - 1) : location[1] * (float)level.height - 0.5f;
            add_sample(&level, y, x, *weight, out, size);
          }
        }
      }
  return 0;
}

static const LathePluginOperator operators[] = {
    {"com.example", "MultiScaleDeformableAttention", 1, 4, 4, 1, 1, 0, infer, compute}};
static const LathePluginTable table = {LATHE_PLUGIN_ABI_VERSION, "deformable attention", "1.0", 1, operators};

const LathePluginTable* lathe_plugin_entry(uint32_t abi_version) {
  return abi_version == LATHE_PLUGIN_ABI_VERSION ? &table : NULL;
}
