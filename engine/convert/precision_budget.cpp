// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/precision_budget.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "engine/runtime/engine_prefix.h"

namespace lathe {
namespace {

constexpr size_t most_modules = 8;  // that are named; beyond, the precision is wrong for the model as a whole

class LossSearch {
 public:
  LossSearch(const BudgetRequest& request, const JobContext& job) : request_(request), job_(job) {}

  Result<Losses> run() {
    LATHE_ASSIGN(const auto wide, make_engine_prefix(request_.model));
    LATHE_ASSIGN(wide_score_, request_.score(*wide));
    LATHE_ASSIGN(narrow_score_, score_with({}));
    if (good(narrow_score_) || order_.empty()) return Losses();
    std::set<ModuleId> found;
    double score = narrow_score_;
    while (!good(score) && found.size() < most_modules) {
      LATHE_ASSIGN(const ModuleId next, next_culprit(found));
      if (!found.insert(next).second) break;  // scores that vary by chance lead nowhere
      LATHE_ASSIGN(score, score_with(found));
    }
    if (!good(score)) found.insert(order_.begin(), order_.end());
    Losses failures;
    for (const ModuleId module : found) failures[path(module)] = failure(module, score);
    return failures;
  }

 private:
  bool good(double score) const { return score >= wide_score_ - request_.budget; }
  const std::string& path(ModuleId module) const { return request_.model->modules[module].path; }

  /// Of the model with these modules' own nodes wide. The first call notes which nodes become narrow at all.
  Result<double> score_with(const std::set<ModuleId>& wide) {
    LATHE_TRY(job_.check());
    PrecisionRequest precision = request_.precision;
    for (const ModuleId module : wide)
      for (const NodePrecision& node : narrow_.at(module))
        precision.keep.try_emplace(node.node, "costs more accuracy than the budget allows");
    auto lowered = std::make_shared<Model>(*request_.model);
    lowered->graph = request_.model->graph.clone();
    LATHE_ASSIGN(const PrecisionReport report, lower_precision(*lowered, precision));
    if (narrow_.empty()) note_narrow(report);
    LATHE_ASSIGN(const auto runnable, make_engine_prefix(std::shared_ptr<const Model>(std::move(lowered))));
    LATHE_ASSIGN(const double score, request_.score(*runnable));
    job_.report(-1,
                fmt::format("with {} modules in fp32: {:.4g}, fp32 {:.4g}", wide.size(), score, wide_score_));
    return score;
  }

  void note_narrow(const PrecisionReport& report) {
    for (const NodePrecision& node : report.nodes) {
      if (node.inserted || (node.precision != ElementType::f16 && node.precision != ElementType::bf16))
        continue;
      const ModuleId owner = node.module.valid() ? node.module : ModuleTree::root();
      if (!narrow_.contains(owner)) order_.push_back(owner);
      narrow_[owner].push_back(node);
    }
  }

  /// With the fewest modules from the inputs on wide (and those found before) that is enough, the last one of
  /// them is needed: without it that is not enough.
  Result<ModuleId> next_culprit(const std::set<ModuleId>& found) {
    size_t too_few = 0, enough = order_.size();
    while (enough > too_few + 1) {
      const size_t middle = too_few + (enough - too_few) / 2;
      std::set<ModuleId> wide = found;
      wide.insert(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(middle));
      LATHE_ASSIGN(const double score, score_with(wide));
      (good(score) ? enough : too_few) = middle;
    }
    return order_[enough - 1];
  }

  Failure failure(ModuleId module, double kept_score) const {
    constexpr size_t most_evidence = 8;
    Failure made;
    made.cause = FailureCause::precision_loss;
    made.sentence = "its precision costs more accuracy than the budget allows";
    made.chain.push_back(
        fmt::format("the model scores {:.4g} in the precision asked for, {:.4g} in fp32; {:.4g} may be lost",
                    narrow_score_, wide_score_, request_.budget));
    made.chain.push_back(
        good(kept_score)
            ? fmt::format("with the modules named in fp32 it scores {:.4g}", kept_score)
            : fmt::format("with {} modules in fp32 it still scores {:.4g}", most_modules, kept_score));
    const auto nodes = narrow_.find(module);
    if (nodes != narrow_.end())
      for (const NodePrecision& node : nodes->second) {
        if (made.evidence.size() == most_evidence) break;
        made.evidence.push_back({request_.model->graph.find_node(node.node).value_or(NodeId()), path(module),
                                 node.node, node.op_type, precision_name(node.precision), ""});
      }
    made.remedies.push_back(
        {Remedy::Kind::raise_precision, "Compute in fp32 here: then it converts.", path(module)});
    made.remedies.push_back(
        {Remedy::Kind::keep_eager, "Keep this module eager: the rest converts around it.", path(module)});
    return made;
  }

  const BudgetRequest& request_;
  const JobContext& job_;
  double wide_score_ = 0, narrow_score_ = 0;
  std::map<ModuleId, std::vector<NodePrecision>> narrow_;  ///< nodes that become narrow, by who owns them
  std::vector<ModuleId> order_;                            ///< their owners, in order of execution
};

}  // namespace

Result<Losses> losses_beyond_budget(const BudgetRequest& request, const JobContext& job) {
  return LossSearch(request, job).run();
}

}  // namespace lathe
