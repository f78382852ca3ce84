// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/int8_search.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "engine/runtime/converted.h"
#include "engine/tensor/compare.h"

namespace lathe {
namespace {

constexpr size_t ranking_samples = 4;  // one module at a time: few samples have to do
constexpr std::array all_calibrators = {Calibrator::mse, Calibrator::percentile, Calibrator::entropy,
                                        Calibrator::minmax};

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", value);
  return text.data();
}

class Search {
 public:
  Search(const Int8Request& request, const JobContext& job) : request_(request), job_(job) {}

  Result<Quantized> run(const Model& model) {
    LATHE_TRY(prepare(model));
    LATHE_TRY(choose_calibrator());
    LATHE_TRY(rank());
    LATHE_ASSIGN(Quantized best, within_budget());
    PrecisionReport& report = best.report;
    report.calibrator = to_string(calibrator_);
    report.calibrators = std::move(tried_);
    report.ranking = std::move(ranking_);
    report.wide_score = baseline_;
    report.notes.insert(report.notes.end(), request_.data->notes.begin(), request_.data->notes.end());
    report.notes.insert(report.notes.end(), notes_.begin(), notes_.end());
    return best;
  }

 private:
  using Outputs = std::vector<NamedValues>;

  Status prepare(const Model& model) {
    LATHE_ASSIGN(prepared_, prepared_for_int8(model));
    LATHE_ASSIGN(wishes_, int8_wishes(prepared_->modules, request_.precision));
    LATHE_ASSIGN(const Int8Plan full, plan_with({}));
    LATHE_ASSIGN(calibration_,
                 calibrate(prepared_, values_to_calibrate(prepared_->graph, full), *request_.data, job_));
    for (const NodeId id : full.order) {
      const Int8Decision& decision = full.of(id);
      if (!decision.product || !decision.int8) continue;
      const ModuleId module = prepared_->graph.node(id).module;
      products_[module.valid() ? module : ModuleTree::root()].flops += decision.flops;
      products_[module.valid() ? module : ModuleTree::root()].nodes.push_back(prepared_->graph.node(id).name);
    }
    LATHE_ASSIGN(const auto wide, make_engine_model(prepared_));
    if (request_.score) {
      LATHE_ASSIGN(baseline_, request_.score(*wide));
    }
    LATHE_ASSIGN(expected_, outputs_of(*wide));
    return {};
  }

  /// Modules' own products stay wide, with the reason given.
  Result<Int8Plan> plan_with(const std::map<ModuleId, std::string>& wide) const {
    Int8Wishes wishes = wishes_;
    for (const auto& [module, why] : wide)
      for (const std::string& node : products_.at(module).nodes) wishes.wide[node] = why;
    return plan_int8(prepared_->graph, wishes, request_.precision.inference);
  }
  Result<Quantized> made_with(const std::map<ModuleId, std::string>& wide) const {
    LATHE_ASSIGN(const Int8Plan plan, plan_with(wide));
    return quantize(*prepared_, plan, calibration_, calibrator_, request_.precision.inference);
  }

  Result<Outputs> outputs_of(Runnable& runnable) const {
    Outputs all;
    for (size_t k = 0; k < std::min(ranking_samples, request_.data->samples.size()); ++k) {
      LATHE_TRY(job_.check());
      LATHE_ASSIGN(NamedValues outputs, runnable.run(request_.data->samples[k], {}));
      all.push_back(std::move(outputs));
    }
    return all;
  }

  /// Decibels of the worst output.
  Result<double> snr_of(const Model& model) const {
    LATHE_ASSIGN(const auto runnable, make_engine_model(std::make_shared<Model>(model)));
    LATHE_ASSIGN(const Outputs outputs, outputs_of(*runnable));
    std::map<std::string, DifferenceSums> sums;
    for (size_t k = 0; k < outputs.size(); ++k)
      for (const auto& [name, value] : expected_[k]) {
        if (!value.is_tensor() || !is_float(value.tensor.type())) continue;
        const auto difference = compare_tensors(value.tensor, outputs[k].at(name).tensor);
        if (difference.ok())
          sums[name] += difference->sums;
        else
          ++sums[name].nonfinite_mismatches;  // another shape: nothing lines up
      }
    double worst = snr_cap_db;
    for (const auto& [name, each] : sums) worst = std::min(worst, each.snr_db());
    return worst;
  }

  Result<double> score_of(const Quantized& quantized) const {
    LATHE_ASSIGN(const auto runnable, make_engine_model(quantized.model));
    return request_.score(*runnable);
  }

  Status choose_calibrator() {
    if (request_.calibrator) {
      calibrator_ = *request_.calibrator;
      return {};
    }
    std::optional<CalibratorTrial> best;
    for (const Calibrator each : all_calibrators) {
      calibrator_ = each;
      job_.report(-1, std::string("trying the calibrator ") + to_string(each));
      LATHE_ASSIGN(const Quantized made, made_with({}));
      CalibratorTrial trial{to_string(each), 0, std::nullopt};
      LATHE_ASSIGN(trial.snr_db, snr_of(*made.model));
      if (request_.score) {
        LATHE_ASSIGN(trial.score, score_of(made));
      }
      tried_.push_back(trial);
      if (!best || std::pair(trial.score, trial.snr_db) > std::pair(best->score, best->snr_db)) best = trial;
    }
    calibrator_ = *parse_calibrator(best->calibrator);
    return {};
  }

  Status rank() {
    size_t done = 0;
    for (const auto& [module, products] : products_) {
      LATHE_TRY(job_.check());
      std::map<ModuleId, std::string> others;
      for (const auto& [other, ignored] : products_)
        if (other != module) others[other] = "another module is looked at";
      LATHE_ASSIGN(const Quantized alone, made_with(others));
      LATHE_ASSIGN(const double snr, snr_of(*alone.model));
      ranking_.push_back({module, snr, products.flops, false});
      ++done;
      job_.report(static_cast<double>(done) / static_cast<double>(products_.size()),
                  "ranked " + std::to_string(done) + " of " + std::to_string(products_.size()) + " modules");
    }
    std::stable_sort(ranking_.begin(), ranking_.end(),
                     [](const auto& a, const auto& b) { return a.snr_db < b.snr_db; });
    return {};
  }

  std::map<ModuleId, std::string> worst(size_t count) const {
    std::map<ModuleId, std::string> wide;
    for (size_t i = 0; i < count; ++i)
      wide[ranking_[i].module] = "kept in fp32 for accuracy: alone in 8 bit it takes the outputs to " +
                                 number(ranking_[i].snr_db) + " dB, place " + std::to_string(i + 1) + " of " +
                                 std::to_string(ranking_.size());
    return wide;
  }

  struct Trial {
    size_t wide = 0;
    Quantized made;
    double score = 0;
  };
  Result<Trial> attempt(size_t wide) {
    LATHE_TRY(job_.check());
    Trial trial;
    trial.wide = wide;
    LATHE_ASSIGN(trial.made, made_with(worst(wide)));
    LATHE_ASSIGN(trial.score, score_of(trial.made));
    job_.report(-1, "with " + std::to_string(wide) + " modules in fp32: " + number(trial.score) + ", fp32 " +
                        number(*baseline_));
    return trial;
  }
  bool good(const Trial& trial) const { return trial.score >= *baseline_ - request_.budget; }

  /// The fewest of the worst modules in fp32 that is enough: doubled until it is, then halved in between.
  Result<Quantized> within_budget() {
    if (!request_.score) return made_with({});
    LATHE_ASSIGN(Trial found, attempt(0));
    size_t too_few = 0;
    while (!good(found) && found.wide < ranking_.size()) {
      too_few = found.wide;
      LATHE_ASSIGN(found, attempt(std::min(ranking_.size(), std::max<size_t>(1, 2 * found.wide))));
    }
    while (good(found) && found.wide > too_few + 1) {
      const size_t middle = too_few + (found.wide - too_few) / 2;
      LATHE_ASSIGN(Trial tried, attempt(middle));
      if (good(tried))
        found = std::move(tried);
      else
        too_few = middle;
    }
    for (size_t i = 0; i < found.wide; ++i) ranking_[i].kept_wide = true;
    found.made.report.score = found.score;
    if (found.wide > 0)
      notes_.push_back({Severity::note,
                        "int8_search",
                        "",
                        std::to_string(found.wide) + " of " + std::to_string(ranking_.size()) +
                            " modules stay in fp32 to lose no more than " + number(request_.budget) + ": " +
                            number(found.score) + " against " + number(*baseline_),
                        "",
                        {}});
    return std::move(found.made);
  }

  const Int8Request& request_;
  const JobContext& job_;
  std::shared_ptr<const Model> prepared_;
  Int8Wishes wishes_;
  Calibration calibration_;
  Calibrator calibrator_ = Calibrator::mse;
  struct Products {
    std::vector<std::string> nodes;
    double flops = 0;
  };
  std::map<ModuleId, Products> products_;
  std::optional<double> baseline_;
  Outputs expected_;
  std::vector<CalibratorTrial> tried_;
  std::vector<ModuleSensitivity> ranking_;
  Findings notes_;
};

}  // namespace

Result<Quantized> lower_to_int8(const Model& model, const Int8Request& request, const JobContext& job) {
  return Search(request, job).run(model);
}

}  // namespace lathe
