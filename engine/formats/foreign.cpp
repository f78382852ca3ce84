// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/foreign.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string ending(const std::string& name) {
  std::string end = fs::path(name).extension().string();
  std::transform(end.begin(), end.end(), end.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return end;
}

/// The file's name in a command. Names that a shell or Python would take apart become a placeholder.
std::string in_command(const std::string& name, const std::string& placeholder) {
  const bool plain =
      !name.empty() && name[0] != '-' && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c >= 0x80 ||
               std::string_view("/._-+,=@").find(static_cast<char>(c)) != std::string_view::npos;
      });
  return plain ? name : placeholder;
}

/// "dir/model.onnx" for "dir/model.pt2", for the commands to write.
std::string onnx_name(const std::string& name) {
  return in_command(fs::path(name).replace_extension(".onnx").string(), "model.onnx");
}

Error foreign(const std::string& what, std::vector<std::string> hints) {
  Error error = bad_input("", "is not an ONNX model but " + what);
  error.hints = std::move(hints);
  return error;
}

std::string python(const std::string& code) {
  return "python -c \"" + code + "\"";
}

Error exported_program(const std::string& name) {
  return foreign("a PyTorch exported program (.pt2)",
                 {"export it: " +
                  python("import torch; torch.onnx.export(torch.export.load('" +
                         in_command(name, "model.pt2") + "'), (), '" + onnx_name(name) + "', dynamo=True)")});
}

Error torchscript(const std::string& name) {
  return foreign("a TorchScript model",
                 {"export it, with an example of its input: " +
                  python("import torch; m = torch.jit.load('" + in_command(name, "model.pt") +
                         "', 'cpu').eval(); torch.onnx.export(m, (torch.randn(1, 3, 224, 224),), '" +
                         onnx_name(name) + "', dynamo=False)")});
}

Error checkpoint(const std::string& name) {
  return foreign(
      "a PyTorch checkpoint, which holds weights (a state_dict) or a pickled model",
      {"make the model in Python, load the weights, export: " +
       python("import torch; from my_package import MyModel; m = MyModel(); m.load_state_dict(torch.load('" +
              in_command(name, "model.pth") +
              "', map_location='cpu')); torch.onnx.export(m.eval(), (torch.randn(1, 3, 224, 224),), '" +
              onnx_name(name) + "', dynamo=True)")});
}

Error keras(const std::string& name) {
  return foreign("a Keras model",
                 {"export it (Keras 3.8 or newer): " +
                  python("import keras; keras.models.load_model('" + in_command(name, "model.keras") +
                         "').export('" + onnx_name(name) + "', format='onnx')")});
}

Error saved_model(const std::string& folder) {
  const std::string name = fs::path(folder).has_filename() ? folder : fs::path(folder).parent_path().string();
  return foreign("a TensorFlow SavedModel",
                 {"convert it: python -m tf2onnx.convert --saved-model " + in_command(name, "FOLDER") +
                  " --output " + in_command(name + ".onnx", "model.onnx")});
}

Error core_ml(const std::string& what) {
  return foreign(what,
                 {"nothing converts ML programs back: export the model it was made from, e.g. " +
                      python("import torch; torch.onnx.export(model.eval(), example_inputs, 'model.onnx', "
                             "dynamo=True)"),
                  "neural networks and trees of Core ML 1 to 4: " +
                      python("import coremltools, onnxmltools; onnxmltools.utils.save_model(onnxmltools."
                             "convert_coreml(coremltools.utils.load_spec('model.mlmodel')), 'model.onnx')")});
}

Error open_vino(const std::string& what) {
  return foreign(what, {"OpenVINO writes no ONNX: open the ONNX model it was made from",
                        "made from PyTorch: " + python("import torch; torch.onnx.export(model.eval(), "
                                                       "example_inputs, 'model.onnx', dynamo=True)"),
                        "made from TensorFlow: python -m tf2onnx.convert --saved-model FOLDER --output "
                        "model.onnx"});
}

/// By the names of what is inside, which stand at both ends of the archive.
Error zip(std::string_view text, const std::string& name) {
  constexpr size_t looked_at = size_t{1} << 18;
  const std::string_view head = text.substr(0, looked_at);
  const std::string_view tail = text.substr(text.size() - std::min(text.size(), looked_at));
  const auto holds = [&](std::string_view entry) { return contains(head, entry) || contains(tail, entry); };
  if (holds("serialized_exported_program.json") || holds("archive_format") || holds("models/model.json"))
    return exported_program(name);
  if (holds("constants.pkl")) return torchscript(name);
  if (holds("data.pkl")) return checkpoint(name);
  if (holds("model.weights.h5")) return keras(name);
  const std::string end = ending(name);
  if (end == ".pt2") return exported_program(name);
  if (end == ".keras") return keras(name);
  Error error = checkpoint(name);
  error.what = "is not an ONNX model but a zip archive, as PyTorch's .pt, .pth and .pt2 files are";
  return error;
}

bool is_safetensors(std::string_view text) {
  return text.size() > 9 && text[8] == '{' && contains(text.substr(0, 4096), "\"dtype\"");
}

Error safetensors(const std::string& name) {
  const std::string parent = fs::path(name).parent_path().string();
  return foreign(
      "a safetensors file, which holds weights and no graph",
      {"a model of Hugging Face: optimum-cli export onnx --model " +
           in_command(name.empty() ? "" : (parent.empty() ? "." : parent), "FOLDER") + " onnx_folder",
       "a model of yours: " +
           python("import torch; from safetensors.torch import load_file; from my_package import MyModel; m "
                  "= MyModel(); m.load_state_dict(load_file('" +
                  in_command(name, "model.safetensors") +
                  "')); torch.onnx.export(m.eval(), (torch.randn(1, 3, 224, 224),), '" + onnx_name(name) +
                  "', dynamo=True)")});
}

bool is_pickle(std::string_view text) {
  if (text.starts_with("\x80\x02") && contains(text.substr(0, 64), "ctorch")) return true;
  return text.size() >= 3 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5 &&
         (text[2] == '\x8a' || text[2] == '}' || text[2] == '\x95');
}

bool is_open_vino(std::string_view head) {
  return contains(head, "<net ") && (contains(head, "<layers") || contains(head, "version=\"1"));
}

}  // namespace

std::optional<Error> foreign_by_content(std::span<const std::byte> bytes, const std::string& name) {
  const std::string_view text = text_of(bytes);
  if (text.empty()) return bad_input("", "is empty");
  if (text.starts_with("PK\x03\x04")) return zip(text, name);
  if (is_pickle(text)) return checkpoint(name);
  if (is_safetensors(text)) return safetensors(name);
  if (text.size() >= 8 && text.substr(4, 4) == "TFL3")
    return foreign("a TensorFlow Lite model",
                   {"convert it: python -m tf2onnx.convert --tflite " + in_command(name, "model.tflite") +
                    " --output " + onnx_name(name)});
  if (text.starts_with("\x89HDF\r\n\x1a\n"))
    return foreign("an HDF5 file, as Keras writes",
                   {"convert it: python -m tf2onnx.convert --keras " + in_command(name, "model.h5") +
                        " --output " + onnx_name(name),
                    "if it holds weights only, make the model in Python and call model.load_weights first, "
                    "then model.export('" +
                        onnx_name(name) + "', format='onnx')"});
  if (text.starts_with("ftrt") || text.starts_with("ptrt"))
    return foreign("a TensorRT engine, which cannot be read back",
                   {"open the ONNX model it was built from (trtexec --onnx=model.onnx ...)",
                    "lathe profile and lathe compare read the traces of TensorRT's runs"});
  if (text.starts_with("ORTM") || (text.size() >= 8 && text.substr(4, 4) == "ORTM"))
    return foreign("an ONNX Runtime .ort model", {"open the .onnx model it was made from"});
  if (text.starts_with("GGUF"))
    return foreign("a GGUF file of llama.cpp",
                   {"export the original model: optimum-cli export onnx --model NAME onnx_folder"});
  if (text.starts_with("\x93NUMPY"))
    return foreign("a NumPy array", {"give it as an input (--input NAME=FILE), not as the model"});
  if (text.starts_with("version https://git-lfs"))
    return foreign("a Git LFS pointer: the model itself was not downloaded", {"run git lfs pull"});
  if (is_open_vino(text.substr(0, 4096))) return open_vino("an OpenVINO model (.xml)");
  return std::nullopt;
}

std::optional<Error> foreign_by_name(std::span<const std::byte> bytes, const std::string& name) {
  const std::string_view text = text_of(bytes);
  const std::string end = ending(name);
  const fs::path path(name);
  std::error_code ignored;
  if (path.filename() == "saved_model.pb" || path.filename() == "saved_model.pbtxt")
    return saved_model(path.has_parent_path() ? path.parent_path().string() : ".");
  // A GraphDef begins with a node, a message that begins with its name.
  if (end == ".pb" && text.starts_with("\n"))
    return foreign(
        "a TensorFlow graph (GraphDef)",
        {"convert it, naming its inputs and outputs: python -m tf2onnx.convert --graphdef " +
         in_command(name, "model.pb") + " --inputs INPUT:0 --outputs OUTPUT:0 --output " + onnx_name(name)});
  if (end == ".mlmodel") return core_ml("a Core ML model");
  if (end == ".engine" || end == ".plan" || end == ".trt")
    return foreign("a TensorRT engine, to judge by its name, which cannot be read back",
                   {"open the ONNX model it was built from (trtexec --onnx=model.onnx ...)"});
  if (end == ".bin" && fs::exists(fs::path(path).replace_extension(".xml"), ignored))
    return open_vino("the weights of an OpenVINO model (.xml and .bin)");
  return std::nullopt;
}

std::optional<Error> foreign_folder(const fs::path& folder) {
  std::error_code ignored;
  const auto has = [&](const char* name) { return fs::exists(folder / name, ignored); };
  const auto named = [&](Error error) {
    error.where = folder.string();
    return error;
  };
  if (has("saved_model.pb") || has("saved_model.pbtxt")) return named(saved_model(folder.string()));
  if (has("Manifest.json") && (has("Data/com.apple.CoreML") || ending(folder.string()) == ".mlpackage"))
    return named(core_ml("a Core ML package (.mlpackage)"));
  if (has("config.json") && (has("model.safetensors") || has("model.safetensors.index.json") ||
                             has("pytorch_model.bin") || has("pytorch_model.bin.index.json")))
    return named(foreign("a folder of Hugging Face Transformers",
                         {"export it: optimum-cli export onnx --model " +
                          in_command(folder.string(), "FOLDER") + " onnx_folder"}));
  return std::nullopt;
}

}  // namespace lathe
