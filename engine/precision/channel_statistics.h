// SPDX-License-Identifier: Apache-2.0
// What single channels of tensors hold, from running the model over samples.
#pragma once

#include "engine/precision/calibration.h"

namespace lathe {

struct ChannelStatistics {
  std::vector<float> largest;  ///< magnitude, by channel
  std::vector<double> mean;
  std::vector<float> low = {}, high = {};  ///< smallest and largest number
};
using ChannelCalibration = std::map<std::string, ChannelStatistics>;  ///< by value name

/// By value name: the axis of its channels, counted from the end where negative.
using ChannelAxes = std::map<std::string, int64_t>;

/// Runs the model in fp32 over the first samples. Values that are no f32 tensors with such an axis are left
/// out, as are those whose number of channels differs between samples. Executor thread.
Result<ChannelCalibration> channel_statistics(const std::shared_ptr<const Model>& model,
                                              const ChannelAxes& values, const CalibrationData& data,
                                              const JobContext& job);

}  // namespace lathe
