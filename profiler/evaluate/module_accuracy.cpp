// SPDX-License-Identifier: Apache-2.0
#include "profiler/evaluate/module_accuracy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "engine/tensor/compare.h"

namespace lathe {
namespace {

constexpr double worth_naming_db = 0.1;  // less is nothing that a module could be blamed for

const Tensor* find(const NamedValues& values, const std::string& name) {
  const auto found = values.find(name);
  return found != values.end() && found->second.is_tensor() ? &found->second.tensor : nullptr;
}

std::string title(const BorderAccuracy& border) {
  return (border.module.empty() ? "the model's output" : "'" + border.module + "'") + " (tensor '" +
         border.tensor + "')";
}

}  // namespace

std::string decibels(double value) {
  if (value >= snr_cap_db) return "same";
  if (value <= -snr_cap_db) return "no match";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f dB", value);
  return text.data();
}

const BorderAccuracy* ModuleAccuracy::worst_of(const std::string& module) const {
  const BorderAccuracy* worst = nullptr;
  for (const BorderAccuracy& border : borders)
    if (border.module == module && (worst == nullptr || border.snr_db < worst->snr_db)) worst = &border;
  return worst;
}

void BorderSums::add(double wide, double converted) {
  if (!std::isfinite(wide) || !std::isfinite(converted)) {
    broken_ = broken_ || !(wide == converted || (std::isnan(wide) && std::isnan(converted)));
    return;
  }
  const double error = converted - wide;
  signal_ += wide * wide;
  noise_ += error * error;
  energy_ += converted * converted;
  product_ += wide * converted;
  max_abs_ = std::max(max_abs_, std::abs(error));
}

void BorderSums::add(const Tensor& wide, const Tensor& converted) {
  visit_float(wide.type(), [&](auto a) {
    visit_float(converted.type(), [&](auto b) {
      if (wide.shape() != converted.shape()) {
        ++other_shapes_;
        return;
      }
      any_ = true;
      const auto left = wide.data<decltype(a)>();
      const auto right = converted.data<decltype(b)>();
      for (size_t i = 0; i < left.size(); ++i)
        add(static_cast<double>(left[i]), static_cast<double>(right[i]));
    });
  });
}

double BorderSums::snr_db() const {
  return DifferenceSums{signal_, noise_, broken_ || !any_ ? 1 : 0}.snr_db();
}

double BorderSums::cosine() const {
  if (noise_ == 0 && any_) return 1;  // not 1 - 1e-16
  const double scale = std::sqrt(signal_) * std::sqrt(energy_);
  return scale > 0 ? std::clamp(product_ / scale, -1.0, 1.0) : 0;
}

void BorderComparison::add(const NamedValues& wide, const NamedValues& converted) {
  for (size_t i = 0; i < borders_.size(); ++i) {
    const Tensor *expected = find(wide, borders_[i].tensor), *got = find(converted, borders_[i].converted);
    if (expected != nullptr && got != nullptr) sums_[i].add(*expected, *got);
  }
}

ModuleAccuracy BorderComparison::result() const {
  ModuleAccuracy made;
  std::vector<double> levels;  // SNR of what passes each border; where it was not seen, of what comes to it
  for (size_t i = 0; i < borders_.size(); ++i) {
    double entering = snr_cap_db;
    for (const size_t each : borders_[i].before) entering = std::min(entering, levels[each]);
    levels.push_back(sums_[i].any() ? sums_[i].snr_db() : entering);
    if (!sums_[i].any()) continue;
    BorderAccuracy found{borders_[i].module, borders_[i].tensor, borders_[i].own, levels[i], entering};
    found.cosine = sums_[i].cosine();
    found.max_abs = sums_[i].max_abs();
    found.other_shapes = sums_[i].other_shapes();
    const size_t place = made.borders.size();
    if (!made.first_wrong && found.snr_db < wrong_db) made.first_wrong = place;
    // Down to the same level from higher up is more lost, but all first modules come from the top.
    if (found.own && found.lost_db() > worth_naming_db && !borders_[i].before.empty() &&
        (!made.steepest || found.lost_db() > made.borders[*made.steepest].lost_db()))
      made.steepest = place;
    made.borders.push_back(std::move(found));
  }
  return made;
}

std::vector<std::string> verdict(const ModuleAccuracy& accuracy) {
  std::vector<std::string> lines;
  if (accuracy.borders.empty()) return lines;
  if (accuracy.first_wrong) {
    const BorderAccuracy& first = accuracy.borders[*accuracy.first_wrong];
    lines.push_back("It first goes wrong at " + title(first) + ": " + decibels(first.snr_db) +
                    " beside fp32, under the " + decibels(wrong_db) + " that count as right.");
  } else {
    const auto least = std::min_element(accuracy.borders.begin(), accuracy.borders.end(),
                                        [](const auto& a, const auto& b) { return a.snr_db < b.snr_db; });
    lines.push_back("It goes wrong nowhere: every tensor that leaves a module keeps " +
                    decibels(least->snr_db) + " or more, the least at " + title(*least) + ".");
  }
  if (accuracy.steepest) {
    const BorderAccuracy& most = accuracy.borders[*accuracy.steepest];
    lines.push_back("Most is lost inside " + title(most) + ": from " + decibels(most.entering_db) + " to " +
                    decibels(most.snr_db) + ".");
  }
  return lines;
}

}  // namespace lathe
