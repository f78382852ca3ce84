// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/recognize.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace lathe {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Error foreign(const std::string& what, std::string hint) {
  return bad_input("", "is not an ONNX model but " + what).hint(std::move(hint));
}

bool is_text(std::string_view start) {
  return std::all_of(start.begin(), start.end(),
                     [](unsigned char c) { return std::isprint(c) || std::isspace(c) || c >= 0x80; });
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : bytes) {
    if (!out.empty()) out += ' ';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace

std::optional<Error> recognize_foreign(std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes);
  const std::string torch_hint = "export it with torch.onnx.export(model, example_inputs, \"model.onnx\")";
  if (text.empty()) return bad_input("", "is empty");
  if (text.starts_with("PK\x03\x04"))
    return foreign("a zip archive, as PyTorch's .pt, .pth and .pt2 files are", torch_hint);
  if (text.starts_with("\x80\x02") && text.substr(0, 64).find("ctorch") != std::string_view::npos)
    return foreign("a PyTorch checkpoint (pickle)", torch_hint);
  if (text.size() >= 3 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5 &&
      (text[2] == '\x8a' || text[2] == '}' || text[2] == '\x95'))
    return foreign("a Python pickle", torch_hint);
  if (text.size() > 9 && text[8] == '{' && text.substr(0, 4096).find("\"dtype\"") != std::string_view::npos)
    return foreign("a safetensors file, which holds weights and no graph",
                   "export the model that uses them with torch.onnx.export or optimum-cli export onnx");
  if (text.size() >= 8 && text.substr(4, 4) == "TFL3")
    return foreign("a TensorFlow Lite model",
                   "convert it: python -m tf2onnx.convert --tflite model.tflite --output model.onnx");
  if (text.starts_with("\x89HDF\r\n\x1a\n"))
    return foreign("an HDF5 file, as Keras writes",
                   "convert it: python -m tf2onnx.convert --keras model.h5 --output model.onnx");
  if (text.starts_with("ftrt") || text.starts_with("ptrt"))
    return foreign("a TensorRT engine, which cannot be read back", "open the ONNX model it was built from");
  if (text.starts_with("ORTM") || (text.size() >= 8 && text.substr(4, 4) == "ORTM"))
    return foreign("an ONNX Runtime .ort model", "open the .onnx model it was made from");
  if (text.starts_with("GGUF"))
    return foreign("a GGUF file of llama.cpp", "export the original model to ONNX");
  if (text.starts_with("\x93NUMPY")) return foreign("a NumPy array", "give it as an input, not as the model");
  if (text.starts_with("version https://git-lfs"))
    return foreign("a Git LFS pointer: the model itself was not downloaded", "run git lfs pull");
  return std::nullopt;
}

Error not_onnx(std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes);
  const std::string_view start = text.substr(0, 12);
  if (is_text(text.substr(0, 64))) {
    std::string line(text.substr(0, std::min<size_t>(text.find_first_of("\r\n"), 32)));
    return bad_input("", "is not an ONNX model but text (starts with \"" + line + "\")");
  }
  return bad_input("", "is not an ONNX model (starts with bytes " + hex(start) + ")");
}

}  // namespace lathe
