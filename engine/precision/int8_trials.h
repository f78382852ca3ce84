// SPDX-License-Identifier: Apache-2.0
// What a search for the best int8 model tries things on: the model in the form that is quantised, its
// calibration, its outputs in fp32.
#pragma once

#include "engine/precision/channel_statistics.h"
#include "engine/precision/int8_search.h"
#include "engine/precision/trial_log.h"

namespace lathe {

class Int8Trials {
 public:
  Int8Trials(const Int8Request& request, const JobContext& job) : request_(request), job_(job) {}

  /// Plans, calibrates, and runs the model in fp32. Once, before anything else.
  Status prepare(const Model& model);
  /// Tries centring, equalisation, smoothing and bias correction, and keeps for all that follows what helps.
  Result<std::vector<Int8Improvement>> improve(Calibrator calibrator);

  using Wide = std::map<ModuleId, std::string>;  ///< modules whose own products stay wide, and why
  Result<Quantized> made_with(const Wide& wide, Calibrator calibrator) const;
  /// Of such a model: decibels of the worst output over the first `samples` that are there, and the metric.
  /// What an interrupted search has found already is not measured again.
  Result<double> snr(const Wide& wide, Calibrator calibrator, size_t samples);
  Result<double> score(const Wide& wide, Calibrator calibrator);

  struct Products {
    std::vector<std::string> nodes;
    double flops = 0;
  };
  /// Of the products and tables that can be in 8 bit, by the module that owns them.
  const std::map<ModuleId, Products>& products() const { return products_; }
  /// The model in fp32 that the quantised ones are made of.
  const std::shared_ptr<const Model>& wide_model() const { return prepared_; }
  const std::optional<double>& wide_score() const { return wide_score_; }
  const Findings& notes() const { return notes_; }
  /// How many samples snr() can compare.
  size_t samples() const { return expected_.size(); }

 private:
  Result<Int8Plan> plan_with(const Wide& wide) const;
  Result<double> snr_of(const Quantized& quantized, size_t samples) const;
  Result<double> snr_of_all(Calibrator calibrator);
  /// What the log has for `trial`, else what `measure` gives, which is kept there.
  Result<double> logged(const std::string& trial, const std::function<Result<double>()>& measure);
  void open_log(const std::vector<std::string>& values);
  std::string name_of(const char* what, const Wide& wide, Calibrator calibrator) const;
  struct Moved {
    std::shared_ptr<Model> model;
    std::map<std::string, float> headroom;  ///< of tensors, by name
    size_t places = 0;
  };
  Result<Moved> move_ranges(std::string_view how) const;
  Status calibrate_anew();
  Result<Int8Improvement> try_moving(std::string_view how, Calibrator calibrator, double before);
  Result<Int8Improvement> try_bias_correction(Calibrator calibrator, double before);

  const Int8Request& request_;
  const JobContext& job_;
  TrialLog log_;
  std::string state_;  ///< improvements kept so far, for the names of trials
  std::shared_ptr<const Model> prepared_;
  Int8Wishes wishes_;
  Calibration calibration_;
  std::map<std::string, float> headroom_;         ///< that ranges have beyond what was seen, by name
  std::optional<ChannelCalibration> bias_means_;  ///< where biases are corrected
  std::map<ModuleId, Products> products_;
  std::optional<double> wide_score_;
  std::vector<NamedValues> expected_;  ///< in fp32
  Findings notes_;
};

}  // namespace lathe
