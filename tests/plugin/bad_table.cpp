// SPDX-License-Identifier: Apache-2.0
// Plugins whose table is wrong in one way, chosen by PLUGIN_FAULT (see CMakeLists.txt).
#include "engine/ops/plugin/lathe_plugin.h"

namespace {

int infer(const LathePluginCall*, LathePluginType*) {
  return 0;
}
int compute(const LathePluginCall*, const LathePluginOutput*) {
  return 0;
}

LathePluginOperator op(const char* domain, const char* name, int since = 1) {
  return {domain, name, since, 1, 1, 1, 1, 0, infer, compute};
}

LathePluginOperator operators[2];
LathePluginTable table{LATHE_PLUGIN_ABI_VERSION, "bad", "1", 1, operators};

}  // namespace

const LathePluginTable* lathe_plugin_entry(uint32_t) {
  operators[0] = op("com.example.bad", "Op");
  switch (PLUGIN_FAULT) {
    case 1:
      table.abi_version = 99;
      break;
    case 2:
      return nullptr;
    case 3:
      table.operator_count = 0;
      break;
    case 4:
      operators[0].name = nullptr;
      break;
    case 5:
      operators[0].compute = nullptr;
      break;
    case 6:
      operators[0] = op("", "Relu");
      break;
    case 7:
      operators[1] = operators[0];
      table.operator_count = 2;
      break;
    case 8:
      operators[0] = op("com.example", "MultiScaleDeformableAttention");
      break;
    case 9:
      operators[0] = op("", "AnOperatorOfTomorrow", 999);
      break;
    case 10:
      operators[0] = op("lathe", "Op");
      break;
    default:
      break;
  }
  return &table;
}
