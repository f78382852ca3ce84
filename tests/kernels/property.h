// SPDX-License-Identifier: Apache-2.0
// Property tests of kernels: random nodes, run by the reference kernel and by every candidate that accepts,
// in plain and in blocked layouts, over fresh memory and in place.
//
// A failure prints the seed and the case; LATHE_SEED=<seed> runs that one alone.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/kernels/kernel.h"

namespace lathe::test {

/// What the elements of a tensor are.
enum class Values {
  even,     ///< in [-2, 2)
  wide,     ///< of magnitudes from 1e-9 to 1e6
  special,  ///< some NaN, infinities, zeros of either sign
};

/// Everything random about one case.
class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int64_t in(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(engine_); }
  bool chance(double probability) { return std::bernoulli_distribution(probability)(engine_); }
  template <class T>
  T pick(std::initializer_list<T> choices) {
    return *(choices.begin() + in(0, static_cast<int64_t>(choices.size()) - 1));
  }
  /// Mostly even, sometimes wide or special.
  Values values();
  /// Sizes 1 to `largest`, now and then one of 0 where allowed.
  Shape shape(int64_t least_rank, int64_t most_rank, int64_t largest, bool with_empty = true);
  /// The shape with some sizes made 1 and some leading axes left out: broadcasts to it.
  Shape broadcastable(Shape shape);
  /// 8-bit integers are of their whole range, whatever `values` says.
  Tensor tensor(ElementType type, const Shape& shape, Values values = Values::even);

 private:
  std::mt19937 engine_;
};

struct Case {
  Node node;                      ///< without inputs and outputs
  std::vector<Tensor> inputs;     ///< undefined: absent
  std::vector<size_t> constants;  ///< inputs known at compile time
  bool blocked = false;           ///< hand over 4-dimensional inputs in a blocked layout
  bool measured = false;          ///< kernels take also what others are faster at
  double tolerance = 1e-5;        ///< of the largest finite magnitude of the result
  double absolute = -1;           ///< where not negative: the tolerance itself
  double least = 1e-3;            ///< what counts as the largest magnitude where all are smaller
};
std::string describe(const Case& test);

/// How many cases each candidate took.
using Accepted = std::map<std::string, int>;

/// Runs the case by every candidate that takes it and compares. False when the reference refuses it.
bool check(const Case& test, Accepted& accepted);

/// Output 0 by one candidate, as an engine would run it; nothing where it declines.
std::optional<Tensor> run_candidate(const Case& test, std::string_view name, ElementType type,
                                    const Shape& shape);

/// Runs `count` cases, every third also with its f32 inputs rounded to bf16 or f16, unless `narrow` is false.
/// Those that the reference refuses count for nothing; fewer than a fifth may be. Each candidate of `least`
/// has to take so many, so that a test cannot pass by being declined.
void check_cases(int count, const std::function<Case(Random&)>& make, const Accepted& least,
                 bool narrow = true);
/// `count` where this machine multiplies 8-bit integers; 0 elsewhere, where kernels that want it decline.
int with_8bit_products(int count);
/// The same where it multiplies them in vectors of 512 bits.
int with_wide_8bit_products(int count);
/// `count` where vectors are as wide as the blocks of 16 channels that 1x1 convolutions of ours want.
int with_wide_vectors(int count);

}  // namespace lathe::test
