// SPDX-License-Identifier: Apache-2.0
// A rewrite is kept only where outputs stay what they were; odd models convert or say why not.
#include "engine/convert/same_outputs.h"

#include <gmock/gmock.h>

#include "tests/convert/planted.h"

namespace lathe {
namespace {

using testing::HasSubstr;

/// y of x [4] by one operator.
std::shared_ptr<const Model> model_of(const std::string& op, const std::string& output = "y") {
  Planter plant;
  const ValueId x = plant.input("x", {Dim(4)});
  plant.output(plant.node(op, {x}, {}, "body"), output);
  return plant.finish();
}

Result<std::optional<double>> compared(const std::shared_ptr<const Model>& before,
                                       const std::shared_ptr<const Model>& after) {
  MendOptions options;
  NamedValues sample;
  sample["x"] = Tensor::from<float>({4}, {-2.0F, -0.5F, 0.5F, 2.0F});
  options.samples = {sample};
  return SameOutputs(before, options).compare(after);
}

TEST(SameOutputs, TheSameNumbersHaveNoLoss) {
  const auto loss = compared(model_of("Relu"), model_of("Relu"));
  ASSERT_TRUE(loss.ok()) << loss.error().text();
  EXPECT_EQ(*loss, 0.0);
}

TEST(SameOutputs, OtherNumbersAreRefused) {
  const auto loss = compared(model_of("Relu"), model_of("Abs"));
  ASSERT_FALSE(loss.ok());
  EXPECT_THAT(loss.error().text(), HasSubstr("output 'y' differs by 1 of its largest element"));
}

TEST(SameOutputs, AMissingOutputIsRefused) {
  const auto loss = compared(model_of("Relu"), model_of("Relu", "z"));
  ASSERT_FALSE(loss.ok());
  EXPECT_THAT(loss.error().text(), HasSubstr("output 'y' is gone"));
}

TEST(SameOutputs, NothingToCompareWithWhereTheOriginalDoesNotRun) {
  const auto loss = compared(model_of("unknown.domain.Op"), model_of("Relu"));
  ASSERT_TRUE(loss.ok()) << loss.error().text();
  EXPECT_FALSE(loss->has_value());
}

TEST(Convert, AModelWithoutNodes) {
  auto model = std::make_shared<Model>();
  model->opsets[""] = 17;
  GraphEditor editor(model->graph);
  const ValueId x = editor.add_input("x", TypeInfo::tensor(ElementType::f32, Dims{Dim(1), Dim(4)}));
  editor.add_output(x);
  Configuration configuration;
  configuration.modules[""].convert = true;
  const auto conversion = on_executor([&] { return convert(model, configuration, {}, JobContext()); });
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  NamedValues inputs;
  inputs["x"] = Tensor::from<float>({1, 4}, {1, 2, 3, 4});
  const auto outputs = on_executor([&] { return conversion->runnable->run(inputs, RunOptions()); });
  ASSERT_TRUE(outputs.ok()) << outputs.error().text();
  EXPECT_EQ(outputs->at("x").tensor.to_double(), (std::vector<double>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace lathe
