// SPDX-License-Identifier: Apache-2.0
#include "profiler/record/module_slices.h"

#include <algorithm>
#include <utility>

namespace lathe {
namespace {

class OpenModules {
 public:
  explicit OpenModules(const ModuleTree& modules) : modules_(modules) {}

  void add(const ModuleWork& work) {
    const ModuleId module = work.module.index < modules_.modules().size() ? work.module : ModuleTree::root();
    std::vector<ModuleId> chain;  // root first
    for (ModuleId id = module; id.valid(); id = modules_[id].parent) chain.push_back(id);
    std::reverse(chain.begin(), chain.end());
    size_t common = 0;
    while (common < chain.size() && common < open_.size() && open_[common].module == chain[common]) ++common;
    if (work.moment_of_open && common < chain.size()) return;
    close_to(common);
    while (open_.size() < chain.size()) open_.push_back({chain[open_.size()], work.begin, work.end});
    open_.back().end = std::max(open_.back().end, work.end);
  }

  std::vector<ModuleSlice> finish() {
    close_to(0);
    std::reverse(closed_.begin(), closed_.end());  // of slices with the same times, the outer one comes first
    return std::move(closed_);
  }

 private:
  void close_to(size_t depth) {
    while (open_.size() > depth) {
      const ModuleSlice slice = open_.back();
      open_.pop_back();
      if (!open_.empty()) open_.back().end = std::max(open_.back().end, slice.end);
      closed_.push_back(slice);
    }
  }

  const ModuleTree& modules_;
  std::vector<ModuleSlice> open_, closed_;
};

}  // namespace

std::vector<ModuleSlice> module_slices(const ModuleTree& modules, const std::vector<ModuleWork>& work) {
  OpenModules open(modules);
  for (const ModuleWork& each : work) open.add(each);
  return open.finish();
}

}  // namespace lathe
