// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/int8_search.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "engine/precision/int8_trials.h"

namespace lathe {
namespace {

constexpr size_t all_samples = SIZE_MAX;
constexpr double ranking_flops = 1e12;  // one module at a time: large models are ranked by fewer samples
constexpr size_t scored_modules = 16;   // the metric wants many samples: asked of those that are worst by SNR
constexpr size_t unsearched_modules = 32;  // ranked where nothing is searched for: it only informs
constexpr size_t given_back = 6;           // modules that are tried again in 8 bit
constexpr std::array all_calibrators = {Calibrator::mse, Calibrator::percentile, Calibrator::entropy,
                                        Calibrator::minmax};

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", value);
  return text.data();
}

class Search {
 public:
  Search(const Int8Request& request, const JobContext& job)
      : request_(request), job_(job), trials_(request, job) {}

  Result<Quantized> run(const Model& model) {
    LATHE_TRY(trials_.prepare(model));
    LATHE_TRY(choose_calibrator());
    LATHE_ASSIGN(auto improvements, trials_.improve(calibrator_));
    LATHE_TRY(rank());
    LATHE_ASSIGN(Quantized best, within_budget());
    best.wide = trials_.wide_model();
    PrecisionReport& report = best.report;
    report.calibrator = to_string(calibrator_);
    report.calibrators = std::move(tried_);
    report.improvements = std::move(improvements);
    report.ranking = std::move(ranking_);
    report.ranking_samples = ranking_samples();
    report.wide_score = trials_.wide_score();
    for (const Findings* each : {&request_.data->notes, &trials_.notes(), &std::as_const(notes_)})
      report.notes.insert(report.notes.end(), each->begin(), each->end());
    return best;
  }

 private:
  using Wide = Int8Trials::Wide;

  Status choose_calibrator() {
    if (request_.calibrator) {
      calibrator_ = *request_.calibrator;
      return {};
    }
    std::optional<CalibratorTrial> best;
    for (const Calibrator each : all_calibrators) {
      job_.report(-1, std::string("trying the calibrator ") + to_string(each));
      CalibratorTrial trial{to_string(each), 0, std::nullopt};
      LATHE_ASSIGN(trial.snr_db, trials_.snr({}, each, all_samples));
      if (request_.score) {
        LATHE_ASSIGN(trial.score, trials_.score({}, each));
      }
      tried_.push_back(trial);
      if (!best || std::pair(trial.score, trial.snr_db) > std::pair(best->score, best->snr_db)) best = trial;
    }
    calibrator_ = *parse_calibrator(best->calibrator);
    return {};
  }

  size_t ranking_samples() const {
    double flops = 0;
    for (const auto& [module, products] : trials_.products()) flops += products.flops;
    const double once = flops * static_cast<double>(trials_.products().size());
    const auto affordable = once > 0 ? static_cast<size_t>(std::min(ranking_flops / once, 100.0)) : size_t{1};
    return std::clamp<size_t>(affordable, 1, std::max<size_t>(1, trials_.samples()));
  }

  /// All but one.
  Wide others(ModuleId module) const {
    Wide wide;
    for (const auto& [other, ignored] : trials_.products())
      if (other != module) wide[other] = "another module is looked at";
    return wide;
  }

  /// All of them for a search; without one, those with most to compute.
  std::vector<ModuleId> modules_to_rank() {
    std::vector<ModuleId> modules;
    for (const auto& [module, products] : trials_.products()) modules.push_back(module);
    if (request_.score || modules.size() <= unsearched_modules) return modules;
    std::stable_sort(modules.begin(), modules.end(), [&](ModuleId a, ModuleId b) {
      return trials_.products().at(a).flops > trials_.products().at(b).flops;
    });
    modules.resize(unsearched_modules);
    notes_.push_back({Severity::note,
                      "int8_ranking",
                      "",
                      "without data and a metric nothing is searched for: of " +
                          std::to_string(trials_.products().size()) + " modules the " +
                          std::to_string(unsearched_modules) + " with most FLOPs were ranked",
                      "",
                      {}});
    return modules;
  }

  /// By SNR of the outputs; those that cost the metric most come first nevertheless.
  Status rank() {
    const std::vector<ModuleId> modules = modules_to_rank();
    for (const ModuleId module : modules) {
      LATHE_TRY(job_.check());
      const Int8Trials::Products& products = trials_.products().at(module);
      ModuleSensitivity found{module, 0, std::nullopt, products.flops, false};
      LATHE_ASSIGN(found.snr_db, trials_.snr(others(module), calibrator_, ranking_samples()));
      ranking_.push_back(found);
      const size_t all = modules.size();
      job_.report(static_cast<double>(ranking_.size()) / static_cast<double>(all),
                  "ranked " + std::to_string(ranking_.size()) + " of " + std::to_string(all) + " modules");
    }
    std::stable_sort(ranking_.begin(), ranking_.end(),
                     [](const auto& a, const auto& b) { return a.snr_db < b.snr_db; });
    if (!request_.score) return {};
    for (size_t i = 0; i < std::min(scored_modules, ranking_.size()); ++i) {
      LATHE_TRY(job_.check());
      LATHE_ASSIGN(ranking_[i].score, trials_.score(others(ranking_[i].module), calibrator_));
      job_.report(-1, "measured the metric of " + std::to_string(i + 1) + " modules");
    }
    std::stable_sort(ranking_.begin(), ranking_.end(),
                     [&](const auto& a, const auto& b) { return costly(a) > costly(b); });
    return {};
  }

  /// What a module alone loses of the score, where that is more than chance: a good part of the budget.
  double costly(const ModuleSensitivity& each) const {
    const double loss = each.score ? *trials_.wide_score() - *each.score : 0;
    return loss > request_.budget / 2 ? loss : 0;
  }

  std::string why_wide(size_t place) const {
    const ModuleSensitivity& each = ranking_[place];
    std::string why =
        "kept in fp32 for accuracy: alone in 8 bit it takes the outputs to " + number(each.snr_db) + " dB";
    if (each.score) why += " and the metric to " + number(*each.score);
    return why + ", place " + std::to_string(place + 1) + " of " + std::to_string(ranking_.size());
  }

  struct Trial {
    std::vector<bool> wide;  ///< by place in the ranking
    double score = 0;
    size_t count() const { return static_cast<size_t>(std::count(wide.begin(), wide.end(), true)); }
  };
  Wide modules_of(const Trial& trial) const {
    Wide modules;
    for (size_t i = 0; i < trial.wide.size(); ++i)
      if (trial.wide[i]) modules[ranking_[i].module] = why_wide(i);
    return modules;
  }
  Result<Trial> attempt(std::vector<bool> wide) {
    LATHE_TRY(job_.check());
    Trial trial;
    trial.wide = std::move(wide);
    LATHE_ASSIGN(trial.score, trials_.score(modules_of(trial), calibrator_));
    job_.report(-1, "with " + std::to_string(trial.count()) + " modules in fp32: " + number(trial.score) +
                        ", fp32 " + number(*trials_.wide_score()));
    return trial;
  }
  Result<Trial> worst(size_t count) {
    std::vector<bool> wide(ranking_.size(), false);
    std::fill_n(wide.begin(), static_cast<std::ptrdiff_t>(count), true);
    return attempt(std::move(wide));
  }
  bool good(const Trial& trial) const { return trial.score >= *trials_.wide_score() - request_.budget; }

  /// The fewest of the worst modules in fp32 that is enough: doubled until it is, then halved in between.
  Result<Trial> fewest() {
    LATHE_ASSIGN(Trial found, worst(0));
    size_t too_few = 0;
    while (!good(found) && found.count() < ranking_.size()) {
      too_few = found.count();
      LATHE_ASSIGN(found, worst(std::min(ranking_.size(), std::max<size_t>(1, 2 * found.count()))));
    }
    while (good(found) && found.count() > too_few + 1) {
      const size_t middle = too_few + (found.count() - too_few) / 2;
      LATHE_ASSIGN(Trial tried, worst(middle));
      if (good(tried))
        found = std::move(tried);
      else
        too_few = middle;
    }
    return found;
  }

  /// Modules that turn out not to be needed in fp32, those that cost most time first.
  Status give_back(Trial& found) {
    std::vector<size_t> places;
    for (size_t i = 0; i < found.wide.size(); ++i)
      if (found.wide[i]) places.push_back(i);
    std::stable_sort(places.begin(), places.end(),
                     [&](size_t a, size_t b) { return ranking_[a].flops > ranking_[b].flops; });
    places.resize(std::min(places.size(), given_back));
    for (const size_t place : places) {
      if (found.count() <= 1 || !good(found)) return {};  // with none it was not good
      std::vector<bool> fewer = found.wide;
      fewer[place] = false;
      LATHE_ASSIGN(Trial tried, attempt(std::move(fewer)));
      if (good(tried)) found = std::move(tried);
    }
    return {};
  }

  Result<Quantized> within_budget() {
    if (!request_.score) return trials_.made_with({}, calibrator_);
    LATHE_ASSIGN(Trial found, fewest());
    LATHE_TRY(give_back(found));
    for (size_t i = 0; i < ranking_.size(); ++i) ranking_[i].kept_wide = found.wide[i];
    LATHE_ASSIGN(Quantized made, trials_.made_with(modules_of(found), calibrator_));
    made.report.score = found.score;
    if (found.count() > 0)
      notes_.push_back({Severity::note,
                        "int8_search",
                        "",
                        std::to_string(found.count()) + " of " + std::to_string(ranking_.size()) +
                            " modules stay in fp32 to lose no more than " + number(request_.budget) + ": " +
                            number(found.score) + " against " + number(*trials_.wide_score()),
                        "",
                        {}});
    return made;
  }

  const Int8Request& request_;
  const JobContext& job_;
  Int8Trials trials_;
  Calibrator calibrator_ = Calibrator::mse;
  std::vector<CalibratorTrial> tried_;
  std::vector<ModuleSensitivity> ranking_;
  Findings notes_;
};

}  // namespace

Result<Quantized> lower_to_int8(const Model& model, const Int8Request& request, const JobContext& job) {
  return Search(request, job).run(model);
}

}  // namespace lathe
