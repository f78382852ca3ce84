// SPDX-License-Identifier: Apache-2.0
// com.example.pool.FractionalMaxPool2d: the largest of windows of 2x2 whose places are drawn from a sequence,
// as many as attribute output_size says.
#include <algorithm>
#include <cstring>

#include "engine/ops/plugin/lathe_plugin.h"

namespace {

int say(const LathePluginCall* call, const char* text) {
  std::strncpy(call->message, text, call->message_size - 1);
  return 1;
}

int infer(const LathePluginCall* call, LathePluginType* outputs) {
  const int64_t* size = nullptr;
  size_t count = 0;
  if (call->inputs[0].element_type != LATHE_PLUGIN_FLOAT || call->inputs[0].rank != 4)
    return say(call, "takes images of float");
  if (call->host->get_ints(call->node, "output_size", &size, &count) == 0 || count != 2)
    return say(call, "needs output_size");
  outputs[0].element_type = LATHE_PLUGIN_FLOAT;
  outputs[0].rank = 4;
  for (int axis = 0; axis < 2; ++axis) {
    outputs[0].dims[axis] = LATHE_PLUGIN_SIZE_OF(0, axis);
    outputs[0].dims[2 + axis] = size[axis];
  }
  return 0;
}

/// Where window i of `count` begins in `size` elements.
int64_t place(int64_t i, int64_t count, int64_t size) {
  constexpr double start = 0.37;
  const double step = count > 1 ? static_cast<double>(size - 2) / static_cast<double>(count - 1) : 0;
  const auto at =
      static_cast<int64_t>(step * (static_cast<double>(i) + start)) - static_cast<int64_t>(step * start);
  return std::clamp<int64_t>(at, 0, size - 2);
}

int compute(const LathePluginCall* call, const LathePluginOutput* outputs) {
  const auto* from = static_cast<const float*>(call->inputs[0].data);
  auto* to = static_cast<float*>(outputs[0].data);
  const int64_t height = call->inputs[0].dims[2], width = call->inputs[0].dims[3];
  const int64_t rows = outputs[0].dims[2], columns = outputs[0].dims[3];
  const int64_t planes = outputs[0].dims[0] * outputs[0].dims[1];
  if (height < 2 || width < 2) return say(call, "the image is smaller than a window");
  for (int64_t plane = 0; plane < planes; ++plane)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        const float* at =
            from + (plane * height + place(row, rows, height)) * width + place(column, columns, width);
        *to++ = std::max({at[0], at[1], at[width], at[width + 1]});
      }
  return 0;
}

const LathePluginOperator op = {"com.example.pool", "FractionalMaxPool2d", 1, 1, 1, 1, 1, 0, infer, compute};
const LathePluginTable table = {LATHE_PLUGIN_ABI_VERSION, "fractional pool", "1", 1, &op};

}  // namespace

const LathePluginTable* lathe_plugin_entry(uint32_t) {
  return &table;
}
