// SPDX-License-Identifier: Apache-2.0
// Which slices of a recording belong to what is selected, or hold a searched text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "profiler/trace/trace.h"

namespace lathe {

/// Slices found by their name or arguments, in the order of the trace.
struct SliceMatches {
  std::vector<uint32_t> slices;

  bool empty() const { return slices.empty(); }
  bool contains(SliceId id) const { return containsAny(id, 1); }
  /// Whether one of `count` slices from `first` on is among them.
  bool containsAny(SliceId first, uint32_t count) const;
  /// The one that starts first, the outermost of these; invalid when there is none.
  SliceId earliest(const Trace& trace) const;
  /// The match after (before) `from` by lane and time; the first (last) when `from` is invalid. Invalid when
  /// there is none.
  SliceId next(const Trace& trace, SliceId from, bool forward) const;
};

/// Slices whose argument "node" is the name, or whose "nodes" hold it (operators fused into one step).
SliceMatches slicesOfNode(const Trace& trace, std::string_view node);
/// Slices whose argument "module" is the path or one below it; of the root ("") all that have a module.
SliceMatches slicesOfModule(const Trace& trace, std::string_view path);
/// Slices whose name, node, module, operator type or kernel holds the text; upper and lower case are the
/// same.
SliceMatches slicesWithText(const Trace& trace, std::string_view text);

}  // namespace lathe
