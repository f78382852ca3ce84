// SPDX-License-Identifier: Apache-2.0
// Products of integers are exact: MatMulInteger with its zero points, its real sibling, and what quantises
// for them.
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

/// Of the whole range; or near one end, so that sums are larger than f32 can count to.
Tensor integers(Random& random, ElementType type, const Shape& shape, bool extreme) {
  Tensor made = random.tensor(type, shape);
  if (!extreme) return made;
  for (int64_t i = 0; i < made.count(); ++i)
    made.mutable_raw()[i] = static_cast<std::byte>((type == ElementType::u8 ? 255 : 127) - random.in(0, 5));
  return made;
}

/// Absent, one number, or `count` of them.
Tensor zero_point(Random& random, ElementType type, int64_t count) {
  if (random.chance(0.25)) return {};
  if (random.chance(0.3)) return random.tensor(type, random.chance(0.5) ? Shape{} : Shape{1});
  return random.tensor(type, {count});
}

/// Inputs A and B, of which B is constant.
Case make_product(Random& random, Node node) {
  Case test{std::move(node), {}, {1}};
  const bool extreme = random.chance(0.15);
  Shape a = random.shape(0, 2, 3, false);
  const int64_t depth = extreme ? random.in(900, 1300) : random.in(1, 70), columns = random.in(1, 40);
  a.insert(a.end(), {random.in(1, 20), depth});
  const auto type = [&] { return random.pick({ElementType::u8, ElementType::i8}); };
  test.inputs = {integers(random, type(), a, extreme), integers(random, type(), {depth, columns}, extreme)};
  return test;
}

Case make_matmul_integer(Random& random) {
  Case test = make_product(random, make_node("MatMulInteger", 10));
  const Tensor a = test.inputs[0], b = test.inputs[1];
  test.inputs.push_back(zero_point(random, a.type(), a.dim(a.rank() - 2)));
  test.inputs.push_back(zero_point(random, b.type(), b.dim(1)));
  test.absolute = 0;
  return test;
}

TEST(IntegerProperty, MatMulIntegerIsExact) {
  check_cases(250, make_matmul_integer, {{"onednn:matmul_integer", 250}}, false);
}

Case make_matmul_to_float(Random& random) {
  Case test = make_product(random, make_node("MatMulIntegerToFloat", 1, "com.microsoft"));
  const Tensor a = test.inputs[0], b = test.inputs[1];
  const int64_t columns = b.dim(1);
  const auto scales = [&](const Shape& shape) {
    Tensor made = Tensor::allocate(ElementType::f32, shape).value();
    for (float& scale : made.mutable_data<float>()) scale = static_cast<float>(random.in(1, 1000)) / 9000;
    return made;
  };
  test.inputs.push_back(scales(random.chance(0.5) ? Shape{} : Shape{1}));
  test.inputs.push_back(scales(random.chance(0.5) ? Shape{} : Shape{columns}));
  test.inputs.push_back(random.chance(0.3) ? Tensor() : random.tensor(a.type(), {1}));
  test.inputs.push_back(zero_point(random, b.type(), columns));
  if (random.chance(0.5)) test.inputs.push_back(random.tensor(ElementType::f32, {columns}));
  test.tolerance = 1e-6;
  return test;
}

TEST(IntegerProperty, MatMulIntegerToFloat) {
  check_cases(250, make_matmul_to_float, {{"onednn:matmul_integer", 250}}, false);
}

Case make_conv_integer(Random& random) {
  Case test{make_node("ConvInteger", 10), {}, {1, 3}};
  const bool extreme = random.chance(0.15);
  const auto rank = static_cast<size_t>(random.pick({1, 2, 2, 2, 3}));
  const int64_t groups = random.pick({1, 1, 1, 2, 8}),
                channels = extreme ? random.in(140, 160) : random.pick({1, 3, 4, 16, 17}),
                outputs = random.pick({1, 2, 5, 16, 33});
  Shape x{random.in(1, 2), groups * channels}, w{groups * outputs, channels};
  for (size_t axis = 0; axis < rank; ++axis) {
    w.push_back(random.in(extreme ? 3 : 1, 3));
    x.push_back(random.in(rank == 3 ? 5 : 7, rank == 3 ? 7 : 10));
  }
  if (groups > 1) test.node.attributes.set("group", groups);
  const auto some = [&](const char* name, int64_t low, int64_t high, size_t count) {
    std::vector<int64_t> values(count);
    for (int64_t& value : values) value = random.in(low, high);
    if (random.chance(0.6)) test.node.attributes.set(name, values);
  };
  some("strides", 1, 3, rank);
  some("dilations", 1, 2, rank);
  some("pads", 0, 2, 2 * rank);
  const auto type = [&] { return random.pick({ElementType::u8, ElementType::i8}); };
  const ElementType x_type = type(), w_type = type();
  test.inputs = {
      integers(random, x_type, x, extreme), integers(random, w_type, w, extreme),
      random.chance(0.3) ? Tensor() : random.tensor(x_type, random.chance(0.5) ? Shape{} : Shape{1}),
      zero_point(random, w_type, w[0])};
  test.absolute = 0;
  return test;
}

TEST(IntegerProperty, ConvIntegerIsExact) {
  check_cases(120, make_conv_integer, {{"onednn:conv_integer", with_8bit_products(120)}}, false);
}

Case make_cast(Random& random) {
  Case test{make_node("Cast", 13), {}, {}};
  test.node.attributes.set("to", int64_t{1});
  const Shape shape = random.shape(0, 5, 9);
  const ElementType type = random.pick({ElementType::i32, ElementType::i8, ElementType::u8});
  Tensor x = type == ElementType::i32 ? Tensor::allocate(type, shape).value() : random.tensor(type, shape);
  if (type == ElementType::i32)
    for (int32_t& element : x.mutable_data<int32_t>())
      element = static_cast<int32_t>(
          random.in(std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()));
  test.inputs = {x};
  test.absolute = 0;
  return test;
}

TEST(IntegerProperty, CastToFloatRoundsAsTheReference) {
  check_cases(100, make_cast, {{"onednn:cast", 80}}, false);
}

/// What the one kernel makes of `x`, to the bit what the reference does.
void expect_same_quantisation(const Tensor& x) {
  const Node node = make_node("DynamicQuantizeLinear", 11);
  const auto wanted = run_node(node, {x}, 3);
  ASSERT_TRUE(wanted.ok());
  KernelRequest request;
  request.node = &node;
  request.inputs = {{x.type(), x.shape(), {}}};
  request.constants = {nullptr};
  std::vector<Tensor> made;
  std::vector<std::byte*> to;
  for (const RuntimeValue& value : *wanted) {
    request.outputs.push_back({value.tensor.type(), value.tensor.shape(), {}});
    made.push_back(Tensor::allocate(value.tensor.type(), value.tensor.shape()).value());
    to.push_back(made.back().mutable_raw());
  }
  const auto candidates = kernels().find("DynamicQuantizeLinear");
  ASSERT_FALSE(candidates.empty());
  Prepared prepared = candidates[0].prepare(request);
  auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared);
  ASSERT_NE(kernel, nullptr);
  const std::byte* from = x.raw();
  ASSERT_TRUE((*kernel)->run({{&from, 1}, to, nullptr}).ok());
  for (size_t i = 0; i < made.size(); ++i)
    EXPECT_EQ(std::memcmp(made[i].raw(), (*wanted)[i].tensor.raw(), made[i].bytes()), 0)
        << "output " << i << " of " << to_string(x.shape());
}

TEST(IntegerProperty, DynamicQuantizeLinearIsExact) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    const Shape shape =
        seed % 20 == 0 ? Shape{3, random.in(20000, 40000)} : random.shape(0, 3, 30, seed % 7 == 0);
    expect_same_quantisation(random.tensor(ElementType::f32, shape, random.values()));
  }
}

TEST(IntegerProperty, DynamicQuantizeLinearKnowsTiesAndOneSidedRanges) {
  Tensor x = Tensor::allocate(ElementType::f32, {520}).value();
  const auto fill = [&](float first, float step) {
    for (size_t i = 0; i < 520; ++i) x.mutable_data<float>()[i] = first + step * static_cast<float>(i);
    expect_same_quantisation(x);
  };
  fill(0, 0);           // all zero
  fill(-127.5F, 0.5F);  // every other one is a tie
  fill(3, 0.25F);       // 0 is below the range
  fill(-900, 1.0F);     // and above it
  fill(std::numeric_limits<float>::quiet_NaN(), 1);
}

}  // namespace
}  // namespace lathe::test
