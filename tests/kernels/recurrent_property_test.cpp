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
                hidden = random.in(1, 20), inputs = random.in(1, 20), batch = random.in(1, 5),
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
  check_cases(200, make_recurrent, {{"onednn:recurrent", 120}}, false);
}

}  // namespace
}  // namespace lathe::test
