// SPDX-License-Identifier: Apache-2.0
// Custom operators from shared libraries (lathe_plugin.h): registered by name of file, before a model that
// uses them is opened, and kept until the process ends.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace lathe {

struct PluginInfo {
  std::filesystem::path file;
  std::string name, version;
  std::vector<std::string> operators;  ///< with their domains
};

/// Loads the library and adds its operators to operators(): all of them or none. One that is registered
/// already is not loaded again. Runs code of the library, so only call it for files that a person named.
/// Tried out in a child process first: loading it and calling its operators with small tensors. Thread-safe.
/// Errors, all naming the file: it crashes or hangs there (with the signal and where), not a library, no
/// plugin, another version of the interface, a table that contradicts itself, an operator that is there
/// already.
Result<PluginInfo> register_plugin(const std::filesystem::path& file);

/// Those registered so far.
std::vector<PluginInfo> registered_plugins();

/// How many threads operators of plugins are told they may use; 1 before.
void set_plugin_threads(int threads);

}  // namespace lathe
