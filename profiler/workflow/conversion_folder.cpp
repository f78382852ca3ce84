// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/conversion_folder.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits>
#include <unistd.h>

#include "engine/base/files.h"
#include "engine/base/strings.h"
#include "engine/convert/input_dims.h"
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

/// Some nodes of the model as a model of their own, with the concrete shapes that are known.
Model part_model(const Conversion& conversion, const std::vector<NodeId>& nodes, const InferenceResult& types,
                 const std::string& name) {
  const Model& whole = *conversion.model;
  Model model;
  model.ir_version = whole.ir_version;
  model.opsets = whole.opsets;
  model.producer_name = "lathe";
  model.graph = extract_subgraph(whole.graph, nodes, types).graph;
  model.graph.name = name;
  return model;
}

/// What runs before the post-processing that was cut off and what runs after it: model.part1.onnx makes what
/// model.part2.onnx reads.
Status write_parts(const fs::path& folder, const Conversion& conversion, const InferenceResult& types,
                   const OnnxExportOptions& options) {
  const Graph& graph = conversion.model->graph;
  const std::vector<NodeId>& first = conversion.partition.pieces.front().nodes;
  std::vector<bool> inside(graph.nodes().size(), false);
  for (const NodeId id : first) inside[id.index] = true;
  LATHE_ASSIGN(std::vector<NodeId> second, topological_order(graph));
  // Constants that only the first part reads are in it already.
  std::vector<bool> needed(graph.nodes().size(), false);
  for (auto at = second.rbegin(); at != second.rend(); ++at)
    for (const ValueId output : graph.node(*at).outputs) {
      if (!output.valid() || inside[at->index]) continue;
      const Value& value = graph.value(output);
      needed[at->index] = needed[at->index] || value.is_output ||
                          std::any_of(value.consumers.begin(), value.consumers.end(),
                                      [&](NodeId user) { return needed[user.index] && !inside[user.index]; });
    }
  std::erase_if(second, [&](NodeId id) { return !needed[id.index]; });
  LATHE_TRY(export_onnx(part_model(conversion, first, types, "part1"), folder / "model.part1.onnx", options));
  return export_onnx(part_model(conversion, second, types, "part2"), folder / "model.part2.onnx", options);
}

Status write_models(const fs::path& folder, const Conversion& conversion, const JobContext& job) {
  OnnxExportOptions options;
  options.external_name = "weights.bin";
  SharedWeights weights;
  options.shared = &weights;
  LATHE_TRY(export_onnx(*conversion.model, folder / "model.onnx", options));
  const InferenceResult types = infer(conversion.model->graph, opt_shapes(conversion));
  for (const Partition::Piece& piece : conversion.partition.pieces) {
    LATHE_TRY(job.check());
    const std::string name =
        piece.name.empty() ? "engine.onnx" : "engine." + percent_encode(piece.name) + ".onnx";
    const Model engine =
        part_model(conversion, piece.nodes, types, piece.name.empty() ? "engine" : piece.name);
    LATHE_TRY(export_onnx(engine, folder / name, options));
  }
  if (conversion.cut && !conversion.partition.pieces.empty())
    LATHE_TRY(write_parts(folder, conversion, types, options));
  return {};
}

}  // namespace

InferenceOptions opt_shapes(const Conversion& conversion) {
  InferenceOptions options;
  // The conversion would not be there if they could not be told.
  if (auto dims = opt_dims(*conversion.model, conversion.configuration); dims.ok())
    options.input_shapes = std::move(dims).value();
  return options;
}

namespace {

constexpr std::string_view part_mark = ".part-", old_mark = "-old";

/// What makes it a conversion's folder goes first, so that a half removed one is none.
void remove_folder(const fs::path& folder) {
  std::error_code ignored;
  fs::remove(folder / "report.json", ignored);
  fs::remove_all(folder, ignored);
}

/// What conversions into `target` left behind whose processes are gone without a chance to tidy up.
void remove_leftovers(const fs::path& target) {
  const std::string prefix = target.filename().string() + std::string(part_mark);
  std::vector<fs::path> gone;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(target.parent_path(), ignored)) {
    std::string name = entry.path().filename().string();
    if (name.ends_with(old_mark)) name.resize(name.size() - old_mark.size());
    int64_t process = 0;
    if (name.starts_with(prefix) && parse_int(std::string_view(name).substr(prefix.size()), process) &&
        process > 0 && process <= std::numeric_limits<pid_t>::max() &&
        ::kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH)
      gone.push_back(entry.path());
  }
  for (const fs::path& folder : gone) remove_folder(folder);
}

/// Both folders are whole at any moment, whatever ends this process. False where the file system cannot.
bool exchange(const fs::path& a, const fs::path& b) {
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

}  // namespace

PendingFolder::PendingFolder(PendingFolder&& other) noexcept
    : target_(std::move(other.target_)), path_(std::move(other.path_)) {
  other.path_.clear();
}

PendingFolder::~PendingFolder() {
  if (!path_.empty()) remove_folder(path_);
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
  const fs::path path = folder.target_.string() + std::string(part_mark) + std::to_string(::getpid());
  remove_leftovers(folder.target_);
  remove_folder(path);  // of a process before this one that had the same number
  fs::create_directories(path, error);
  if (error) return folder_error(target, error);
  folder.path_ = path;
  return folder;
}

Status PendingFolder::commit() {
  std::error_code error;
  const bool exists = fs::exists(target_, error);
  if (error) return folder_error(target_, error);
  // The earlier conversion is where the new one was until now; the destructor removes it from there.
  if (exists && exchange(path_, target_)) return {};
  const fs::path old = path_.string() + std::string(old_mark);
  if (exists) fs::rename(target_, old, error);
  if (error) return folder_error(target_, error);
  fs::rename(path_, target_, error);
  if (error) {
    std::error_code ignored;
    fs::rename(old, target_, ignored);
    return folder_error(target_, error);
  }
  path_.clear();
  remove_folder(old);
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
      {"report.html", report_html(data)},
      {"config.json", to_json(report.conversion.configuration)},
      {"lathe.log", report.printed},
      // What a conversion's folder is known by comes last: with it the folder is whole.
      {"report.json", report_json(data)},
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
                                 conversion.converted, conversion.total, conversion.partition.pieces.size());
  for (const AppliedRemedy& remedy : conversion.remedies) text += "Remedy applied: " + remedy.text + "\n";
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
