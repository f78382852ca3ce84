// SPDX-License-Identifier: Apache-2.0
// Which of two conversions is taken, by models that take as long as they are told.
#include <gtest/gtest.h>
#include <vector>

#include "engine/convert/build_engines.h"
#include "engine/runtime/observer.h"

namespace lathe {
namespace {

constexpr int64_t us = 1000;

/// Its runs take these times, over and over.
class Timed final : public ConvertedModel {
 public:
  explicit Timed(std::vector<int64_t> nanoseconds) : times_(std::move(nanoseconds)) {}
  const Model& model() const override { return model_; }
  const Partition& partition() const override { return partition_; }
  const Engine* engine(size_t) const override { return nullptr; }
  Status prepare(const std::map<std::string, Shape>&, const JobContext*, size_t*) override { return {}; }
  Result<NamedValues> run(const NamedValues&, const RunOptions&) override {
    const int64_t end = now_ns() + times_[runs_++ % times_.size()];
    while (now_ns() < end) continue;
    return NamedValues();
  }

 private:
  std::vector<int64_t> times_;
  size_t runs_ = 0;
  Model model_;
  Partition partition_;
};

bool merged_wins(std::vector<int64_t> merged, std::vector<int64_t> apart) {
  Timed together(std::move(merged)), alone(std::move(apart));
  const NamedValues inputs;
  const auto compared = compare_engines(together, alone, &inputs, JobContext());
  EXPECT_TRUE(compared.ok());
  return compared.ok() && compared->merged_wins;
}

TEST(CompareEngines, SlowerTogetherStaysApart) {
  EXPECT_FALSE(merged_wins({10'000 * us}, {300 * us}));
}

TEST(CompareEngines, AsFastTogetherIsMerged) {
  EXPECT_TRUE(merged_wins({310 * us}, {300 * us}));
}

/// Of runs that other programs disturb, some happen to be quick.
TEST(CompareEngines, ADisturbedMachineDecidesNothing) {
  EXPECT_TRUE(merged_wins({900 * us}, {2000 * us, 2000 * us, 2000 * us, 2000 * us, 300 * us}));
}

}  // namespace
}  // namespace lathe
