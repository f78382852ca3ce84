// SPDX-License-Identifier: Apache-2.0
// Whether a rewritten model still gives what the original gives.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/convert/mend.h"

namespace lathe {

/// Runs both eagerly on the same inputs: the samples, else random ones of the rewritten model's shapes.
class SameOutputs {
 public:
  SameOutputs(std::shared_ptr<const Model> original, const MendOptions& options)
      : original_(std::move(original)), options_(options) {}

  /// The largest difference found, relative to each output's largest element; nullopt where the original does
  /// not run. Errors: the rewritten model does not run, lacks an output, or gives another result.
  Result<std::optional<double>> compare(const std::shared_ptr<const Model>& rewritten);

 private:
  Result<std::vector<NamedValues>> inputs(const Model& rewritten) const;

  std::shared_ptr<const Model> original_;
  const MendOptions& options_;
};

}  // namespace lathe
