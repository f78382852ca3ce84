// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/approximation_loss.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "engine/runtime/executor_thread.h"
#include "engine/tensor/compare.h"

namespace lathe {
namespace {

constexpr uint64_t random_sets = 3;

Result<std::vector<NamedValues>> inputs_of(const Model& model, const MendOptions& options) {
  if (!options.samples.empty()) return options.samples;
  std::vector<NamedValues> sets;
  for (uint64_t k = 0; k < random_sets; ++k) {
    LATHE_ASSIGN(NamedValues made, random_inputs(model, {}, {}, options.seed + k));
    sets.push_back(std::move(made));
  }
  return sets;
}

/// Over all outputs that are tensors, each by itself: a small one counts as much as a large one.
Result<double> worst_snr(Runnable& exact, Runnable& approximate, const std::vector<NamedValues>& inputs,
                         const MendOptions& options, const JobContext& job) {
  std::map<std::string, DifferenceSums> sums;
  RunOptions run;
  run.seed = options.seed;
  for (const NamedValues& sample : inputs) {
    LATHE_TRY(job.check());
    LATHE_ASSIGN(const NamedValues expected, exact.run(sample, run));
    LATHE_ASSIGN(const NamedValues given, approximate.run(sample, run));
    for (const auto& [name, value] : expected) {
      const auto found = given.find(name);
      if (!value.is_tensor() || value.tensor.type() == ElementType::string) continue;
      if (found == given.end() || !found->second.is_tensor())
        return bad_input("", "output '" + name + "' is gone");
      auto difference = compare_tensors(value.tensor, found->second.tensor);
      if (!difference.ok()) return bad_input("", "output '" + name + "': " + difference.error().what);
      sums[name] += difference->sums;
    }
  }
  double worst = snr_cap_db;
  for (const auto& [name, sum] : sums) worst = std::min(worst, sum.snr_db());
  return worst;
}

}  // namespace

double ApproximationLoss::lost() const {
  return before && after ? *before - *after : std::pow(10.0, -snr_db / 20.0);
}

std::string ApproximationLoss::text() const {
  std::string snr =
      fmt::format("an SNR of {:.1f} dB on {} {}", snr_db, samples,
                  seeded ? "sets of seeded random inputs, as there is no data" : "samples of the data");
  if (!before || !after) return snr;
  return fmt::format("the metric on the data {:.4f} -> {:.4f}, ", *before, *after) + snr;
}

Result<ApproximationLoss> approximation_loss(const std::shared_ptr<const Model>& exact,
                                             const std::shared_ptr<const Model>& approximate,
                                             const MendOptions& options, const JobContext& job) {
  LATHE_ASSIGN(const std::vector<NamedValues> inputs, inputs_of(*approximate, options));
  return on_executor([&]() -> Result<ApproximationLoss> {
    LATHE_ASSIGN(const std::unique_ptr<Runnable> before, make_eager(exact));
    LATHE_ASSIGN(const std::unique_ptr<Runnable> after, make_eager(approximate));
    ApproximationLoss loss;
    loss.seeded = options.samples.empty();
    loss.samples = inputs.size();
    LATHE_ASSIGN(loss.snr_db, worst_snr(*before, *after, inputs, options, job));
    if (!options.score) return loss;
    LATHE_ASSIGN(loss.before, options.score(*before));
    LATHE_ASSIGN(loss.after, options.score(*after));
    return loss;
  });
}

}  // namespace lathe
