// SPDX-License-Identifier: Apache-2.0
// Running another program for its output. Internal to evaluate.
#pragma once

#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"

namespace lathe {

struct ProgramOutput {
  int status = 0;           ///< exit status; 128 + signal where a signal ended it
  std::string output;       ///< first 64 KiB of its standard output
  std::string diagnostics;  ///< last 4 KiB of its standard error
};

/// Runs `command` by the shell with `argument` as its last argument, and waits. It is ended, with everything
/// it started, when time runs out (an error) or the job is stopped.
Result<ProgramOutput> run_program(const std::string& command, const std::string& argument,
                                  double timeout_seconds, const JobContext& job);

}  // namespace lathe
