// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/formats/make_model.h"

namespace lathe {
namespace {

using testing::HasSubstr;

std::string entry(const std::string& key, const std::string& value) {
  return "external_data { key: '" + key + "' value: '" + value + "' } ";
}

/// A model of one f32[2] weight `w` stored at `entries`.
std::string external_model(const std::string& entries) {
  return model_bytes("initializer { name: 'w' dims: 2 data_type: 1 data_location: 1 " + entries + " }");
}

std::string error_of(const TemporaryFolder& folder, const std::string& entries) {
  const auto model = import_onnx(folder.write("m.onnx", external_model(entries)));
  return model.ok() ? "" : model.error().text();
}

TEST(ExternalData, IsMappedFromItsOffset) {
  const TemporaryFolder folder;
  const float numbers[] = {0, 1, 2};
  folder.write("w.bin", std::string(reinterpret_cast<const char*>(numbers), sizeof numbers));
  for (const std::string& length : {std::string(), entry("length", "8")}) {
    const auto model = import_onnx(
        folder.write("m.onnx", external_model(entry("location", "w.bin") + entry("offset", "4") + length)));
    ASSERT_TRUE(model.ok()) << model.error().text();
    EXPECT_EQ((*model)->graph.constant(*(*model)->graph.find_value("w"))->to_double(),
              (std::vector<double>{1, 2}));
  }
}

TEST(ExternalData, MissingFileNamesTensorAndFile) {
  const TemporaryFolder folder;
  const std::string error = error_of(folder, entry("location", "gone.bin"));
  EXPECT_THAT(error, HasSubstr("m.onnx: tensor 'w': external data file 'gone.bin' cannot be opened"));
}

TEST(ExternalData, RangesOutsideTheFileAreRefused) {
  const TemporaryFolder folder;
  folder.write("w.bin", "12345678");
  const std::string at = entry("location", "w.bin");
  EXPECT_THAT(error_of(folder, at + entry("offset", "4")), HasSubstr("lies outside file 'w.bin' of 8 bytes"));
  EXPECT_THAT(error_of(folder, at + entry("offset", "9223372036854775807")), HasSubstr("lies outside"));
  EXPECT_THAT(error_of(folder, at + entry("offset", "-4")), HasSubstr("impossible offset"));
  EXPECT_THAT(error_of(folder, at + entry("offset", "99999999999999999999")), HasSubstr("impossible offset"));
  EXPECT_THAT(error_of(folder, at + entry("length", "4")), HasSubstr("has 4 bytes, its shape 2 needs 8"));
  EXPECT_THAT(error_of(folder, ""), HasSubstr("has no location"));
}

TEST(ExternalData, NothingOutsideTheModelsFolderIsOpened) {
  const TemporaryFolder folder;
  const TemporaryFolder elsewhere;
  const std::filesystem::path secret = elsewhere.write("secret.bin", "12345678");
  EXPECT_THAT(error_of(folder, entry("location", secret.string())), HasSubstr("the path is absolute"));
  const std::string up = "../" + secret.parent_path().filename().string() + "/secret.bin";
  EXPECT_THAT(error_of(folder, entry("location", up)), HasSubstr("leaves the model's folder"));
  EXPECT_THAT(error_of(folder, entry("location", "a/../../x.bin")), HasSubstr("leaves the model's folder"));
  std::filesystem::create_symlink(secret, folder / "link.bin");
  EXPECT_THAT(error_of(folder, entry("location", "link.bin")), HasSubstr("symbolic link leads out"));
  std::filesystem::create_directory_symlink(secret.parent_path(), folder / "dir");
  EXPECT_THAT(error_of(folder, entry("location", "dir/secret.bin")), HasSubstr("symbolic link leads out"));
}

TEST(ExternalData, IsRefusedForModelsInMemory) {
  EXPECT_THAT(import_error(external_model(entry("location", "w.bin"))), HasSubstr("is not read from a file"));
}

}  // namespace
}  // namespace lathe
