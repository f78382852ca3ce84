// SPDX-License-Identifier: Apache-2.0
// What load_plugins() has loaded.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lathe {

struct LoadedPlugin {
  std::filesystem::path file;
  std::string name, version;
  std::vector<std::string> operators;  ///< with their domains
};
/// Libraries of custom operators, in the order they were loaded. They stay until the process ends.
std::vector<LoadedPlugin> loaded_plugins();

}  // namespace lathe
