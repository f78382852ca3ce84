// SPDX-License-Identifier: Apache-2.0
// Which slices of a recording belong to what is selected, or hold a searched text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "profiler/trace/trace.h"

namespace lathe {

/// Slices found by their arguments, in the order of the trace.
struct SliceMatches {
  std::vector<uint32_t> slices;
  SliceId longest;
  bool contains(SliceId id) const;
};

/// Slices whose argument "node" is the name, or whose "nodes" hold it (operators fused into one step).
SliceMatches slicesOfNode(const Trace& trace, std::string_view node);
/// Slices whose argument "module" is the path.
SliceMatches slicesOfModule(const Trace& trace, std::string_view path);

/// Slices whose name, node, module, operator type or kernel holds a text; upper and lower case are the same.
class SliceSearch {
 public:
  SliceSearch() = default;
  SliceSearch(const Trace& trace, std::string_view text);

  size_t count() const { return m_count; }
  /// The match after (before) `from` by lane and time; the first (last) when `from` is invalid. Invalid when
  /// there is none.
  SliceId next(const Trace& trace, SliceId from, bool forward) const;

 private:
  bool holds(const Trace& trace, SliceId id) const;
  std::vector<bool> m_names;  ///< by StringId
  std::vector<bool> m_args;   ///< by ArgsId
  size_t m_count = 0;
};

}  // namespace lathe
