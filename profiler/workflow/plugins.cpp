// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/plugins.h"

#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/ops/plugin/load_plugin.h"

namespace lathe {

Status load_plugins(const std::vector<std::filesystem::path>& files) {
  for (const auto& file : files)
    if (const auto loaded = register_plugin(file); !loaded.ok()) return loaded.error();
  return {};
}

Status add_configured_plugins(const std::filesystem::path& config,
                              std::vector<std::filesystem::path>& plugins) {
  if (config.empty()) return {};
  LATHE_ASSIGN(const std::string text, read_file(config));
  // What else is wrong with it is told when it is read as a whole, which needs the model.
  const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("plugins")) return {};
  for (const nlohmann::json& each : document["plugins"])
    if (each.is_string()) plugins.push_back(config.parent_path() / each.get<std::string>());
  return {};
}

}  // namespace lathe
