// SPDX-License-Identifier: Apache-2.0
// Buffers, ids, checked arithmetic and jobs.
#include <gtest/gtest.h>
#include <limits>

#include "engine/base/buffer.h"
#include "engine/base/checked.h"
#include "engine/base/finding.h"
#include "engine/base/job.h"

namespace lathe {
namespace {

TEST(Buffer, IsAlignedAndCounted) {
  const size_t before = allocated_buffer_bytes();
  {
    auto buffer = Buffer::allocate(100);
    ASSERT_TRUE(buffer.ok());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 64, 0u);
    EXPECT_EQ(buffer->size(), 100u);
    EXPECT_GE(allocated_buffer_bytes(), before + 100);
    const Buffer part = buffer->slice(10, 20);
    EXPECT_EQ(part.data(), buffer->data() + 10);
    EXPECT_FALSE(buffer->unique());
  }
  EXPECT_EQ(allocated_buffer_bytes(), before);
}

TEST(Buffer, OfNoBytesIsStillMemory) {
  EXPECT_NE(Buffer::allocate(0)->data(), nullptr);
}

TEST(Buffer, TooLargeIsAnErrorNotACrash) {
  EXPECT_EQ(Buffer::allocate(std::numeric_limits<size_t>::max()).error().kind, ErrorKind::resource);
  EXPECT_EQ(Buffer::allocate(std::numeric_limits<size_t>::max() - 10).error().kind, ErrorKind::resource);
}

/// Weights that are widened before they are packed are in memory once, and its pages come from the system
/// once.
TEST(Buffer, WhatLastsTakesWhatWasFreedWithAnEighthToSpareAtMost) {
  constexpr size_t size = size_t{3} << 20;
  trim_buffers();
  const auto address_of_freed = [](size_t bytes) { return Buffer::allocate(bytes)->data(); };
  const std::byte* freed = address_of_freed(size + size / 16);
  {
    const auto fits = Buffer::allocate_lasting(size);
    EXPECT_EQ(fits->data(), freed);
    EXPECT_EQ(fits->size(), size);
  }
  freed = address_of_freed(size + size / 4);
  EXPECT_NE(Buffer::allocate_lasting(size)->data(), freed) << "a quarter is wasted";
  EXPECT_EQ(Buffer::allocate(size + size / 4)->data(), freed) << "and waits for its like";
  trim_buffers();
}

TEST(Buffer, ViewKeepsItsOwnerAlive) {
  auto owner = std::make_shared<int>(42);
  std::weak_ptr<int> watch = owner;
  Buffer view = Buffer::view(owner, reinterpret_cast<const std::byte*>(owner.get()), sizeof(int));
  owner.reset();
  EXPECT_FALSE(watch.expired());
  view = Buffer();
  EXPECT_TRUE(watch.expired());
}

TEST(Checked, ReportsOverflow) {
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(checked_mul(3, 4), 12);
  EXPECT_EQ(checked_mul(most, 2), std::nullopt);
  EXPECT_EQ(checked_add(most, 1), std::nullopt);
  EXPECT_EQ(checked_add(most, -1), most - 1);
}

TEST(Checked, DivisionRoundsAsNamed) {
  EXPECT_EQ(floor_div(7, 2), 3);
  EXPECT_EQ(floor_div(-7, 2), -4);
  EXPECT_EQ(floor_div(7, -2), -4);
  EXPECT_EQ(ceil_div(7, 2), 4);
  EXPECT_EQ(ceil_div(-7, 2), -3);
  EXPECT_EQ(ceil_div(6, 2), 3);
}

TEST(Id, DefaultRefersToNothing) {
  EXPECT_FALSE(NodeId().valid());
  EXPECT_TRUE(NodeId(0).valid());
  EXPECT_NE(NodeId(0), NodeId(1));
}

TEST(Job, StopsAndReports) {
  std::vector<std::string> texts;
  JobContext job([&](const Progress& progress) { texts.push_back(progress.text); });
  job.report(0.5, "half");
  EXPECT_EQ(texts, std::vector<std::string>{"half"});
  EXPECT_TRUE(job.check().ok());
  job.request_stop();
  EXPECT_EQ(job.check().error().kind, ErrorKind::interrupted);
  JobContext().report(1, "nobody listens");
}

TEST(Finding, SeveritiesHaveNames) {
  EXPECT_STREQ(to_string(Severity::note), "note");
  EXPECT_STREQ(to_string(Severity::warning), "warning");
  EXPECT_STREQ(to_string(Severity::error), "error");
}

}  // namespace
}  // namespace lathe
