// SPDX-License-Identifier: Apache-2.0
// LSTM and GRU in every direction, with and without states and biases.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

Case make_recurrent(Random& random) {
  const bool lstm = random.chance(0.5);
  Case test{make_node(lstm ? "LSTM" : "GRU", random.pick({7, 14})), {}, {1, 2, 3}};
  const std::string direction = random.pick({"forward", "reverse", "bidirectional"});
  const int64_t directions = direction == "bidirectional" ? 2 : 1, gates = lstm ? 4 : 3,
                hidden = random.in(1, 24), inputs = random.in(1, 20), batch = random.in(1, 15),
                steps = random.in(1, 7);
  test.node.attributes.set("direction", direction);
  test.node.attributes.set("hidden_size", hidden);
  if (!lstm && random.chance(0.5)) test.node.attributes.set("linear_before_reset", int64_t{1});
  const auto tensor = [&](const Shape& shape) { return random.tensor(ElementType::f32, shape); };
  test.inputs = {tensor({steps, batch, inputs}), tensor({directions, gates * hidden, inputs}),
                 tensor({directions, gates * hidden, hidden})};
  if (random.chance(0.7)) test.inputs.push_back(tensor({directions, 2 * gates * hidden}));
  if (random.chance(0.5)) {
    test.inputs.resize(5);
    test.inputs.push_back(tensor({directions, batch, hidden}));
    if (lstm && random.chance(0.7)) test.inputs.push_back(tensor({directions, batch, hidden}));
  }
  if (random.chance(0.1)) test.node.attributes.set("clip", 3.0F);
  test.tolerance = 2e-5;
  return test;
}

TEST(RecurrentProperty, LstmAndGru) {
  check_cases(200, make_recurrent, {{"simd:recurrent", 90}, {"onednn:recurrent", 120}}, false);
}

/// Several chunks of steps; more threads than directions make each step together.
TEST(RecurrentProperty, LongSequencesByThreads) {
  Random random(7);
  Accepted accepted;
  for (const int threads : {1, 2, 3})
    for (const char* op : {"LSTM", "GRU"})
      for (const char* direction : {"reverse", "bidirectional"}) {
        const int64_t gates = op[0] == 'L' ? 4 : 3, directions = direction[0] == 'b' ? 2 : 1;
        const int64_t steps = 90, batch = 5, inputs = 16, hidden = 120;
        Case test{make_node(op, 14), {}, {1, 2, 3}};
        test.node.attributes.set("direction", std::string(direction));
        test.node.attributes.set("hidden_size", hidden);
        test.node.attributes.set("linear_before_reset", int64_t{1});
        test.inputs = {random.tensor(ElementType::f32, {steps, batch, inputs}),
                       random.tensor(ElementType::f32, {directions, gates * hidden, inputs}),
                       random.tensor(ElementType::f32, {directions, gates * hidden, hidden})};
        // So that what rounding changes dies away.
        for (float& weight : test.inputs[2].mutable_data<float>()) weight *= 0.05F;
        test.tolerance = 2e-5;
        SCOPED_TRACE(std::to_string(threads) + " threads: " + describe(test));
        set_kernel_threads(threads);
        EXPECT_TRUE(check(test, accepted));
      }
  set_kernel_threads(1);
  EXPECT_GE(accepted["simd:recurrent"], 12);
}

}  // namespace
}  // namespace lathe::test
