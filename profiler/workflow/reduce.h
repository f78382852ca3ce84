// SPDX-License-Identifier: Apache-2.0
// The use case `convert --reduce`: the smallest piece of a model that fails as a module of it did, as files.
#pragma once

#include "engine/convert/reduce.h"
#include "profiler/workflow/workflow.h"

namespace lathe {

struct ReduceReport {
  std::string module;  ///< that failed; "" = the root
  Reduced reduced;
  std::filesystem::path model, inputs;  ///< written; empty without a folder
  std::string printed;
};

/// Converts as `request` says (decides only; compiles where nothing else failed), then reduces the failure of
/// `module`, or of the first module that failed when there is none. Writes reduced.onnx and inputs.npz into
/// request.out unless that is empty. `inputs` are those of a run of the whole model; missing ones are the
/// first sample of request.data, else random. Null: nothing failed.
Result<std::shared_ptr<const ReduceReport>> reduce_model(const ConvertRequest& request,
                                                         const std::optional<std::string>& module,
                                                         const NamedValues& inputs, const JobContext& job);

}  // namespace lathe
