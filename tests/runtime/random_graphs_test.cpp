// SPDX-License-Identifier: Apache-2.0
// Random graphs of the operators that networks for images are made of: an engine gives what the eager run
// gives, whatever layouts, fusions and reuse of memory it chose.
//
// A failure prints the seed and the graph; LATHE_SEED=<seed> runs that one alone.
#include <cstdlib>
#include <random>

#include "engine/graph/text_form.h"
#include "engine/runtime/runnable.h"
#include "engine/tensor/compare.h"
#include "tests/passes/pass_test_graph.h"

namespace lathe {
namespace {

using Ints = std::vector<int64_t>;

/// Grows a graph by one node after the other, each over values that are there already.
class RandomGraph {
 public:
  explicit RandomGraph(uint32_t seed) : random_(seed) {
    const Shape image{1, pick<int64_t>({3, 16, 32}), pick<int64_t>({8, 12}), pick<int64_t>({8, 9})};
    values_.push_back({maker_.input(image), image, false});
    const int nodes = in(4, 24);
    for (int made = 0, tried = 0; made < nodes && tried < 200; ++tried) made += grow();
    for (const Known& value : values_)
      if (!value.read || chance(0.05)) maker_.output(value.id);
  }
  const Graph& graph() const { return maker_.graph; }

 private:
  struct Known {
    ValueId id;
    Shape shape;
    bool read = false;
  };

  int in(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }
  bool chance(double p) { return std::bernoulli_distribution(p)(random_); }
  template <class T>
  T pick(std::initializer_list<T> choices) {
    return *(choices.begin() + in(0, static_cast<int>(choices.size()) - 1));
  }
  /// Mostly a value made lately.
  Known& any() {
    const int last = static_cast<int>(values_.size()) - 1;
    return values_[static_cast<size_t>(chance(0.6) ? last : in(0, last))];
  }
  bool add(const std::string& op, std::vector<Known*> inputs, std::vector<ValueId> constants, Shape shape,
           const std::map<std::string, AttributeValue>& attributes = {}) {
    std::vector<ValueId> ids;
    for (Known* input : inputs) {
      ids.push_back(input->id);
      input->read = true;
    }
    ids.insert(ids.end(), constants.begin(), constants.end());
    values_.push_back({maker_.node(op, std::move(ids), attributes), std::move(shape), false});
    return true;
  }
  ValueId list(const Shape& numbers) {
    return maker_.constant(
        Tensor::from<int64_t>({static_cast<int64_t>(numbers.size())}, std::span<const int64_t>(numbers)));
  }

  bool grow() {
    Known& x = any();
    const bool image = x.shape.size() == 4;
    switch (in(0, 13)) {
      case 0:
      case 1:
        return image && convolve(x);
      case 2:
        return add(pick<const char*>({"Relu", "Sigmoid", "Tanh", "HardSwish", "Neg"}), {&x}, {}, x.shape);
      case 3:
      case 4:
        return combine(x);
      case 5:
        return image && concat(x);
      case 6:
        return image && pool(x);
      case 7:
        return image && add("BatchNormalization", {&x},
                            {maker_.weights({x.shape[1]}), maker_.weights({x.shape[1]}),
                             maker_.weights({x.shape[1]}), maker_.weights({x.shape[1]}, 0.5F, 1.0F)},
                            x.shape);
      case 8:
        return reshape(x);
      case 9:
        return transpose(x);
      case 10:
        return add("Softmax", {&x}, {}, x.shape, {{"axis", int64_t{-1}}});
      case 11:
        return !image && multiply(x);
      case 12:
        return image && gate(x);
      default:
        return image && x.shape[2] <= 12 && enlarge(x);
    }
  }

  bool convolve(Known& x) {
    const int64_t channels = x.shape[1], size = pick<int64_t>({1, 3, 3});
    const bool depthwise = chance(0.25);
    const int64_t outputs = depthwise ? channels : pick<int64_t>({16, 20, 32, 64});
    std::map<std::string, AttributeValue> attributes{{"pads", Ints(4, size / 2)}};
    if (depthwise) attributes["group"] = channels;
    Shape y = x.shape;
    y[1] = outputs;
    std::vector<ValueId> constants{maker_.weights({outputs, depthwise ? 1 : channels, size, size}, 0.25F)};
    if (chance(0.5)) constants.push_back(maker_.weights({outputs}));
    return add("Conv", {&x}, std::move(constants), std::move(y), attributes);
  }

  bool combine(Known& x) {
    const char* op = pick<const char*>({"Add", "Add", "Mul", "Sub"});
    if (x.shape.size() == 4 && chance(0.25))
      return add(op, {&x}, {maker_.weights({1, x.shape[1], 1, 1})}, x.shape);
    for (int i = 0; i < 8; ++i) {
      Known& other = any();
      if (&other != &x && other.shape == x.shape) return add(op, {&x, &other}, {}, x.shape);
    }
    return false;
  }

  bool concat(Known& x) {
    for (int i = 0; i < 8; ++i) {
      Known& other = any();
      if (other.shape.size() != 4 || other.shape[2] != x.shape[2] || other.shape[3] != x.shape[3]) continue;
      Shape y = x.shape;
      y[1] += other.shape[1];
      return y[1] <= 160 && add("Concat", {&x, &other}, {}, y, {{"axis", int64_t{1}}});
    }
    return false;
  }

  bool pool(Known& x) {
    const std::string op = pick<const char*>({"MaxPool", "AveragePool"});
    if (chance(0.5)) return add(op, {&x}, {}, x.shape, {{"kernel_shape", Ints{3, 3}}, {"pads", Ints(4, 1)}});
    if (x.shape[2] < 4 || x.shape[3] < 4) return false;
    const Shape y{1, x.shape[1], x.shape[2] / 2, x.shape[3] / 2};
    return add(op, {&x}, {}, y, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  }

  bool reshape(Known& x) {
    Shape y;
    if (x.shape.size() == 4)
      y = {1, x.shape[1], x.shape[2] * x.shape[3]};
    else if (x.shape[2] % 4 == 0)
      y = {1, x.shape[1], 4, x.shape[2] / 4};
    else
      return false;
    return add("Reshape", {&x}, {list(y)}, y);
  }

  bool transpose(Known& x) {
    if (x.shape.size() == 3)
      return add("Transpose", {&x}, {}, {1, x.shape[2], x.shape[1]}, {{"perm", Ints{0, 2, 1}}});
    return add("Transpose", {&x}, {}, {1, x.shape[2], x.shape[3], x.shape[1]}, {{"perm", Ints{0, 2, 3, 1}}});
  }

  bool multiply(Known& x) {
    const int64_t columns = pick<int64_t>({8, 24, 32});
    return add("MatMul", {&x}, {maker_.weights({x.shape[2], columns}, 0.25F)}, {1, x.shape[1], columns});
  }

  /// Squeeze and excitation without the middle.
  bool gate(Known& x) {
    const ValueId image = x.id;
    const Shape shape = x.shape;
    x.read = true;
    const ValueId mean = chance(0.5) ? maker_.node("GlobalAveragePool", {image})
                                     : maker_.node("ReduceMean", {image}, {{"axes", Ints{2, 3}}});
    const ValueId factor = maker_.node("HardSigmoid", {mean});
    values_.push_back({maker_.node("Mul", {image, factor}), shape, false});
    return true;
  }

  bool enlarge(Known& x) {
    const Shape y{1, x.shape[1], 2 * x.shape[2], 2 * x.shape[3]};
    const ValueId none = maker_.constant(Tensor::from<float>({0}, std::span<const float>())),
                  scales = maker_.constant(Tensor::from<float>({4}, {1, 1, 2, 2}));
    return add("Resize", {&x}, {none, scales}, y,
               {{"mode", std::string(pick<const char*>({"nearest", "linear"}))}});
  }

  Maker maker_;
  std::mt19937 random_;
  std::vector<Known> values_;
};

Result<NamedValues> run_eagerly(const Graph& graph, const std::vector<Tensor>& inputs) {
  auto model = std::make_shared<Model>();
  model->graph = graph.clone();
  model->opsets[""] = 17;
  return on_executor([&]() -> Result<NamedValues> {
    LATHE_ASSIGN(const auto eager, make_eager(model));
    NamedValues given;
    for (size_t i = 0; i < inputs.size(); ++i)
      given[graph.value(graph.inputs()[i]).name] = RuntimeValue(inputs[i]);
    return eager->run(given, {});
  });
}

void check(uint32_t seed) {
  const RandomGraph random(seed);
  const Graph& graph = random.graph();
  SCOPED_TRACE("LATHE_SEED=" + std::to_string(seed));
  const auto expected = run_eagerly(graph, inputs_for(graph));
  ASSERT_TRUE(expected.ok()) << expected.error().text();
  const std::vector<Tensor> given = run(graph, true);
  ASSERT_EQ(given.size(), graph.outputs().size());
  for (size_t i = 0; i < given.size(); ++i) {
    const std::string& name = graph.value(graph.outputs()[i]).name;
    const auto difference = compare_tensors(expected->at(name).tensor, given[i]);
    ASSERT_TRUE(difference.ok()) << name << ": " << difference.error().text();
    EXPECT_EQ(difference->sums.nonfinite_mismatches, 0) << name;
    EXPECT_LT(difference->relative_to_largest, 1e-4) << name << '\n' << to_text(graph);
  }
}

TEST(RandomGraphs, AnEngineGivesWhatTheEagerRunGives) {
  if (const char* seed = std::getenv("LATHE_SEED"))
    return check(static_cast<uint32_t>(std::strtoul(seed, nullptr, 10)));
  constexpr uint32_t count = 150;
  for (uint32_t seed = 0; seed < count && !testing::Test::HasFailure(); ++seed) check(seed);
}

}  // namespace
}  // namespace lathe
