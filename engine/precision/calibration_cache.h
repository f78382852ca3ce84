// SPDX-License-Identifier: Apache-2.0
// A calibration kept in a file, so that the same model and data need not be run again.
#pragma once

#include <filesystem>

#include "engine/precision/calibration.h"

namespace lathe {

/// Changes with anything that calibration depends on: nodes, constants, the values asked for, the samples.
uint64_t calibration_key(const Model& model, const std::vector<std::string>& values,
                         const CalibrationData& data);

std::string write_calibration(const Calibration& calibration, uint64_t key);
/// Nothing where the text holds another key. Errors: it is damaged, naming `where`.
Result<std::optional<Calibration>> read_calibration(std::string_view text, uint64_t key,
                                                    const std::string& where);

/// What `data.cache` holds where it fits, else a new one, which is written there. Notes go to `notes`: taken
/// from the file, or why not. No file named: the same as calibrate(). Errors as of calibrate(); a file that
/// cannot be written.
Result<Calibration> calibrate_cached(const std::shared_ptr<const Model>& model,
                                     const std::vector<std::string>& values, const CalibrationData& data,
                                     const JobContext& job, Findings& notes);

}  // namespace lathe
