// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace lathe {
namespace {

constexpr size_t alignment = 64;
size_t aligned(size_t bytes) {
  return (std::max<size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
}

}  // namespace

MemoryPlan plan_memory(const std::vector<BufferLifetime>& buffers) {
  std::vector<size_t> by_size(buffers.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });

  MemoryPlan plan;
  plan.offsets.resize(buffers.size());
  std::vector<size_t> placed;  // sorted by offset
  for (const size_t index : by_size) {
    const BufferLifetime& buffer = buffers[index];
    size_t offset = 0;
    for (const size_t other : placed) {
      const BufferLifetime& there = buffers[other];
      if (there.last < buffer.first || buffer.last < there.first) continue;
      if (offset + aligned(buffer.bytes) <= plan.offsets[other]) break;  // fits into the gap before this one
      offset = std::max(offset, plan.offsets[other] + aligned(there.bytes));
    }
    plan.offsets[index] = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, offset + aligned(buffer.bytes));
    const auto position = std::lower_bound(placed.begin(), placed.end(), offset,
                                           [&](size_t other, size_t at) { return plan.offsets[other] < at; });
    placed.insert(position, index);
  }
  return plan;
}

size_t memory_lower_bound(const std::vector<BufferLifetime>& buffers) {
  std::vector<std::pair<int, int64_t>> changes;
  for (const BufferLifetime& buffer : buffers) {
    changes.emplace_back(buffer.first, static_cast<int64_t>(aligned(buffer.bytes)));
    changes.emplace_back(buffer.last + 1, -static_cast<int64_t>(aligned(buffer.bytes)));
  }
  std::sort(changes.begin(), changes.end());
  int64_t now = 0, most = 0;
  for (const auto& [step, change] : changes) most = std::max(most, now += change);
  return static_cast<size_t>(most);
}

}  // namespace lathe
