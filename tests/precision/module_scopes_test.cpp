// SPDX-License-Identifier: Apache-2.0
// A quantised model that is written and read back has the modules it had.
#include <gtest/gtest.h>

#include "engine/formats/onnx/onnx.h"
#include "engine/precision/int8_search.h"
#include "engine/runtime/executor_thread.h"
#include "engine/runtime/runnable.h"
#include "tests/precision/make_model.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

void set_scopes(ModelMaker& maker, const std::string& node, const char* scopes, const char* classes) {
  const NodeId id = *maker.model.graph.find_node(node);
  maker.editor().set_metadata(id, "pkg.torch.onnx.name_scopes", scopes);
  maker.editor().set_metadata(id, "pkg.torch.onnx.class_hierarchy", classes);
}

/// As torch's exporter writes a convolution that has swallowed its normalisation: the scope is the latter's,
/// the weights' name the former's.
std::shared_ptr<Model> exported(const TemporaryFolder& folder) {
  ModelMaker maker(18);
  maker.input("x", {1, 2, 4, 4});
  maker.weight("conv1.weight", {2, 2, 1, 1});
  maker.weight("block.o'clock.weight", {2, 2, 1, 1});
  maker.node("Conv", {"x", "conv1.weight"}, "a");
  maker.node("Relu", {"a"}, "r");
  maker.node("Conv", {"r", "block.o'clock.weight"}, "y");
  maker.output("y");
  set_scopes(maker, "Conv:a", "['', 'bn1', 'n']", "['m.Net', 'nn.BatchNorm2d', 'aten']");
  maker.editor().set_metadata(*maker.model.graph.find_node("Conv:a"), "pkg.onnxscript.rewriter.rule_name",
                              "FuseBatchNormIntoConv");
  set_scopes(maker, "Relu:r", "['', 'relu', 'r']", "['m.Net', 'nn.ReLU', 'aten']");
  set_scopes(maker, "Conv:y", "['', 'block', \"block.o'clock\", 'y']",
             "['m.Net', 'm.Block', 'nn.Conv2d', 'aten']");
  const auto file = folder / "model.onnx";
  EXPECT_TRUE(export_onnx(maker.model, file, {}).ok());
  return import_onnx(file).value();
}

TEST(ModuleScopes, AQuantisedModelReadBackHasTheSameModules) {
  const TemporaryFolder folder;
  const auto model = exported(folder);
  ASSERT_TRUE(model->modules.find("conv1").has_value());
  CalibrationData data;
  for (size_t k = 0; k < 2; ++k) data.samples.push_back(std::move(random_inputs(*model, {}, {}, k)).value());
  const auto made = on_executor([&] {
    Int8Request request;
    request.precision.modules[""] = ElementType::i8;
    request.data = &data;
    return lower_to_int8(*model, request, {});
  });
  ASSERT_TRUE(made.ok()) << made.error().text();
  ASSERT_TRUE(export_onnx(*made->model, folder / "int8.onnx", {}).ok());
  const auto read = import_onnx(folder / "int8.onnx").value();
  for (const Node& node : made->model->graph.nodes()) {
    if (!node.alive) continue;
    const auto same = read->graph.find_node(node.name);
    ASSERT_TRUE(same.has_value()) << node.name;
    EXPECT_EQ(read->modules[read->graph.node(*same).module].path, made->model->modules[node.module].path)
        << node.name;
  }
  for (const char* path : {"conv1", "relu", "block", "block.o'clock"}) {
    const auto found = read->modules.find(path);
    ASSERT_TRUE(found.has_value()) << path;
    EXPECT_EQ(read->modules[*found].class_name, model->modules[*model->modules.find(path)].class_name)
        << path;
  }
}

}  // namespace
}  // namespace lathe
