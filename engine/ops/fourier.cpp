// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/fourier.h"

#include <algorithm>
#include <bit>
#include <numbers>
#include <utility>

namespace lathe {
namespace {

using Complex = std::complex<double>;

/// exp(-2 pi i k / n).
Complex root(int64_t k, int64_t n) {
  const double angle = -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
  return {std::cos(angle), std::sin(angle)};
}

int64_t padded_length(int64_t length) {
  const auto n = static_cast<uint64_t>(length);
  return static_cast<int64_t>(std::has_single_bit(n) ? n : std::bit_ceil(2 * n - 1));
}

}  // namespace

FourierTransform::FourierTransform(int64_t length) : length_(length), padded_(padded_length(length)) {
  for (int64_t k = 0; k < padded_ / 2; ++k) roots_.push_back(root(k, padded_));
  if (padded_ == length_) return;
  // Bluestein: j*k = (j^2 + k^2 - (k-j)^2) / 2 makes any length a convolution with a chirp.
  const auto n = static_cast<size_t>(length_), m = static_cast<size_t>(padded_);
  int64_t square = 0;  // j^2 modulo 2n, which keeps the angle exact for long transforms
  for (int64_t j = 0; j < length_; ++j) {
    chirp_.push_back(root(square, 2 * length_));
    square = (square + 2 * j + 1) % (2 * length_);
  }
  filter_.resize(m);
  filter_[0] = std::conj(chirp_[0]);
  for (size_t j = 1; j < n; ++j) filter_[j] = filter_[m - j] = std::conj(chirp_[j]);
  power_of_two(filter_.data());
  scratch_.resize(m);
}

void FourierTransform::power_of_two(Complex* x) const {
  for (int64_t i = 1, j = 0; i < padded_; ++i) {
    int64_t bit = padded_ >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (int64_t half = 1; half < padded_; half *= 2) {
    const int64_t step = padded_ / (2 * half);
    for (int64_t start = 0; start < padded_; start += 2 * half) {
      for (int64_t k = 0; k < half; ++k) {
        const Complex odd = x[start + k + half] * roots_[static_cast<size_t>(k * step)];
        x[start + k + half] = x[start + k] - odd;
        x[start + k] += odd;
      }
    }
  }
}

void FourierTransform::forward(Complex* x) {
  if (chirp_.empty()) return power_of_two(x);
  const auto n = static_cast<size_t>(length_), m = static_cast<size_t>(padded_);
  for (size_t j = 0; j < n; ++j) scratch_[j] = x[j] * chirp_[j];
  std::fill(scratch_.begin() + length_, scratch_.end(), Complex());
  power_of_two(scratch_.data());
  // Back from the product's spectrum with a forward transform of the conjugate.
  for (size_t j = 0; j < m; ++j) scratch_[j] = std::conj(scratch_[j] * filter_[j]);
  power_of_two(scratch_.data());
  for (size_t j = 0; j < n; ++j) x[j] = std::conj(scratch_[j]) * chirp_[j] / static_cast<double>(m);
}

void FourierTransform::inverse(Complex* x) {
  for (int64_t i = 0; i < length_; ++i) x[i] = std::conj(x[i]);
  forward(x);
  for (int64_t i = 0; i < length_; ++i) x[i] = std::conj(x[i]) / static_cast<double>(length_);
}

}  // namespace lathe
