// SPDX-License-Identifier: Apache-2.0
// Libraries that take the process with them; the number says where.
#include <csignal>
#include <cstdlib>
#include <unistd.h>

#include "engine/ops/plugin/lathe_plugin.h"

namespace {

[[maybe_unused]] int* nowhere() {
  static int* volatile address = nullptr;
  return address;
}

#if PLUGIN_CRASH == 1
struct AtLoad {
  AtLoad() { *nowhere() = 1; }
} at_load;
#endif

int infer(const LathePluginCall* call, LathePluginType* outputs) {
#if PLUGIN_CRASH == 3
  if (call->inputs[0].rank == 2) std::abort();
#endif
  outputs[0].element_type = call->inputs[0].element_type;
  outputs[0].rank = 1;
  outputs[0].dims[0] = 3;
  return 0;
}

int compute(const LathePluginCall* call, const LathePluginOutput* outputs) {
  (void)call;
#if PLUGIN_CRASH == 4
  *nowhere() = 1;
#elif PLUGIN_CRASH == 5
  std::exit(0);
#endif
  if (outputs[0].element_type == LATHE_PLUGIN_FLOAT)
    for (int i = 0; i < 3; ++i) static_cast<float*>(outputs[0].data)[i] = 1;
  return 0;
}

const LathePluginOperator op = {"com.example.crash", "Op", 1, 1, 1, 1, 1, 0, infer, compute};
const LathePluginTable table = {LATHE_PLUGIN_ABI_VERSION, "crashing", "1", 1, &op};

}  // namespace

const LathePluginTable* lathe_plugin_entry(uint32_t) {
#if PLUGIN_CRASH == 2
  ::raise(SIGFPE);
#endif
  return &table;
}
