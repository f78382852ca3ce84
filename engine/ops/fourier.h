// SPDX-License-Identifier: Apache-2.0
// Discrete Fourier transforms of any length in O(n log n), for the reference kernels.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace lathe {

/// Transforms of one length. Holds tables and workspace: one instance per thread.
class FourierTransform {
 public:
  /// `length` >= 1.
  explicit FourierTransform(int64_t length);

  int64_t length() const { return length_; }
  /// x[k] = sum of x[j] * exp(-2 pi i j k / length), in place; `length` elements.
  void forward(std::complex<double>* x);
  /// The reverse, divided by the length.
  void inverse(std::complex<double>* x);

 private:
  void power_of_two(std::complex<double>* x) const;

  int64_t length_;
  int64_t padded_;                             ///< power of two that the transform is computed with
  std::vector<std::complex<double>> roots_;    ///< exp(-2 pi i k / padded) for k < padded / 2
  std::vector<std::complex<double>> chirp_;    ///< empty when the length is a power of two
  std::vector<std::complex<double>> filter_;   ///< transform of the conjugate chirp
  std::vector<std::complex<double>> scratch_;  ///< padded elements
};

}  // namespace lathe
