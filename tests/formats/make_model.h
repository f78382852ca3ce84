// SPDX-License-Identifier: Apache-2.0
// Small models from protobuf's text form, and files that go away with the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <span>
#include <string>

#include "engine/formats/onnx/lathe_onnx.pb.h"
#include "engine/formats/onnx/onnx.h"

namespace lathe {

/// A ModelProto: IR 8, opset 17, with this graph; `rest` holds further fields of the model.
inline std::string model_bytes(const std::string& graph,
                               const std::string& rest = "opset_import { version: 17 }") {
  onnx::ModelProto model;
  const std::string text = "ir_version: 8 " + rest + " graph { name: 'g' " + graph + " }";
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &model)) << text;
  return model.SerializeAsString();
}

inline Result<std::shared_ptr<Model>> import_bytes(const std::string& bytes) {
  return import_onnx(std::as_bytes(std::span<const char>(bytes)), "test.onnx");
}

/// Imports, failing the test when that fails.
inline std::shared_ptr<Model> import_good(const std::string& bytes) {
  auto model = import_bytes(bytes);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().text());
  return model.ok() ? *model : std::make_shared<Model>();
}

/// The error's text with its hints, or "" when import succeeds.
inline std::string import_error(const std::string& bytes) {
  const auto model = import_bytes(bytes);
  if (model.ok()) return "";
  std::string text = model.error().text();
  for (const std::string& hint : model.error().hints) text += "\n" + hint;
  return text;
}

inline std::string float_value(const std::string& name, const std::string& dims) {
  return "{ name: '" + name + "' type { tensor_type { elem_type: 1 shape { " + dims + " } } } }";
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lathe-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  size_t file_count() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
  }

 private:
  std::filesystem::path path_;
};

}  // namespace lathe
