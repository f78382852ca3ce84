// SPDX-License-Identifier: Apache-2.0
// What calibration remembers of one tensor, and the ranges that calibrators choose from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/precision/byte_stream.h"

namespace lathe {

enum class Calibrator : uint8_t {
  minmax,      ///< all that was seen
  entropy,     ///< least Kullback-Leibler divergence between the distribution before and after
  percentile,  ///< leaves out the outermost 0.005 % on each side
  mse,         ///< least mean square error of rounding and clipping together
};
const char* to_string(Calibrator calibrator);
std::optional<Calibrator> parse_calibrator(std::string_view name);

/// Real numbers that 8 bits have to stand for. Holds 0 always.
struct QuantizedRange {
  float low = 0, high = 0;
  /// Distance of neighbouring levels of u8; 1 for a range of nothing but 0.
  float scale() const;
  /// The same of i8 with 0 in the middle: the larger magnitude becomes 127.
  float symmetric_scale() const;
  /// Level that stands for 0, 0..255.
  int zero_point() const;
};

/// Counts over equal bins from -limit to limit; the limit doubles, and bins merge, as larger numbers come.
class TensorHistogram {
 public:
  static constexpr size_t bins = 8192;

  /// Numbers that are not finite are counted apart and otherwise ignored.
  void add(std::span<const float> values);
  QuantizedRange range(Calibrator calibrator) const;
  /// From here on range() is that many times wider, for numbers that the samples did not hold.
  void set_headroom(float factor) { headroom_ = factor; }

  /// To keep it in a file. read() tells whether the bytes hold a histogram that makes sense.
  void write(ByteWriter& writer) const;
  bool read(ByteReader& reader);

  float low() const { return low_; }
  float high() const { return high_; }
  uint64_t count() const { return count_; }
  uint64_t not_finite() const { return not_finite_; }

 private:
  void grow(float magnitude);
  size_t bin_of(float value) const;
  double centre(size_t bin) const { return (static_cast<double>(bin) + 0.5) * width() - limit_; }
  double width() const { return 2.0 * limit_ / bins; }
  QuantizedRange seen_range(Calibrator calibrator) const;
  QuantizedRange by_percentile() const;
  QuantizedRange by_mse() const;
  QuantizedRange by_entropy() const;
  double square_error(QuantizedRange range) const;
  double divergence(QuantizedRange range) const;

  std::vector<uint64_t> counts_;
  double limit_ = 0;
  float low_ = 0, high_ = 0;
  float headroom_ = 1;  ///< no part of what was seen: not written
  uint64_t count_ = 0, zeros_ = 0, not_finite_ = 0;
};

}  // namespace lathe
