// SPDX-License-Identifier: Apache-2.0
// Planted faults and faults of real models, reduced to the few nodes that fail the same way.
#include "engine/convert/reduce.h"

#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>

#include "engine/base/files.h"
#include "engine/convert/convert.h"
#include "engine/convert/diagnose.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/runtime/executor_thread.h"
#include "tests/graph/make_graph.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using testing::HasSubstr;
using testing::Le;
using testing::UnorderedElementsAre;

const std::filesystem::path anysize =
    LATHE_SOURCE_DIR "/resources/examples/digits_detr_anysize/digits_detr_anysize_script17.onnx";

std::filesystem::path larger_model(const std::string& name) {
  const char* set = std::getenv("LATHE_MODELS");
  const char* home = std::getenv("HOME");
  const std::filesystem::path folder =
      set != nullptr ? std::filesystem::path(set)
                     : std::filesystem::path(home != nullptr ? home : ".") / ".cache/lathe/models";
  return folder / (name + ".onnx");
}

Result<Conversion> decide(std::shared_ptr<const Model> model) {
  ConvertOptions options;
  options.dry_run = true;
  return convert(std::move(model), Configuration(), options, JobContext());
}

Result<Reduced> reduce_root(const Model& model, const Failure& failure, const NamedValues& inputs) {
  ReduceRequest request;
  request.module = ModuleTree::root();
  request.failure = failure;
  request.inputs = inputs;
  return on_executor([&] { return reduce_failure(model, request, JobContext()); });
}

std::vector<std::string> node_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes())
    if (node.alive) names.push_back(node.name);
  return names;
}

/// Converts, reduces the root's failure, writes the piece and converts that: it has to fail the same way.
void expect_small_piece_that_fails_alike(std::shared_ptr<Model> model, FailureCause cause,
                                         const std::map<std::string, Shape>& shapes) {
  const auto conversion = decide(model);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  const std::optional<Failure>& failure = conversion->find(ModuleTree::root())->failure;
  ASSERT_TRUE(failure.has_value());
  ASSERT_EQ(failure->cause, cause);
  const auto inputs = random_inputs(*model, shapes, {}, 1);
  ASSERT_TRUE(inputs.ok()) << inputs.error().text();
  const auto reduced = reduce_root(*model, *failure, *inputs);
  ASSERT_TRUE(reduced.ok()) << reduced.error().text();
  EXPECT_THAT(reduced->nodes, Le(5U));
  EXPECT_GT(reduced->nodes_before, reduced->nodes);
  EXPECT_TRUE(reduced->inputs_of_run);
  EXPECT_EQ(reduced->inputs.size(), reduced->model->graph.inputs().size());

  const TemporaryFolder folder;
  ASSERT_TRUE(export_onnx(*reduced->model, folder / "reduced.onnx").ok());
  const auto read = import_onnx(folder / "reduced.onnx");
  ASSERT_TRUE(read.ok()) << read.error().text();
  const auto again = decide(*read);
  ASSERT_TRUE(again.ok()) << again.error().text();
  const std::optional<Failure>& same = again->find(ModuleTree::root())->failure;
  ASSERT_TRUE(same.has_value());
  EXPECT_EQ(same->error(), failure->error());
  if (cause == FailureCause::unsupported_operator) return;  // nobody can run it
  const auto outputs = on_executor([&]() -> Result<NamedValues> {
    LATHE_ASSIGN(const auto eager, make_eager(*read));
    return eager->run(reduced->inputs, RunOptions());
  });
  EXPECT_TRUE(outputs.ok()) << outputs.error().text();
}

TEST(Reduce, AnOpenInputSize) {
  auto model = import_onnx(anysize);
  ASSERT_TRUE(model.ok());
  expect_small_piece_that_fails_alike(*model, FailureCause::dynamic_shape, {{"img", {1, 3, 96, 96}}});
}

TEST(Reduce, ASizeThatDependsOnData) {
  const std::filesystem::path file = larger_model("digits_detr_filtered_script17");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not on this machine";
  auto model = import_onnx(file);
  ASSERT_TRUE(model.ok());
  expect_small_piece_that_fails_alike(*model, FailureCause::data_dependent_shape, {});
}

TEST(Reduce, AnUnknownOperator) {
  auto bytes = read_file(LATHE_SOURCE_DIR "/resources/examples/digits_resnet/digits_resnet_script17.onnx");
  ASSERT_TRUE(bytes.ok());
  for (size_t at = 0; (at = bytes->find("Relu", at)) != std::string::npos;) bytes->replace(at, 4, "Rely");
  auto model = import_onnx(std::as_bytes(std::span(*bytes)), "planted.onnx");
  ASSERT_TRUE(model.ok()) << model.error().text();
  // Nothing runs up to the first Rely but what stands before it.
  expect_small_piece_that_fails_alike(*model, FailureCause::unsupported_operator, {});
}

/// A chain of Relu, with Tanh at 20 and Sigmoid at 45, in the module "m".
std::shared_ptr<Model> chain() {
  auto model = std::make_shared<Model>();
  model->opsets[""] = 17;
  model->ir_version = 8;
  GraphMaker make(model->graph);
  const ModuleId module = model->modules.add("m");
  for (int i = 0; i < 60; ++i) {
    const NodeId id = make.node("n" + std::to_string(i),
                                i == 20   ? "Tanh"
                                : i == 45 ? "Sigmoid"
                                          : "Relu",
                                {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)});
    make.editor().set_module(id, module);
    model->modules.edit(module).nodes.push_back(id);
  }
  make.editor().set_type(model->graph.inputs()[0], TypeInfo::tensor(ElementType::f32, Dims{Dim(2), Dim(3)}));
  make.output("v60");
  return model;
}

TEST(Reduce, FaultsOfSeveralNodesTogether) {
  const auto model = chain();
  ReduceRequest request;
  request.module = *model->modules.find("m");
  request.failure.sentence = "Tanh and Sigmoid do not go together";
  request.check = [&](const Model& piece, const InferenceResult&, const std::vector<NodeId>& nodes) {
    std::optional<Failure> failure;
    bool tanh = false, sigmoid = false;
    for (const NodeId id : nodes) {
      tanh = tanh || piece.graph.node(id).op_type == "Tanh";
      sigmoid = sigmoid || piece.graph.node(id).op_type == "Sigmoid";
    }
    if (tanh && sigmoid) failure = request.failure;
    return failure;
  };
  const auto reduced = on_executor([&] { return reduce_failure(*model, request, JobContext()); });
  ASSERT_TRUE(reduced.ok()) << reduced.error().text();
  EXPECT_THAT(node_names(reduced->model->graph), UnorderedElementsAre("n20", "n45"));
  EXPECT_EQ(reduced->nodes_before, 60U);
  EXPECT_THAT(reduced->tries, Le(60U));
  // Both read values from outside, whose sizes are known.
  ASSERT_EQ(reduced->inputs.size(), 2U);
  EXPECT_EQ(reduced->inputs.at("v45").tensor.shape(), (Shape{2, 3}));
}

TEST(Reduce, AModuleThatSurroundsANodeOfAnother) {
  const auto model = chain();
  const ModuleId other = model->modules.add("other"), module = *model->modules.find("m");
  const NodeId foreign = *model->graph.find_node("n30");
  GraphEditor(model->graph).set_module(foreign, other);
  std::erase(model->modules.edit(module).nodes, foreign);
  model->modules.edit(other).nodes.push_back(foreign);
  const InferenceResult types = infer(model->graph);
  const auto failure = diagnose(*model, types, module, model->modules.all_nodes(module));
  ASSERT_TRUE(failure.has_value());
  ASSERT_EQ(failure->cause, FailureCause::not_separable);
  ReduceRequest request;
  request.module = module;
  request.failure = *failure;
  const auto reduced = on_executor([&] { return reduce_failure(*model, request, JobContext()); });
  ASSERT_TRUE(reduced.ok()) << reduced.error().text();
  EXPECT_THAT(node_names(reduced->model->graph), UnorderedElementsAre("n29", "n30", "n31"));
  EXPECT_EQ(reduced->failure.error(), failure->error());
}

TEST(Reduce, WhatTheConfigurationKeepsEagerHasNoPiece) {
  const auto model = chain();
  Failure failure;
  failure.cause = FailureCause::excluded;
  const auto reduced = reduce_root(*model, failure, {});
  ASSERT_FALSE(reduced.ok());
  EXPECT_THAT(reduced.error().text(), HasSubstr("nothing to reduce"));
}

TEST(Reduce, StopsWhenAsked) {
  const auto model = chain();
  ReduceRequest request;
  request.module = ModuleTree::root();
  request.check = [](const Model&, const InferenceResult&, const std::vector<NodeId>&) {
    return std::optional<Failure>(Failure());
  };
  JobContext job;
  job.request_stop();
  const auto reduced = on_executor([&] { return reduce_failure(*model, request, job); });
  ASSERT_FALSE(reduced.ok());
  EXPECT_EQ(reduced.error().kind, ErrorKind::interrupted);
}

}  // namespace
}  // namespace lathe
