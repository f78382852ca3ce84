// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "engine/base/files.h"
#include "engine/graph/text_form.h"
#include "tests/formats/make_model.h"

namespace lathe {
namespace {

using testing::HasSubstr;

std::string full_model() {
  return model_bytes("doc_string: 'about' metadata_props { key: 'gk' value: 'gv' } input " +
                         float_value("x", "dim { dim_param: 'n' } dim { }") + "output " +
                         float_value("y", "dim { dim_param: 'n' } dim { }") + "value_info " +
                         float_value("t", "dim { } dim { dim_value: 3 }") +
                         "initializer { name: 'w' dims: 2048 data_type: 1 raw_data: '" +
                         std::string(8192, 'a') +
                         "' }"
                         "initializer { name: 'q' dims: 3 data_type: 22 raw_data: '\\x2f\\x08' }"
                         "initializer { name: 's' dims: 2 data_type: 8 string_data: ['a', 'b'] } initializer "
                         "{ name: 'e' dims: 0 data_type: 1 }"
                         "node { name: 'first' op_type: 'Op' domain: 'my' input: 'x' input: '' input: 'w' "
                         "output: 't' doc_string: 'dd'"
                         " metadata_props { key: 'k' value: 'v' } attribute { name: 'i' i: 3 type: 2 } "
                         "attribute { name: 'f' f: 0.5 type: 1 }"
                         " attribute { name: 's' s: 'text' type: 3 } attribute { name: 'is' ints: [1, 2] "
                         "type: 7 } attribute { name: 'none' type: 6 }"
                         " attribute { name: 'ss' strings: ['p', 'q'] type: 8 } attribute { name: 't' type: "
                         "4 t { dims: 1 data_type: 7 int64_data: 4 } }"
                         " attribute { name: 'ty' type: 13 tp { sequence_type { elem_type { tensor_type { "
                         "elem_type: 1 } } } } } }"
                         "node { name: 'second' op_type: 'Relu' input: 't' output: 'y' }",
                     "opset_import { version: 17 } opset_import { domain: 'my' version: 2 } producer_name: "
                     "'p' metadata_props { key: 'a' value: 'b' }");
}

TEST(Export, WritesBackWhatWasRead) {
  const TemporaryFolder folder;
  const auto model = import_good(full_model());
  ASSERT_TRUE(export_onnx(*model, folder / "m.onnx").ok());
  const auto again = import_onnx(folder / "m.onnx");
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(to_text((*again)->graph), to_text(model->graph));
  EXPECT_EQ((*again)->opsets, model->opsets);
  EXPECT_EQ((*again)->metadata, model->metadata);
  EXPECT_EQ((*again)->producer_name, "p");
  EXPECT_EQ((*again)->graph.metadata, model->graph.metadata);
  EXPECT_EQ((*again)->graph.doc, "about");
  EXPECT_EQ((*again)->graph.nodes()[0].metadata.at("k"), "v");
  EXPECT_EQ((*again)->graph.nodes()[0].doc, "dd");
  EXPECT_FALSE((*again)->graph.nodes()[0].inputs[1].valid());
  EXPECT_EQ(folder.file_count(), 1u) << "no temporary file stays";
}

TEST(Export, IsDeterministic) {
  const TemporaryFolder folder;
  const auto model = import_good(full_model());
  ASSERT_TRUE(export_onnx(*model, folder / "a.onnx").ok());
  const auto again = import_onnx(folder / "a.onnx");
  ASSERT_TRUE(again.ok());
  ASSERT_TRUE(export_onnx(**again, folder / "b.onnx").ok());
  EXPECT_EQ(*read_file(folder / "a.onnx"), *read_file(folder / "b.onnx"));
}

TEST(Export, UnnamedDimensionsStayUnnamed) {
  const TemporaryFolder folder;
  ASSERT_TRUE(export_onnx(*import_good(full_model()), folder / "m.onnx").ok());
  onnx::ModelProto proto;
  ASSERT_TRUE(proto.ParseFromString(*read_file(folder / "m.onnx")));
  const auto& shape = proto.graph().input(0).type().tensor_type().shape();
  EXPECT_EQ(shape.dim(0).dim_param(), "n");
  EXPECT_EQ(shape.dim(1).value_case(), onnx::TensorShapeProto::Dimension::VALUE_NOT_SET);
}

TEST(Export, BigWeightsGoBesideTheModel) {
  const TemporaryFolder folder;
  const auto model = import_good(full_model());
  OnnxExportOptions options;
  options.external_name = "weights.bin";
  ASSERT_TRUE(export_onnx(*model, folder / "small.onnx", options).ok());
  EXPECT_FALSE(std::filesystem::exists(folder / "weights.bin")) << "below the threshold";
  options.external_threshold = 100;
  ASSERT_TRUE(export_onnx(*model, folder / "m.onnx", options).ok());
  EXPECT_EQ(std::filesystem::file_size(folder / "weights.bin"), 8192u);
  const auto again = import_onnx(folder / "m.onnx");
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(to_text((*again)->graph), to_text(model->graph));
  EXPECT_EQ((*again)->graph.constant(*(*again)->graph.find_value("w"))->raw()[8191], std::byte{'a'});
}

TEST(Export, FailureLeavesNothingBehind) {
  const TemporaryFolder folder;
  const auto model = import_good(full_model());
  const Status missing = export_onnx(*model, folder / "no/such/m.onnx");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::resource);
  EXPECT_THAT(missing.error().text(), HasSubstr("m.onnx: cannot be written: No such file"));
  OnnxExportOptions options;
  options.external_name = "../w.bin";
  options.external_threshold = 0;
  EXPECT_EQ(export_onnx(*model, folder / "m.onnx", options).error().kind, ErrorKind::usage);
  EXPECT_EQ(folder.file_count(), 0u);
}

TEST(Export, InternalOperatorsAreRefused) {
  const auto model = import_good(
      model_bytes("output { name: 'y' } node { name: 'n' op_type: 'FusedConv' domain: 'lathe' output: 'y' }",
                  "opset_import { domain: 'lathe' version: 1 }"));
  const TemporaryFolder folder;
  const Status status = export_onnx(*model, folder / "m.onnx");
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().text(), HasSubstr("node 'n' (lathe.FusedConv)"));
  EXPECT_EQ(folder.file_count(), 0u);
}

}  // namespace
}  // namespace lathe
