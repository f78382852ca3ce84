// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/property.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <limits>

#include "engine/ops/convert_elements.h"

namespace lathe::test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// The case in a narrower type, where sums and functions are held to about two of its last places.
Case narrowed(Case test, ElementType type) {
  for (Tensor& input : test.inputs) {
    if (input.type() != ElementType::f32) continue;
    Tensor rounded = Tensor::allocate(type, input.shape()).value();
    EXPECT_TRUE(convert_elements(input, rounded).ok());
    input = rounded;
  }
  test.tolerance = std::max(test.tolerance, type == ElementType::bf16 ? 1.0 / 64 : 1.0 / 512);
  test.blocked = false;
  return test;
}

}  // namespace

Values Random::values() {
  return chance(0.6) ? Values::even : chance(0.6) ? Values::special : Values::wide;
}

Shape Random::shape(int64_t least_rank, int64_t most_rank, int64_t largest, bool with_empty) {
  Shape made(static_cast<size_t>(in(least_rank, most_rank)));
  for (int64_t& size : made) size = with_empty && chance(0.03) ? 0 : chance(0.15) ? 1 : in(1, largest);
  return made;
}

Shape Random::broadcastable(Shape shape) {
  for (int64_t& size : shape)
    if (chance(0.3)) size = 1;
  const int64_t dropped = chance(0.4) ? in(0, static_cast<int64_t>(shape.size())) : 0;
  shape.erase(shape.begin(), shape.begin() + dropped);
  return shape;
}

Tensor Random::tensor(ElementType type, const Shape& shape, Values values) {
  Tensor numbers = Tensor::allocate(ElementType::f32, shape).value();
  std::uniform_real_distribution<float> even(-2, 2), exponent(-9, 6);
  for (float& number : numbers.mutable_data<float>()) {
    number = even(engine_);
    if (type == ElementType::u8) number = static_cast<float>(in(0, 255));
    if (type == ElementType::i8) number = static_cast<float>(in(-128, 127));
    if (values == Values::wide) number *= std::pow(10.0F, exponent(engine_));
    if (values == Values::special && chance(0.1))
      number = pick({std::numeric_limits<float>::quiet_NaN(), infinity, -infinity, 0.0F, -0.0F});
  }
  if (type == ElementType::f32) return numbers;
  Tensor made = Tensor::allocate(type, shape).value();
  EXPECT_TRUE(convert_elements(numbers, made).ok());
  return made;
}

std::string describe(const Case& test) {
  std::string text = test.node.qualified_type() + " v" + std::to_string(test.node.version);
  for (const Tensor& input : test.inputs)
    text += " " + (input.defined() ? to_string(input.type()) + to_string(input.shape()) : std::string("-"));
  for (const auto& [name, value] : test.node.attributes.all()) {
    text += " " + name + "=";
    if (const auto* ints = std::get_if<std::vector<int64_t>>(&value)) text += to_string(*ints);
    if (const auto* number = std::get_if<int64_t>(&value)) text += std::to_string(*number);
    if (const auto* real = std::get_if<float>(&value)) text += std::to_string(*real);
    if (const auto* reals = std::get_if<std::vector<float>>(&value))
      for (const float each : *reals) text += std::to_string(each) + ",";
    if (const auto* word = std::get_if<std::string>(&value)) text += *word;
  }
  for (const size_t constant : test.constants) text += " constant " + std::to_string(constant);
  return text + (test.blocked ? " blocked" : "");
}

void check_cases(int count, const std::function<Case(Random&)>& make, const Accepted& least, bool narrow) {
  const char* only = std::getenv("LATHE_SEED");
  const int first = only != nullptr ? std::atoi(only) : 1, last = only != nullptr ? first : count;
  int refused = 0;
  Accepted accepted;
  for (int seed = first; seed <= last && !testing::Test::HasFatalFailure(); ++seed) {
    Random random(static_cast<uint32_t>(seed));
    const Case test = make(random);
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + describe(test));
    set_kernel_threads(seed % 16 == 0 ? 2
                                      : 1);  // mostly one: waiting for threads costs more than small cases
    if (only != nullptr) std::printf("%s\n", describe(test).c_str());
    refused += check(test, accepted) ? 0 : 1;
    if (!narrow || seed % 3 != 0) continue;
    const Case rounded = narrowed(test, seed % 2 == 0 ? ElementType::bf16 : ElementType::f16);
    SCOPED_TRACE("narrowed: " + describe(rounded));
    check(rounded, accepted);
  }
  if (only != nullptr) return;
  EXPECT_LT(refused, count / 5) << "cases that the reference refuses";
  for (const auto& [candidate, wanted] : least) EXPECT_GE(accepted[candidate], wanted) << candidate;
}

int with_wide_8bit_products(int count) {
  return instruction_set().find("avx512") == 0 ? with_8bit_products(count) : 0;
}
int with_8bit_products(int count) {
  const std::string set = instruction_set();
  const bool quick = set.find("vnni") != std::string::npos || set == "avx512_bf16" || set == "avx512_amx";
  return quick ? count : 0;
}

int with_wide_vectors(int count) {
  return instruction_set().starts_with("avx512") ? count : 0;
}

}  // namespace lathe::test
