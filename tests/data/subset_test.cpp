// SPDX-License-Identifier: Apache-2.0
#include "engine/data/subset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/tensor/npz.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;

TEST(Subset, SplitsEvenlyAndLosesNothing) {
  const SampleSplit third = split_samples(7, 2);
  EXPECT_THAT(third.first, ElementsAre(3, 6));
  EXPECT_THAT(third.rest, ElementsAre(0, 1, 2, 4, 5));
  EXPECT_EQ(split_samples(5, 9).first.size(), 5U);
  EXPECT_TRUE(split_samples(5, 0).first.empty());
  for (size_t first = 0; first <= 40; ++first) {
    const SampleSplit split = split_samples(40, first);
    EXPECT_EQ(split.first.size(), first);
    EXPECT_EQ(split.rest.size(), 40 - first);
  }
}

TEST(Subset, SamplesKeepTheirLabels) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_npz(folder / "data.npz", {{"x", Tensor::from<float>({4, 1}, {0, 10, 20, 30})},
                                              {"label", Tensor::from<int64_t>({4}, {5, 6, 7, 8})}})
                  .ok());
  const auto all = open_dataset(folder / "data.npz", {{"x", ElementType::f32, std::nullopt}}).value();
  const Subset some(*all, {1, 3});
  ASSERT_EQ(some.count(), 2U);
  EXPECT_THAT(some.sample(1).value().inputs.at("x").to_double(), ElementsAre(30));
  EXPECT_THAT(some.label(1).to_int64(), ElementsAre(8));
  EXPECT_TRUE(some.has_labels());
  EXPECT_EQ(some.coco(), nullptr);
}

TEST(Subset, AnnotationsFollowTheSamples) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_npz(folder / "data.npz", {{"x", Tensor::from<float>({3, 1}, {0, 1, 2})}}).ok());
  folder.write("coco.json", R"({"images": [{"id": 7, "width": 4, "height": 4, "file_name": "a"},
      {"id": 8, "width": 4, "height": 4, "file_name": "b"}, {"id": 9, "width": 4, "height": 4, "file_name": "c"}],
      "categories": [{"id": 1, "name": "one"}], "annotations": []})");
  const auto all =
      open_dataset(folder.write("set.json", R"({"arrays": "data.npz", "inputs": {"x": {"array": "x"}},
      "labels": {"coco": "coco.json"}})"),
                   {{"x", ElementType::f32, std::nullopt}});
  ASSERT_TRUE(all.ok()) << all.error().text();
  const Subset some(**all, {2, 0});
  ASSERT_NE(some.coco(), nullptr);
  ASSERT_EQ(some.coco()->images.size(), 2U);
  EXPECT_EQ(some.coco()->images[0].id, 9);
  EXPECT_EQ(some.coco()->images[1].id, 7);
  EXPECT_EQ(some.coco()->categories.size(), 1U);
}

}  // namespace
}  // namespace lathe
