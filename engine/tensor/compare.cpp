// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/compare.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

namespace lathe {
namespace {

constexpr size_t chunk_elements = 4096;
using Chunk = std::array<double, chunk_elements>;

/// False for types without a numeric value.
bool load_chunk(const Tensor& tensor, size_t begin, size_t count, Chunk& out) {
  const auto load = [&](auto zero) {
    const auto part = tensor.data<decltype(zero)>().subspan(begin, count);
    std::transform(part.begin(), part.end(), out.begin(),
                   [](auto value) { return static_cast<double>(value); });
  };
  if (visit_numeric(tensor.type(), load) || visit_type<bool>(tensor.type(), load)) return true;
  return visit_type<U4, I4, U2, I2>(tensor.type(), [&](auto zero) {
    const auto part = tensor.data<decltype(zero)>().subspan(begin, count);
    std::transform(part.begin(), part.end(), out.begin(),
                   [](auto value) { return static_cast<double>(value.value); });
  });
}

/// Running sums over pairs that are finite in both tensors; means and moments by Welford's updates.
class Accumulator {
 public:
  void add(double reference, double other, int64_t index) {
    const double error = std::abs(other - reference);
    if (error > max_abs_) {
      max_abs_ = error;
      max_abs_at_ = index;
    }
    signal_ += reference * reference;
    noise_ += error * error;
    other_energy_ += other * other;
    product_ += reference * other;
    low_ = std::min(low_, reference);
    high_ = std::max(high_, reference);
    ++finite_;
    const double step = 1.0 / static_cast<double>(finite_);
    const double from_reference = reference - mean_reference_, from_other = other - mean_other_;
    mean_reference_ += from_reference * step;
    mean_other_ += from_other * step;
    spread_reference_ += from_reference * (reference - mean_reference_);
    spread_other_ += from_other * (other - mean_other_);
    joint_spread_ += from_reference * (other - mean_other_);
  }

  void finish(TensorDifference& out) const {
    out.sums.signal = signal_;
    out.sums.noise = noise_;
    out.max_abs = max_abs_;
    out.max_abs_at = max_abs_at_;
    if (finite_ > 0) {
      out.relative_to_largest = ratio(max_abs_, std::max(std::abs(low_), std::abs(high_)));
      out.relative_to_range = ratio(max_abs_, high_ - low_);
      out.rms = std::sqrt(noise_ / static_cast<double>(finite_));
      out.cosine = normalized(product_, signal_, other_energy_);
      out.correlation = normalized(joint_spread_, spread_reference_, spread_other_);
    }
    out.snr_db = out.sums.snr_db();
  }

 private:
  static double ratio(double part, double whole) {
    if (part == 0) return 0;
    return whole > 0 ? part / whole : std::numeric_limits<double>::infinity();
  }
  double normalized(double joint, double a, double b) const {
    if (noise_ == 0) return 1;  // not 1 - 1e-16
    const double scale = std::sqrt(a) * std::sqrt(b);
    return scale > 0 ? std::clamp(joint / scale, -1.0, 1.0) : 0;
  }

  int64_t finite_ = 0, max_abs_at_ = -1;
  double max_abs_ = 0, signal_ = 0, noise_ = 0, other_energy_ = 0, product_ = 0;
  double low_ = std::numeric_limits<double>::infinity(), high_ = -low_;
  double mean_reference_ = 0, mean_other_ = 0, spread_reference_ = 0, spread_other_ = 0, joint_spread_ = 0;
};

/// 64-bit integers that differ may be the same double.
bool same_bytes(const Tensor& a, const Tensor& b, size_t index) {
  const size_t size = element_size(a.type());
  return std::memcmp(a.raw() + index * size, b.raw() + index * size, size) == 0;
}

TensorDifference compare_text(const Tensor& reference, const Tensor& other) {
  TensorDifference out;
  out.count = reference.count();
  for (size_t i = 0; i < reference.strings().size(); ++i)
    if (reference.strings()[i] != other.strings()[i]) ++out.different;
  if (out.different > 0) out.snr_db = -snr_cap_db;
  return out;
}

std::string number(double value) {
  std::ostringstream out;
  out.precision(4);
  out << value;
  return out.str();
}

}  // namespace

DifferenceSums& DifferenceSums::operator+=(const DifferenceSums& other) {
  signal += other.signal;
  noise += other.noise;
  nonfinite_mismatches += other.nonfinite_mismatches;
  return *this;
}

double DifferenceSums::snr_db() const {
  if (nonfinite_mismatches > 0) return -snr_cap_db;
  if (noise == 0) return snr_cap_db;
  if (signal == 0) return -snr_cap_db;
  return std::clamp(10 * (std::log10(signal) - std::log10(noise)), -snr_cap_db, snr_cap_db);
}

Result<TensorDifference> compare_tensors(const Tensor& reference, const Tensor& other) {
  if (reference.shape() != other.shape())
    return bad_input("",
                     "shapes differ: " + to_string(reference.shape()) + " and " + to_string(other.shape()));
  const bool text = reference.type() == ElementType::string;
  if (text != (other.type() == ElementType::string))
    return bad_input("", "text cannot be compared with numbers");
  if (text) return compare_text(reference, other);

  TensorDifference out;
  out.count = reference.count();
  Accumulator sums;
  const bool wide_integers = reference.type() == other.type() && is_integer(reference.type());
  Chunk a, b;
  const auto count = static_cast<size_t>(out.count);
  for (size_t begin = 0; begin < count || begin == 0; begin += chunk_elements) {
    const size_t size = std::min(chunk_elements, count - begin);
    for (const auto& [tensor, chunk] : {std::pair(&reference, &a), std::pair(&other, &b)})
      if (!load_chunk(*tensor, begin, size, *chunk))
        return unsupported(
            "", std::string("tensors of type ") + to_string(tensor->type()) + " cannot be compared");
    for (size_t i = 0; i < size; ++i) {
      const bool equal = wide_integers ? same_bytes(reference, other, begin + i)
                                       : a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]));
      if (!equal) ++out.different;
      if (std::isfinite(a[i]) && std::isfinite(b[i]))
        sums.add(a[i], b[i], static_cast<int64_t>(begin + i));
      else if (!equal)
        ++out.sums.nonfinite_mismatches;
    }
  }
  sums.finish(out);
  return out;
}

std::string TensorDifference::text() const {
  if (identical()) return "identical (" + std::to_string(count) + " elements)";
  std::string out = "SNR " + number(snr_db) + " dB, largest error " + number(max_abs);
  if (max_abs_at >= 0)
    out += " at element " + std::to_string(max_abs_at) + " (" + number(100 * relative_to_largest) +
           " % of the largest value)";
  out += ", rms " + number(rms) + ", cosine " + number(cosine) + ", " + std::to_string(different) + " of " +
         std::to_string(count) + " elements differ";
  if (sums.nonfinite_mismatches > 0)
    out += ", " + std::to_string(sums.nonfinite_mismatches) + " NaN or infinite in one only";
  return out;
}

}  // namespace lathe
