// SPDX-License-Identifier: Apache-2.0
// Values of the ONNX reference evaluator.
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

struct Case {
  const char* rule;
  bool state = false;
  Tensor decay, beta;
  float scale = 0;
  std::vector<float> output, present;
};

Node make_rule(const char* rule, float scale = 0) {
  Node node = make_node("LinearAttention", 27);
  node.attributes.set("q_num_heads", int64_t{2});
  node.attributes.set("kv_num_heads", int64_t{1});
  node.attributes.set("update_rule", std::string(rule));
  node.attributes.set("scale", scale);
  return node;
}

TEST(LinearAttention, EveryUpdateRule) {
  const Tensor per_head = noise({1, 2, 1}, 5), per_key = noise({1, 2, 2}, 5), beta = noise({1, 2, 1}, 6);
  const std::vector<Case> cases{{"linear",
                                 false,
                                 {},
                                 {},
                                 0,
                                 {-0.013859F, 0.002673F, 0.019707F, 0.001731F, -0.000334F, -0.002462F,
                                  -0.0016F, -0.004493F, 0.060562F, -0.000322F, 0.00325F, -0.038246F},
                                 {-0.017607F, 0.022908F, -0.211845F, 0.077987F, -0.030216F, 0.073323F}},
                                {"gated",
                                 true,
                                 per_key,
                                 {},
                                 0,
                                 {-0.013066F, 0.034869F, -0.001797F, 0.058853F, -0.082242F, 0.018257F,
                                  0.000274F, 0.042422F, 0.024368F, -0.010997F, -0.011946F, -0.019385F},
                                 {-0.189435F, 0.110075F, -0.154828F, 0.649554F, -0.838951F, 0.269207F}},
                                {"delta",
                                 true,
                                 {},
                                 beta,
                                 2,
                                 {0.068151F, 0.040424F, -0.075575F, 0.125677F, -0.182878F, 0.048574F,
                                  0.182061F, -0.011526F, -0.081908F, -0.126461F, 0.028096F, 0.043228F},
                                 {-0.295886F, 0.142413F, 0.048985F, 0.321558F, -0.446387F, 0.145137F}},
                                {"gated_delta",
                                 true,
                                 per_head,
                                 beta,
                                 0,
                                 {0.019377F, 0.010837F, -0.02175F, 0.034088F, -0.049735F, 0.013364F,
                                  0.064384F, -0.004369F, -0.030271F, -0.044558F, 0.009896F, 0.016121F},
                                 {-0.293107F, 0.139547F, 0.053733F, 0.311813F, -0.433326F, 0.142998F}}};
  for (const Case& c : cases) {
    const auto out = run_node(make_rule(c.rule, c.scale),
                              {noise({1, 2, 4}, 1), noise({1, 2, 2}, 2), noise({1, 2, 3}, 3),
                               c.state ? noise({1, 1, 2, 3}, 4) : Tensor(), c.decay, c.beta},
                              2);
    ASSERT_TRUE(out.ok()) << c.rule << ": " << out.error().text();
    expect_near((*out)[0].tensor, Tensor::from<float>({1, 2, 6}, std::span(c.output)), 2e-6);
    expect_near((*out)[1].tensor, Tensor::from<float>({1, 1, 2, 3}, std::span(c.present)), 2e-6);
  }
}

TEST(LinearAttention, RefusesWhatTheRuleDoesNotSay) {
  const Tensor q = noise({1, 2, 4}, 1), k = noise({1, 2, 2}, 2), v = noise({1, 2, 3}, 3);
  EXPECT_FALSE(run_node(make_rule("gated"), {q, k, v}, 2).ok());  // no decay
  EXPECT_FALSE(run_node(make_rule("linear"), {q, k, v, Tensor(), k}, 2).ok());
  EXPECT_FALSE(run_node(make_rule("quadratic"), {q, k, v}, 2).ok());
  Node heads = make_rule("linear");
  heads.attributes.set("q_num_heads", int64_t{0});
  EXPECT_FALSE(run_node(heads, {q, k, v}, 2).ok());
}

}  // namespace
}  // namespace lathe::test
