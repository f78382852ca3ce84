// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/memory_plan.h"

#include <gtest/gtest.h>
#include <random>

namespace lathe {
namespace {

bool overlap(const BufferLifetime& a, size_t at_a, const BufferLifetime& b, size_t at_b) {
  const bool together = a.first <= b.last && b.first <= a.last;
  return together && at_a < at_b + b.bytes && at_b < at_a + a.bytes;
}

TEST(MemoryPlan, BuffersAliveTogetherDoNotOverlap) {
  std::mt19937 random(7);
  std::vector<BufferLifetime> buffers;
  for (int i = 0; i < 300; ++i) {
    const int first = static_cast<int>(random() % 100);
    buffers.push_back({1 + random() % 100000, first, first + static_cast<int>(random() % 10)});
  }
  const MemoryPlan plan = plan_memory(buffers);
  for (size_t a = 0; a < buffers.size(); ++a) {
    EXPECT_EQ(plan.offsets[a] % 64, 0U);
    EXPECT_LE(plan.offsets[a] + buffers[a].bytes, plan.arena_bytes);
    for (size_t b = 0; b < a; ++b)
      EXPECT_FALSE(overlap(buffers[a], plan.offsets[a], buffers[b], plan.offsets[b])) << a << " and " << b;
  }
  EXPECT_LE(plan.arena_bytes, memory_lower_bound(buffers) * 13 / 10);
}

TEST(MemoryPlan, AChainNeedsTwoBuffers) {
  std::vector<BufferLifetime> chain;
  for (int i = 0; i < 10; ++i) chain.push_back({1024, i, i + 1});
  EXPECT_EQ(plan_memory(chain).arena_bytes, 2048U);
  EXPECT_EQ(memory_lower_bound(chain), 2048U);
}

TEST(MemoryPlan, EmptyNeedsNothing) {
  EXPECT_EQ(plan_memory({}).arena_bytes, 0U);
}

}  // namespace
}  // namespace lathe
