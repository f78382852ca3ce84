// SPDX-License-Identifier: Apache-2.0
// Accuracy by module: the model in fp32 and the converted one run side by side.
#pragma once

#include <functional>

#include "engine/convert/convert.h"
#include "profiler/evaluate/module_accuracy.h"

namespace lathe {

/// Tensors that leave modules of `wide`, the same model in fp32, and what their readers outside get in
/// `converted`. In order of execution; of one tensor, the deepest module first. Constants are left out, and
/// tensors that have no counterpart.
Result<std::vector<ModuleBorder>> module_borders(const Model& wide, const Model& converted);

/// Inputs of the k-th sample, for the model that was converted.
using SampleInputs = std::function<Result<NamedValues>(size_t k)>;

/// Of the samples that are there: so many that comparing takes seconds.
size_t compared_samples(double flops, size_t there);

/// Runs both models over `count` samples. Nothing is kept but sums; where the tensors of one run were too
/// much memory, some borders are compared at a time. Empty where no precision was lowered. Executor thread.
Result<ModuleAccuracy> module_accuracy(const Conversion& conversion, const SampleInputs& sample, size_t count,
                                       const JobContext& job);

}  // namespace lathe
