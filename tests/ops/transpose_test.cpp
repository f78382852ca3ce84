// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

TEST(SpaceToDepth, OrdersChannelsByMode) {
  const Tensor x = Tensor::from<float>({1, 2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  Node node = make_node("SpaceToDepth", 28);
  node.attributes.set("blocksize", int64_t{2});
  for (const auto& [mode, expected] : std::vector<std::pair<std::string, std::vector<double>>>{
           {"DCR", {0, 4, 1, 5, 2, 6, 3, 7}}, {"CRD", {0, 1, 2, 3, 4, 5, 6, 7}}}) {
    node.attributes.set("mode", mode);
    const auto y = run_node(node, {x});
    ASSERT_TRUE(y.ok()) << y.error().text();
    EXPECT_EQ((*y)[0].tensor.to_double(), expected) << mode;
    Node back = make_node("DepthToSpace", 28);
    back.attributes = node.attributes;
    const auto again = run_node(back, {(*y)[0].tensor});
    ASSERT_TRUE(again.ok()) << again.error().text();
    EXPECT_EQ((*again)[0].tensor.to_double(), x.to_double()) << mode;
  }
  node.attributes.set("mode", std::string("RCD"));
  EXPECT_FALSE(run_node(node, {x}).ok());
}

}  // namespace
}  // namespace lathe::test
