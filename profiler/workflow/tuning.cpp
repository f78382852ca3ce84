// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/tuning.h"

#include <cstdlib>
#include <string>

#include "engine/kernels/kernel.h"
#include "engine/runtime/tuner.h"
#include "profiler/workflow/machine.h"
#include "profiler/workflow/workflow.h"

namespace lathe {

std::filesystem::path tuning_file() {
  const auto below = [](const char* variable, const char* folder) -> std::filesystem::path {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != 0 ? std::filesystem::path(value) / folder : std::filesystem::path();
  };
  const std::filesystem::path cache = below("XDG_CACHE_HOME", ""), home = below("HOME", ".cache");
  const std::filesystem::path folder = cache.empty() ? home : cache;
  return folder.empty() ? folder : folder / "lathe" / "tuning.json";
}

TuningScope::TuningScope(bool wanted) : outer_(tuner()) {
  if (!wanted) return;
  const std::string machine = cpu_name() + ", " + instruction_set() + ", " +
                              std::to_string(kernel_threads()) + " threads, Lathe " + lathe_version();
  set_tuner(std::make_shared<Tuner>(machine, tuning_file()));
}

TuningScope::~TuningScope() {
  set_tuner(outer_);
}

}  // namespace lathe
