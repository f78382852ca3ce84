// SPDX-License-Identifier: Apache-2.0
// Middles of channels taken off a product's data: hand-computed cases, where the subtraction goes, near
// misses, and that it helps on samples that calibration has not seen.
#include "engine/precision/centring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/runtime/executor_thread.h"
#include "tests/precision/int8_models.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

Int8Plan plan_of(const Model& model) {
  return std::move(plan_int8(model.graph, int8_wishes(model.modules, all_int8()).value(), {})).value();
}

std::vector<float> constant(const Graph& graph, const std::string& node, size_t input) {
  const Tensor* tensor = constant_behind(graph, graph.node(*graph.find_node(node)).inputs[input]);
  return {tensor->data<float>().begin(), tensor->data<float>().end()};
}

Tensor run(const Model& model, const NamedValues& inputs) {
  return on_executor([&]() -> Tensor {
    const auto runnable = make_engine_model(std::make_shared<Model>(model)).value();
    return runnable->run(inputs, {}).value().at("y").tensor;
  });
}

/// Channels 0 and 1 lie within 1..3 and -4..-2: middles 2 and -3; the whole range of 7 becomes 2.
const ChannelStatistics apart{{3, 4}, {2, -3}, {1, -4}, {3, -2}};

/// x -> `between` -> Gemm y; `also`: others read the data, too.
ModelMaker product_of(const char* between, bool also) {
  ModelMaker maker(17);
  maker.input("x", {2, 2});
  maker.constant("c", Tensor::from<float>({2}, {0.5F, -1}));
  maker.constant("w", Tensor::from<float>({2, 2}, {1, 2, 3, 4}));
  maker.constant("b", Tensor::from<float>({2}, {10, 20}));
  maker.node(
      between,
      std::string(between) == "Tanh" ? std::vector<std::string>{"x"} : std::vector<std::string>{"x", "c"},
      "t");
  maker.node("Gemm", {"t", "w", "b"}, "y");
  maker.output("y");
  if (also) {
    maker.node("Neg", {"t"}, "z");
    maker.output("z");
  }
  return maker;
}

/// Centres t of the model made, and expects the same function and 10 + 2*1 - 3*3, 20 + 2*2 - 3*4 in the bias.
Graph centred_between(const char* between, const char* centred_value) {
  ModelMaker maker = product_of(between, false);
  Graph& graph = maker.model.graph;
  const NamedValues x{{"x", RuntimeValue(Tensor::from<float>({2, 2}, {1, -2, 0.3F, 4}))}};
  const Tensor before = run(maker.model, x);
  const auto places = find_centring(graph, plan_of(maker.model));
  EXPECT_EQ(axes_of(graph, places), (ChannelAxes{{"t", -1}}));
  EXPECT_THAT(centre(graph, places, {{"t", apart}}).value(), ElementsAre(Pair(centred_value, 3.5)));
  EXPECT_THAT(constant(graph, "Gemm:y", 2), ElementsAre(3, 12));
  EXPECT_LT(compare_tensors(before, run(maker.model, x))->max_abs, 1e-5);
  return graph.clone();
}

TEST(Centring, WhatIsTakenOffTheDataTheBiasGetsBack) {
  EXPECT_THAT(constant(centred_between("Tanh", "t/centred"), "Gemm:y_centre", 1), ElementsAre(2, -3));
}

TEST(Centring, ABiasInFrontTakesTheSubtraction) {
  const Graph graph = centred_between("Add", "t");
  EXPECT_THAT(constant(graph, "Add:t", 1), ElementsAre(-1.5F, 2));
  EXPECT_EQ(count(graph, "Sub"), 0U);
}

TEST(Centring, ABiasInFrontIsLeftAloneWhereOthersReadIt) {
  ModelMaker maker = product_of("Add", true);
  Graph& graph = maker.model.graph;
  const auto places = find_centring(graph, plan_of(maker.model));
  EXPECT_THAT(centre(graph, places, {{"t", apart}}).value(), ElementsAre(Pair("t/centred", 3.5)));
  EXPECT_THAT(constant(graph, "Add:t", 1), ElementsAre(0.5F, -1));
  EXPECT_EQ(graph.node(*graph.find_node("Neg:z")).inputs[0], *graph.find_value("t"));
}

/// Attention of two heads over x, whose values and result have a bias.
ModelMaker attention(int64_t softmax_axis) {
  ModelMaker maker(17);
  maker.input("x", {1, 3, 4});
  maker.input("scores", {1, 2, 3, 3});
  maker.constant("wv", random_tensor({4, 4}, 1, 1));
  maker.constant("bv", Tensor::from<float>({4}, {5, -6, 7, 1}));
  maker.constant("wo", random_tensor({4, 4}, 2, 1));
  maker.constant("bo", Tensor::from<float>({4}, {1, 2, 3, 4}));
  maker.constant("split", Tensor::from<int64_t>({4}, {1, 3, 2, 2}));
  maker.constant("join", Tensor::from<int64_t>({3}, {1, 3, 4}));
  const std::vector<int64_t> swap{0, 2, 1, 3};
  maker.node("MatMul", {"x", "wv"}, "v");
  maker.node("Add", {"v", "bv"}, "value");
  maker.node("Reshape", {"value", "split"}, "heads");
  maker.node("Transpose", {"heads"}, "values", {{"perm", swap}});
  maker.node("Softmax", {"scores"}, "p", {{"axis", softmax_axis}});
  maker.node("MatMul", {"p", "values"}, "context");
  maker.node("Transpose", {"context"}, "back", {{"perm", swap}});
  maker.node("Reshape", {"back", "join"}, "joined");
  maker.node("MatMul", {"joined", "wo"}, "o");
  maker.node("Add", {"o", "bo"}, "y");
  maker.output("y");
  return maker;
}

TEST(Centring, AttentionPassesTheBiasOfValuesBecauseProbabilitiesSumToOne) {
  ModelMaker maker = attention(-1);
  Graph& graph = maker.model.graph;
  const NamedValues inputs{{"x", RuntimeValue(random_tensor({1, 3, 4}, 3, 1))},
                           {"scores", RuntimeValue(random_tensor({1, 2, 3, 3}, 4, 1))}};
  const Tensor before = run(maker.model, inputs);
  const auto places = find_centring(graph, plan_of(maker.model));
  const ChannelStatistics seen{{}, {}, {4, -7, 6, 0}, {6, -5, 8, 2}};
  EXPECT_THAT(centre(graph, places, {{"joined", seen}}).value(), ElementsAre(Pair("joined", 7.5)));
  EXPECT_THAT(constant(graph, "Add:value", 1), ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(count(graph, "Sub"), 0U);
  EXPECT_LT(compare_tensors(before, run(maker.model, inputs))->max_abs, 1e-5);
}

TEST(Centring, ProbabilitiesAlongAnotherAxisDoNotPassIt) {
  ModelMaker maker = attention(-2);
  Graph& graph = maker.model.graph;
  const auto places = find_centring(graph, plan_of(maker.model));
  const ChannelStatistics seen{{}, {}, {4, -7, 6, 0}, {6, -5, 8, 2}};
  EXPECT_THAT(centre(graph, places, {{"joined", seen}}).value(), ElementsAre(Pair("joined/centred", 7.5)));
  EXPECT_THAT(constant(graph, "Add:value", 1), ElementsAre(5, -6, 7, 1));
}

TEST(Centring, LeavesAloneWhatWouldGainLittleOrHasOtherChannels) {
  for (const ChannelStatistics& seen :
       {ChannelStatistics{{}, {}, {-1, -1.2F}, {1, 1.2F}}, ChannelStatistics{{}, {}, {1, -4, 0}, {3, -2, 0}},
        ChannelStatistics{}}) {
    ModelMaker maker = product_of("Tanh", false);
    Graph& graph = maker.model.graph;
    const auto places = find_centring(graph, plan_of(maker.model));
    EXPECT_THAT(centre(graph, places, {{"t", seen}}).value(), ::testing::IsEmpty());
    EXPECT_THAT(constant(graph, "Gemm:y", 2), ElementsAre(10, 20));
    EXPECT_EQ(count(graph, "Sub"), 0U);
  }
}

TEST(Centring, FewSamplesLeaveMoreRoomForOthers) {
  EXPECT_FLOAT_EQ(headroom(49, 4), 2);       // 1 + 2/sqrt(4)
  EXPECT_FLOAT_EQ(headroom(49, 100), 1.2F);  // 1 + 2/10
  EXPECT_FLOAT_EQ(headroom(4, 1), 2);        // no more than half of what was gained, as a power
  EXPECT_FLOAT_EQ(headroom(0.5, 4), 1);
  TensorHistogram histogram;
  histogram.add(std::vector<float>{-1, 3});
  histogram.set_headroom(2);
  EXPECT_FLOAT_EQ(histogram.range(Calibrator::minmax).low, -2);
  EXPECT_FLOAT_EQ(histogram.range(Calibrator::minmax).high, 6);
}

TEST(Centring, HelpsWhereChannelsLieApartAlsoOnUnseenData) {
  ModelMaker maker(17);
  maker.input("x", {16, width});
  maker.constant("w1", random_tensor({width, width}, 1, 0.125F));
  maker.constant("b1", random_tensor({width}, 2, 30));  // far apart, beside activations of about 1
  maker.constant("w2", random_tensor({width, width}, 3, 0.125F));
  maker.constant("b2", random_tensor({width}, 4, 1));
  maker.node("Gemm", {"x", "w1", "b1"}, "h");
  maker.node("LeakyRelu", {"h"}, "t", {{"alpha", 0.9F}});
  maker.node("Gemm", {"t", "w2", "b2"}, "y");
  maker.output("y");
  const CalibrationData data = random_data(maker.model, 4);
  Int8Request request{all_int8(), Calibrator::minmax, &data};
  const auto made = on_executor([&] { return lower_to_int8(maker.model, request, {}); });
  ASSERT_TRUE(made.ok()) << made.error().text();
  const Int8Improvement& first = made->report.improvements.at(0);
  EXPECT_EQ(first.name, "centring");
  EXPECT_TRUE(first.kept);
  EXPECT_GT(first.after_db, first.before_db + 10);
  const NamedValues unseen{{"x", RuntimeValue(random_tensor({16, width}, 99, 1.3F))}};
  const auto difference = compare_tensors(run(maker.model, unseen), run(*made->model, unseen));
  EXPECT_GT(difference->sums.snr_db(), first.before_db + 10);
}

}  // namespace
}  // namespace lathe
