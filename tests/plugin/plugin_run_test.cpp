// SPDX-License-Identifier: Apache-2.0
// Custom operators in models: inference, the eager run, engines, and what becomes of plugins that misbehave.
#include <gmock/gmock.h>

#include "engine/convert/convert.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/ops/plugin/load_plugin.h"
#include "engine/runtime/executor_thread.h"
#include "tests/plugin/custom_model.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Result<Tensor> run(const std::shared_ptr<const Model>& model, const NamedValues& inputs, bool engine) {
  return on_executor([&]() -> Result<Tensor> {
    std::unique_ptr<Runnable> runnable;
    if (engine) {
      LATHE_ASSIGN(runnable, make_engine_model(model));
    } else {
      LATHE_ASSIGN(runnable, make_eager(model));
    }
    LATHE_ASSIGN(const NamedValues outputs, runnable->run(inputs, RunOptions()));
    return outputs.begin()->second.tensor;
  });
}

void expect_output(const std::shared_ptr<const Model>& model, const NamedValues& inputs,
                   std::vector<double> expected) {
  for (const bool engine : {false, true}) {
    const auto output = run(model, inputs, engine);
    ASSERT_TRUE(output.ok()) << output.error().text();
    EXPECT_EQ(output->shape(), (Shape{1, 1, 2})) << engine;
    EXPECT_EQ(output->to_double(), expected) << engine;
  }
}

class PluginRun : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string file : {EXAMPLE_PLUGIN, TEST_PLUGINS "/plugin_faulty.so"}) {
      const auto info = register_plugin(file);
      ASSERT_TRUE(info.ok()) << info.error().text();
    }
  }
};

TEST_F(PluginRun, EagerAndEngineGiveWhatIsComputedByHand) {
  // Level 0 in its middle: the mean of 1 2 3 4 is 2.5, by 0.5. Level 1 at its right edge: half of 8, by 0.25.
  const NamedValues inputs = attention_inputs({0.5F, 0.5F, 1.0F, 0.5F}, {0.5F, 0.25F});
  expect_output(attention_model(1), inputs, {2 * (1.25 + 1), 2 * (12.5 + 10)});
  expect_output(attention_model(-1), inputs, {2 * (1.25 + 1), 2 * (12.5 + 10)});
}

TEST_F(PluginRun, AttributesReachThePlugin) {
  // With aligned corners 0.25, 0 is a quarter of the way from 1 to 2.
  expect_output(attention_model(1, true), attention_inputs({0.25F, 0, 0, 0}, {1, 0}), {2 * 1.25, 2 * 12.5});
}

TEST_F(PluginRun, SizesOfInputsPassThroughInference) {
  const auto model = attention_model(-1);
  const InferenceResult types = infer(model->graph);
  EXPECT_TRUE(types.findings.empty());
  EXPECT_EQ(to_string(types.type(model->graph.outputs()[0])), "f32[batchx1x2]");
}

TEST_F(PluginRun, AModelWithItConvertsAndExports) {
  const TemporaryFolder folder;
  ASSERT_TRUE(export_onnx(*attention_model(1), folder / "custom.onnx").ok());
  const auto model = import_onnx(folder / "custom.onnx");
  ASSERT_TRUE(model.ok()) << model.error().text();
  for (const Finding& finding : (*model)->findings)
    EXPECT_NE(finding.severity, Severity::error) << finding.message;
  const auto conversion =
      on_executor([&] { return convert(*model, Configuration(), ConvertOptions(), JobContext()); });
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->converted, conversion->total);
  const auto outputs = on_executor([&] {
    return conversion->runnable->run(attention_inputs({0.5F, 0.5F, 1, 0.5F}, {0.5F, 0.25F}), RunOptions());
  });
  ASSERT_TRUE(outputs.ok()) << outputs.error().text();
  EXPECT_EQ(outputs->begin()->second.tensor.to_double(), (std::vector<double>{4.5, 45}));
}

TEST_F(PluginRun, ItRefusesInputsInItsOwnWords) {
  NamedValues inputs = attention_inputs({0, 0, 0, 0}, {1, 1});
  inputs["value"] = RuntimeValue(std::move(Tensor::allocate(ElementType::f32, {1, 4, 1, 2})).value());
  auto model = attention_model(1);
  GraphEditor(model->graph)
      .set_type(model->graph.inputs()[0],
                TypeInfo::tensor(ElementType::f32, Dims{Dim(1), Dim(4), Dim(1), Dim(2)}));
  const auto output = run(model, inputs, false);
  ASSERT_FALSE(output.ok());
  EXPECT_THAT(
      output.error().text(),
      AllOf(HasSubstr(
                "node 'attention' (com.example.MultiScaleDeformableAttention of deformable_attention.so)"),
            HasSubstr("spatial_shapes speaks of other places than value has")));
}

/// What running the operator, eagerly and as an engine, ends with.
void expect_refusal(const std::string& op, const std::string& words) {
  const auto model = one_operator_model("com.example.faulty", op, 4);
  const NamedValues inputs{{"x", RuntimeValue(Tensor::from<float>({4}, {1, 2, 3, 4}))}};
  for (const bool engine : {false, true}) {
    const auto output = run(model, inputs, engine);
    ASSERT_FALSE(output.ok()) << op;
    EXPECT_THAT(output.error().text(), HasSubstr(words)) << op << " engine: " << engine;
  }
  const auto output = run(model, inputs, false);
  EXPECT_THAT(output.error().text(),
              HasSubstr("node 'the_node' (com.example.faulty." + op + " of plugin_faulty.so)"));
}

TEST_F(PluginRun, FailuresOfComputeAreErrorsOfTheNode) {
  expect_refusal("ComputeSays", "the moon is not full");
  expect_refusal("ComputeSilent", "compute failed with code 42");
  expect_refusal("ComputeThrows", "compute threw an exception: out of luck");
}

TEST_F(PluginRun, WritingOutsideOfOutputsIsSeen) {
  expect_refusal("ComputeBehind", "compute wrote outside of output 0, which has 16 bytes");
  expect_refusal("ComputeBefore", "compute wrote outside of output 0, which has 16 bytes");
}

TEST_F(PluginRun, WhatInferSaysIsChecked) {
  const NamedValues inputs{{"x", RuntimeValue(Tensor::from<float>({4}, {1, 2, 3, 4}))}};
  const auto eager = [&](const char* op) {
    const auto output = run(one_operator_model("com.example.faulty", op, 4), inputs, false);
    return output.ok() ? "ran" : output.error().text();
  };
  EXPECT_THAT(eager("InferSays"), HasSubstr("the input has too few axes"));
  EXPECT_THAT(eager("InferRank"), HasSubstr("gave output 0 the rank 9"));
  EXPECT_THAT(eager("InferSize"), HasSubstr("which is no size"));
  EXPECT_THAT(eager("InferSmallest"), HasSubstr("which is no size"));
  EXPECT_THAT(eager("InferHuge"), HasSubstr("too large"));
  EXPECT_THAT(eager("InferUnknown"), HasSubstr("cannot tell a size of output 0"));
  EXPECT_THAT(eager("InferType"), HasSubstr("element type 8"));
  // Opening a model finds the same.
  const auto model = one_operator_model("com.example.faulty", "InferRank", 4);
  const InferenceResult types = infer(model->graph);
  ASSERT_FALSE(types.findings.empty());
  EXPECT_THAT(types.findings[0].message, HasSubstr("rank 9"));
}

TEST_F(PluginRun, WhoBehavesIsLeftAlone) {
  const auto model = one_operator_model("com.example.faulty", "Copy", 4);
  const NamedValues inputs{{"x", RuntimeValue(Tensor::from<float>({4}, {1, 2, 3, 4}))}};
  for (const bool engine : {false, true}) {
    const auto output = run(model, inputs, engine);
    ASSERT_TRUE(output.ok()) << output.error().text();
    EXPECT_EQ(output->to_double(), (std::vector<double>{1, 2, 3, 4}));
  }
}

}  // namespace
}  // namespace lathe
