// SPDX-License-Identifier: Apache-2.0
// Module by module conversion: try a module as a whole, else record why not and try its children.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/convert/failure.h"
#include "engine/convert/mend.h"
#include "engine/convert/settings.h"
#include "engine/graph/graph.h"
#include "engine/precision/int8_search.h"
#include "engine/precision/precision.h"
#include "engine/runtime/converted.h"

namespace lathe {

enum class ModuleStatus { success, covered, failed, ignored };
const char* to_string(ModuleStatus status);

/// What became of one module that owns a node or contains one that does.
struct ModuleOutcome {
  ModuleId module;
  ModuleStatus status = ModuleStatus::ignored;
  std::optional<Failure> failure;        ///< failed, or ignored by exclusion
  std::string precision = "f32";         ///< "f32", "f16", "bf16" or "i8"
  std::vector<std::string> input_names;  ///< of the engine
  std::vector<Shape> input_shapes;
  double build_ms = 0;
  int engine = -1;  ///< the piece of the partition it is in, when success
};

struct Conversion {
  /// What the engines execute: the model given, or its rewrite where remedies were taken or a lower precision
  /// was asked for. Modules have the same ids in both, nodes that are left the same names.
  std::shared_ptr<const Model> model;
  /// The same function in fp32, with values of the same names and meaning, where `model` was lowered; else
  /// null.
  std::shared_ptr<const Model> wide;
  Configuration configuration;               ///< as given, with every remedy that was taken
  std::vector<AppliedRemedy> remedies;       ///< in the order they were taken
  std::vector<ModuleOutcome> outcomes;       ///< counted modules, parents first, in tree order
  int converted = 0;                         ///< modules inside an engine
  int total = 0;                             ///< counted modules
  int engines = 0;                           ///< converted modules standing alone
  Partition partition;                       ///< what each engine covers, after merging
  bool cut = false;                          ///< the first piece is all that runs before the post-processing
  std::shared_ptr<ConvertedModel> runnable;  ///< null after a dry run
  PrecisionReport precision;                 ///< empty where none was asked for
  std::vector<Forecast> forecasts;           ///< of remedies that are offered
  Findings notes;

  const ModuleOutcome* find(ModuleId module) const;
};

struct ConvertOptions {
  bool dry_run = false;                          ///< decide and explain, compile nothing
  const CalibrationData* calibration = nullptr;  ///< for int8, which needs it unless dry
  Score score;  ///< judges accuracy: for the search of int8, and for an accuracy budget; may be empty
  /// File for what the search of int8 has tried, from which an interrupted one goes on; empty: none.
  std::filesystem::path trials;
  std::string judge;            ///< tells apart what `score` judges on: data and metric
  double budget_share = 1;      ///< of the accuracy budget: what the search may use up
  bool apply_remedies = false;  ///< take what failures offer, again and again
  bool look_ahead = false;      ///< tell what more would convert with the remedies offered
  /// Some inputs of the data: open inputs may be pinned to their shapes, rewrites are compared on them,
  /// engines are timed with them. Empty: random inputs.
  std::vector<NamedValues> samples;
};

/// Errors: a configuration that contradicts the model, interruption. What cannot be converted is an outcome,
/// not an error. Reports Progress{subject = module path, state = trying|success|failed|ignored}. Executor
/// thread, unless dry.
Result<Conversion> convert(std::shared_ptr<const Model> model, const Configuration& configuration,
                           const ConvertOptions& options, const JobContext& job);

}  // namespace lathe
