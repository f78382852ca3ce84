// SPDX-License-Identifier: Apache-2.0
// Makes the runnable engine from a plan. Internal to runtime.
#pragma once

#include <memory>

#include "engine/runtime/engine.h"
#include "engine/runtime/plan.h"

namespace lathe {

Result<std::unique_ptr<Engine>> make_engine(Plan plan, const CompileOptions& options);

}  // namespace lathe
