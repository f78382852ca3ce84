// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <random>

#include "engine/graph/verify.h"
#include "tests/formats/make_model.h"

namespace lathe {
namespace {

using testing::HasSubstr;

std::string small_model() {
  std::string raw(6000, 'x');
  return model_bytes("input " + float_value("x", "dim { dim_value: 1500 }") + "output " +
                     float_value("y", "dim { dim_value: 1500 }") +
                     "initializer { name: 'w' dims: 1500 data_type: 1 raw_data: '" + raw +
                     "' }"
                     "node { name: 'add' op_type: 'Add' input: 'x' input: 'w' output: 't' metadata_props { "
                     "key: 'a' value: 'b' } }"
                     "node { name: 'if' op_type: 'If' input: 't' output: 'y' attribute { name: 'then_branch' "
                     "type: 5 g { name: 'b'"
                     " node { op_type: 'Neg' input: 't' output: 'o' } output { name: 'o' } } } }");
}

/// Whatever the bytes are, there must be a sound model or an error that says something.
void expect_model_or_error(const std::string& bytes) {
  const auto model = import_bytes(bytes);
  if (model.ok()) {
    EXPECT_TRUE(verify((*model)->graph).empty());
  } else {
    EXPECT_FALSE(model.error().what.empty());
  }
}

TEST(Damaged, TruncationAnywhereIsAnError) {
  const std::string whole = small_model();
  ASSERT_EQ(import_error(whole), "");
  for (size_t length = 0; length < whole.size();
       length += (length > 700 && length + 700 < whole.size() ? 97 : 1)) {
    expect_model_or_error(whole.substr(0, length));
    // The last four bytes are the opset import: without them it is a model still.
    if (length + 4 < whole.size() && length > 40) {
      EXPECT_NE(import_error(whole.substr(0, length)), "") << length;
    }
  }
  EXPECT_THAT(import_error(whole.substr(0, 3000)), HasSubstr("is truncated or damaged: field 7 at byte"));
}

TEST(Damaged, FlippedBytesNeverCrash) {
  const std::string whole = small_model();
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = whole;
    for (int flips = 0; flips < 3; ++flips) {
      const bool head = random() % 2 == 0;  // the weight's bytes are no target
      const size_t position = head ? random() % 200 : damaged.size() - 1 - random() % 300;
      damaged[position] = static_cast<char>(random());
    }
    expect_model_or_error(damaged);
  }
}

TEST(Damaged, OtherFilesAreCalledWhatTheyAre) {
  EXPECT_THAT(import_error(""), HasSubstr("test.onnx: is empty"));
  EXPECT_THAT(import_error("# a readme\nwith text"),
              HasSubstr("is not an ONNX model but text (starts with \"# a readme\")"));
  EXPECT_THAT(import_error(std::string("PK\x03\x04 rest of a zip", 18)), HasSubstr("torch.onnx.export"));
  EXPECT_THAT(import_error(std::string("\x89HDF\r\n\x1a\n....", 12)), HasSubstr("HDF5"));
  EXPECT_THAT(import_error(std::string("\x1c\0\0\0TFL3....", 12)), HasSubstr("TensorFlow Lite"));
  EXPECT_THAT(import_error(std::string("\x40\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\"}}", 30)),
              HasSubstr("safetensors"));
  EXPECT_THAT(import_error(std::string("ftrt....", 8)), HasSubstr("TensorRT"));
  EXPECT_THAT(import_error(std::string("\xff\xfe\x01\x02\x03", 5)),
              HasSubstr("is not an ONNX model (starts with bytes ff fe 01 02 03)"));
}

TEST(Damaged, NamesMustBeText) {
  EXPECT_THAT(import_error(model_bytes("input { name: 'a\\377' }")),
              HasSubstr("value 0: its name or type is not UTF-8 text"));
  EXPECT_THAT(import_error(model_bytes("node { name: '\\303(' op_type: 'Relu' output: 'y' }")),
              HasSubstr("node 0: its names are not"));
  EXPECT_EQ(import_error(model_bytes("input { name: 'gr\\303\\266\\303\\237e' }")), "");
}

TEST(Damaged, FoldersAndMissingFilesAreErrors) {
  const TemporaryFolder folder;
  EXPECT_FALSE(import_onnx(folder / "").ok());
  EXPECT_FALSE(import_onnx(folder / "none.onnx").ok());
}

}  // namespace
}  // namespace lathe
