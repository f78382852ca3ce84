// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/loaded_plugins.h"

#include "engine/ops/plugin/load_plugin.h"

namespace lathe {

std::vector<LoadedPlugin> loaded_plugins() {
  std::vector<LoadedPlugin> loaded;
  for (const PluginInfo& each : registered_plugins())
    loaded.push_back({each.file, each.name, each.version, each.operators});
  return loaded;
}

}  // namespace lathe
