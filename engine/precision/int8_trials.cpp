// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/int8_trials.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include "engine/precision/bias_correction.h"
#include "engine/precision/calibration_cache.h"
#include "engine/precision/centring.h"
#include "engine/precision/migration.h"
#include "engine/runtime/engine_prefix.h"
#include "engine/tensor/compare.h"

namespace lathe {
namespace {

constexpr size_t compared_samples = 4;
constexpr double noticeable_db = 0.05;  // less is no improvement worth a change
constexpr std::string_view centring = "centring", equalisation = "equalisation", smoothing = "smoothing";

Result<std::vector<NamedValues>> outputs_of(Runnable& runnable, const CalibrationData& data, size_t samples,
                                            const JobContext& job) {
  std::vector<NamedValues> all;
  for (size_t k = 0; k < std::min(samples, data.samples.size()); ++k) {
    LATHE_TRY(job.check());
    LATHE_ASSIGN(NamedValues outputs, runnable.run(data.samples[k], {}));
    all.push_back(std::move(outputs));
  }
  return all;
}

}  // namespace

Status Int8Trials::prepare(const Model& model) {
  LATHE_ASSIGN(prepared_, prepared_for_int8(model));
  LATHE_ASSIGN(wishes_, int8_wishes(prepared_->modules, request_.precision));
  LATHE_ASSIGN(const Int8Plan full, plan_with({}));
  const std::vector<std::string> values = values_to_calibrate(prepared_->graph, full);
  LATHE_ASSIGN(calibration_, calibrate_cached(prepared_, values, *request_.data, job_, notes_));
  open_log(values);
  for (const NodeId id : full.order) {
    const Int8Decision& decision = full.of(id);
    if (!(decision.product || decision.table) || !decision.int8) continue;
    const Node& node = prepared_->graph.node(id);
    Products& own = products_[node.module.valid() ? node.module : ModuleTree::root()];
    own.flops += decision.flops;
    own.nodes.push_back(node.name);
  }
  LATHE_ASSIGN(const auto wide, make_engine_prefix(prepared_));
  if (request_.score) {
    LATHE_ASSIGN(wide_score_, logged("fp32", [&] { return request_.score(*wide); }));
  }
  LATHE_ASSIGN(expected_, outputs_of(*wide, *request_.data, compared_samples, job_));
  return {};
}

void Int8Trials::open_log(const std::vector<std::string>& values) {
  if (request_.trials.empty()) return;
  const uint64_t key = calibration_key(*prepared_, values, *request_.data);
  log_ =
      TrialLog(request_.trials,
               std::to_string(key) + (request_.symmetric ? " symmetric " : " asymmetric ") + request_.judge);
  if (log_.found() > 0)
    notes_.push_back(
        {Severity::note,
         "int8_resumed",
         request_.trials.string(),
         "an interrupted search was taken up: " + std::to_string(log_.found()) + " trials had been finished",
         "",
         {}});
}

Result<double> Int8Trials::logged(const std::string& trial, const std::function<Result<double>()>& measure) {
  if (const auto known = log_.find(trial)) return *known;
  LATHE_ASSIGN(const double value, measure());
  LATHE_TRY(log_.add(trial, value));
  return value;
}

std::string Int8Trials::name_of(const char* what, const Wide& wide, Calibrator calibrator) const {
  std::string name = what + std::string(" ") + to_string(calibrator) + state_ + ", in fp32:";
  for (const auto& [module, why] : wide) name += "\n" + prepared_->modules[module].path;
  return name;
}

Result<Int8Plan> Int8Trials::plan_with(const Wide& wide) const {
  Int8Wishes wishes = wishes_;
  wishes.modules = &prepared_->modules;  // which improvements replace
  for (const auto& [module, why] : wide)
    for (const std::string& node : products_.at(module).nodes) wishes.wide[node] = why;
  return plan_int8(prepared_->graph, wishes, request_.precision.inference);
}

Result<Quantized> Int8Trials::made_with(const Wide& wide, Calibrator calibrator) const {
  LATHE_ASSIGN(const Int8Plan plan, plan_with(wide));
  Model corrected = *prepared_;
  corrected.graph = prepared_->graph.clone();
  if (bias_means_) LATHE_TRY(correct_biases(corrected.graph, plan, *bias_means_));
  return quantize(corrected, plan, calibration_, calibrator, request_.precision.inference,
                  request_.symmetric);
}

Result<double> Int8Trials::snr(const Wide& wide, Calibrator calibrator, size_t samples) {
  samples = std::min(samples, expected_.size());
  const std::string what = "snr of " + std::to_string(samples);
  return logged(name_of(what.c_str(), wide, calibrator), [&]() -> Result<double> {
    LATHE_ASSIGN(const Quantized made, made_with(wide, calibrator));
    return snr_of(made, samples);
  });
}

Result<double> Int8Trials::score(const Wide& wide, Calibrator calibrator) {
  return logged(name_of("score", wide, calibrator), [&]() -> Result<double> {
    LATHE_ASSIGN(const Quantized made, made_with(wide, calibrator));
    LATHE_ASSIGN(const auto runnable, make_engine_prefix(made.model));
    return request_.score(*runnable);
  });
}

Result<double> Int8Trials::snr_of(const Quantized& quantized, size_t samples) const {
  LATHE_ASSIGN(const auto runnable, make_engine_prefix(quantized.model));
  LATHE_ASSIGN(const auto outputs,
               outputs_of(*runnable, *request_.data, std::min(samples, expected_.size()), job_));
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

Result<double> Int8Trials::snr_of_all(Calibrator calibrator) {
  return snr({}, calibrator, compared_samples);
}

Result<Int8Trials::Moved> Int8Trials::move_ranges(std::string_view how) const {
  Moved moved;
  moved.model = std::make_shared<Model>(*prepared_);
  Graph& graph = moved.model->graph = prepared_->graph.clone();
  LATHE_ASSIGN(const Int8Plan plan, plan_with({}));
  const auto statistics = [&](const auto& places) {
    return channel_statistics(prepared_, axes_of(graph, places), *request_.data, job_);
  };
  if (how == centring) {
    const auto places = find_centring(graph, plan);
    if (places.empty()) return moved;
    LATHE_ASSIGN(const ChannelCalibration seen, statistics(places));
    LATHE_ASSIGN(const auto centred, centre(graph, places, seen));
    for (const auto& [name, gain] : centred)
      moved.headroom[name] = headroom(gain, request_.data->samples.size());
    moved.places = centred.size();
    return moved;
  }
  const auto places = how == smoothing ? find_smoothing(graph, plan) : find_equalisation(graph, plan);
  if (places.empty()) return moved;
  LATHE_ASSIGN(const ChannelCalibration seen, statistics(places));
  LATHE_ASSIGN(moved.places, migrate(graph, places, seen));
  return moved;
}

Status Int8Trials::calibrate_anew() {
  LATHE_ASSIGN(const Int8Plan plan, plan_with({}));
  LATHE_ASSIGN(calibration_,
               calibrate(prepared_, values_to_calibrate(prepared_->graph, plan), *request_.data, job_));
  for (const auto& [name, factor] : headroom_)
    if (const auto found = calibration_.find(name); found != calibration_.end())
      found->second.set_headroom(factor);
  return {};
}

/// The model with its ranges moved, calibrated anew.
Result<Int8Improvement> Int8Trials::try_moving(std::string_view how, Calibrator calibrator, double before) {
  Int8Improvement tried{std::string(how), 0, before, before, false};
  LATHE_ASSIGN(Moved moved, move_ranges(how));
  tried.places = moved.places;
  if (tried.places == 0) return tried;
  auto old = std::tuple(prepared_, calibration_, headroom_, state_);
  prepared_ = std::move(moved.model);
  headroom_.merge(moved.headroom);
  state_ += " " + tried.name;
  LATHE_TRY(calibrate_anew());
  LATHE_ASSIGN(tried.after_db, snr_of_all(calibrator));
  tried.kept = tried.after_db > before + noticeable_db;
  if (!tried.kept) std::tie(prepared_, calibration_, headroom_, state_) = std::move(old);
  return tried;
}

Result<Int8Improvement> Int8Trials::try_bias_correction(Calibrator calibrator, double before) {
  Int8Improvement tried{"bias_correction", 0, before, before, false};
  LATHE_ASSIGN(const Int8Plan plan, plan_with({}));
  LATHE_ASSIGN(bias_means_,
               channel_statistics(prepared_, product_inputs(prepared_->graph, plan), *request_.data, job_));
  Graph corrected = prepared_->graph.clone();
  LATHE_ASSIGN(tried.places, correct_biases(corrected, plan, *bias_means_));
  const std::string state = std::exchange(state_, state_ + " bias_correction");
  if (tried.places > 0) {
    LATHE_ASSIGN(tried.after_db, snr_of_all(calibrator));
    tried.kept = tried.after_db > before + noticeable_db;
  }
  if (tried.kept) return tried;
  bias_means_.reset();
  state_ = state;
  return tried;
}

Result<std::vector<Int8Improvement>> Int8Trials::improve(Calibrator calibrator) {
  std::vector<Int8Improvement> tried;
  if (products_.empty()) return tried;
  LATHE_ASSIGN(double before, snr_of_all(calibrator));
  const auto note = [&](Int8Improvement each) {
    if (each.kept) before = each.after_db;
    if (each.places > 0) tried.push_back(std::move(each));
  };
  for (const std::string_view how : {centring, equalisation, smoothing}) {
    job_.report(-1, "trying " + std::string(how));
    LATHE_ASSIGN(Int8Improvement each, try_moving(how, calibrator, before));
    note(std::move(each));
  }
  job_.report(-1, "trying to correct biases");
  LATHE_ASSIGN(Int8Improvement each, try_bias_correction(calibrator, before));
  note(std::move(each));
  return tried;
}

}  // namespace lathe
