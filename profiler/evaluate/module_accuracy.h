// SPDX-License-Identifier: Apache-2.0
// How far the tensors that leave each module are from those of the same model in fp32, both run side by side
// on the same samples: where a converted model first goes wrong.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/runtime/runnable.h"

namespace lathe {

/// A tensor that leaves a module.
struct ModuleBorder {
  std::string module;          ///< path; "" for the model's outputs
  std::string tensor;          ///< name in the model in fp32
  std::string converted;       ///< name of what the readers outside get in the converted model
  bool own = false;            ///< the module itself makes it, no module under it
  std::vector<size_t> before;  ///< borders that what it is made of passed last; earlier in the list
};

struct BorderAccuracy {
  std::string module, tensor;
  bool own = false;
  double snr_db = 0;
  double entering_db = 0;   ///< the least SNR among the borders before; snr_cap_db where there are none
  double cosine = 0;        ///< of the angle between the two, all samples as one vector
  double max_abs = 0;       ///< largest difference of an element
  size_t other_shapes = 0;  ///< samples in which its shape depends on the data and is another: left out

  double lost_db() const { return entering_db - snr_db; }  ///< inside the module
};

/// Under this a border counts as wrong: noise of a tenth of the signal.
inline constexpr double wrong_db = 20;

struct ModuleAccuracy {
  size_t samples = 0;
  std::string data;                     ///< what they are of
  std::vector<BorderAccuracy> borders;  ///< in order of execution; empty where nothing was compared
  std::optional<size_t> first_wrong;    ///< the first under wrong_db
  std::optional<size_t> steepest;       ///< of those that modules make themselves, where most is lost

  /// The border of a module with the least SNR; null where it has none.
  const BorderAccuracy* worst_of(const std::string& module) const;
};

/// Sums over all elements of all samples at one border.
class BorderSums {
 public:
  /// Any floating-point types; others are left out. Elements that are not the same NaN or infinity in both
  /// make the SNR the worst there is. Tensors of different shapes are counted only; where all are, it is the
  /// worst.
  void add(const Tensor& wide, const Tensor& converted);
  bool any() const { return any_ || other_shapes_ > 0; }
  size_t other_shapes() const { return other_shapes_; }
  double snr_db() const;
  double cosine() const;
  double max_abs() const { return max_abs_; }

 private:
  void add(double wide, double converted);

  bool any_ = false, broken_ = false;
  size_t other_shapes_ = 0;
  double signal_ = 0, noise_ = 0, energy_ = 0, product_ = 0, max_abs_ = 0;
};

/// Takes outputs of both models, sample by sample, and keeps sums only.
class BorderComparison {
 public:
  explicit BorderComparison(std::vector<ModuleBorder> borders)
      : borders_(std::move(borders)), sums_(borders_.size()) {}
  const std::vector<ModuleBorder>& borders() const { return borders_; }

  /// Of one sample; borders whose tensors are not among the outputs are left as they are.
  void add(const NamedValues& wide, const NamedValues& converted);
  /// Borders that were never seen are left out.
  ModuleAccuracy result() const;

 private:
  std::vector<ModuleBorder> borders_;
  std::vector<BorderSums> sums_;
};

/// "34.2 dB"; "same" and "no match" at the ends of the scale.
std::string decibels(double value);

/// Sentences for a person: where it first goes wrong, and where most is lost. None where nothing was
/// compared.
std::vector<std::string> verdict(const ModuleAccuracy& accuracy);

}  // namespace lathe
