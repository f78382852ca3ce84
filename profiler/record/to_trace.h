// SPDX-License-Identifier: Apache-2.0
// A recording as a trace: lanes for modules, operators (with the engines around them) and the runtime.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/base/job.h"
#include "engine/graph/module_tree.h"
#include "profiler/record/recorder.h"
#include "profiler/trace/trace.h"

namespace lathe {

/// Facts that stand in the trace's metadata.
struct RecordingInfo {
  std::string lathe_version;
  std::string model;  ///< name or path as the user gave it
  std::string backend = "cpu";
  int threads = 1;
  std::string cpu;                                        ///< "Intel(R) Xeon(R) ..."
  std::string configuration;                              ///< JSON, or any text such as "eager"
  std::vector<std::pair<std::string, std::string>> more;  ///< further keys and texts
  std::string trace_name;                                 ///< file name, for Kineto readers; empty: model
};

/// Categories of the slices of Lathe's traces.
namespace trace_category {
inline constexpr const char* module = "module";  ///< args module, class
inline constexpr const char* op = "op";  ///< args op_type, node, nodes, module, kernel, precision, ...
inline constexpr const char* engine = "engine";  ///< encloses its op slices; args module
inline constexpr const char* runtime =
    "runtime";                             ///< boundary copies and what the runtime names; args module
inline constexpr const char* run = "run";  ///< one whole run; args index
}  // namespace trace_category
inline constexpr const char* boundary_copy_name = "boundary copy";

/// Every op slice lies inside a module slice of its own module, in one process; times start near 0.
Result<Trace> to_trace(const Recording& recording, const ModuleTree& modules, const RecordingInfo& info,
                       const JobContext& job = JobContext());

}  // namespace lathe
