// SPDX-License-Identifier: Apache-2.0
// Calibration data that will not do, and calibrations kept in a file.
#include "engine/precision/calibration.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

#include "engine/base/files.h"
#include "engine/precision/calibration_cache.h"
#include "engine/precision/channel_statistics.h"
#include "engine/runtime/executor_thread.h"
#include "engine/tensor/npz.h"
#include "tests/data/image_files.h"
#include "tests/precision/make_model.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CalibrationDataTest : public ::testing::Test {
 protected:
  /// Calibration data from an .npz for an input x of 1x2.
  Result<CalibrationData> from(const NamedTensors& arrays) {
    EXPECT_TRUE(write_npz(folder_ / "calib.npz", arrays).ok());
    InputSpec x{"x", ElementType::f32, std::vector<InputSpec::Axis>{{1, ""}, {2, ""}}};
    LATHE_ASSIGN(const auto source, open_dataset(folder_ / "calib.npz", {x}));
    return calibration_data(*source, 0);
  }
  std::string error_of(const NamedTensors& arrays) {
    const auto data = from(arrays);
    return data.ok() ? "no error" : data.error().text();
  }
  std::string warning_of(std::initializer_list<float> numbers) {
    const auto data =
        from({{"x", Tensor::from<float>({static_cast<int64_t>(numbers.size() / 2), 2}, numbers)}});
    if (!data.ok()) return data.error().text();
    return data->notes.empty() ? "" : data->notes[0].message;
  }
  const TemporaryFolder folder_;
};

TEST_F(CalibrationDataTest, WhatIsWrongIsRefusedByName) {
  const float nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(error_of({{"y", Tensor::from<float>({1, 2}, {1, 2})}}), HasSubstr("there is no array 'x'"));
  EXPECT_THAT(error_of({{"x", Tensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6})}}),
              HasSubstr("input 'x', sample 0: has shape 1x3, the model takes 1x2"));
  EXPECT_THAT(error_of({{"x", Tensor::from<float>({2, 2}, {1, 2, nan, 4})}}),
              HasSubstr("sample 1: input 'x' holds NaN"));
  EXPECT_THAT(error_of({{"x", Tensor::from<float>({2, 2}, {infinity, 2, 3, 4})}}),
              HasSubstr("sample 0: input 'x' holds infinity"));
  EXPECT_THAT(error_of({{"x", Tensor::from<float>({0, 2}, {})}}), HasSubstr("has no samples"));
}

TEST_F(CalibrationDataTest, WhatIsDoubtfulIsSaidByName) {
  EXPECT_EQ(warning_of({1, 2, 3, 4}), "");
  EXPECT_THAT(warning_of({3, 3, 3, 3}), HasSubstr("input 'x' is the same number everywhere"));
  EXPECT_THAT(warning_of({7, 7}), HasSubstr("input 'x' is the same number everywhere"));
  EXPECT_THAT(warning_of({1, 2, 1, 2, 1, 2}), HasSubstr("input 'x' is the same in all 3 samples"));
  EXPECT_THAT(warning_of({1, 2, 5, 5, 3, 4}),
              HasSubstr("input 'x' is one number throughout in 1 of 3 samples, the first is sample 1"));
  EXPECT_THAT(warning_of({1, 2}), HasSubstr("one sample is all there is"));
}

TEST_F(CalibrationDataTest, AFolderOfImagesWillDo) {
  const InputSpec image{"image", ElementType::f32,
                        std::vector<InputSpec::Axis>{{1, ""}, {3, ""}, {8, ""}, {8, ""}}};
  std::filesystem::create_directory(folder_ / "images");
  const auto write = [&](const char* name, std::vector<uint8_t> left, std::vector<uint8_t> right) {
    write_png(folder_ / "images" / name, 8, 8, two_colours(8, 8, std::move(left), std::move(right)));
  };
  write("a.png", {255, 0, 0}, {0, 0, 255});
  write("b.png", {51, 51, 51}, {51, 51, 51});
  const auto source = open_dataset(folder_ / "images", {image});
  ASSERT_TRUE(source.ok()) << source.error().text();
  const auto data = calibration_data(**source, 0);
  ASSERT_TRUE(data.ok()) << data.error().text();
  ASSERT_EQ(data->samples.size(), 2U);
  EXPECT_EQ(data->samples[0].at("image").tensor.shape(), (Shape{1, 3, 8, 8}));
  EXPECT_FLOAT_EQ(data->samples[0].at("image").tensor.data<float>()[0], 1);
  ASSERT_EQ(data->notes.size(), 1U);
  EXPECT_THAT(data->notes[0].message, HasSubstr("in 1 of 2 samples, the first is sample 1"));
  folder_.write("images/c.png", "no image");
  const auto damaged = open_dataset(folder_ / "images", {image});
  ASSERT_TRUE(damaged.ok());
  const auto refused = calibration_data(**damaged, 0);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().text(), HasSubstr("c.png"));
}

/// y = relu(x) for x of 1x2.
ModelMaker relu_model() {
  ModelMaker maker(17);
  maker.input("x", {1, 2});
  maker.node("Relu", {"x"}, "y");
  maker.node("Neg", {"y"}, "z");
  maker.output("z");
  return maker;
}

CalibrationData two_samples() {
  CalibrationData data;
  data.name = "test";
  for (const float first : {-1.0F, 4.0F})
    data.samples.push_back({{"x", RuntimeValue(Tensor::from<float>({1, 2}, {first, 2}))}});
  return data;
}

TEST(Calibrate, SeesInputsAndWhatIsMadeOfThem) {
  const auto model = std::make_shared<Model>(relu_model().model);
  const auto found = on_executor([&] { return calibrate(model, {"x", "y"}, two_samples(), JobContext()); });
  ASSERT_TRUE(found.ok()) << found.error().text();
  EXPECT_EQ(found->at("x").low(), -1);
  EXPECT_EQ(found->at("x").high(), 4);
  EXPECT_EQ(found->at("y").low(), 0);
  EXPECT_EQ(found->at("y").count(), 4U);
}

TEST(Calibrate, ChannelsHaveTheirOwnMaximaAndMeans) {
  const auto model = std::make_shared<Model>(relu_model().model);
  const auto found = on_executor([&] {
    return channel_statistics(model, {{"x", -1}, {"y", 1}}, two_samples(), JobContext());
  });
  ASSERT_TRUE(found.ok()) << found.error().text();
  EXPECT_THAT(found->at("x").largest, ElementsAre(4, 2));
  EXPECT_THAT(found->at("x").mean, ElementsAre(1.5, 2));
  EXPECT_THAT(found->at("y").mean, ElementsAre(2, 2));
}

class CacheTest : public ::testing::Test {
 protected:
  Result<Calibration> cached(const CalibrationData& data) {
    notes_.clear();
    return on_executor([&] { return calibrate_cached(model_, {"x", "y"}, data, JobContext(), notes_); });
  }
  CalibrationData data() {
    CalibrationData made = two_samples();
    made.cache = folder_ / "calibration";
    return made;
  }
  const TemporaryFolder folder_;
  const std::shared_ptr<Model> model_ = std::make_shared<Model>(relu_model().model);
  Findings notes_;
};

TEST_F(CacheTest, IsWrittenOnceAndUsedThen) {
  const auto first = cached(data());
  ASSERT_TRUE(first.ok()) << first.error().text();
  EXPECT_TRUE(notes_.empty());
  const auto again = cached(data());
  ASSERT_TRUE(again.ok()) << again.error().text();
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_THAT(notes_[0].message, HasSubstr("was used"));
  ASSERT_EQ(again->size(), 2U);
  for (const auto& [name, histogram] : *first)
    for (const Calibrator each :
         {Calibrator::minmax, Calibrator::entropy, Calibrator::percentile, Calibrator::mse}) {
      EXPECT_EQ(again->at(name).range(each).low, histogram.range(each).low);
      EXPECT_EQ(again->at(name).range(each).high, histogram.range(each).high);
    }
}

TEST_F(CacheTest, OfOtherDataOrDamagedIsMadeAnew) {
  ASSERT_TRUE(cached(data()).ok());
  CalibrationData other = data();
  other.samples[1]["x"].tensor.mutable_data<float>()[0] = 5;
  const auto found = cached(other);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->at("x").high(), 5);
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_THAT(notes_[0].message, HasSubstr("other data"));
  const std::string whole = std::move(read_file(folder_ / "calibration")).value();
  folder_.write("calibration", whole.substr(0, whole.size() - 1));
  EXPECT_EQ(cached(other)->at("x").high(), 5);
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_THAT(notes_[0].message, HasSubstr("is damaged"));
}

TEST_F(CacheTest, CutOrChangedAnywhereItIsRefusedAndNeverHalfRead) {
  const auto made = on_executor([&] { return calibrate(model_, {"x", "y"}, two_samples(), JobContext()); });
  ASSERT_TRUE(made.ok());
  const std::string text = write_calibration(*made, 7);
  ASSERT_TRUE(read_calibration(text, 7, "cache").value().has_value());
  EXPECT_FALSE(read_calibration(text, 8, "cache").value().has_value());
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(read_calibration(text.substr(0, size), 7, "cache").ok()) << size;
  EXPECT_FALSE(read_calibration(text + "x", 7, "cache").ok());
  for (size_t at = 0; at < text.size(); ++at) {  // whatever it says: no crash, nothing out of bounds
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 0x80);
    const auto read = read_calibration(changed, 7, "cache");
    if (!read.ok() || !*read) continue;
    for (const auto& [name, histogram] : **read) EXPECT_GE(histogram.range(Calibrator::entropy).scale(), 0);
  }
}

}  // namespace
}  // namespace lathe
