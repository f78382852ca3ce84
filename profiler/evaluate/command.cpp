// SPDX-License-Identifier: Apache-2.0
// command:PROGRAM ARGUMENTS: the user's own judge. It is given an .npz of the outputs and prints one number.
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <unistd.h>

#include "engine/tensor/npz.h"
#include "profiler/evaluate/metric.h"
#include "profiler/evaluate/subprocess.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

/// A fresh folder that goes away with everything in it.
class TemporaryFolder {
 public:
  static Result<std::unique_ptr<TemporaryFolder>> make() {
    std::error_code failed;
    std::string name = (fs::temp_directory_path(failed) / "lathe-XXXXXX").string();
    if (failed || ::mkdtemp(name.data()) == nullptr)
      return resource_error(name, "a temporary folder cannot be made");
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(name));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

/// The samples' tensors one after the other along the first axis; undefined where their shapes do not allow
/// it.
Result<Tensor> joined(const std::vector<Tensor>& parts) {
  const Tensor& first = parts.front();
  if (first.rank() == 0 || first.type() == ElementType::string) return Tensor();
  for (const Tensor& part : parts)
    if (part.shape() != first.shape() || part.type() != first.type()) return Tensor();
  Shape shape = first.shape();
  shape[0] *= static_cast<int64_t>(parts.size());
  LATHE_ASSIGN(Tensor all, Tensor::allocate(first.type(), shape));
  for (size_t i = 0; i < parts.size() && first.bytes() > 0; ++i)
    std::memcpy(all.mutable_raw() + i * first.bytes(), parts[i].raw(), first.bytes());
  return all;
}

class CommandMetric : public Metric {
 public:
  explicit CommandMetric(MetricSpec spec) : spec_(std::move(spec)) {}

  Status update(const MetricSample& sample) override {
    for (const auto& [name, value] : sample.outputs)
      if (value.is_tensor()) outputs_[name].push_back(value.tensor);
    if (sample.samples.has_labels()) {
      // Given the first axis that labels lie along.
      const Tensor label = sample.samples.label(sample.index);
      Shape shape = label.shape();
      shape.insert(shape.begin(), 1);
      outputs_["label"].push_back(label.reshaped(std::move(shape)));
    }
    return {};
  }

  Result<std::map<std::string, double>> result(const JobContext& job) override {
    LATHE_ASSIGN(const auto folder, TemporaryFolder::make());
    const fs::path file = folder->path() / "outputs.npz";
    LATHE_ASSIGN(const NamedTensors arrays, collected());
    LATHE_TRY(write_npz(file, arrays));
    LATHE_ASSIGN(const ProgramOutput ran,
                 run_program(spec_.command, file.string(), spec_.timeout_seconds, job));
    if (ran.status != 0) {
      Error error = bad_input(spec_.command, "ended with status " + std::to_string(ran.status));
      if (!ran.diagnostics.empty()) error.hint(last_line(ran.diagnostics));
      return error;
    }
    const std::string text = last_line(ran.output);
    double number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
      return bad_input(spec_.command,
                       "a number was expected on the last line of its output, not '" + text + "'");
    return std::map<std::string, double>{{"command", number}};
  }

 private:
  /// Every output as one array, or as NAME.k for sample k where the shapes differ.
  Result<NamedTensors> collected() const {
    NamedTensors arrays;
    for (const auto& [name, parts] : outputs_) {
      LATHE_ASSIGN(Tensor all, joined(parts));
      if (all.defined())
        arrays.emplace(name, std::move(all));
      else
        for (size_t k = 0; k < parts.size(); ++k) arrays.emplace(name + "." + std::to_string(k), parts[k]);
    }
    return arrays;
  }

  static std::string last_line(std::string text) {
    const size_t last = text.find_last_not_of(" \t\r\n");
    text.erase(last == std::string::npos ? 0 : last + 1);
    const size_t line = text.find_last_of('\n');
    if (line != std::string::npos) text.erase(0, line + 1);
    text.erase(0, text.find_first_not_of(" \t"));
    return text;
  }

  MetricSpec spec_;
  std::map<std::string, std::vector<Tensor>> outputs_;
};

Result<std::unique_ptr<Metric>> make_command(const MetricSpec& spec, const SampleSource&) {
  if (spec.command.empty()) return usage_error("", "the metric command: lacks the command to run");
  return std::unique_ptr<Metric>(std::make_unique<CommandMetric>(spec));
}

}  // namespace

void register_command(MetricRegistry& registry) {
  registry.add({"command",
                "command:PROGRAM runs your own judge with an .npz of all outputs; it prints a number, higher "
                "is better",
                "command", false, make_command});
}

}  // namespace lathe
