// SPDX-License-Identifier: Apache-2.0
// How far one tensor is from another that counts as right.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/result.h"
#include "engine/tensor/tensor.h"

namespace lathe {

/// Signal-to-noise ratios are kept within +-this, so that identical tensors have a number too.
inline constexpr double snr_cap_db = 200;

/// Sums over the elements that are finite in both tensors, from which the measures follow. Add several to
/// judge a whole run.
struct DifferenceSums {
  double signal = 0;                 ///< sum of reference^2
  double noise = 0;                  ///< sum of (other - reference)^2
  int64_t nonfinite_mismatches = 0;  ///< NaN or infinity in one tensor and not the same in the other

  DifferenceSums& operator+=(const DifferenceSums& other);
  /// 10 log10(signal / noise), capped; -snr_cap_db where a NaN or infinity stands in only one of the two.
  double snr_db() const;
};

struct TensorDifference {
  DifferenceSums sums;
  int64_t count = 0;               ///< elements
  int64_t different = 0;           ///< elements that are not equal (two NaNs are)
  double max_abs = 0;              ///< largest |other - reference| among finite elements
  int64_t max_abs_at = -1;         ///< its row-major index; -1 when all are equal
  double relative_to_largest = 0;  ///< max_abs / largest |reference|
  double relative_to_range = 0;    ///< max_abs / (largest - smallest reference)
  double rms = 0;                  ///< root of the mean squared error
  double snr_db = snr_cap_db;
  double cosine = 1;       ///< of the angle between the two as vectors
  double correlation = 1;  ///< Pearson's; 1 where either is constant and they are equal, else 0

  bool identical() const { return different == 0; }
  /// One line for a person.
  std::string text() const;
};

/// Types may differ (f32 against bf16); they are compared by value. Errors: the shapes differ, or a type has
/// no numeric value (complex), or text is compared with numbers. Text is compared for equality: only
/// `different` counts.
Result<TensorDifference> compare_tensors(const Tensor& reference, const Tensor& other);

}  // namespace lathe
