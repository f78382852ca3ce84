// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/data/sample_source.h"
#include "engine/tensor/npz.h"
#include "tests/data/image_files.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

InputSpec input(const std::string& name, ElementType type, std::vector<int64_t> sizes) {
  InputSpec spec{name, type, std::vector<InputSpec::Axis>()};
  for (const int64_t size : sizes) spec.axes->push_back({size, ""});
  return spec;
}

class DatasetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(write_npz(folder_ / "data.npz", {{"x", Tensor::from<uint8_t>({3, 2}, {0, 1, 2, 3, 4, 5})},
                                                 {"label", Tensor::from<int64_t>({3}, {7, 8, 9})}})
                    .ok());
  }
  Result<std::unique_ptr<SampleSource>> manifest(const std::string& text, std::vector<InputSpec> inputs) {
    return open_dataset(folder_.write("set.json", text), std::move(inputs));
  }
  std::string error_of(const std::string& text,
                       std::vector<InputSpec> inputs = {input("x", ElementType::f32, {1, 2})}) {
    const auto source = manifest(text, std::move(inputs));
    if (source.ok()) return "no error";
    std::string all = source.error().text();
    for (const std::string& hint : source.error().hints) all += "\n" + hint;
    return all;
  }
  const TemporaryFolder folder_;
};

TEST_F(DatasetTest, NpzFeedsInputsByName) {
  const auto source = open_dataset(folder_ / "data.npz", {input("x", ElementType::f32, {1, 2})}).value();
  EXPECT_EQ(source->count(), 3u);
  ASSERT_TRUE(source->has_labels());
  EXPECT_THAT(source->label(2).to_int64(), ElementsAre(9));
  const Sample sample = source->sample(1).value();
  EXPECT_EQ(sample.inputs.at("x").shape(), (Shape{1, 2}));
  EXPECT_EQ(sample.inputs.at("x").type(), ElementType::f32);
  EXPECT_THAT(sample.inputs.at("x").to_double(), ElementsAre(2, 3));
}

TEST_F(DatasetTest, InputWithoutBatchAxisGetsNone) {
  const auto source = open_dataset(folder_ / "data.npz", {input("x", ElementType::f32, {2})}).value();
  EXPECT_EQ(source->sample(0).value().inputs.at("x").shape(), Shape{2});
}

TEST_F(DatasetTest, NpzMistakesAreNamed) {
  const auto missing = open_dataset(folder_ / "data.npz", {input("lable", ElementType::f32, {1})});
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().text(), HasSubstr("there is no array 'lable'"));
  EXPECT_THAT(missing.error().hints, ElementsAre("did you mean 'label'?"));
  const auto source = open_dataset(folder_ / "data.npz", {input("x", ElementType::f32, {1, 5})}).value();
  EXPECT_THAT(source->sample(2).error().text(),
              HasSubstr("data.npz: input 'x', sample 2: has shape 1x2, the model takes 1x5"));
}

TEST_F(DatasetTest, ManifestPreparesAndLabels) {
  const auto source =
      manifest(R"({"arrays": "data.npz", "inputs": {"x": {"array": "x", "scale": 2, "mean": 1},
      "mask": {"constant": true}, "other": {"constant": 0}}, "labels": {"array": "label"}, "metric": {"name": "top1"}})",
               {input("x", ElementType::f16, {1, 2}), {"mask", ElementType::boolean, {{{-1, "n"}, {3, ""}}}}})
          .value();
  const Sample sample = source->sample(2).value();
  EXPECT_THAT(sample.inputs.at("x").to_double(), ElementsAre(7, 9));
  EXPECT_EQ(sample.inputs.at("x").type(), ElementType::f16);
  EXPECT_EQ(sample.inputs.at("mask").shape(), (Shape{1, 3}));
  EXPECT_THAT(sample.inputs.at("mask").to_int64(), ElementsAre(1, 1, 1));
  EXPECT_EQ(source->metric().name, "top1");
  EXPECT_THAT(source->label(0).to_int64(), ElementsAre(7));
  ASSERT_EQ(source->notes().size(), 1u);
  EXPECT_THAT(source->notes()[0].where, HasSubstr("other"));
}

TEST_F(DatasetTest, ConstantsTakeTheSizesOfOtherInputs) {
  InputSpec x{"x", ElementType::f32, {{{-1, "batch"}, {-1, "width"}}}};
  InputSpec mask{"a_mask", ElementType::boolean, {{{-1, "batch"}, {-1, "width"}}}};
  const char* text =
      R"({"arrays": "data.npz", "inputs": {"x": {"array": "x"}, "a_mask": {"constant": false}}})";
  EXPECT_EQ(manifest(text, {mask, x}).value()->sample(0).value().inputs.at("a_mask").shape(), (Shape{1, 2}));
  (*mask.axes)[1].symbol = "unheard of";
  EXPECT_THAT(manifest(text, {x, mask}).value()->sample(0).error().text(),
              HasSubstr("give the constant a \"shape\""));
  const char* shaped =
      R"({"arrays": "data.npz", "inputs": {"x": {"array": "x"}, "a_mask": {"constant": 1, "shape": [1, 4]}}})";
  EXPECT_EQ(manifest(shaped, {x, mask}).value()->sample(0).value().inputs.at("a_mask").shape(),
            (Shape{1, 4}));
}

TEST_F(DatasetTest, ManifestMistakesAreNamed) {
  EXPECT_THAT(error_of("{\n\"arrays\": }"), HasSubstr("line 2"));
  EXPECT_THAT(error_of("[]"), HasSubstr("object"));
  EXPECT_THAT(error_of(R"({"array": "data.npz", "inputs": {"x": {"array": "x"}}})"),
              HasSubstr("did you mean 'arrays'?"));
  EXPECT_THAT(error_of(R"({"arrays": "data.npz", "inputs": {"x": {"array": "x", "scal": 2}}})"),
              HasSubstr("set.json: inputs.x: unknown key 'scal'\ndid you mean 'scale'?"));
  EXPECT_THAT(error_of(R"({"arrays": "data.npz", "inputs": {"x": {"array": "x", "scale": "2"}}})"),
              HasSubstr("key 'scale': a number"));
  EXPECT_THAT(error_of(R"({"arrays": "data.npz", "inputs": {"x": {"array": "x", "layout": "NWHC"}}})"),
              HasSubstr("did you mean"));
  EXPECT_THAT(error_of(R"({"arrays": "data.npz", "inputs": {"x": {"array": "x", "repeat": {"axes": 1}}}})"),
              HasSubstr("inputs.x.repeat: unknown key 'axes'"));
  EXPECT_THAT(error_of(R"({"arrays": "data.npz", "inputs": {"x": {"array": "x", "constant": 1}}})"),
              HasSubstr("exactly one"));
  EXPECT_THAT(error_of(R"({"arrays": "data.npz", "inputs": {"x": {"array": "y"}}})"),
              HasSubstr("no array 'y'"));
  EXPECT_THAT(error_of(R"({"inputs": {"x": {"array": "x"}}})"), HasSubstr("key 'arrays' names no file"));
  EXPECT_THAT(error_of(R"({"arrays": "data.npz", "inputs": {"X1": {"array": "x"}}})"),
              HasSubstr("model's input 'x'"));
  EXPECT_THAT(error_of(R"({"arrays": "no.npz", "inputs": {"x": {"array": "x"}}})"), HasSubstr("no.npz"));
  EXPECT_THAT(error_of(R"({"inputs": {"x": {"constant": 1}}})"), HasSubstr("no samples"));
  EXPECT_THAT(error_of(R"({"arrays": "data.npz", "inputs": {}})"), HasSubstr("'inputs'"));
  EXPECT_THAT(error_of(R"({"arrays": "data.npz", "inputs": {"x": {"array": "x", "std": 0}}})"),
              HasSubstr("zero"));
  EXPECT_THAT(error_of(R"({"arrays": "data.npz", "inputs": {"x": {"array": "x", "resize": [2]}}})"),
              HasSubstr("[height, width]"));
  EXPECT_THAT(
      error_of(
          R"({"arrays": "data.npz", "inputs": {"x": {"array": "x"}}, "metric": {"name": "command:rm"}})"),
      HasSubstr("command is not taken"));
}

TEST_F(DatasetTest, CountsMustAgree) {
  ASSERT_TRUE(write_npz(folder_ / "data.npz", {{"x", Tensor::from<float>({2, 1}, {1, 2})},
                                               {"y", Tensor::from<float>({3, 1}, {1, 2, 3})},
                                               {"label", Tensor::from<int64_t>({1}, {1})}})
                  .ok());
  const auto both = open_dataset(
      folder_ / "data.npz", {input("x", ElementType::f32, {1, 1}), input("y", ElementType::f32, {1, 1})});
  EXPECT_THAT(both.error().text(), HasSubstr("'x' has 2 samples, input 'y' has 3"));
  const auto labels = open_dataset(folder_ / "data.npz", {input("x", ElementType::f32, {1, 1})});
  EXPECT_THAT(labels.error().text(), HasSubstr("1 labels for 2 samples"));
}

TEST_F(DatasetTest, ImageFolderWithClasses) {
  std::filesystem::create_directories(folder_ / "set/a");
  std::filesystem::create_directories(folder_ / "set/b");
  write_png(folder_ / "set/a/1.png", 4, 4, two_colours(4, 4, {255, 255, 255}, {255, 255, 255}));
  write_png(folder_ / "set/b/1.png", 2, 2, two_colours(2, 2, {0, 0, 0}, {0, 0, 0}));
  const auto source = open_dataset(folder_ / "set", {input("img", ElementType::f32, {-1, 3, 2, 2})}).value();
  ASSERT_EQ(source->count(), 2u);
  EXPECT_THAT(source->label(1).to_int64(), ElementsAre(1));
  const Sample sample = source->sample(0).value();
  EXPECT_EQ(sample.inputs.at("img").shape(), (Shape{1, 3, 2, 2}));
  EXPECT_NEAR(sample.inputs.at("img").to_double()[0], 1, 1e-6);
  EXPECT_FALSE(open_dataset(folder_ / "set", {input("x", ElementType::f32, {1, 2})}).ok());
}

TEST_F(DatasetTest, ImagesByCocoFileNames) {
  std::filesystem::create_directories(folder_ / "pictures");
  write_png(folder_ / "pictures/b.png", 2, 1, {1, 2, 3, 4, 5, 6});
  write_png(folder_ / "pictures/unused.png", 2, 1, {1, 2, 3, 4, 5, 6});
  folder_.write(
      "coco.json",
      R"({"images": [{"id": 5, "width": 2, "height": 1, "file_name": "b.png"}], "categories": [{"id": 1}],
    "annotations": [{"image_id": 5, "category_id": 1, "bbox": [0, 0, 1, 1], "segmentation": [[0, 0, 1, 1]], "iscrowd": 1}]})");
  const auto source =
      manifest(R"({"inputs": {"img": {"images": "pictures", "layout": "NHWC", "channels": "bgr"}},
                                   "labels": {"coco": "coco.json"}})",
               {input("img", ElementType::u8, {1, 1, 2, 3})})
          .value();
  EXPECT_EQ(source->count(), 1u);
  EXPECT_THAT(source->sample(0).value().inputs.at("img").to_int64(), ElementsAre(3, 2, 1, 6, 5, 4));
  ASSERT_NE(source->coco(), nullptr);
  ASSERT_EQ(source->coco()->images[0].objects.size(), 1u);
  EXPECT_TRUE(source->coco()->images[0].objects[0].crowd);
  EXPECT_EQ(source->coco()->images[0].objects[0].area, 1);
}

TEST_F(DatasetTest, DamagedImageNamesSample) {
  folder_.write("pictures/a.png", "broken");
  const auto source = manifest(R"({"inputs": {"img": {"images": ["pictures/a.png"]}}})",
                               {input("img", ElementType::u8, {1, 3, 1, 1})})
                          .value();
  EXPECT_THAT(source->sample(0).error().text(), HasSubstr("input 'img', sample 0: "));
  EXPECT_THAT(source->sample(0).error().text(), HasSubstr("a.png: is not a PNG"));
}

TEST_F(DatasetTest, CocoMistakesAreNamed) {
  const auto error = [&](const std::string& coco) {
    folder_.write("coco.json", coco);
    return error_of(
        R"({"arrays": "data.npz", "inputs": {"x": {"array": "x"}}, "labels": {"coco": "coco.json"}})");
  };
  EXPECT_THAT(error("{}"), HasSubstr("'categories': a list"));
  EXPECT_THAT(error(R"({"images": [{"id": 1}], "categories": [], "annotations": []})"),
              HasSubstr("images[0]: key 'width'"));
  EXPECT_THAT(error(R"({"images": [], "categories": [], "annotations": [{"image_id": 3}]})"),
              HasSubstr("annotations[0]: image 3"));
  EXPECT_THAT(error(R"({"images": [], "categories": [], "annotations": []})"),
              HasSubstr("0 labels for 3 samples"));
}

TEST(Examples, ScenesOpenForBothModels) {
  const std::string path =
      LATHE_SOURCE_DIR "/resources/examples/digits_detr_anysize/digits_scenes.dataset.json";
  const auto source = open_dataset(path, {input("img", ElementType::f32, {-1, 3, -1, -1}),
                                          input("mask", ElementType::boolean, {1, 96, 96})});
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ((*source)->count(), 300u);
  EXPECT_EQ((*source)->metric().name, "coco-ap");
  const Sample sample = (*source)->sample(299).value();
  EXPECT_EQ(sample.inputs.at("img").shape(), (Shape{1, 3, 96, 96}));
  EXPECT_EQ(sample.inputs.at("mask").shape(), (Shape{1, 96, 96}));
  const auto unmasked = open_dataset(path, {input("img", ElementType::f32, {-1, 3, -1, -1})});
  ASSERT_TRUE(unmasked.ok());
  EXPECT_EQ((*unmasked)->notes().size(), 1u);
}

}  // namespace
}  // namespace lathe
