// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/shapes_from_data.h"

#include "engine/convert/shapes_from_data.h"

namespace lathe {

Status learn_shapes(ConvertRequest& request, const JobContext& job) {
  const std::filesystem::path data =
      request.data.empty() ? std::filesystem::path(request.configuration.calibration) : request.data;
  if (data.empty())
    return usage_error("--shapes-from-data", "needs samples").hint("give a data set with --data or --calib");
  const Model& model = *request.opened->model;
  LATHE_ASSIGN(const auto samples, open_dataset(data, input_specs(model)));
  return shapes_from_data(model, *samples, request.configuration, job);
}

}  // namespace lathe
