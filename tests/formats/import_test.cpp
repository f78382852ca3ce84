// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "engine/graph/verify.h"
#include "tests/formats/make_model.h"

namespace lathe {
namespace {

using testing::HasSubstr;

const std::string io = "input " + float_value("x", "dim { dim_param: 'n' } dim { dim_value: 2 }") +
                       " output " + float_value("y", "dim { dim_param: 'n' } dim { }");

TEST(Import, ReadsNamesTypesAndHeader) {
  const auto model =
      import_good(model_bytes(io + "node { op_type: 'Relu' input: 'x' output: 'y' domain: 'ai.onnx' "
                                   "doc_string: 'd' metadata_props { key: 'k' value: 'v' } }",
                              "opset_import { version: 17 } producer_name: 'p' producer_version: '1' "
                              "metadata_props { key: 'a' value: 'b' }"));
  EXPECT_EQ(model->producer_name, "p");
  EXPECT_EQ(model->metadata.at("a"), "b");
  EXPECT_EQ(model->opsets.at(""), 17);
  ASSERT_EQ(model->graph.node_count(), 1u);
  const Node& node = model->graph.nodes()[0];
  EXPECT_EQ(node.domain, "");
  EXPECT_EQ(node.version, 17);
  EXPECT_EQ(node.metadata.at("k"), "v");
  EXPECT_FALSE(node.name.empty());
  EXPECT_EQ(to_string(model->graph.value(model->graph.inputs()[0]).type), "f32[nx2]");
  EXPECT_EQ(to_string(model->graph.value(model->graph.outputs()[0]).type), "f32[nxy_d1]");
  EXPECT_TRUE(verify(model->graph).empty());
}

TEST(Import, InitializersAmongInputsAreNoInputs) {
  const auto model =
      import_good(model_bytes(
          io + "input { name: 'w' type { tensor_type { elem_type: 1 shape { dim { dim_value: 2 } } } } }"
               "initializer { name: 'w' dims: 2 data_type: 1 float_data: [1, 2] }"
               "node { op_type: 'Add' input: 'x' input: 'w' output: 'y' }"));
  EXPECT_EQ(model->graph.inputs().size(), 1u);
  ASSERT_NE(model->graph.constant(*model->graph.find_value("w")), nullptr);
}

TEST(Import, DuplicateAndMissingNamesOfNodesBecomeUnique) {
  const auto model = import_good(model_bytes(io + "node { name: 'a' op_type: 'Relu' input: 'x' output: 't' } "
                                                  "node { name: 'a' op_type: 'Relu' input: 't' output: 'u' }"
                                                  "node { op_type: 'Relu' input: 'u' output: 'y' } node { "
                                                  "name: 'Relu_2' op_type: 'Relu' input: 'u' output: 'z' }"));
  EXPECT_TRUE(verify(model->graph).empty());
  EXPECT_TRUE(model->graph.find_node("Relu_2").has_value());
  EXPECT_EQ(model->graph.value(model->graph.node(*model->graph.find_node("Relu_2")).outputs[0]).name, "z");
}

TEST(Import, NamesEveryProblemWithItsPlace) {
  const std::string error =
      import_error(model_bytes(
          io + "node { name: 'a' op_type: 'Add' input: 'x' input: 'nowhere' output: 'y' }"
               "node { name: 'b' op_type: 'Relu' input: 'x' output: 'y' }"
               "initializer { name: 'w' dims: 3 data_type: 1 float_data: [1, 2] } output { name: 'none' }"));
  EXPECT_THAT(error, HasSubstr("test.onnx: tensor 'w': its float_data holds 2 entries, 3 are needed"));
  EXPECT_THAT(error, HasSubstr("node 'a' (Add): input 1 'nowhere' is made by nobody"));
  EXPECT_THAT(error, HasSubstr("node 'b' (Relu): makes value 'y', which already exists"));
  EXPECT_THAT(error, HasSubstr("output 'none': is made by nobody"));
}

TEST(Import, RefusesCyclesAndRepeatedOutputs) {
  EXPECT_THAT(
      import_error(model_bytes(io + "node { name: 'a' op_type: 'Add' input: 'x' input: 'u' output: 'y' }"
                                    "node { name: 'b' op_type: 'Relu' input: 'y' output: 'u' }")),
      HasSubstr("node 'a' (Add): is part of a cycle"));
  EXPECT_THAT(
      import_error(model_bytes(io + " output { name: 'y' } node { op_type: 'Relu' input: 'x' output: 'y' }")),
      HasSubstr("output 'y': is listed twice"));
}

TEST(Import, ConstantsInAllFormsBecomeTensors) {
  const auto constant = [](const std::string& attribute) {
    const auto model = import_good(model_bytes(
        "output { name: 'c' } node { op_type: 'Constant' output: 'c' attribute { " + attribute + " } }"));
    const Tensor* tensor = model->graph.constant(*model->graph.find_value("c"));
    EXPECT_NE(tensor, nullptr) << attribute;
    return tensor ? *tensor : Tensor();
  };
  EXPECT_EQ(constant("name: 'value_int' i: 5 type: 2").to_int64(), std::vector<int64_t>{5});
  EXPECT_EQ(constant("name: 'value_float' f: 0.5 type: 1").to_double(), std::vector<double>{0.5});
  EXPECT_EQ(constant("name: 'value_ints' ints: [1, 2] type: 7").shape(), Shape{2});
  EXPECT_EQ(constant("name: 'value_floats' floats: [1, 2, 3] type: 6").shape(), Shape{3});
  EXPECT_EQ(constant("name: 'value_string' s: 'hi' type: 3").strings()[0], "hi");
  EXPECT_EQ(constant("name: 'value_strings' strings: ['a', 'b'] type: 8").strings()[1], "b");
  EXPECT_EQ(constant("name: 'value_ints' type: 7").shape(), Shape{0});
  EXPECT_EQ(constant("name: 'sparse_value' type: 11 sparse_tensor { dims: 4 values { dims: 1 data_type: 7 "
                     "int64_data: 9 }"
                     " indices { dims: 1 data_type: 7 int64_data: 2 } }")
                .to_int64(),
            (std::vector<int64_t>{0, 0, 9, 0}));
}

TEST(Import, UnknownOperatorsAreFindings) {
  const auto model = import_good(
      model_bytes(io + "node { name: 'a' op_type: 'Frobnicate' domain: 'my.ops' input: 'x' output: 'y' }",
                  "opset_import { version: 17 } opset_import { domain: 'my.ops' version: 3 }"));
  ASSERT_EQ(model->findings.size(), 1u);
  EXPECT_EQ(model->findings[0].code, "unknown_operator");
  EXPECT_EQ(model->findings[0].severity, Severity::error);
  EXPECT_EQ(model->findings[0].where, "node 'a' (Frobnicate)");
  EXPECT_EQ(model->findings[0].node, NodeId(size_t{0}));
  EXPECT_EQ(model->graph.nodes()[0].version, 3);
}

TEST(Import, SourceIsTheInnermostFrameOfTheUser) {
  const std::string trace =
      "File \\\"/home/me/net.py\\\", line 12, in forward\\n  a\\nFile \\\"/home/me/block.py\\\", line 34, in "
      "forward\\n"
      "  b\\nFile \\\"/usr/lib/python3/site-packages/torch/nn/modules/conv.py\\\", line 5, in forward\\n  c";
  const auto model = import_good(model_bytes(io +
                                             "node { op_type: 'Relu' input: 'x' output: 'y' metadata_props { "
                                             "key: 'pkg.torch.onnx.stack_trace' value: \"" +
                                             trace + "\" } }"));
  EXPECT_EQ(model->graph.nodes()[0].source, "/home/me/block.py:34");
}

}  // namespace
}  // namespace lathe
