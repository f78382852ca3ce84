// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/conversion_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include "engine/base/files.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/runtime/subgraph.h"
#include "profiler/report/precision_summary.h"
#include "profiler/trace/formats.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

Error folder_error(const fs::path& path, const std::error_code& error) {
  return resource_error(path.string(), "cannot be written: " + error.message());
}

/// Every byte that is not unreserved in a file name, as %XX.
std::string percent_encode(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

/// A piece of the model as a model of its own, with the concrete shapes it was compiled for.
Model engine_model(const Conversion& conversion, const Partition::Piece& piece,
                   const InferenceResult& types) {
  const Model& whole = *conversion.model;
  Model model;
  model.ir_version = whole.ir_version;
  model.opsets = whole.opsets;
  model.producer_name = "lathe";
  model.graph = extract_subgraph(whole.graph, piece.nodes, types).graph;
  model.graph.name = piece.name.empty() ? "engine" : piece.name;
  return model;
}

InferenceResult opt_types(const Conversion& conversion) {
  InferenceOptions options;
  for (const ValueId id : conversion.model->graph.inputs()) {
    const Value& input = conversion.model->graph.value(id);
    const auto range = conversion.configuration.range(input.name);
    if (!range || !input.type.dims) continue;
    Dims dims = *input.type.dims;
    for (size_t axis = 0; axis < range->opt.size() && axis < dims.size(); ++axis)
      if (range->opt[axis] >= 0) dims[axis] = Dim(range->opt[axis]);
    options.input_shapes[input.name] = std::move(dims);
  }
  return infer(conversion.model->graph, options);
}

Status write_models(const fs::path& folder, const Conversion& conversion, const JobContext& job) {
  OnnxExportOptions options;
  options.external_name = "weights.bin";
  SharedWeights weights;
  options.shared = &weights;
  LATHE_TRY(export_onnx(*conversion.model, folder / "model.onnx", options));
  const InferenceResult types = opt_types(conversion);
  for (const Partition::Piece& piece : conversion.partition.pieces) {
    LATHE_TRY(job.check());
    const std::string name =
        piece.name.empty() ? "engine.onnx" : "engine." + percent_encode(piece.name) + ".onnx";
    LATHE_TRY(export_onnx(engine_model(conversion, piece, types), folder / name, options));
  }
  return {};
}

}  // namespace

PendingFolder::PendingFolder(PendingFolder&& other) noexcept
    : target_(std::move(other.target_)), path_(std::move(other.path_)) {
  other.path_.clear();
}

PendingFolder::~PendingFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<PendingFolder> PendingFolder::make(const fs::path& target) {
  std::error_code error;
  const bool exists = fs::exists(target, error);
  if (exists && !fs::is_directory(target)) return usage_error(target.string(), "exists and is not a folder");
  if (exists && !fs::is_empty(target, error) && !is_conversion_folder(target))
    return usage_error(target.string(),
                       "exists and is not the folder of an earlier conversion: choose another");
  PendingFolder folder;
  folder.target_ = fs::absolute(target).lexically_normal();
  if (!folder.target_.has_filename()) folder.target_ = folder.target_.parent_path();
  const fs::path path = folder.target_.string() + ".part-" + std::to_string(::getpid());
  fs::create_directories(path, error);
  if (error) return folder_error(target, error);
  folder.path_ = path;
  return folder;
}

Status PendingFolder::commit() {
  std::error_code error;
  const fs::path old = path_.string() + "-old";
  if (fs::exists(target_, error)) fs::rename(target_, old, error);
  if (error) return folder_error(target_, error);
  fs::rename(path_, target_, error);
  if (error) {
    std::error_code ignored;
    fs::rename(old, target_, ignored);
    return folder_error(target_, error);
  }
  path_.clear();
  fs::remove_all(old, error);
  return {};
}

bool is_conversion_folder(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "report.json", ignored) &&
         fs::exists(folder / "workflow_report.json", ignored) && fs::exists(folder / "model.onnx", ignored);
}

Status write_folder(const fs::path& folder, const ConvertReport& report, const ReportData& data,
                    const JobContext& job) {
  job.report(-1, "writing reports");
  LATHE_TRY(write_models(folder, report.conversion, job));
  if (report.before.trace) LATHE_TRY(write_trace(*report.before.trace, folder / "trace_before.json", job));
  if (report.after.trace) LATHE_TRY(write_trace(*report.after.trace, folder / "trace.json", job));
  const std::pair<const char*, std::string> texts[] = {
      {"workflow_report.json", workflow_report_json(data)},
      {"conversion_report.json", conversion_report_json(data)},
      {"statistics.csv", statistics_csv(data)},
      {"report.json", report_json(data)},
      {"report.html", report_html(data)},
      {"config.json", to_json(report.conversion.configuration)},
      {"lathe.log", report.printed},
  };
  for (const auto& [name, text] : texts) LATHE_TRY(write_file_atomic(folder / name, text));
  return job.check();
}

Status write_html_report(const ConvertReport& report, const fs::path& file) {
  LATHE_ASSIGN(const std::string page, read_file(report.folder / "report.html"));
  return write_file_atomic(file, page);
}

std::string dry_run_text(const Conversion& conversion) {
  std::string text = fmt::format("Dry run: {}/{} modules would convert, in {} engines\n",
                                 conversion.converted, conversion.total, conversion.engines);
  if (const std::string line = precision_summary(conversion).text(); !line.empty())
    text += "Precision: " + line + "\n";
  for (const ModuleOutcome& outcome : conversion.outcomes) {
    if (outcome.status == ModuleStatus::covered) continue;
    const Module& module = conversion.model->modules[outcome.module];
    text += fmt::format("  {} [{}]{}\n", module.path.empty() ? "(model)" : module.path,
                        to_string(outcome.status), outcome.failure ? " " + outcome.failure->error() : "");
  }
  return text;
}

}  // namespace lathe
