// SPDX-License-Identifier: Apache-2.0
// What opset 28 added: signed shifts and the floored remainder of floats. Values of the ONNX reference
// evaluator.
#include <cmath>
#include <limits>

#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

std::vector<int64_t> shifted(const char* direction, int version = 28) {
  Node node = make_node("BitShift", version);
  node.attributes.set("direction", std::string(direction));
  const auto z =
      run_node(node, {Tensor::from<int8_t>({4}, {-8, 7, -1, 64}), Tensor::from<int8_t>({4}, {1, -1, 8, 2})});
  return z.ok() ? (*z)[0].tensor.to_int64() : std::vector<int64_t>{};
}

TEST(BitShift, SignedElementsKeepTheirSign) {
  EXPECT_EQ(shifted("RIGHT"), (std::vector<int64_t>{-4, 0, -1, 16}));
  EXPECT_EQ(shifted("LEFT"), (std::vector<int64_t>{-16, 0, 0, 0}));
}

TEST(Mod, FloatsTakeTheDivisorsSign) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const auto z = run_node(make_node("Mod", 28), {Tensor::from<float>({7}, {-4.3F, 7.2F, 5, -0.0F, 3, -3, 1}),
                                                 Tensor::from<float>({7}, {2.1F, -3.4F, 8, 2, -2, inf, 0})});
  ASSERT_TRUE(z.ok()) << z.error().text();
  const std::vector<double> c = (*z)[0].tensor.to_double();
  EXPECT_NEAR(c[0], 2, 1e-5);
  EXPECT_NEAR(c[1], -3, 1e-5);
  EXPECT_EQ(c[2], 5);
  EXPECT_FALSE(std::signbit(c[3]));
  EXPECT_EQ(c[4], -1);
  EXPECT_EQ(c[5], inf);
  EXPECT_TRUE(std::isnan(c[6]));
}

TEST(Mod, OldOpsetsTakeFloatsOnlyWithFmod) {
  Node node = make_node("Mod", 13);
  node.inputs = {ValueId(0), ValueId(1)};
  node.outputs = {ValueId(2)};
  const RuntimeValue a(Tensor::scalar(5.0F)), b(Tensor::scalar(3.0F));
  const std::vector<const RuntimeValue*> inputs{&a, &b};
  EXPECT_FALSE(run_reference(*operators().find(node), node, inputs).ok());
  node.attributes.set("fmod", int64_t{1});
  EXPECT_TRUE(run_reference(*operators().find(node), node, inputs).ok());
}

}  // namespace
}  // namespace lathe::test
