// SPDX-License-Identifier: Apache-2.0
// Remedies that are settings or change outputs, how they are named in the configuration, and merging.
#include <gmock/gmock.h>

#include "engine/convert/merge.h"
#include "tests/convert/planted_models.h"

namespace lathe {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Configuration asking(Remedy::Kind kind, const std::string& subject) {
  Configuration configuration;
  configuration.remedies.push_back({kind, subject, std::nullopt, std::nullopt});
  return configuration;
}

TEST(Remedies, FilteringIntoAFixedNumberOfRowsKeepsThePickedOnesFirst) {
  const auto model = data_filter();
  const auto conversion = convert_planted(model, asking(Remedy::Kind::filter_to_topk, "/NonZero"), false);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->converted, conversion->total);
  EXPECT_THAT(operators_in(*conversion->model), Not(Contains("NonZero")));
  EXPECT_EQ(conversion->configuration.remedies[0].count, 4);
  NamedValues inputs;
  inputs["x"] = Tensor::from<float>({4, 3}, {-1, 0, 0, 2, 1, 1, 3, 1, 1, -4, 0, 0});
  const auto expected = run_eagerly(model, inputs);
  const auto given = on_executor([&] { return conversion->runnable->run(inputs, RunOptions()); });
  ASSERT_TRUE(expected.ok() && given.ok()) << (given.ok() ? "" : given.error().text());
  EXPECT_EQ(given->at("/NonZero_count").tensor.to_int64(), (std::vector<int64_t>{2}));
  EXPECT_EQ(given->at("y").tensor.shape(), (Shape{4, 3}));
  const auto rows = given->at("y").tensor.to_double(), picked = expected->at("y").tensor.to_double();
  ASSERT_EQ(picked.size(), 6U);
  for (size_t i = 0; i < picked.size(); ++i) EXPECT_DOUBLE_EQ(rows[i], picked[i]);
}

/// The sum of what the mask leaves, for images of any size up to the one padded to.
TEST(Remedies, PaddingServesSmallerInputsWithOneShape) {
  Planter plant;
  const ValueId x = plant.input("x", {Dim(1), Dim(2), Dim::symbol("h"), Dim::symbol("w")});
  const ValueId mask =
      plant.input("mask", {Dim(1), Dim::symbol("h"), Dim::symbol("w")}, ElementType::boolean);
  const ValueId kept =
      plant.node("Cast", {plant.node("Not", {mask}, {}, "body")}, {{"to", int64_t{1}}}, "body");
  const ValueId wide = plant.node("Unsqueeze", {kept, plant.integers({1})}, {}, "body");
  const ValueId seen = plant.node("Mul", {plant.node("Exp", {x}, {}, "body"), wide}, {}, "body");
  plant.output(plant.node("ReduceSum", {seen}, {{"keepdims", int64_t{0}}}, "body"), "y");
  const auto model = plant.finish();
  Configuration configuration = asking(Remedy::Kind::pad, "x");
  configuration.remedies[0].shape = Shape{1, 2, 4, 5};
  const auto conversion = convert_planted(model, configuration, false, true);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->find(*model->modules.find("body"))->status, ModuleStatus::success);
  NamedValues inputs;
  inputs["x"] = Tensor::from<float>({1, 2, 2, 1}, {0.5F, -1.0F, 0.25F, 2.0F});
  inputs["mask"] = Tensor::from<bool>({1, 2, 1}, {false, true});
  const auto before = run_eagerly(model, inputs), after = run_eagerly(conversion->model, inputs);
  ASSERT_TRUE(before.ok()) << before.error().text();
  ASSERT_TRUE(after.ok()) << after.error().text();
  EXPECT_NEAR(before->at("y").tensor.to_double()[0], after->at("y").tensor.to_double()[0], 1e-5);
}

TEST(Remedies, TheSampleTellsTheShapeToPin) {
  ConvertOptions options;
  options.apply_remedies = options.dry_run = true;
  options.samples.emplace_back();
  options.samples[0]["x"] = Tensor::from<float>({1, 3}, {1, 2, 3});
  const auto conversion = on_executor([&] { return convert(open_size(), {}, options, JobContext()); });
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  ASSERT_EQ(conversion->remedies.size(), 1U);
  EXPECT_EQ(conversion->remedies[0].step.shape, (Shape{1, 3}));
  EXPECT_EQ(conversion->remedies[0].text, "pinned x to 1x3 (the shape of the data's samples)");
  EXPECT_EQ(conversion->remedies[0].loss, 0.0);
}

TEST(Remedies, SamplesOfDifferentShapesPinNothing) {
  ConvertOptions options;
  options.apply_remedies = options.dry_run = true;
  for (const int64_t length : {2, 3}) {
    options.samples.emplace_back();
    options.samples.back()["x"] =
        Tensor::from<float>({1, length}, std::vector<float>(static_cast<size_t>(length)));
  }
  const auto conversion = on_executor([&] { return convert(open_size(), {}, options, JobContext()); });
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_TRUE(conversion->remedies.empty());
  ASSERT_FALSE(conversion->notes.empty());
  EXPECT_THAT(conversion->notes.back().message, HasSubstr("no one shape"));
}

TEST(Remedies, SubjectsThatAreNotThereComeWithTheNearest) {
  const auto input = convert_planted(open_size(), asking(Remedy::Kind::pin_shapes, "xx"), false, true);
  ASSERT_FALSE(input.ok());
  EXPECT_EQ(input.error().hints, std::vector<std::string>{"did you mean 'x'?"});
  const auto node =
      convert_planted(data_filter(), asking(Remedy::Kind::filter_to_topk, "/NonZer"), false, true);
  ASSERT_FALSE(node.ok());
  EXPECT_EQ(node.error().hints, std::vector<std::string>{"did you mean '/NonZero'?"});
  EXPECT_THAT(node.error().text(), HasSubstr("filter_to_topk"));
}

TEST(Remedies, AreReadFromAndWrittenToTheConfiguration) {
  const ModuleTree tree;
  const auto read = parse_configuration(
      R"({"merge": false, "remedies": [{"kind": "pin_shapes", "subject": "x", "shape": [1, 3]},
                                       {"kind": "filter_to_topk", "subject": "n", "count": 5}]})",
      tree, "config.json");
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_FALSE(read->merge);
  ASSERT_EQ(read->remedies.size(), 2U);
  EXPECT_EQ(read->remedies[0].shape, (Shape{1, 3}));
  const auto again = parse_configuration(to_json(*read), tree, "config.json");
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(again->remedies, read->remedies);
  EXPECT_FALSE(again->merge);
  const auto unknown = parse_configuration(R"({"remedies": [{"kind": "pin_shape"}]})", tree, "config.json");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().hints, std::vector<std::string>{"did you mean 'pin_shapes'?"});
  for (const char* text : {R"({"remedies": {}})", R"({"remedies": [1]})", R"({"remedies": [{"kind": 3}]})",
                           R"({"remedies": [{"kind": "pin_shapes", "shape": [-1]}]})",
                           R"({"remedies": [{"kind": "pad", "subjet": "x"}]})", R"({"merge": 1})"})
    EXPECT_FALSE(parse_configuration(text, tree, "config.json").ok()) << text;
}

TEST(Remedies, KeepingEagerIsASetting) {
  const auto conversion =
      convert_planted(data_filter(), asking(Remedy::Kind::keep_eager, "body"), false, true);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->configuration.exclude, std::vector<std::string>{"body"});
  EXPECT_EQ(conversion->converted, 0);
}

std::vector<std::string> names(const Model& model, const Partition::Piece& piece) {
  std::vector<std::string> made;
  for (const NodeId id : piece.nodes) made.push_back(model.graph.node(id).name);
  return made;
}

TEST(Merging, WhatStandsBeforeTheFirstObstacleIsOneEngine) {
  const auto model = data_filter();
  const auto conversion = convert_planted(model, {}, false, true);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->engines, 1);  // converted modules, as the compatible files count
  ASSERT_EQ(conversion->partition.pieces.size(), 1U);
  EXPECT_THAT(names(*model, conversion->partition.pieces[0]),
              ElementsAre("body/Relu", "body/Add", "/Gather", "/Greater"));
  Configuration apart;
  apart.merge = false;
  const auto plain = convert_planted(model, apart, false, true);
  ASSERT_TRUE(plain.ok());
  EXPECT_THAT(names(*model, plain->partition.pieces.at(0)), ElementsAre("body/Relu", "body/Add"));
}

TEST(Merging, SiblingsBecomeOneEngineBeforeAndOneAfterWhatIsExcluded) {
  Planter plant;
  ValueId at = plant.input("x", sizes({8}));
  for (const char* module : {"a", "b", "out", "c", "d"}) {
    at = plant.node("Exp", {at}, {}, module);
    at = plant.node("Neg", {at});  // between them: of the root
  }
  plant.output(at, "y");
  const auto model = plant.finish();
  Configuration configuration;
  configuration.exclude = {"out"};
  const auto conversion = convert_planted(model, configuration, false);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->engines, 4);
  ASSERT_EQ(conversion->partition.pieces.size(), 2U);
  EXPECT_EQ(conversion->partition.pieces[0].nodes.size(), 4U);
  EXPECT_EQ(conversion->partition.pieces[1].nodes.size(), 5U);
  EXPECT_EQ(conversion->partition.pieces[0].name, "");
  EXPECT_EQ(conversion->partition.pieces[1].name, "+2");
  EXPECT_EQ(conversion->find(*model->modules.find("d"))->engine, 1);
  const auto inputs = random_inputs(*model, {}, {}, 1);
  const auto eager = run_eagerly(model, *inputs);
  const auto merged = on_executor([&] { return conversion->runnable->run(*inputs, RunOptions()); });
  ASSERT_TRUE(eager.ok() && merged.ok());
  const auto a = eager->at("y").tensor.to_double(), b = merged->at("y").tensor.to_double();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5 * std::abs(a[i]));
}

/// a1 -> b1 and b2 -> a2: each module alone can be cut out, both at once wait for each other.
TEST(Merging, PiecesThatWaitForEachOtherAreTakenApart) {
  Planter plant;
  const ValueId x = plant.input("x", sizes({4})), y = plant.input("y", sizes({4}));
  const ValueId a1 = plant.node("Relu", {x}, {}, "a"), b2 = plant.node("Exp", {y}, {}, "b");
  plant.output(plant.node("Neg", {a1}, {}, "b"), "u");
  plant.output(plant.node("Abs", {b2}, {}, "a"), "v");
  const auto model = plant.finish();
  Partition pieces;
  for (const char* path : {"a", "b"})
    pieces.pieces.push_back(
        {path, *model->modules.find(path), model->modules.all_nodes(*model->modules.find(path))});
  MergeRequest request;
  request.pieces = &pieces;
  request.free.assign(model->graph.nodes().size(), false);
  const Partition merged = merge_pieces(*model, request);
  ASSERT_EQ(merged.pieces.size(), 1U);
  EXPECT_EQ(merged.pieces[0].nodes.size(), 4U);
}

/// The same in a conversion, where a third module keeps the root from becoming one engine.
TEST(Merging, ModulesThatWaitForEachOtherStillRun) {
  Planter plant;
  const ValueId x = plant.input("x", sizes({4})), y = plant.input("y", sizes({4}));
  const ValueId a1 = plant.node("Relu", {x}, {}, "a"), b2 = plant.node("Exp", {y}, {}, "b");
  plant.output(plant.node("Neg", {a1}, {}, "b"), "u");
  plant.output(plant.node("Sigmoid", {plant.node("Abs", {b2}, {}, "a")}, {}, "out"), "v");
  const auto model = plant.finish();
  for (const bool merge : {true, false}) {
    Configuration configuration;
    configuration.exclude = {"out"};
    configuration.merge = merge;
    const auto conversion = convert_planted(model, configuration, false);
    ASSERT_TRUE(conversion.ok()) << conversion.error().text();
    EXPECT_EQ(conversion->find(*model->modules.find("a"))->status, ModuleStatus::success);
    const ModuleOutcome& b = *conversion->find(*model->modules.find("b"));
    ASSERT_TRUE(b.failure.has_value());
    EXPECT_EQ(b.failure->cause, FailureCause::not_separable);
    const auto inputs = random_inputs(*model, {}, {}, 1);
    const auto outputs = on_executor([&] { return conversion->runnable->run(*inputs, RunOptions()); });
    EXPECT_TRUE(outputs.ok()) << outputs.error().text();
  }
}

}  // namespace
}  // namespace lathe
