// SPDX-License-Identifier: Apache-2.0
// Internal to plugin: the operators of loaded plugins, and the two functions that stand for all of them in
// the operator registry.
#pragma once

#include <memory>
#include <string>

#include "engine/ops/operator.h"
#include "engine/ops/plugin/lathe_plugin.h"

namespace lathe {

struct PluginOperator {
  std::string domain, name;  ///< that Operator's views point to
  std::string file;
  const LathePluginOperator* table = nullptr;
};

/// Makes plugin_infer and plugin_run find it. Thread-safe.
void add_plugin_operator(std::shared_ptr<const PluginOperator> op);
/// The one with this domain, name and since-version; null when there is none.
std::shared_ptr<const PluginOperator> find_plugin_operator(std::string_view domain, std::string_view name,
                                                           int since_version);

Status plugin_infer(InferContext& context);
Status plugin_run(RunContext& context);

}  // namespace lathe
