// SPDX-License-Identifier: Apache-2.0
// Places buffers with known lifetimes in one arena so that those alive together do not overlap.
#pragma once

#include <cstddef>
#include <vector>

namespace lathe {

struct BufferLifetime {
  size_t bytes = 0;
  int first = 0;  ///< step that writes it
  int last = 0;   ///< last step that reads it (inclusive)
};

struct MemoryPlan {
  std::vector<size_t> offsets;  ///< parallel to the lifetimes, 64-byte aligned
  size_t arena_bytes = 0;
};

/// Greedy by size: the largest buffer first, each at the lowest offset free over its lifetime. Within a few
/// per cent of the lower bound on real networks (Pisarchyk and Lee, "Efficient Memory Management for Deep
/// Neural Net Inference").
MemoryPlan plan_memory(const std::vector<BufferLifetime>& buffers);

/// The most bytes alive at one step: no plan can need less.
size_t memory_lower_bound(const std::vector<BufferLifetime>& buffers);

}  // namespace lathe
