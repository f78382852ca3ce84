// SPDX-License-Identifier: Apache-2.0
// What `convert --reduce` does.
#pragma once

#include "profiler/cli/command.h"

namespace lathe {

/// `module` empty: the first one that failed. Exit 1 when nothing failed.
Result<int> reduce_command(const ModelOptions& model, const ConvertRequest& request,
                           const std::string& module, const GlobalOptions& global, const JobContext& job);

}  // namespace lathe
