// SPDX-License-Identifier: Apache-2.0
// Numbers beyond fp16 on the data: who makes and reads them stays wide.
#include "engine/precision/range_overflow.h"

#include <gtest/gtest.h>

#include "engine/convert/convert.h"
#include "engine/precision/rebuild.h"
#include "engine/runtime/executor_thread.h"
#include "tests/precision/make_model.h"

namespace lathe {
namespace {

/// x [2, 4] of `size` -> times w -> "tall", which is 4e4 * size -> times v, twice -> y, small again.
std::shared_ptr<const Model> tall_model() {
  ModelMaker maker;
  maker.weight("w", {4, 4}, 1e4F);
  maker.weight("v", {4, 4}, 1e-5F);
  maker.node("MatMul", {"x", "w"}, "tall");
  maker.module("");
  maker.node("MatMul", {"tall", "v"}, "small");
  maker.module("");
  maker.node("MatMul", {"small", "v"}, "y");
  maker.module("");
  maker.output("y");
  auto model = std::make_shared<Model>(maker.model);
  model->graph = maker.model.graph.clone();
  refresh_modules(*model);
  return model;
}

std::vector<NamedValues> sample(float size) {
  NamedValues inputs;
  inputs["x"] = RuntimeValue(Tensor::from<float>({2, 4}, {size, size, size, size, size, size, size, -size}));
  return {inputs};
}

TEST(RangeOverflow, MakersAndReadersOfTallNumbers) {
  const auto model = tall_model();
  const auto keep =
      on_executor([&] { return beyond_f16(model, infer(model->graph), sample(2), JobContext()); });
  ASSERT_TRUE(keep.ok()) << keep.error().text();
  ASSERT_EQ(keep->size(), 2u);
  EXPECT_EQ(keep->at("MatMul:tall"), "its result reaches 8e+04 on the data, beyond what f16 holds");
  EXPECT_EQ(keep->at("MatMul:small"), "reads 'tall', which reaches 8e+04 on the data, beyond what f16 holds");
}

TEST(RangeOverflow, SmallerInputsFit) {
  const auto model = tall_model();
  const auto keep =
      on_executor([&] { return beyond_f16(model, infer(model->graph), sample(1), JobContext()); });
  ASSERT_TRUE(keep.ok()) << keep.error().text();
  EXPECT_TRUE(keep->empty());
}

TEST(RangeOverflow, AConversionToFp16KeepsThemWide) {
  const auto model = tall_model();
  Configuration configuration;
  configuration.modules[""].convert = configuration.modules[""].fp16 = true;
  const auto precision_of_tall = [&](const std::vector<NamedValues>& samples) {
    ConvertOptions options;
    options.samples = samples;
    return on_executor([&]() -> std::pair<ElementType, std::string> {
      auto made = convert(model, configuration, options, JobContext());
      EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().text());
      const NodePrecision* found = made.ok() ? fact(made->precision, "MatMul:tall") : nullptr;
      EXPECT_NE(found, nullptr);
      return found != nullptr ? std::pair(found->precision, found->reason)
                              : std::pair(ElementType::undefined, std::string());
    });
  };
  EXPECT_EQ(precision_of_tall(sample(1)).first, ElementType::f16);
  const auto [type, reason] = precision_of_tall(sample(2));
  EXPECT_EQ(type, ElementType::f32);
  EXPECT_EQ(reason, "its result reaches 8e+04 on the data, beyond what f16 holds");
}

/// x times w (int8) -> "tall" -> times 1.5e-3 -> product with itself turned, which has no 8-bit form.
TEST(RangeOverflow, TheRestBesideInt8IsGuardedToo) {
  ModelMaker maker;
  maker.weight("w", {4, 4}, 1e4F);
  maker.constant("less", Tensor::scalar(1.5e-3F));
  maker.node("MatMul", {"x", "w"}, "tall");
  maker.module("");
  maker.node("Mul", {"tall", "less"}, "small");
  maker.module("");
  maker.node("Transpose", {"small"}, "turned");
  maker.module("");
  maker.node("MatMul", {"small", "turned"}, "m");
  maker.module("");
  maker.node("Softmax", {"m"}, "y");
  maker.module("");
  maker.output("y");
  const auto model = std::make_shared<Model>(maker.model);
  refresh_modules(*model);
  Configuration configuration;
  configuration.modules[""].convert = configuration.modules[""].fp16 = configuration.modules[""].int8 = true;
  configuration.calibrator = "minmax";
  const auto lowered = [&](float size) {
    CalibrationData data;
    data.samples = sample(size);
    ConvertOptions options;
    options.samples = data.samples;
    options.calibration = &data;
    auto made = on_executor([&] { return convert(model, configuration, options, JobContext()); });
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().text());
    return made.ok() ? made->precision : PrecisionReport();
  };
  const PrecisionReport fits = lowered(1), beyond = lowered(2);
  ASSERT_TRUE(fact(fits, "Mul:small") != nullptr && fact(beyond, "Mul:small") != nullptr);
  EXPECT_EQ(fact(fits, "Mul:small")->precision, ElementType::f16) << fact(fits, "Mul:small")->reason;
  EXPECT_EQ(fact(beyond, "Mul:small")->precision, ElementType::f32);
  EXPECT_EQ(fact(beyond, "Mul:small")->reason,
            "reads 'tall', which reaches 8e+04 on the data, beyond what f16 holds");
  EXPECT_EQ(fact(beyond, "MatMul:tall")->precision, ElementType::i8) << "8 bit has a scale of its own";
  EXPECT_EQ(fact(beyond, "MatMul:m")->precision, ElementType::f16) << "what fits stays narrow";
}

}  // namespace
}  // namespace lathe
