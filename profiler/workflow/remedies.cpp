// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/remedies.h"

#include "engine/convert/remedies/remedy.h"
#include "engine/runtime/executor_thread.h"
#include "profiler/workflow/shapes_from_data.h"

namespace lathe {

bool can_take(const Remedy& remedy) {
  if (remedies().find(remedy.kind) == nullptr) return false;
  return remedy.kind != Remedy::Kind::replace_operator || has_decomposition(remedy.subject);
}

Result<std::vector<Forecast>> forecast_remedies(const ConvertRequest& request, const Conversion& now,
                                                const std::vector<Remedy>& offered, const JobContext& job) {
  ConvertRequest learning = request;
  // A data set that cannot be read is told of where it is used.
  if (!request.data.empty() && !learn_shapes(learning, job).ok()) learning.configuration = {};
  return on_executor([&]() -> Result<std::vector<Forecast>> {
    std::vector<Forecast> made;
    for (Remedy remedy : offered) {
      LATHE_TRY(job.check());
      const auto sizes = learning.configuration.range(remedy.subject);
      if (remedy.kind == Remedy::Kind::pin_shapes && sizes && sizes->pinned()) remedy.shape = sizes->opt;
      auto one = forecast(now.model, now.configuration, remedy, {}, job);
      if (one.ok()) made.push_back(std::move(*one));
    }
    LATHE_TRY(job.check());
    return made;
  });
}

}  // namespace lathe
