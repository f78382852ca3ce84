// SPDX-License-Identifier: Apache-2.0
// Poolings over windows of every geometry, and over everything.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

using Ints = std::vector<int64_t>;

Case make_pool(Random& random) {
  const bool average = random.chance(0.5);
  Case test{make_node(average ? "AveragePool" : "MaxPool", average ? 19 : 12), {}, {}};
  test.blocked = random.chance(0.3);
  const auto rank = static_cast<size_t>(test.blocked ? 2 : random.pick({1, 2, 2, 2, 3}));
  Shape shape{random.in(1, 3), random.pick({1, 3, 8, 16, 20})};
  Ints kernel, pads(2 * rank);
  for (size_t axis = 0; axis < rank; ++axis) {
    shape.push_back(random.in(1, rank == 3 ? 8 : 17));
    kernel.push_back(random.in(1, 4));
    for (const size_t end : {axis, axis + rank}) pads[end] = random.in(0, kernel.back() - 1);
  }
  if (random.chance(0.03)) shape[0] = 0;
  test.node.attributes.set("kernel_shape", kernel);
  const auto some = [&](const char* name, int64_t high) {
    Ints values(rank);
    for (int64_t& value : values) value = random.in(1, high);
    if (random.chance(0.6)) test.node.attributes.set(name, values);
  };
  some("strides", 4);
  some("dilations", 2);
  if (random.chance(0.2))
    test.node.attributes.set("auto_pad", std::string(random.pick({"SAME_UPPER", "SAME_LOWER", "VALID"})));
  else if (random.chance(0.6))
    test.node.attributes.set("pads", pads);
  if (random.chance(0.3)) test.node.attributes.set("ceil_mode", int64_t{1});
  if (average && random.chance(0.4)) test.node.attributes.set("count_include_pad", int64_t{1});
  test.inputs = {random.tensor(ElementType::f32, shape, random.values())};
  return test;
}

TEST(PoolProperty, EveryWindow) {
  // Windows that do not fit are refused: more are made than are counted.
  check_cases(1000, make_pool, {{"onednn:pool", 800}, {"simd:max_pool", 200}});
}

/// Rows longer than every vector, windows as large as those of detectors.
TEST(PoolProperty, LargestOfWideRows) {
  const auto make = [](Random& random) {
    Case test{make_node("MaxPool", 12), {}, {}};
    const int64_t kernel = random.in(1, 7), stride = random.in(1, 5);
    test.node.attributes.set("kernel_shape", Ints{random.in(1, 7), kernel});
    test.node.attributes.set("strides", Ints{random.in(1, 3), stride});
    test.node.attributes.set("dilations", Ints{random.in(1, 3), random.in(1, 3)});
    test.node.attributes.set("pads", Ints{0, random.in(0, kernel - 1), 0, random.in(0, kernel - 1)});
    test.inputs = {random.tensor(
        ElementType::f32, {1, random.in(1, 3), random.in(19, 30), random.in(30, 150)}, random.values())};
    return test;
  };
  check_cases(300, make, {{"simd:max_pool", 1000}});
}

TEST(PoolProperty, OverEverything) {
  const auto make = [](Random& random) {
    Case test{make_node(random.pick({"GlobalAveragePool", "GlobalMaxPool"}), 1), {}, {}};
    test.blocked = random.chance(0.3);
    Shape shape = test.blocked ? random.shape(4, 4, 20, false) : random.shape(3, 5, 9);
    test.inputs = {random.tensor(ElementType::f32, shape, random.values())};
    return test;
  };
  check_cases(300, make, {{"onednn:pool", 300}});
}

}  // namespace
}  // namespace lathe::test
