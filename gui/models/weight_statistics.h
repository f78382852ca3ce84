// SPDX-License-Identifier: Apache-2.0
// What is in a weight: its range, how it is spread, what is odd about it.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/job.h"
#include "engine/tensor/tensor.h"

namespace lathe {

struct WeightStatistics {
  int64_t count = 0;
  int64_t zeros = 0, nans = 0, infinities = 0;
  double min = 0, max = 0, mean = 0, deviation = 0;  ///< of the finite ones
  std::vector<double> bins;                          ///< counts over [min, max]; empty without finite ones
};

/// Of any numeric tensor, in bounded memory. Errors: strings and complex numbers, interruption.
Result<WeightStatistics> weightStatistics(const Tensor& weight, const JobContext& job);

}  // namespace lathe
