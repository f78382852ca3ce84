// SPDX-License-Identifier: Apache-2.0
// Files of other programs are answered with what they are and the commands that make ONNX of them.
#include "engine/formats/foreign.h"

#include <gmock/gmock.h>

#include "engine/formats/onnx/onnx.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using testing::HasSubstr;

/// What opening a file of this name and content says, hints included.
std::string answer(const TemporaryFolder& folder, const std::string& name, const std::string& content) {
  const auto model = import_onnx(folder.write(name, content));
  if (model.ok()) return "";
  std::string text = model.error().text();
  for (const std::string& hint : model.error().hints) text += "\n" + hint;
  return text;
}

std::string bytes(std::initializer_list<int> values) {
  std::string made;
  for (const int value : values) made += static_cast<char>(value);
  return made;
}

const std::string zip = "PK\x03\x04 ........ ";

TEST(Foreign, FormatsAreKnownByContentWhateverTheirName) {
  const TemporaryFolder folder;
  const std::pair<std::string, std::pair<const char*, const char*>> cases[] = {
      {zip + "archive/code/m.py archive/constants.pkl", {"TorchScript", "torch.jit.load("}},
      {zip + "m/models/model.json m/data/weights/weight_0", {"exported program", "torch.export.load("}},
      {zip + "archive/data.pkl archive/data/0", {"checkpoint", "load_state_dict"}},
      {zip + "config.json model.weights.h5", {"Keras", "format='onnx'"}},
      {bytes({0x80, 0x02, 0x8a, 0x0a}), {"checkpoint", "torch.onnx.export"}},
      {bytes({60, 0, 0, 0, 0, 0, 0, 0}) + "{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}",
       {"safetensors", "optimum-cli export onnx --model "}},
      {bytes({0x1c, 0, 0, 0}) + "TFL3....", {"TensorFlow Lite", "tf2onnx.convert --tflite "}},
      {bytes({0x89}) + "HDF\r\n\x1a\n", {"HDF5", "tf2onnx.convert --keras "}},
      {"ftrt....", {"TensorRT", "trtexec"}},
      {"<?xml version=\"1.0\"?>\n<net name=\"m\" version=\"11\"><layers>", {"OpenVINO", "torch.onnx.export"}},
  };
  for (const auto& [content, expected] : cases)
    for (const char* name : {"plain.onnx", "noname"}) {
      const std::string said = answer(folder, name, content);
      EXPECT_THAT(said, HasSubstr(expected.first)) << name;
      EXPECT_THAT(said, HasSubstr(expected.second)) << name;
      EXPECT_THAT(said, HasSubstr(name));
    }
}

TEST(Foreign, FormatsWithoutAMarkAreKnownByName) {
  const TemporaryFolder folder;
  EXPECT_THAT(answer(folder, "frozen.pb",
                     "\n\x08\n\x01x\x12\x03"
                     "Add"),
              HasSubstr("--graphdef"));
  EXPECT_THAT(answer(folder, "saved_model.pb", bytes({8, 1, 0x12, 2, 0x0a, 0})), HasSubstr("--saved-model"));
  EXPECT_THAT(answer(folder, "a.mlmodel", bytes({8, 4, 0x12, 2, 0x0a, 0})), HasSubstr("Core ML"));
  EXPECT_THAT(answer(folder, "a.plan", bytes({1, 2, 3})), HasSubstr("TensorRT"));
  folder.write("ov.xml", "<net ");
  EXPECT_THAT(answer(folder, "ov.bin", bytes({1, 2, 3})), HasSubstr("OpenVINO"));
  // Near misses: nothing is made up about them.
  EXPECT_THAT(answer(folder, "other.bin", bytes({1, 2, 3})), testing::Not(HasSubstr("OpenVINO")));
  EXPECT_THAT(answer(folder, "cut.pb", bytes({8, 8, 0x3a, 100})), testing::Not(HasSubstr("graphdef")));
}

TEST(Foreign, CommandsNameTheFileUnlessAShellWouldTakeItApart) {
  const TemporaryFolder folder;
  const std::string tflite = bytes({0x1c, 0, 0, 0}) + "TFL3....";
  EXPECT_THAT(answer(folder, "net.tflite", tflite), HasSubstr("--tflite " + (folder / "net.tflite").string() +
                                                              " --output " + (folder / "net.onnx").string()));
  const std::string odd = answer(folder, "a'; rm x.tflite", tflite);
  EXPECT_THAT(odd, HasSubstr("--tflite model.tflite --output model.onnx"));
}

TEST(Foreign, Folders) {
  const TemporaryFolder folder;
  folder.write("saved/saved_model.pb", "x");
  folder.write("net.mlpackage/Manifest.json", "{}");
  folder.write("bert/config.json", "{}");
  folder.write("bert/model.safetensors", "x");
  folder.write("plain/readme", "x");
  const auto hint = [&](const char* name) {
    const auto error = foreign_folder(folder / name);
    return error ? error->text() + " " + error->hints.front() : std::string();
  };
  EXPECT_THAT(hint("saved"), HasSubstr("--saved-model " + (folder / "saved").string()));
  EXPECT_THAT(hint("net.mlpackage"), HasSubstr("Core ML package"));
  EXPECT_THAT(hint("bert"), HasSubstr("optimum-cli export onnx --model " + (folder / "bert").string()));
  EXPECT_EQ(hint("plain"), "");
}

}  // namespace
}  // namespace lathe
