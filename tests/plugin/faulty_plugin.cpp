// SPDX-License-Identifier: Apache-2.0
// Operators of com.example.faulty that misbehave as their names say; elements are those of the input else.
#include <cstring>
#include <stdexcept>

#include "engine/ops/plugin/lathe_plugin.h"

namespace {

int say(const LathePluginCall* call, const char* text) {
  std::strncpy(call->message, text, call->message_size - 1);
  return 7;
}

int as_input(const LathePluginCall* call, LathePluginType* outputs) {
  outputs[0].element_type = call->inputs[0].element_type;
  outputs[0].rank = 1;
  outputs[0].dims[0] = LATHE_PLUGIN_SIZE_OF(0, 0);
  return 0;
}

int copy(const LathePluginCall* call, const LathePluginOutput* outputs) {
  std::memcpy(outputs[0].data, call->inputs[0].data, sizeof(float) * static_cast<size_t>(outputs[0].dims[0]));
  return 0;
}

int infer_says(const LathePluginCall* call, LathePluginType*) {
  return say(call, "the input has too few axes");
}
int infer_rank(const LathePluginCall* call, LathePluginType* outputs) {
  as_input(call, outputs);
  outputs[0].rank = 9;
  return 0;
}
int infer_size(const LathePluginCall* call, LathePluginType* outputs) {
  as_input(call, outputs);
  outputs[0].dims[0] = LATHE_PLUGIN_SIZE_OF(3, 0);
  return 0;
}
int infer_smallest(const LathePluginCall* call, LathePluginType* outputs) {
  as_input(call, outputs);
  outputs[0].dims[0] = INT64_MIN;
  return 0;
}
int infer_huge(const LathePluginCall* call, LathePluginType* outputs) {
  as_input(call, outputs);
  outputs[0].rank = 2;
  outputs[0].dims[0] = outputs[0].dims[1] = INT64_MAX / 2;
  return 0;
}
int infer_unknown(const LathePluginCall* call, LathePluginType* outputs) {
  as_input(call, outputs);
  outputs[0].dims[0] = LATHE_PLUGIN_UNKNOWN;
  return 0;
}
int infer_type(const LathePluginCall* call, LathePluginType* outputs) {
  as_input(call, outputs);
  outputs[0].element_type = 8;
  return 0;
}
int compute_says(const LathePluginCall* call, const LathePluginOutput*) {
  return say(call, "the moon is not full");
}
int compute_silent(const LathePluginCall*, const LathePluginOutput*) {
  return 42;
}
int compute_behind(const LathePluginCall* call, const LathePluginOutput* outputs) {
  copy(call, outputs);
  static_cast<float*>(outputs[0].data)[outputs[0].dims[0]] = 1;
  return 0;
}
int compute_before(const LathePluginCall* call, const LathePluginOutput* outputs) {
  copy(call, outputs);
  static_cast<float*>(outputs[0].data)[-1] = 1;
  return 0;
}
int compute_throws(const LathePluginCall*, const LathePluginOutput*) {
  throw std::runtime_error("out of luck");
}

constexpr LathePluginOperator op(const char* name, int (*infer)(const LathePluginCall*, LathePluginType*),
                                 int (*compute)(const LathePluginCall*, const LathePluginOutput*)) {
  return {"com.example.faulty", name, 1, 1, 1, 1, 1, 0, infer, compute};
}
const LathePluginOperator operators[] = {
    op("Copy", as_input, copy),
    op("InferSays", infer_says, copy),
    op("InferRank", infer_rank, copy),
    op("InferSize", infer_size, copy),
    op("InferSmallest", infer_smallest, copy),
    op("InferHuge", infer_huge, copy),
    op("InferUnknown", infer_unknown, copy),
    op("InferType", infer_type, copy),
    op("ComputeSays", as_input, compute_says),
    op("ComputeSilent", as_input, compute_silent),
    op("ComputeBehind", as_input, compute_behind),
    op("ComputeBefore", as_input, compute_before),
    op("ComputeThrows", as_input, compute_throws),
};
const LathePluginTable table = {LATHE_PLUGIN_ABI_VERSION, "faulty", "1",
                                sizeof operators / sizeof operators[0], operators};

}  // namespace

const LathePluginTable* lathe_plugin_entry(uint32_t) {
  return &table;
}
