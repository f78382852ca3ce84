// SPDX-License-Identifier: Apache-2.0
// What samples tell about the sizes of inputs.
#include "engine/convert/shapes_from_data.h"

#include <gmock/gmock.h>

namespace lathe {
namespace {

using testing::HasSubstr;

/// Samples of given shapes for "img", with an "id" of one number each.
class Samples : public SampleSource {
 public:
  explicit Samples(std::vector<Shape> shapes) : shapes_(std::move(shapes)) {}
  size_t count() const override { return shapes_.size(); }
  Result<Sample> sample(size_t k) const override {
    Sample made;
    LATHE_ASSIGN(made.inputs["img"], Tensor::allocate(ElementType::f32, shapes_[k]));
    LATHE_ASSIGN(made.inputs["id"], Tensor::allocate(ElementType::i64, {1}));
    return made;
  }
  Tensor label(size_t) const override { return {}; }
  bool has_labels() const override { return false; }
  const CocoLabels* coco() const override { return nullptr; }
  const MetricSpec& metric() const override { return metric_; }
  const std::string& name() const override { return name_; }
  const Findings& notes() const override { return notes_; }

 private:
  std::vector<Shape> shapes_;
  MetricSpec metric_;
  std::string name_ = "scenes.json";
  Findings notes_;
};

class ShapesFromData : public testing::Test {
 protected:
  void SetUp() override {
    GraphEditor editor(model_.graph);
    editor.add_input(
        "img", TypeInfo::tensor(ElementType::f32, Dims{Dim::symbol("batch"), Dim(3), Dim::symbol("height"),
                                                       Dim::symbol("width")}));
    editor.add_input("id", TypeInfo::tensor(ElementType::i64, Dims{Dim(1)}));
  }
  Status learn(std::vector<Shape> shapes) {
    return shapes_from_data(model_, Samples(std::move(shapes)), configuration_, JobContext());
  }

  Model model_;
  Configuration configuration_;
};

TEST_F(ShapesFromData, WhatNeverVariesIsPinned) {
  ASSERT_TRUE(learn({{1, 3, 96, 96}, {1, 3, 96, 96}}).ok());
  EXPECT_EQ(configuration_.input_shapes.at("img"), (Shape{1, 3, 96, 96}));
  EXPECT_TRUE(configuration_.dynamic_axes.empty());
  EXPECT_FALSE(configuration_.input_shapes.contains("id"));  // the model fixes it
  ASSERT_EQ(configuration_.notes.size(), 1U);
  EXPECT_EQ(configuration_.notes[0].message,
            "input 'img' is 1x3x96x96 in all 2 samples of scenes.json: pinned");
  EXPECT_TRUE(configuration_.range("img")->pinned());
}

TEST_F(ShapesFromData, WhatVariesGetsAProfileAroundTheMostFrequent) {
  ASSERT_TRUE(learn({{1, 3, 64, 96}, {1, 3, 96, 96}, {1, 3, 128, 96}, {1, 3, 96, 96}}).ok());
  const auto range = configuration_.range("img");
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->min, (Shape{1, 3, 64, 96}));
  EXPECT_EQ(range->opt, (Shape{1, 3, 96, 96}));
  EXPECT_EQ(range->max, (Shape{1, 3, 128, 96}));
  ASSERT_EQ(configuration_.dynamic_axes.at("img").size(), 1U);
  EXPECT_EQ(configuration_.dynamic_axes.at("img").at(2).name, "height");
  EXPECT_THAT(configuration_.notes.at(0).message,
              HasSubstr("axis 2 goes from 64 to 128, mostly 96 (2 samples); the other axes are pinned"));
  const auto parsed = parse_configuration(to_json(configuration_), model_.modules, "config.json");
  ASSERT_TRUE(parsed.ok()) << parsed.error().text();
  EXPECT_EQ(parsed->range("img")->max, range->max);
}

TEST_F(ShapesFromData, OfEquallyFrequentSizesTheSmallestIsTheOne) {
  ASSERT_TRUE(learn({{1, 3, 128, 96}, {1, 3, 64, 96}}).ok());
  EXPECT_EQ(configuration_.range("img")->opt, (Shape{1, 3, 64, 96}));
}

TEST_F(ShapesFromData, WhatAPersonSaysStands) {
  configuration_.input_shapes["img"] = {1, 3, 32, 32};
  ASSERT_TRUE(learn({{1, 3, 96, 96}}).ok());
  EXPECT_EQ(configuration_.input_shapes.at("img"), (Shape{1, 3, 32, 32}));
  EXPECT_TRUE(configuration_.notes.empty());
}

TEST_F(ShapesFromData, DataThatTellsNothingIsAnError) {
  EXPECT_THAT(learn({}).error().text(), HasSubstr("no samples"));
  EXPECT_THAT(learn({{1, 3, 96, 96}, {3, 96, 96}}).error().text(),
              HasSubstr("scenes.json, sample 1: input 'img' has rank 3, in samples before it had rank 4"));
}

}  // namespace
}  // namespace lathe
