// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

TEST(SwiGLU, GatesTheLinearInput) {
  Node node = make_node("SwiGLU", 28);
  node.attributes.set("alpha", 1.5F);
  const Tensor gate = Tensor::from<float>({2, 2}, {-2.108356F, -1.045835F, 0.033936F, 1.639066F});
  const auto y = run_node(node, {gate, noise({2, 2}, 2)});
  ASSERT_TRUE(y.ok()) << y.error().text();
  expect_near((*y)[0].tensor, Tensor::from<float>({2, 2}, {0.022526F, 0.007216F, -0.005412F, 0.365241F}),
              1e-6);
  EXPECT_FALSE(run_node(node, {gate, noise({2}, 2)}).ok());  // does not broadcast
}

}  // namespace
}  // namespace lathe::test
