// SPDX-License-Identifier: Apache-2.0
// Which modules a narrower precision costs more accuracy than a person allows.
#pragma once

#include <memory>

#include "engine/convert/converter.h"

namespace lathe {

struct BudgetRequest {
  std::shared_ptr<const Model> model;  ///< as it is, wide
  PrecisionRequest precision;          ///< fp16 or bf16; int8 has a search of its own
  Score score;                         ///< of a model that runs; higher is better
  double budget = 0;                   ///< of the score: what may be lost
};

/// A precision_loss for every module that has to stay wide, by path, found one after the other by halving;
/// empty where the budget is kept. Where a few are not enough, all that would be narrow. Executor thread.
/// Errors: of lowering or of `score`, interruption.
Result<Losses> losses_beyond_budget(const BudgetRequest& request, const JobContext& job);

}  // namespace lathe
