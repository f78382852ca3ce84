// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "engine/graph/text_form.h"
#include "engine/graph/verify.h"
#include "tests/formats/make_model.h"

namespace lathe {
namespace {

using testing::HasSubstr;

const std::string io = "input " + float_value("x", "dim { dim_value: 2 }") + " output " +
                       float_value("y", "dim { dim_value: 2 }");
const std::string opsets = "opset_import { version: 17 } opset_import { domain: 'f' version: 1 } ";

std::string call(const std::string& function, const std::string& rest) {
  return "node { name: 'call' domain: 'f' op_type: '" + function + "' " + rest + " }";
}

/// leaky(a) = LeakyRelu<alpha>(a), written in opset 13; twice(a, b) = leaky(leaky(a)), then + b where given.
const std::string functions =
    opsets +
    "functions { name: 'leaky' domain: 'f' input: 'a' output: 'r' opset_import { version: 13 }"
    " attribute_proto { name: 'slope' f: 0.25 type: 1 }"
    " node { name: 'act' op_type: 'LeakyRelu' input: 'a' output: 'r' attribute { name: 'alpha' "
    "ref_attr_name: 'slope' type: 1 } } }"
    "functions { name: 'twice' domain: 'f' input: 'a' input: 'b' output: 'r' output: 'unused' opset_import { "
    "version: 13 }"
    " opset_import { domain: 'f' version: 1 } attribute: 's'"
    " node { op_type: 'leaky' domain: 'f' input: 'a' output: 't' attribute { name: 'slope' ref_attr_name: "
    "'s' type: 1 } }"
    " node { op_type: 'leaky' domain: 'f' input: 't' output: 'r' }"
    " node { op_type: 'Clip' input: 't' input: 'b' output: 'unused' } }";

TEST(Functions, AreInlinedWithAttributesOpsetsAndAbsentInputs) {
  const auto model = import_good(model_bytes(
      io + call("twice", "input: 'x' output: 'y' attribute { name: 's' f: 0.5 type: 1 }"), functions));
  ASSERT_EQ(model->graph.node_count(), 3u);
  const auto& nodes = model->graph.nodes();
  EXPECT_EQ(nodes[0].op_type, "LeakyRelu");
  EXPECT_EQ(nodes[0].version, 13);
  EXPECT_EQ(nodes[0].attributes.get_float("alpha", 0), 0.5f);
  EXPECT_EQ(nodes[1].attributes.get_float("alpha", 0), 0.25f) << "the default";
  EXPECT_EQ(nodes[0].name, "call/leaky/act");
  EXPECT_EQ(model->graph.value(nodes[0].outputs[0]).name, "call/t");
  EXPECT_EQ(nodes[1].outputs[0], model->graph.outputs()[0]);
  EXPECT_FALSE(nodes[2].inputs[1].valid()) << "the absent input stays absent";
  EXPECT_TRUE(verify(model->graph).empty());
}

TEST(Functions, CallsWithTheSameNameStayApart) {
  const auto model = import_good(model_bytes(
      io + call("twice", "input: 'x' output: 'm'") + call("twice", "input: 'm' output: 'y'"), functions));
  EXPECT_EQ(model->graph.node_count(), 6u);
  EXPECT_TRUE(verify(model->graph).empty());
}

TEST(Functions, AnOutputThatIsAnInputBecomesACopy) {
  const auto model =
      import_good(model_bytes(io + call("pass", "input: 'x' output: 'y'"),
                              opsets + "functions { name: 'pass' domain: 'f' input: 'a' output: 'a' }"));
  ASSERT_EQ(model->graph.node_count(), 1u);
  EXPECT_EQ(model->graph.nodes()[0].op_type, "Identity");
}

TEST(Functions, SubgraphsInsideSeeTheFunctionsValues) {
  const std::string body =
      "functions { name: 'choose' domain: 'f' input: 'c' input: 'a' output: 'r' opset_import { version: 17 }"
      " node { op_type: 'Neg' input: 'a' output: 'n' } node { op_type: 'If' input: 'c' output: 'r'"
      "  attribute { name: 'then_branch' type: 5 g { name: 't' node { op_type: 'Add' input: 'n' input: 'a' "
      "output: 'o' } output { name: 'o' } } } } }";
  const auto model =
      import_good(model_bytes(io + "input { name: 'k' type { tensor_type { elem_type: 9 shape { } } } }" +
                                  call("choose", "input: 'k' input: 'x' output: 'y'"),
                              opsets + body));
  EXPECT_TRUE(verify(model->graph).empty());
  EXPECT_EQ(model->graph.nodes()[1].captured.size(), 2u);
}

TEST(Functions, RecursionIsRefused) {
  const std::string direct =
      "functions { name: 'r' domain: 'f' input: 'a' output: 'b' opset_import { domain: 'f' version: 1 }"
      " node { name: 'again' op_type: 'r' domain: 'f' input: 'a' output: 'b' } }";
  EXPECT_THAT(import_error(model_bytes(io + call("r", "input: 'x' output: 'y'"), opsets + direct)),
              HasSubstr("which calls itself"));
  const std::string in_branch =
      "functions { name: 'r' domain: 'f' input: 'a' output: 'b' opset_import { version: 17 } node { op_type: "
      "'If'"
      " input: 'a' output: 'b' attribute { name: 'then_branch' type: 5 g { name: 't'"
      " node { op_type: 'r' domain: 'f' input: 'a' output: 'o' } output { name: 'o' } } } } }";
  EXPECT_THAT(import_error(model_bytes(io + call("r", "input: 'x' output: 'y'"), opsets + in_branch)),
              HasSubstr("calls itself in one"));
}

TEST(Functions, ExplosionIsRefused) {
  std::string text = opsets +
                     "functions { name: 'f0' domain: 'f' input: 'a' output: 'b' node { op_type: 'Neg' input: "
                     "'a' output: 'b' } }";
  for (int i = 1; i < 40; ++i) {
    const std::string lower = "domain: 'f' op_type: 'f" + std::to_string(i - 1) + "'";
    text += "functions { name: 'f" + std::to_string(i) + "' domain: 'f' input: 'a' output: 'b' node { " +
            lower + " input: 'a' output: 't' } node { " + lower + " input: 't' output: 'b' } }";
  }
  EXPECT_THAT(import_error(model_bytes(io + call("f39", "input: 'x' output: 'y'"), text)),
              HasSubstr("expand to more than"));
}

}  // namespace
}  // namespace lathe
