// SPDX-License-Identifier: Apache-2.0
// Matrix products of every form: batches that broadcast, transposes, permutations, bias and residual.
#include <gtest/gtest.h>
#include <numeric>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

using Ints = std::vector<int64_t>;

Values finite_or_special(Random& random) {
  return random.chance(0.15) ? Values::special : Values::even;
}

/// Shapes of A [.., m, k] and B [.., k, n], batches broadcast against each other.
std::pair<Shape, Shape> operand_shapes(Random& random) {
  const Shape batch = random.shape(0, 3, 3);
  Shape a = random.broadcastable(batch), b = random.broadcastable(batch);
  if (random.chance(0.3)) a = batch;
  if (random.chance(0.3)) b.clear();
  const int64_t m = random.pick({0, 1, 1, 2, 5, 7, 16, 33}), k = random.pick({0, 1, 2, 3, 8, 17, 40, 64}),
                n = random.pick({0, 1, 2, 5, 8, 16, 31, 48});
  const auto some = [&](int64_t size) { return size == 0 && random.chance(0.7) ? 4 : size; };
  const int64_t depth = some(k);
  a.insert(a.end(), {some(m), depth});
  b.insert(b.end(), {depth, some(n)});
  return {a, b};
}

Case make_matmul(Random& random) {
  Case test{make_node("MatMul", 13), {}, {}};
  auto [a, b] = operand_shapes(random);
  if (random.chance(0.05)) a = {b[b.size() - 2]};
  if (random.chance(0.05)) b = {a.back()};
  const Values values = finite_or_special(random);
  test.inputs = {random.tensor(ElementType::f32, a, values), random.tensor(ElementType::f32, b)};
  if (random.chance(0.5)) test.constants = {1};
  return test;
}

TEST(MatMulProperty, EveryShape) {
  check_cases(400, make_matmul, {{"onednn:matmul", 800}});
}

Case make_gemm(Random& random) {
  Case test{make_node("Gemm", 13), {}, {1}};
  const int64_t m = random.in(random.chance(0.05) ? 0 : 1, 20),
                k = random.in(random.chance(0.05) ? 0 : 1, 40),
                n = random.in(random.chance(0.05) ? 0 : 1, 40);
  const bool trans_a = random.chance(0.4), trans_b = random.chance(0.4);
  const float alpha = random.chance(0.3) ? random.pick({0.5F, -2.0F, 0.0F}) : 1.0F;
  // Libraries do not look at a product that counts nothing.
  const Values values = alpha == 0 ? Values::even : finite_or_special(random);
  test.inputs = {random.tensor(ElementType::f32, trans_a ? Shape{k, m} : Shape{m, k}, values),
                 random.tensor(ElementType::f32, trans_b ? Shape{n, k} : Shape{k, n})};
  if (random.chance(0.7))
    test.inputs.push_back(random.tensor(
        ElementType::f32, random.pick<Shape>({{n}, {1, n}, {m, n}, {m, 1}, {1}, {}, {1, 1}}), values));
  if (trans_a) test.node.attributes.set("transA", int64_t{1});
  if (trans_b) test.node.attributes.set("transB", int64_t{1});
  if (alpha != 1) test.node.attributes.set("alpha", alpha);
  if (random.chance(0.2)) test.node.attributes.set("beta", random.pick({0.5F, 1.0F, 0.0F}));
  if (random.chance(0.3)) test.constants.clear();
  return test;
}

TEST(GemmProperty, EveryForm) {
  check_cases(400, make_gemm, {{"onednn:matmul", 800}});
}

/// The shape that a tensor is stored in so that the permutation gives `wanted`.
Shape stored(const Shape& wanted, const Ints& perm) {
  Shape shape(wanted.size());
  for (size_t i = 0; i < perm.size(); ++i) shape[static_cast<size_t>(perm[i])] = wanted[i];
  return shape;
}

Ints permutation(Random& random, size_t rank) {
  Ints perm(rank);
  std::iota(perm.begin(), perm.end(), 0);
  for (size_t i = rank; i > 1; --i)
    std::swap(perm[i - 1], perm[static_cast<size_t>(random.in(0, static_cast<int64_t>(i) - 1))]);
  return perm;
}

Case make_fused(Random& random) {
  Case test{make_node("FusedMatMul", 1, "lathe"), {}, {}};
  auto [a, b] = operand_shapes(random);
  for (auto [name, shape] : {std::pair{"transA", &a}, {"transB", &b}})
    if (random.chance(0.3)) {
      std::swap((*shape)[shape->size() - 1], (*shape)[shape->size() - 2]);
      test.node.attributes.set(name, int64_t{1});
    }
  for (auto [name, shape] : {std::pair{"permA", &a}, {"permB", &b}})
    if (random.chance(0.25)) {
      const Ints perm = permutation(random, shape->size());
      *shape = stored(*shape, perm);
      test.node.attributes.set(name, perm);
    }
  if (random.chance(0.5))
    test.node.attributes.set("activation", std::string(random.pick({"Relu", "Gelu", "Tanh", "Sigmoid"})));
  // What activations make of NaN is not settled.
  const Values values = test.node.attributes.has("activation") ? Values::even : finite_or_special(random);
  test.inputs = {random.tensor(ElementType::f32, a, values), random.tensor(ElementType::f32, b)};
  if (random.chance(0.4)) test.node.attributes.set("scale", random.pick({0.125F, -3.0F}));
  auto y = run_node(test.node, test.inputs);
  if (!y.ok()) return test;
  const Shape plain = (*y)[0].tensor.shape();
  if (random.chance(0.5)) {
    // A bias is of the product, before its permutation.
    const Shape shape = random.chance(0.7) ? Shape{plain.back()} : random.broadcastable(plain);
    test.inputs.push_back(random.tensor(ElementType::f32, shape, values));
  }
  if (random.chance(0.2)) test.node.attributes.set("permY", permutation(random, plain.size()));
  if (random.chance(0.3)) {
    y = run_node(test.node, test.inputs);
    test.inputs.resize(3);
    if (y.ok()) test.inputs.push_back(random.tensor(ElementType::f32, (*y)[0].tensor.shape(), values));
  }
  if (random.chance(0.5)) test.constants = {1, 2};
  test.tolerance = 2e-5;
  test.least = 0.1;  // activations make numbers small after rounding has been done
  return test;
}

TEST(FusedMatMulProperty, EveryForm) {
  check_cases(500, make_fused, {{"onednn:matmul", 600}});
}

/// The form that attention takes, and bias and scale with it.
TEST(FusedMatMulProperty, PermutedResults) {
  const auto make = [](Random& random) {
    Case test{make_node("FusedMatMul", 1, "lathe"), {}, {2}};
    const int64_t batch = random.in(1, 3), m = random.in(1, 40), k = random.in(1, 70), n = random.in(1, 20);
    test.inputs = {random.tensor(ElementType::f32, {random.chance(0.5) ? batch : 1, m, k}),
                   random.tensor(ElementType::f32, {batch, k, n})};
    if (random.chance(0.6)) test.inputs.push_back(random.tensor(ElementType::f32, {n}));
    if (random.chance(0.5)) test.node.attributes.set("scale", -3.0F);
    if (random.chance(0.5)) test.node.attributes.set("activation", std::string("Tanh"));
    test.node.attributes.set("permY", random.pick<Ints>({{1, 0, 2}, {1, 2, 0}, {0, 2, 1}}));
    test.tolerance = 2e-5;
    test.least = 0.1;
    return test;
  };
  check_cases(150, make, {{"onednn:matmul", 60}});
}

/// Products large enough for Strassen's algorithm: sizes that are not even, weights either way round, and
/// numbers that it must not mix with those of other rows.
TEST(FusedMatMulProperty, LargeWithConstantWeights) {
  const auto make = [](Random& random) {
    Case test{make_node("FusedMatMul", 1, "lathe"), {}, {1}};
    const int64_t m = random.pick({64, 67, 99, 130, 221}), k = random.pick({384, 385, 401, 770}),
                  n = random.pick({384, 391, 450, 512});
    const Shape rows = random.chance(0.3) ? Shape{1, m, k} : Shape{m, k};
    test.inputs = {random.tensor(ElementType::f32, rows, random.values()),
                   random.tensor(ElementType::f32, random.chance(0.5) ? Shape{k, n} : Shape{n, k})};
    if (test.inputs[1].shape()[0] == n) test.node.attributes.set("transB", int64_t{1});
    if (random.chance(0.3)) test.node.attributes.set("scale", -0.5F);
    if (random.chance(0.5)) test.inputs.push_back(random.tensor(ElementType::f32, {n}));
    if (random.chance(0.3)) {
      Shape whole = rows;
      whole.back() = n;
      test.inputs.resize(3);
      test.inputs.push_back(random.tensor(ElementType::f32, whole));
    }
    if (random.chance(0.5))  // which let NaN be
      test.node.attributes.set("activation",
                               std::string(random.pick({"Gelu", "GeluTanh", "Swish", "Sigmoid"})));
    // An activation may leave 1 of sums of 100, but not of their rounding.
    test.tolerance = test.node.attributes.has("activation") ? 1e-4 : 1e-5;
    test.least = 0.1;
    return test;
  };
  check_cases(40, make, {{"simd:matmul:strassen", 40}}, false);
}

/// Rows and depths that threads share out in other ways.
TEST(FusedMatMulProperty, LargeByThreads) {
  Random random(3);
  Accepted accepted;
  int cases = 0;
  for (const int threads : {1, 2, 3})
    for (const auto& [m, k, n] : {std::array<int64_t, 3>{221, 770, 391},
                                  {130, 2050, 391},
                                  {221, 2050, 391},
                                  {301, 401, 391},
                                  {221, 1600, 1030}}) {
      Case test{make_node("FusedMatMul", 1, "lathe"), {}, {1}};
      const Values values = ++cases % 4 == 0 ? Values::special : Values::even;
      test.inputs = {random.tensor(ElementType::f32, {m, k}, values), random.tensor(ElementType::f32, {k, n}),
                     random.tensor(ElementType::f32, {n}), random.tensor(ElementType::f32, {m, n})};
      SCOPED_TRACE(std::to_string(threads) + " threads: " + describe(test));
      set_kernel_threads(threads);
      EXPECT_TRUE(check(test, accepted));
    }
  set_kernel_threads(1);
  EXPECT_GE(accepted["simd:matmul:strassen"], cases);
}

}  // namespace
}  // namespace lathe::test
