// SPDX-License-Identifier: Apache-2.0
// Comparing two of a kind: models, conversions or traces. As in workflow.h: callable from any thread,
// blocking.
#pragma once

#include <filesystem>

#include "profiler/compare/compare_conversions.h"
#include "profiler/compare/compare_graphs.h"
#include "profiler/compare/compare_times.h"
#include "profiler/compare/compare_values.h"
#include "profiler/workflow/workflow.h"

namespace lathe {

enum class ComparedKind { models, conversions, traces };
/// By content. A model and the folder of a conversion are compared as models; a trace only with a trace.
Result<ComparedKind> compared_kind(const std::filesystem::path& a, const std::filesystem::path& b);

struct ModelComparison {
  GraphComparison graph;
  WeightComparison weights;
  std::vector<ValueDifference> outputs;  ///< of one run each on the same inputs
  std::string outputs_note;              ///< why there are none

  /// Something differs, or could not be compared.
  bool differs() const;
};
/// Inputs are those of `a`, missing ones seeded random; B gets the same by name, in its own element types.
/// A model that cannot be run is still compared: outputs_note says why it has no outputs.
Result<ModelComparison> compare_models(const RunRequest& a, const RunRequest& b, const JobContext& job);

Result<ConversionComparison> compare_conversion_folders(const std::filesystem::path& a,
                                                        const std::filesystem::path& b,
                                                        const JobContext& job);
Result<TimeComparison> compare_trace_files(const std::filesystem::path& a, const std::filesystem::path& b,
                                           const JobContext& job);

}  // namespace lathe
