// SPDX-License-Identifier: Apache-2.0
// Requests from several threads at once, for models whose kernels divide their work among threads themselves.
// The thread sanitizer looks on (preset `tsan`).
#include <thread>

#include "engine/runtime/converted.h"
#include "tests/passes/pass_test_graph.h"

namespace lathe {
namespace {

using Ints = std::vector<int64_t>;
constexpr int64_t channels = 16, size = 64;

/// Convolution, functions, softmax over channels, resizing, a product and a reduction: each large enough for
/// two threads.
Graph busy_graph() {
  Maker m;
  const ValueId image =
      m.node("Conv", {m.input({1, channels, size, size}), m.weights({channels, channels, 3, 3})},
             {{"pads", Ints{1, 1, 1, 1}}});
  const ValueId bent = m.node("Softplus", {m.node("Erf", {image})});
  const ValueId normal = m.node("Softmax", {bent}, {{"axis", int64_t{1}}});
  const ValueId sizes = m.constant(Tensor::from<int64_t>({4}, {1, channels, 2 * size, 2 * size}));
  const ValueId large =
      m.node("Resize", {normal, ValueId(), ValueId(), sizes}, {{"mode", std::string("linear")}});
  const ValueId pooled = m.node("MaxPool", {large}, {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}});
  const ValueId product = m.node("MatMul", {pooled, m.weights({size - 1, 48})});
  m.output(m.node("ReduceMax", {product}, {{"axes", Ints{3}}}));
  m.output(product);
  return std::move(m.graph);
}

struct Runnables {
  std::unique_ptr<Runnable> eager, engine;
};

Runnables runnables_of(const Graph& graph) {
  auto model = std::make_shared<Model>();
  model->graph = graph.clone();
  model->opsets[""] = 17;
  const auto made = [&]() -> Result<Runnables> {
    set_kernel_threads(2);
    LATHE_ASSIGN(auto eager, make_eager(model));
    LATHE_ASSIGN(auto engine, make_engine_model(model));
    return Runnables{std::move(eager), std::move(engine)};
  };
  return on_executor(made).value();
}

NamedValues run_once(Runnable& runnable, const Tensor& x) {
  return on_executor([&] {
    auto outputs = runnable.run({{"x0", RuntimeValue(x)}}, {});
    EXPECT_TRUE(outputs.ok()) << outputs.error().text();
    return outputs.ok() ? std::move(*outputs) : NamedValues();
  });
}

bool same(const NamedValues& a, const NamedValues& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](const auto& one, const auto& other) {
           const Tensor &x = one.second.tensor, &y = other.second.tensor;
           return one.first == other.first && x.bytes() == y.bytes() &&
                  std::equal(x.raw(), x.raw() + x.bytes(), y.raw());
         });
}

TEST(Threads, RequestsFromSeveralGiveEachItsOwnResult) {
  const Graph graph = busy_graph();
  const Runnables runnables = runnables_of(graph);
  constexpr size_t askers = 4;
  std::vector<Tensor> x;
  std::vector<NamedValues> eager, engine;
  for (size_t i = 0; i < askers; ++i) {
    x.push_back(inputs_for(graph)[0].reshaped({1, channels, size, size}));
    for (float& element : x.back().mutable_data<float>()) element += static_cast<float>(i);
    eager.push_back(run_once(*runnables.eager, x[i]));
    engine.push_back(run_once(*runnables.engine, x[i]));
  }
  EXPECT_FALSE(same(eager[0], eager[1]));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < askers; ++i)
    threads.emplace_back([&, i] {
      for (int again = 0; again < 3; ++again) {
        EXPECT_TRUE(same(run_once(*runnables.eager, x[i]), eager[i])) << "eager, asker " << i;
        EXPECT_TRUE(same(run_once(*runnables.engine, x[i]), engine[i])) << "engine, asker " << i;
      }
    });
  for (std::thread& thread : threads) thread.join();
}

/// Models are made, run and let go by whoever wants them, while others run theirs.
TEST(Threads, ModelsComeAndGoMeanwhile) {
  const Graph graph = busy_graph();
  const Tensor x = inputs_for(graph)[0];
  const NamedValues expected = run_once(*runnables_of(graph).engine, x);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      for (int again = 0; again < 2; ++again)
        EXPECT_TRUE(same(run_once(*runnables_of(graph).engine, x), expected));
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace lathe
