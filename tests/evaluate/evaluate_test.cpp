// SPDX-License-Identifier: Apache-2.0
#include "profiler/evaluate/evaluate.h"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

#include "engine/tensor/npz.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Gives row k of stored arrays on its k-th run.
class Replay : public Runnable {
 public:
  explicit Replay(NamedTensors outputs) : outputs_(std::move(outputs)) {}
  const Model& model() const override { return model_; }
  Result<NamedValues> run(const NamedValues&, const RunOptions&) override {
    NamedValues values;
    for (const auto& [name, array] : outputs_) {
      Shape shape = array.shape();
      shape[0] = 1;
      Tensor row = Tensor::allocate(array.type(), shape).value();
      std::copy_n(array.raw() + next_ * row.bytes(), row.bytes(), row.mutable_raw());
      values.emplace(name, std::move(row));
    }
    ++next_;
    return values;
  }

 private:
  Model model_;
  NamedTensors outputs_;
  size_t next_ = 0;
};

class EvaluateTest : public ::testing::Test {
 protected:
  std::unique_ptr<SampleSource> source(const NamedTensors& arrays) {
    EXPECT_TRUE(write_npz(folder_ / "data.npz", arrays).ok());
    auto opened = open_dataset(folder_ / "data.npz", {{"x", ElementType::f32, std::nullopt}});
    EXPECT_TRUE(opened.ok());
    return std::move(*opened);
  }
  std::unique_ptr<SampleSource> labelled() {
    return source(
        {{"x", Tensor::from<float>({3, 1}, {0, 0, 0})}, {"label", Tensor::from<int64_t>({3}, {0, 1, 5})}});
  }
  std::unique_ptr<SampleSource> unlabelled() {
    return source({{"x", Tensor::from<float>({3, 1}, {0, 0, 0})}});
  }

  Result<Accuracy> judge(const std::string& metric, const SampleSource& samples, NamedTensors outputs,
                         size_t limit = 0) {
    LATHE_ASSIGN(const MetricSpec spec, choose_metric(metric, samples));
    Replay replay(std::move(outputs));
    return evaluate(replay, samples, spec, limit, job_);
  }
  const TemporaryFolder folder_;
  JobContext job_;
  // Right; the label second; the label last of six.
  const Tensor scores_ = Tensor::from<float>({3, 6}, {9, 1, 1, 1, 1, 1, 5, 4, 1, 1, 1, 1, 6, 5, 4, 3, 2, 1});
};

TEST_F(EvaluateTest, Top1AndTop5) {
  const auto samples = labelled();
  const auto top1 = judge("", *samples, {{"logits", scores_}}).value();
  EXPECT_EQ(top1.metric, "top1");
  EXPECT_EQ(top1.samples, 3u);
  EXPECT_NEAR(top1.score(), 1.0 / 3, 1e-12);
  const auto top5 = judge("top5", *samples, {{"logits", scores_}}).value();
  EXPECT_NEAR(top5.values.at("top5"), 2.0 / 3, 1e-12);
  EXPECT_NEAR(top5.values.at("top1"), 1.0 / 3, 1e-12);
  EXPECT_NEAR(judge("top1", *samples, {{"logits", scores_}}, 1).value().score(), 1, 1e-12);
}

TEST_F(EvaluateTest, MistakesAreSaidInWords) {
  EXPECT_THAT(judge("top1", *unlabelled(), {{"a", scores_}}).error().text(), HasSubstr("needs labels"));
  EXPECT_THAT(judge("", *unlabelled(), {{"a", scores_}}).error().text(),
              HasSubstr("no labels and asks for no metric"));
  const auto typo = judge("top_1", *labelled(), {{"a", scores_}});
  EXPECT_THAT(typo.error().text(), HasSubstr("no metric 'top_1'"));
  EXPECT_THAT(typo.error().hints[0], HasSubstr("top1"));
  EXPECT_THAT(judge("top1", *labelled(), {{"a", scores_}, {"b", scores_}}).error().text(),
              HasSubstr("which output"));
  EXPECT_THAT(
      judge("top1", *labelled(), {{"a", Tensor::from<float>({3, 2}, {1, 0, 1, 0, 1, 0})}}).error().text(),
      HasSubstr("sample 2: label 5 is not one of the 2 classes"));
  EXPECT_THAT(judge("coco-ap", *labelled(), {{"a", scores_}}).error().text(),
              HasSubstr("needs COCO annotations"));
  EXPECT_THAT(judge("snr", *labelled(), {{"a", scores_}}).error().text(), HasSubstr("reference run"));
}

TEST_F(EvaluateTest, SnrAgainstReference) {
  const auto samples = unlabelled();
  const auto snr = [&](Tensor given) {
    Replay run({{"y", std::move(given)}}), reference({{"y", Tensor::from<float>({3, 1}, {10, 10, 10})}});
    return evaluate(run, *samples, choose_metric("snr", *samples).value(), 0, job_, &reference)
        .value()
        .score();
  };
  EXPECT_NEAR(snr(Tensor::from<float>({3, 1}, {11, 9, 11})), 20, 1e-9);
  EXPECT_EQ(snr(Tensor::from<float>({3, 1}, {10, 10, 10})), 200);
  EXPECT_EQ(snr(Tensor::from<float>({3, 1}, {10, 10, std::numeric_limits<float>::quiet_NaN()})), -200);
  EXPECT_EQ(snr(Tensor::from<float>({3, 2}, {10, 10, 10, 10, 10, 10})), -200);
}

TEST_F(EvaluateTest, StopsWhenAsked) {
  job_.request_stop();
  EXPECT_EQ(judge("top1", *labelled(), {{"a", scores_}}).error().kind, ErrorKind::interrupted);
}

TEST_F(EvaluateTest, ProgressIsReported) {
  std::vector<double> fractions;
  const JobContext job([&](const Progress& progress) { fractions.push_back(progress.fraction); });
  const auto samples = labelled();
  Replay replay({{"a", scores_}});
  ASSERT_TRUE(evaluate(replay, *samples, choose_metric("top1", *samples).value(), 2, job).ok());
  EXPECT_THAT(fractions, ElementsAre(0.5, 1.0));
}

TEST_F(EvaluateTest, CommandJudgesTheOutputs) {
  const auto samples = labelled();
  const std::string keep = (folder_ / "kept.npz").string();
  const auto script = folder_.write("judge.sh", "echo working; cp \"$2\" \"$1\"; echo ' 0.75 '\n");
  const auto result =
      judge("command:sh '" + script.string() + "' '" + keep + "'", *samples, {{"logits", scores_}});
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_EQ(result->score(), 0.75);
  const auto arrays = read_npz(keep).value();
  EXPECT_EQ(arrays.at("logits").shape(), (Shape{3, 6}));
  EXPECT_THAT(arrays.at("label").to_int64(), ElementsAre(0, 1, 5));
}

TEST_F(EvaluateTest, CommandFailuresAreSaidInWords) {
  const auto samples = unlabelled();
  const NamedTensors outputs = {{"a", scores_}};
  const auto failed = judge("command:echo bad news >&2; exit 3;", *samples, outputs);
  EXPECT_THAT(failed.error().text(), HasSubstr("status 3"));
  EXPECT_THAT(failed.error().hints, ElementsAre("bad news"));
  EXPECT_THAT(judge("command:echo", *samples, outputs).error().text(), HasSubstr("a number was expected"));
  EXPECT_THAT(judge("command:", *samples, outputs).error().text(), HasSubstr("lacks the command"));
  EXPECT_FALSE(judge("command:this-program-does-not-exist", *samples, outputs).ok());
}

TEST_F(EvaluateTest, CommandIsEndedWhenTimeRunsOut) {
  const auto samples = unlabelled();
  MetricSpec spec = choose_metric("command:sleep 30 & sleep 30;", *samples).value();
  spec.timeout_seconds = 0.2;
  Replay replay({{"a", scores_}});
  const auto before = std::chrono::steady_clock::now();
  const auto result = evaluate(replay, *samples, spec, 0, job_);
  EXPECT_THAT(result.error().text(), HasSubstr("did not end"));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
}

/// The fp32 outputs of the example detector, as ONNX Runtime computes them.
TEST(Digits, DetectorReachesItsKnownAveragePrecision) {
  const std::string examples = LATHE_SOURCE_DIR "/resources/examples/digits_detr_anysize/";
  const auto samples =
      open_dataset(examples + "digits_scenes.dataset.json", {{"img", ElementType::f32, std::nullopt}});
  ASSERT_TRUE(samples.ok()) << samples.error().text();
  auto outputs = read_npz(LATHE_SOURCE_DIR "/tests/evaluate/data/digits_detr_outputs.npz");
  ASSERT_TRUE(outputs.ok()) << outputs.error().text();
  const JobContext job;
  MetricSpec spec = choose_metric("", **samples).value();
  Replay all(*outputs);
  const auto accuracy = evaluate(all, **samples, spec, 0, job);
  ASSERT_TRUE(accuracy.ok()) << accuracy.error().text();
  EXPECT_NEAR(accuracy->score(), 0.9534, 0.00005);
  spec.score_threshold = 0.01;
  Replay above(*outputs);
  EXPECT_NEAR(evaluate(above, **samples, spec, 0, job).value().score(), 0.9521, 0.00005);
}

TEST(Digits, ClassifierReachesItsKnownTop1) {
  const std::string examples = LATHE_SOURCE_DIR "/resources/examples/digits_resnet/";
  const auto samples =
      open_dataset(examples + "digits_eval.dataset.json", {{"input", ElementType::f32, std::nullopt}});
  ASSERT_TRUE(samples.ok()) << samples.error().text();
  Replay outputs(read_npz(LATHE_SOURCE_DIR "/tests/evaluate/data/digits_resnet_outputs.npz").value());
  const auto accuracy =
      evaluate(outputs, **samples, choose_metric("top5", **samples).value(), 0, JobContext());
  ASSERT_TRUE(accuracy.ok()) << accuracy.error().text();
  EXPECT_EQ(accuracy->values.at("top1"), 0.994);
  EXPECT_EQ(accuracy->values.at("top5"), 1);
}

}  // namespace
}  // namespace lathe
