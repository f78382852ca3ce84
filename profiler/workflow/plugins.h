// SPDX-License-Identifier: Apache-2.0
// Custom operators of shared libraries that a person names: on the command line, or in a configuration given
// with --config. A conversion's folder never loads one by itself: opening a folder runs no code of others.
#pragma once

#include <filesystem>
#include <vector>

#include "engine/base/result.h"

namespace lathe {

/// Makes the libraries' operators known, before a model is opened that uses them. Errors name the file.
Status load_plugins(const std::vector<std::filesystem::path>& files);

/// Adds those that `config` (a config.json; none when empty) names under "plugins", relative to its folder.
Status add_configured_plugins(const std::filesystem::path& config,
                              std::vector<std::filesystem::path>& plugins);

}  // namespace lathe
