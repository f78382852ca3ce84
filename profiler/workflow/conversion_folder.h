// SPDX-License-Identifier: Apache-2.0
// The folder a conversion writes: whole or not there.
#pragma once

#include <filesystem>

#include "profiler/report/report_data.h"
#include "profiler/workflow/workflow.h"

namespace lathe {

/// A folder being written beside its final place; removed unless committed.
class PendingFolder {
 public:
  /// Errors: the target exists and is no earlier conversion, or its parent cannot be written.
  static Result<PendingFolder> make(const std::filesystem::path& target);
  PendingFolder(PendingFolder&& other) noexcept;
  PendingFolder& operator=(PendingFolder&&) = delete;
  ~PendingFolder();

  const std::filesystem::path& path() const { return path_; }
  /// Takes the place of the target (an earlier conversion there goes away).
  Status commit();

 private:
  PendingFolder() = default;
  std::filesystem::path target_, path_;
};

/// Every file of the contract: reports, traces, configuration, model.onnx and one .onnx per engine.
Status write_folder(const std::filesystem::path& folder, const ConvertReport& report, const ReportData& data,
                    const JobContext& job);

/// Adds the modules that report.json lists and model.onnx has no node of any more: lowering the precision
/// folded them into others.
Status restore_modules(const std::filesystem::path& folder, ModuleTree& modules);

/// A folder's model.onnx as a model of its own, with all its modules.
Result<std::shared_ptr<const OpenedModel>> open_rewritten_model(const std::filesystem::path& folder,
                                                                const JobContext& job);

/// Partition and configuration of a conversion's folder, for its model.onnx.
Status read_partition(const std::filesystem::path& folder, const Model& model, Partition& partition,
                      Configuration& configuration);

/// The sizes of its inputs that the engines are compiled ahead for, as far as the configuration says them.
InferenceOptions opt_shapes(const Conversion& conversion);

/// What a dry run prints: rate, tree, causes.
std::string dry_run_text(const Conversion& conversion);

}  // namespace lathe
