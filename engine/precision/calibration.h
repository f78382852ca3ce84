// SPDX-License-Identifier: Apache-2.0
// Ranges of tensors, from running the model over samples.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/data/sample_source.h"
#include "engine/graph/graph.h"
#include "engine/precision/histogram.h"
#include "engine/runtime/runnable.h"

namespace lathe {

/// What the model is fed with to see its ranges.
struct CalibrationData {
  std::vector<NamedValues> samples;
  std::string name;             ///< for messages
  std::filesystem::path cache;  ///< file that keeps what calibration finds; empty: none
  Findings notes;               ///< e.g. an input that is the same everywhere
};
/// The first `limit` samples (0: all). Errors: none at all; NaN or infinity, naming sample and input.
Result<CalibrationData> calibration_data(const SampleSource& source, size_t limit);

/// The model with the values named as outputs, too; ids stay. Values that nodes do not make are left as they
/// are.
std::shared_ptr<Model> with_outputs(const Model& model, const std::vector<std::string>& values);

using Calibration = std::map<std::string, TensorHistogram>;  ///< by value name

/// Runs the model in fp32 over the first `limit` samples (0: all) and hands over the f32 tensors named,
/// inputs included, with the number of the sample. Executor thread.
using TensorSeen = std::function<Status(const std::string& name, const Tensor& tensor, size_t sample)>;
Status observe(const std::shared_ptr<const Model>& model, const std::vector<std::string>& values,
               const CalibrationData& data, size_t limit, const JobContext& job, const TensorSeen& seen);

/// Runs the model in fp32 over the samples and counts the values named. Executor thread. Errors: a tensor
/// that is not finite, named.
Result<Calibration> calibrate(const std::shared_ptr<const Model>& model,
                              const std::vector<std::string>& values, const CalibrationData& data,
                              const JobContext& job);

}  // namespace lathe
