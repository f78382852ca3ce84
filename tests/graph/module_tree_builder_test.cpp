// SPDX-License-Identifier: Apache-2.0
#include "engine/graph/module_tree_builder.h"

#include <gmock/gmock.h>

#include "tests/graph/make_graph.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::vector<std::string> paths(const Model& model) {
  std::vector<std::string> out;
  for (const Module& module : model.modules.modules()) out.push_back(module.path);
  return out;
}

std::string path_of(const Model& model, NodeId node) {
  return model.modules[model.graph.node(node).module].path;
}
const Module& module_at(const Model& model, const std::string& path) {
  return model.modules[model.modules.find(path).value()];
}

class ModuleTreeBuilder : public testing::Test {
 protected:
  Model model;
  GraphMaker make{model.graph};
};

std::map<std::string, std::string> scopes(const std::string& names, const std::string& classes,
                                          const std::string& rule = "") {
  std::map<std::string, std::string> metadata{{"pkg.torch.onnx.name_scopes", names},
                                              {"pkg.torch.onnx.class_hierarchy", classes}};
  if (!rule.empty()) metadata["pkg.onnxscript.rewriter.rule_name"] = rule;
  return metadata;
}

TEST_F(ModuleTreeBuilder, DynamoMetadataGivesPathsAndClasses) {
  make.weight("body.conv1.weight", {8, 3, 3, 3});
  const NodeId conv =
      make.node("node_conv", "Conv", {"x", "body.conv1.weight"}, {"c"},
                scopes("['', 'body', 'body.bn1', 'norm']",
                       "['m.Net', 'm.make.<locals>.Body', 'torch.nn.BatchNorm2d', 'aten.norm']",
                       "RemoveOptionalBiasFromConv, FuseBatchNormIntoConv"));
  const NodeId relu = make.node("node_relu", "Relu", {"c"}, {"r"},
                                scopes("['', 'body', 'body.relu@1', 'relu_1']",
                                       "['m.Net', \"m.make.<locals>.Body\", 'torch.nn.ReLU', 'aten.relu']"));
  const NodeId split = make.node("node_split", "Split", {"r"}, {"s"});
  make.output("s");
  build_module_tree(model);
  EXPECT_EQ(model.modules.source, ModuleSource::dynamo_metadata);
  EXPECT_THAT(paths(model), ElementsAre("", "body", "body.conv1", "body.relu"));
  EXPECT_EQ(path_of(model, conv), "body.conv1") << "the weight's name, not the folded BatchNorm's";
  EXPECT_EQ(path_of(model, relu), "body.relu");
  EXPECT_EQ(path_of(model, split), "body.relu") << "inherited from the producer";
  EXPECT_EQ(module_at(model, "").class_name, "Net");
  EXPECT_EQ(module_at(model, "body").class_name, "Body");
  EXPECT_EQ(module_at(model, "body").python_module, "m.make.<locals>");
  EXPECT_EQ(module_at(model, "body.conv1").class_name, "Conv2d");
  EXPECT_TRUE(module_at(model, "body.conv1").class_inferred);
  EXPECT_FALSE(module_at(model, "body.relu").class_inferred);
}

TEST_F(ModuleTreeBuilder, TorchScriptNamesRepeatAndNumberScopes) {
  make.node("/layer1/layer1.0/conv/Conv", "Conv", {"x", "w"}, {"a"});
  make.node("/layer1/layer1.0/relu/Relu", "Relu", {"a"}, {"b"});
  make.node("/layer1/layer1.0/relu_1/Relu", "Relu", {"b"}, {"c"});
  make.node("/features/features.1/conv/conv.0/conv.0.0/Sigmoid", "Sigmoid", {"c"}, {"d"});
  make.node("/block/fc_1/Gemm", "Gemm", {"d", "k"}, {"e"});
  make.node("/Flatten", "Flatten", {"e"}, {"f"});
  make.output("f");
  build_module_tree(model);
  EXPECT_EQ(model.modules.source, ModuleSource::torchscript_names);
  EXPECT_THAT(paths(model),
              UnorderedElementsAre("", "layer1", "layer1.0", "layer1.0.conv", "layer1.0.relu", "features",
                                   "features.1", "features.1.conv", "features.1.conv.0",
                                   "features.1.conv.0.0", "block", "block.fc_1"));
  EXPECT_EQ(module_at(model, "layer1.0.relu").nodes.size(), 2u);
  EXPECT_EQ(module_at(model, "layer1.0.relu").class_name, "ReLU");
  EXPECT_EQ(module_at(model, "").nodes.size(), 1u);
}

TEST_F(ModuleTreeBuilder, LaterCallsOfAContainerAreTheSameModules) {
  make.node("/dec/layers.0/fc/Gemm", "Gemm", {"x", "w"}, {"a"});
  make.node("/dec_1/layers.0/fc/Gemm", "Gemm", {"a", "w"}, {"b"});
  make.output("b");
  build_module_tree(model);
  EXPECT_THAT(paths(model), ElementsAre("", "dec", "dec.layers", "dec.layers.0", "dec.layers.0.fc"));
}

TEST_F(ModuleTreeBuilder, ANumberedModuleWithWeightsIsNoSecondCall) {
  make.weight("conv.weight", {1, 1, 3, 3});
  make.weight("conv_1.weight", {1, 1, 3, 3});
  make.node("/conv/Conv", "Conv", {"x", "conv.weight"}, {"a"});
  make.node("/conv_1/Conv", "Conv", {"a", "conv_1.weight"}, {"b"});
  make.output("b");
  build_module_tree(model);
  EXPECT_THAT(paths(model), ElementsAre("", "conv", "conv_1"));
}

TEST_F(ModuleTreeBuilder, ConstantsGoWhereTheyAreUsed) {
  const NodeId alone = make.node("/other/Constant", "Constant", {}, {"k"});
  const NodeId shared = make.node("Constant_7", "Constant", {}, {"s"});
  make.weight("onnx::w", {4});
  const NodeId copy = make.node("Identity_0", "Identity", {"onnx::w"}, {"w"});
  make.node("/a/b/Add", "Add", {"x", "k"}, {"t"});
  make.node("/a/c/Add", "Add", {"t", "s"}, {"u"});
  make.node("/a/b/Add_1", "Add", {"u", "s"}, {"v"});
  make.node("/d/Mul", "Mul", {"v", "w"}, {"y"});
  make.output("y");
  build_module_tree(model);
  EXPECT_EQ(path_of(model, alone), "a.b");
  EXPECT_EQ(path_of(model, shared), "a");
  EXPECT_EQ(path_of(model, copy), "d");
  EXPECT_THAT(paths(model), UnorderedElementsAre("", "a", "a.b", "a.c", "d"));
}

TEST_F(ModuleTreeBuilder, TensorFlowNames) {
  make.node("StatefulPartitionedCall/StatefulPartitionedCall/model/dense_1/MatMul__20", "MatMul", {"x", "w"},
            {"a"});
  make.node("StatefulPartitionedCall/model/dense_1/BiasAdd", "Add", {"a", "b"}, {"c"});
  make.node("const_fold_opt__118", "Relu", {"c"}, {"d"});
  make.output("d");
  build_module_tree(model);
  EXPECT_EQ(model.modules.source, ModuleSource::tensorflow_names);
  EXPECT_THAT(paths(model), ElementsAre("", "model", "model.dense_1"));
}

TEST_F(ModuleTreeBuilder, WeightsNamesGroupWhereNodesHaveNone) {
  make.weight("layer1.0.conv1.weight", {1, 1, 1, 1});
  make.weight("layer1.0.conv2.weight", {1, 1, 1, 1});
  make.weight("head.weight", {1, 1});
  make.node("Conv_0", "Conv", {"x", "layer1.0.conv1.weight"}, {"a"});
  const NodeId relu = make.node("Relu_1", "Relu", {"a"}, {"b"});
  make.node("Conv_2", "Conv", {"b", "layer1.0.conv2.weight"}, {"c"});
  const NodeId flatten = make.node("Flatten_3", "Flatten", {"c"}, {"d"});
  make.node("Gemm_4", "Gemm", {"d", "head.weight"}, {"y"});
  make.output("y");
  build_module_tree(model);
  EXPECT_EQ(model.modules.source, ModuleSource::grouped);
  EXPECT_EQ(path_of(model, relu), "layer1.0");
  EXPECT_EQ(path_of(model, flatten), "");
  EXPECT_EQ(module_at(model, "head").class_name, "Linear");
}

TEST_F(ModuleTreeBuilder, WithoutNamesThereIsOnlyTheRoot) {
  make.node("a", "Relu", {"x"}, {"y"});
  make.output("y");
  build_module_tree(model);
  EXPECT_EQ(model.modules.source, ModuleSource::none);
  EXPECT_THAT(paths(model), ElementsAre(""));
  EXPECT_EQ(module_at(model, "").nodes.size(), 1u);
}

}  // namespace
}  // namespace lathe
