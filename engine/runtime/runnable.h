// SPDX-License-Identifier: Apache-2.0
// Anything that runs a model: eagerly, as an engine, or partly converted.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"
#include "engine/graph/graph.h"
#include "engine/runtime/observer.h"

namespace lathe {

using NamedValues = std::map<std::string, RuntimeValue>;

struct RunOptions {
  RunObserver* observer = nullptr;
  const JobContext* job = nullptr;  ///< checked between steps
  uint64_t seed = 0;                ///< for operators that draw random numbers
};

/// All compiling and running happens on the executor thread (executor_thread.h).
class Runnable {
 public:
  virtual ~Runnable() = default;
  virtual const Model& model() const = 0;
  /// Outputs by name. Errors: missing or wrong input (name, expected and given type or shape), failure in a
  /// node.
  virtual Result<NamedValues> run(const NamedValues& inputs, const RunOptions& options) = 0;
};

/// Operator by operator, fp32 as in the file, any shape. The model must outlive nothing: it is shared.
Result<std::unique_ptr<Runnable>> make_eager(std::shared_ptr<const Model> model);

/// Missing inputs filled with seeded random data (integers 0..1 unless the consumer tells more); dynamic axes
/// take `shapes` or 1. Errors: an input whose shape cannot be told.
Result<NamedValues> random_inputs(const Model& model, const std::map<std::string, Shape>& shapes,
                                  const NamedValues& given, uint64_t seed);
/// Checks names, types, ranks and fixed axes against the model's declared inputs.
Status check_inputs(const Model& model, const NamedValues& inputs);

}  // namespace lathe
