// SPDX-License-Identifier: Apache-2.0
// Which nodes of a model do not fit into fp16 because the numbers that flow through them on real data do not.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/job.h"
#include "engine/graph/graph.h"
#include "engine/ops/inference.h"
#include "engine/runtime/runnable.h"

namespace lathe {

/// Nodes of the main graph, by name, that make or read a number that f16 cannot hold (beyond 65504), and why:
/// for PrecisionRequest::keep. Runs the model in fp32 over `samples`; tensors are looked at a part of them at
/// a time, so that memory stays bounded. `types` are of the model with the samples' shapes. Executor thread.
Result<std::unordered_map<std::string, std::string>> beyond_f16(const std::shared_ptr<const Model>& model,
                                                                const InferenceResult& types,
                                                                const std::vector<NamedValues>& samples,
                                                                const JobContext& job);

}  // namespace lathe
