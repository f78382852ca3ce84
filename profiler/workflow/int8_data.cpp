// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/int8_data.h"

#include <algorithm>

#include "engine/precision/content_hash.h"

namespace lathe {
namespace {

constexpr size_t calibrated = 128, most_judged = 128, fewest_judged = 16, worth_splitting = 32;
constexpr double judged_flops = 3e11;  // one evaluation takes seconds: the search needs dozens

size_t affordable(double flops) {
  if (!(flops > 0)) return most_judged;
  return std::clamp(static_cast<size_t>(std::min(judged_flops / flops, 1e6)), fewest_judged, most_judged);
}

}  // namespace

Status Int8Data::open(const Int8DataRequest& request) {
  if (!request.calibration.empty()) {
    LATHE_ASSIGN(own_, open_dataset(request.calibration, input_specs(*request.model)));
    LATHE_ASSIGN(calibration_, calibration_data(*own_, calibrated));
  }
  LATHE_TRY(choose_judge(request));
  if (own_ == nullptr) {
    LATHE_ASSIGN(calibration_, calibration_data(*judged_, calibrated));
    calibration_.notes.push_back(
        {Severity::note,
         "calibration",
         "",
         unseen_ != nullptr ? "int8 is calibrated with the part of the data that the search judges on"
                            : "int8 is calibrated with the data that judges it: give other data with --calib",
         "",
         {}});
  }
  calibration_.cache = request.cache;
  return {};
}

/// Labels of the calibration data leave all of the other data unseen; else a part of that has to do.
Status Int8Data::choose_judge(const Int8DataRequest& request) {
  const bool labelled = own_ != nullptr && (own_->has_labels() || own_->coco() != nullptr);
  if (labelled && request.metric.name != "snr") {
    auto metric = choose_metric(request.asked_metric, *own_);
    if (metric.ok() && metric->name != "snr") {
      judged_ = own_.get();
      metric_ = *metric;
      most_judged_ = affordable(request.flops);
      unseen_ = request.samples;
      unseen_metric_ = request.metric;
      most_unseen_ = request.limit;
      return {};
    }
  }
  if (request.samples != nullptr) split(request);
  return {};
}

void Int8Data::split(const Int8DataRequest& request) {
  const size_t all = request.samples->count();
  const size_t count = request.limit > 0 ? std::min(request.limit, all) : all;
  metric_ = unseen_metric_ = request.metric;
  judged_ = request.samples;
  most_judged_ = count;
  if (count < worth_splitting) return;
  SampleSplit split = split_samples(count, std::min(affordable(request.flops), count / 2));
  part_ = std::make_unique<Subset>(*request.samples, std::move(split.first));
  rest_ = std::make_unique<Subset>(*request.samples, std::move(split.rest));
  judged_ = part_.get();
  unseen_ = rest_.get();
}

void Int8Data::open_random(std::vector<NamedValues> inputs, const std::filesystem::path& cache) {
  calibration_.samples = std::move(inputs);
  calibration_.name = "random inputs";
  calibration_.cache = cache;
  calibration_.notes.push_back(
      {Severity::warning,
       "calibration",
       "",
       "int8 is calibrated with random inputs, which are unlike real ones: give data with --calib",
       "",
       {}});
}

std::string Int8Data::judge() const {
  if (judged_ == nullptr) return "";
  ContentHash hash;
  const size_t count = most_judged_ == 0 ? judged_->count() : std::min(most_judged_, judged_->count());
  for (size_t k = 0; k < count; ++k) {
    const auto sample = judged_->sample(k);
    if (!sample.ok()) break;  // which judging will say
    for (const auto& [name, tensor] : sample->inputs) hash.add(tensor);
    if (const Tensor label = judged_->label(k); label.defined()) hash.add(label);
  }
  return metric_.name + " " + metric_.command + " of " + std::to_string(count) + ", " +
         std::to_string(hash.value());
}

Score Int8Data::score(const JobContext& job) const {
  if (judged_ == nullptr || metric_.name == "snr") return {};
  return [this, &job](Runnable& runnable) -> Result<double> {
    LATHE_ASSIGN(const Accuracy accuracy, evaluate(runnable, *judged_, metric_, most_judged_, job));
    return accuracy.score();
  };
}

Status Int8Data::tell(PrecisionReport& report, Runnable& wide, Runnable& int8, const JobContext& job,
                      Findings& notes) const {
  if (!report.score || judged_ == nullptr) return {};
  report.score_samples = std::min(most_judged_ == 0 ? SIZE_MAX : most_judged_, judged_->count());
  report.score_data = judged_->name();
  const auto note = [&](Severity severity, std::string text) {
    notes.push_back({severity, "int8_judged", "", std::move(text), "", {}});
  };
  const std::string part =
      "the search judged on " + std::to_string(report.score_samples) + " samples of " + report.score_data;
  if (unseen_ == nullptr) {
    note(Severity::warning, part + ", all there are: what is reported is not independent of the search");
    return {};
  }
  LATHE_ASSIGN(const Accuracy before, evaluate(wide, *unseen_, unseen_metric_, most_unseen_, job));
  LATHE_ASSIGN(const Accuracy after, evaluate(int8, *unseen_, unseen_metric_, most_unseen_, job));
  report.unseen_wide_score = before.score();
  report.unseen_score = after.score();
  report.unseen_samples = after.samples;
  std::string text =
      part + "; " + after.main_value + " on " + std::to_string(after.samples) + " samples it did not see: ";
  note(Severity::note,
       text + std::to_string(after.score()) + " in int8, " + std::to_string(before.score()) + " in fp32");
  return {};
}

}  // namespace lathe
