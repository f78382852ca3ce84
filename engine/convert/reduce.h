// SPDX-License-Identifier: Apache-2.0
// The smallest piece of a model that fails as a module of it did: for a report of the fault.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/convert/failure.h"
#include "engine/graph/graph.h"
#include "engine/ops/inference.h"
#include "engine/runtime/runnable.h"

namespace lathe {

/// What stands against these nodes of a model; nullopt: nothing.
using FailureCheck =
    std::function<std::optional<Failure>(const Model&, const InferenceResult&, const std::vector<NodeId>&)>;
/// As a conversion finds it without compiling.
FailureCheck check_by_diagnosis();
/// As the compiler finds it. Executor thread only.
FailureCheck check_by_building();

struct ReduceRequest {
  ModuleId module;             ///< that failed
  Failure failure;             ///< of it: the piece has to fail with the same cause and sentence
  InferenceOptions inference;  ///< the shapes it was converted for
  NamedValues inputs;          ///< of a run of the whole model: give the piece its sizes and values
  FailureCheck check = check_by_diagnosis();
};

struct Reduced {
  std::shared_ptr<const Model> model;  ///< the piece; values keep their names
  Failure failure;                     ///< of the piece
  NamedValues inputs;                  ///< for the piece
  bool inputs_of_run = false;          ///< values that the whole model computes; else random ones
  size_t nodes_before = 0;             ///< of the module, without constants
  size_t nodes = 0;                    ///< of the piece, likewise
  size_t tries = 0;                    ///< pieces that were looked at
};

/// Takes nodes away as long as what is left fails the same way (delta debugging), so that no single node of
/// the result can go. What flows in from outside becomes an input of the size that a run gives it. Executor
/// thread only. Errors: a failure that the configuration made; one that no piece shows; interruption.
Result<Reduced> reduce_failure(const Model& model, const ReduceRequest& request, const JobContext& job);

}  // namespace lathe
