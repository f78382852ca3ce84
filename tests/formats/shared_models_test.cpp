// SPDX-License-Identifier: Apache-2.0
// The shared models: their module trees have the known number of modules, and they survive writing and
// reading.
#include <algorithm>
#include <cstring>
#include <gmock/gmock.h>

#include "engine/base/strings.h"
#include "engine/graph/text_form.h"
#include "engine/graph/verify.h"
#include "tests/formats/make_model.h"

namespace lathe {
namespace {

std::filesystem::path models_folder() {
  if (const char* set = std::getenv("LATHE_MODELS")) return set;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home ? home : ".") / ".cache/lathe/models";
}

struct Expected {
  const char* file;
  size_t modules;  ///< 0: not checked
  ModuleSource source;
};

void PrintTo(const Expected& expected, std::ostream* out) {
  *out << expected.file;
}

constexpr auto dynamo = ModuleSource::dynamo_metadata;
constexpr auto script = ModuleSource::torchscript_names;
const Expected shared_models[] = {
    {"digits_detr_script17", 91, script},          {"digits_detr_dynamo18", 91, dynamo},
    {"digits_detr_anysize_script17", 92, script},  {"digits_detr_filtered_script17", 92, script},
    {"detr_r50_640_script17", 250, script},        {"detr_r50_640_dynamo18", 250, dynamo},
    {"detr_r50_detections_script17", 251, script}, {"bert_base_script17", 192, script},
    {"digits_resnet_script17", 36, script},        {"digits_resnet_dynbatch_dynamo18", 36, dynamo},
    {"mobilenet_v2_dynamo18", 160, dynamo},        {"mobilenet_v2_ort_qdq_pc", 160, script},
    {"resnet50_dynamo20_dynbatch", 98, dynamo},    {"resnet50_ort_fp16", 98, script},
    {"resnet50_ort_qdq_pc", 98, script},           {"vit_b_16_dynamo18", 0, dynamo},
};

class SharedModel : public testing::TestWithParam<Expected> {
 protected:
  void SetUp() override {
    const auto path = models_folder() / (std::string(GetParam().file) + ".onnx");
    if (!std::filesystem::exists(path))
      GTEST_SKIP() << path << " is absent: set LATHE_MODELS to the shared models";
    auto read = import_onnx(path);
    ASSERT_TRUE(read.ok()) << read.error().text();
    model_ = *read;
  }
  std::shared_ptr<Model> model_;
};

std::vector<std::string> sorted_lines(const std::string& text) {
  std::vector<std::string> lines = split(text, '\n');
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST_P(SharedModel, HasItsModules) {
  const ModuleTree& tree = model_->modules;
  EXPECT_EQ(tree.source, GetParam().source);
  if (GetParam().modules > 0) {
    EXPECT_EQ(tree.modules().size(), GetParam().modules);
  }
  size_t owned = 0;
  for (const Module& module : tree.modules()) {
    owned += module.nodes.size();
    EXPECT_FALSE(tree.all_nodes(module.id).empty()) << module.path << " owns nothing";
    EXPECT_TRUE(std::is_sorted(module.nodes.begin(), module.nodes.end())) << module.path;
    for (const NodeId node : module.nodes) EXPECT_EQ(model_->graph.node(node).module, module.id);
  }
  EXPECT_EQ(owned, model_->graph.node_count());
}

TEST_P(SharedModel, SurvivesWritingAndReading) {
  EXPECT_TRUE(verify(model_->graph).empty());
  const TemporaryFolder folder;
  OnnxExportOptions options;
  options.external_name = "weights.bin";
  ASSERT_TRUE(export_onnx(*model_, folder / "m.onnx", options).ok());
  const auto again = import_onnx(folder / "m.onnx");
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(sorted_lines(to_text((*again)->graph)), sorted_lines(to_text(model_->graph)));
  EXPECT_EQ((*again)->modules.modules().size(), model_->modules.modules().size());
  for (const Value& value : model_->graph.values()) {
    if (!value.constant.defined() || value.constant.bytes() == 0) continue;
    const Tensor* other = (*again)->graph.constant(*(*again)->graph.find_value(value.name));
    ASSERT_NE(other, nullptr) << value.name;
    ASSERT_EQ(std::memcmp(other->raw(), value.constant.raw(), value.constant.bytes()), 0) << value.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SharedModel, testing::ValuesIn(shared_models),
                         [](const auto& info) { return std::string(info.param.file); });

}  // namespace
}  // namespace lathe
