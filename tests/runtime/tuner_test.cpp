// SPDX-License-Identifier: Apache-2.0
// Kernels by measurement: the fastest is taken and remembered, also by the next process; results stay the
// same.
#include "engine/runtime/tuner.h"

#include <chrono>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>

#include "engine/base/files.h"
#include "engine/runtime/converted.h"
#include "engine/runtime/executor_thread.h"
#include "engine/tensor/compare.h"
#include "tests/precision/int8_models.h"

namespace lathe {
namespace {

/// Takes its time, and counts its runs.
class SlowKernel final : public Kernel {
 public:
  SlowKernel(std::string name, int milliseconds) : milliseconds_(milliseconds) {
    name_ = std::move(name);
    input_layouts_.assign(1, {});
    output_layouts_.assign(1, {});
  }
  Status run(const KernelArguments& arguments) override {
    EXPECT_NE(arguments.inputs[0], nullptr);
    EXPECT_NE(arguments.outputs[0], nullptr);
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds_));
    ++runs;
    return {};
  }
  int runs = 0;

 private:
  int milliseconds_;
};

/// One node of one input, and three kernels for it, of which the second is fastest.
struct Choice {
  explicit Choice(ElementType type = ElementType::f32) {
    node.op_type = "Relu";
    const TensorDesc desc{type, {2, 8}, {}};
    request.node = &node;
    request.inputs = {desc};
    request.constants = {nullptr};
    request.outputs = {desc};
    for (const auto& [name, milliseconds] : {std::pair{"a", 5}, {"b", 1}, {"c", 4}}) {
      auto kernel = std::make_unique<SlowKernel>(name, milliseconds);
      watched.push_back(kernel.get());
      kernels.push_back(std::move(kernel));
    }
  }
  int runs() const {
    int sum = 0;
    for (const SlowKernel* each : watched) sum += each->runs;
    return sum;
  }
  Node node;
  KernelRequest request;
  std::vector<std::unique_ptr<Kernel>> kernels;
  std::vector<SlowKernel*> watched;
};

class TunerFile : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::path(::testing::TempDir()) /
            (std::string("tuning_") + ::testing::UnitTest::GetInstance()->current_test_info()->name()) /
            "tuning.json";
    std::filesystem::remove_all(path_.parent_path());
  }
  std::filesystem::path path_;
};

TEST_F(TunerFile, TheFastestIsTakenAndMeasuredOnce) {
  Choice choice;
  Tuner tuner("this machine");
  EXPECT_EQ(tuner.fastest(choice.request, choice.kernels).value(), 1U);
  const int runs = choice.runs();
  EXPECT_GT(runs, 3);
  EXPECT_EQ(tuner.fastest(choice.request, choice.kernels).value(), 1U);
  EXPECT_EQ(choice.runs(), runs);
  EXPECT_EQ(tuner.measured(), 1U);
  choice.request.inputs[0].shape = choice.request.outputs[0].shape = {4, 8};
  EXPECT_EQ(tuner.fastest(choice.request, choice.kernels).value(), 1U);
  EXPECT_GT(choice.runs(), runs) << "another shape is another question";
}

TEST_F(TunerFile, ChoicesAreKeptByMachineAndAddedToThoseOfOthers) {
  Choice choice;
  Tuner here("here", path_), there("there", path_);
  ASSERT_TRUE(here.fastest(choice.request, choice.kernels).ok());
  ASSERT_TRUE(here.save().ok());
  ASSERT_TRUE(there.fastest(choice.request, choice.kernels).ok());
  ASSERT_TRUE(there.save().ok());
  EXPECT_EQ(there.measured(), 1U) << "what another machine found says nothing";
  const int runs = choice.runs();
  for (const char* machine : {"here", "there"}) {
    Tuner again(machine, path_);
    EXPECT_EQ(again.fastest(choice.request, choice.kernels).value(), 1U);
    EXPECT_EQ(again.measured(), 0U) << machine;
  }
  EXPECT_EQ(choice.runs(), runs);
}

TEST_F(TunerFile, AKernelThatIsNoMoreIsNotTaken) {
  Choice choice;
  Tuner tuner("here", path_);
  ASSERT_TRUE(tuner.fastest(choice.request, choice.kernels).ok());
  choice.kernels.erase(choice.kernels.begin() + 1);
  EXPECT_EQ(tuner.fastest(choice.request, choice.kernels).value(), 1U);  // "c", measured anew
}

TEST_F(TunerFile, ADamagedFileCountsAsEmpty) {
  std::filesystem::create_directories(path_.parent_path());
  for (const char* text : {"", "{", "[1, 2]", R"({"here": 3})", R"({"here": {"x": 4}})", "\xff\xfe{}"}) {
    std::ofstream(path_) << text;
    Choice choice;
    Tuner tuner("here", path_);
    EXPECT_EQ(tuner.fastest(choice.request, choice.kernels).value(), 1U) << text;
    ASSERT_TRUE(tuner.save().ok()) << text;
    EXPECT_EQ(Tuner("here", path_).fastest(choice.request, choice.kernels).value(), 1U);
  }
}

TEST_F(TunerFile, IndicesAreNotMadeUp) {
  Choice choice(ElementType::i64);
  Tuner tuner("here");
  EXPECT_EQ(tuner.fastest(choice.request, choice.kernels).value(), 0U);
  EXPECT_EQ(choice.runs(), 0);
}

/// Convolutions of several forms, with a residual, and a product.
ModelMaker network() {
  ModelMaker maker(17);
  maker.input("x", {1, 24, 14, 14});
  maker.constant("w1", random_tensor({64, 24, 1, 1}, 1, 0.2F));
  maker.constant("w2", random_tensor({64, 64, 3, 3}, 2, 0.05F));
  maker.constant("w3", random_tensor({64, 64, 1, 1}, 3, 0.1F));
  maker.constant("w4", random_tensor({14, 48}, 4, 0.3F));
  maker.node("Conv", {"x", "w1"}, "a");
  maker.node("Relu", {"a"}, "ar");
  maker.node("Conv", {"ar", "w2"}, "b", {{"pads", std::vector<int64_t>{1, 1, 1, 1}}});
  maker.node("Relu", {"b"}, "br");
  maker.node("Conv", {"br", "w3"}, "c");
  maker.node("Add", {"c", "ar"}, "d");
  maker.node("MatMul", {"d", "w4"}, "y");
  maker.output("y");
  return maker;
}

TEST_F(TunerFile, TunedEnginesGiveTheSameNumbersAndTheirChoicesAreSaved) {
  const auto model = std::make_shared<Model>(std::move(network().model));
  const NamedValues inputs{{"x", RuntimeValue(random_tensor({1, 24, 14, 14}, 9, 1))}};
  const auto run = [&](const std::shared_ptr<Tuner>& tuner) {
    return on_executor([&]() -> Tensor {
      set_tuner(tuner);
      const auto engine = make_engine_model(model).value();
      Tensor y = engine->run(inputs, {}).value().at("y").tensor;
      set_tuner(nullptr);
      return y;
    });
  };
  const Tensor plain = run(nullptr);
  const auto tuner = std::make_shared<Tuner>("here", path_);
  EXPECT_LT(compare_tensors(plain, run(tuner))->max_abs, 1e-4);
  // With narrower vectors there is one kernel for every step.
  const bool choice = instruction_set().starts_with("avx512");
  EXPECT_EQ(tuner->measured() > 0, choice) << "no convolution has two kernels to choose from";
  const auto again = std::make_shared<Tuner>("here", path_);
  EXPECT_LT(compare_tensors(plain, run(again))->max_abs, 1e-4);
  EXPECT_EQ(again->measured(), 0U);
  // A file in which nothing can be kept costs no engine: here a folder would have to be where a file is.
  const auto unkept = std::make_shared<Tuner>("here", path_ / "below" / "tuning.json");
  EXPECT_LT(compare_tensors(plain, run(unkept))->max_abs, 1e-4);
  EXPECT_EQ(unkept->measured() > 0, choice);
}

}  // namespace
}  // namespace lathe
