// SPDX-License-Identifier: Apache-2.0
// From the steps of a run to the times modules were at work.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/graph/module_tree.h"

namespace lathe {

/// Time spent by a step (or, with begin == end, a moment) for a module.
struct ModuleWork {
  ModuleId module;
  int64_t begin = 0, end = 0;
  bool moment_of_open = false;  ///< only lengthens the module if it is at work already: the end of an engine
};

struct ModuleSlice {
  ModuleId module;
  int64_t begin = 0, end = 0;
};

/// A module is at work from the first of consecutive steps of it and its descendants to the last one's end;
/// so are its ancestors, and the slices nest. `work` in order of time. Modules may have several slices.
std::vector<ModuleSlice> module_slices(const ModuleTree& modules, const std::vector<ModuleWork>& work);

}  // namespace lathe
