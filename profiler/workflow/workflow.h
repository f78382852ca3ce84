// SPDX-License-Identifier: Apache-2.0
// The use cases. The command line and the window both call these and nothing below them.
//
// Everything returned is an immutable snapshot behind shared_ptr<const> unless said otherwise. Functions that
// compile or run take the executor thread by themselves (run_on_executor) and may be called from any thread;
// they block, report to the JobContext on the executor thread, and return `interrupted` soon after
// request_stop().
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"
#include "engine/convert/convert.h"
#include "engine/graph/graph.h"
#include "engine/ops/inference.h"
#include "engine/runtime/runnable.h"
#include "profiler/evaluate/evaluate.h"
#include "profiler/evaluate/module_accuracy.h"
#include "profiler/stats/balance.h"
#include "profiler/stats/model_summary.h"
#include "profiler/stats/statistics.h"
#include "profiler/trace/trace.h"

namespace lathe {

// --- open and inspect
// ------------------------------------------------------------------------------------------------

struct OpenedModel {
  std::shared_ptr<const Model> model;
  InferenceResult types;  ///< with the shapes asked for
  ModelSummary summary;   ///< operators, parameters, FLOPs, modules
  Findings findings;      ///< import + inference, worst first
  /// Of a conversion's folder: what its engines cover. Running it as an engine runs them, the rest eager.
  std::optional<Partition> partition;
  Configuration configuration;
};
/// A model file, or the folder of a conversion.
Result<std::shared_ptr<const OpenedModel>> open_model(const std::filesystem::path& path,
                                                      const std::map<std::string, Shape>& shapes,
                                                      const JobContext& job);

/// The same model seen with other input shapes: types, costs and findings anew, ids as they were.
Result<std::shared_ptr<const OpenedModel>> with_shapes(const OpenedModel& opened,
                                                       const std::map<std::string, Shape>& shapes,
                                                       const JobContext& job);

/// Documentation and kernels of one node, for the inspector.
struct NodeDetails {
  std::string documentation;
  std::string kernel;  ///< that the eager run would use with the known shapes; empty if unknown
  struct Declined {
    std::string kernel, reason;
  };
  std::vector<Declined> declined;
  NodeCost cost;  ///< for the known shapes
};
NodeDetails describe_node(const OpenedModel& opened, NodeId node);

// --- run, profile, evaluate
// ------------------------------------------------------------------------------------------

enum class RunMode { eager, engine };

struct RunRequest {
  std::shared_ptr<const OpenedModel> opened;
  RunMode mode = RunMode::eager;
  std::map<std::string, Shape> shapes;  ///< for dynamic axes
  NamedValues inputs;                   ///< missing ones are seeded random
  uint64_t seed = 0;
  int threads = 0;    ///< 0: physical cores
  bool tune = false;  ///< kernels of engines by measurement; also where the conversion was made so
  int warmup = 1, runs = 10;
};

struct RunReport {
  NamedValues outputs;
  Distribution latency;  ///< recording off
  double load_ms = 0, compile_ms = 0;
};
Result<RunReport> run_model(const RunRequest& request, const JobContext& job);

struct ProfileReport {
  std::shared_ptr<const Trace> trace;
  Distribution latency;       ///< recording off
  double recording_cost = 0;  ///< how much slower recorded runs were, as a fraction: median of pairs
  TimeBalance balance;
  Statistics statistics;  ///< per operator type, class and module
};
Result<std::shared_ptr<const ProfileReport>> profile_model(const RunRequest& request, const JobContext& job);

// --- convert
// ---------------------------------------------------------------------------------------------------------

struct ConvertRequest {
  std::shared_ptr<const OpenedModel> opened;
  Configuration configuration;
  std::filesystem::path out;  ///< folder to write; must not exist or be an earlier conversion
  bool dry_run = false;
  bool apply_remedies = false;              ///< take the remedies that failures offer, as long as they help
  std::filesystem::path data;               ///< dataset; empty: random inputs, no accuracy
  std::filesystem::path calibration_cache;  ///< file that keeps what int8's calibration finds; empty: none
  std::string metric;                       ///< empty: the manifest's
  size_t limit = 0;                         ///< samples to evaluate; 0 = all
  int threads = 0;
  uint64_t seed = 0;
  int runs = 0;  ///< timed; 0: 20, fewer where they would take long
  int warmup = 2, active_runs = 3;
};

/// One side (before: eager, after: converted) of a conversion, measured on the same inputs.
struct Measured {
  Distribution latency;
  double recording_cost = 0;  ///< how much slower recorded runs were, as a fraction: median of pairs
  std::map<std::string, double> accuracy;
  std::shared_ptr<const Trace> trace;
  TimeBalance balance;
  Statistics statistics;
};

struct ConvertReport {
  std::shared_ptr<const OpenedModel> opened;
  Conversion conversion;           ///< conversion.runnable is only to be used on the executor
  Measured before, after;          ///< empty after a dry run
  ModuleAccuracy module_accuracy;  ///< empty where no precision was lowered
  std::filesystem::path folder;    ///< empty after a dry run
  std::vector<std::filesystem::path> files;
  std::string printed;  ///< the Workflow Report as text
};
/// On error or interruption nothing is left in `out`.
Result<std::shared_ptr<const ConvertReport>> convert_model(const ConvertRequest& request,
                                                           const JobContext& job);
/// Reads a folder written by convert_model back (reports and traces; engines are compiled again when run).
Result<std::shared_ptr<const ConvertReport>> open_conversion(const std::filesystem::path& folder,
                                                             const JobContext& job);
bool is_conversion_folder(const std::filesystem::path& folder);

// --- traces
// ----------------------------------------------------------------------------------------------------------

Result<std::shared_ptr<const Trace>> open_trace(const std::filesystem::path& path, const JobContext& job);
/// Several traces side by side, each from 0 on, its processes named after its file.
Result<std::shared_ptr<const Trace>> merge_trace_files(const std::vector<std::filesystem::path>& paths,
                                                       const JobContext& job);
Status save_trace(const Trace& trace, const std::filesystem::path& path);

// --- evaluate, reports
// -----------------------------------------------------------------------------------------------

Result<Accuracy> evaluate_model(const RunRequest& request, const std::filesystem::path& data,
                                const std::string& metric, size_t limit, const JobContext& job);
/// One self-contained page about a conversion.
Status write_html_report(const ConvertReport& report, const std::filesystem::path& file);

/// One operator of this build.
struct OperatorEntry {
  std::string name;                  ///< with its domain, unless that is ai.onnx
  std::vector<int> versions;         ///< since-versions
  std::vector<std::string> kernels;  ///< optimised ones in order of preference
  bool runs = false;                 ///< has a reference kernel
};
std::vector<OperatorEntry> list_operators();

/// Physical cores of this machine.
int default_threads();
std::string lathe_version();
/// CPU, instruction set, threads and operators of this build on this machine, a line each.
std::string build_description();

}  // namespace lathe
