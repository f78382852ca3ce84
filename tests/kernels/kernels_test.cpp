// SPDX-License-Identifier: Apache-2.0
// Every optimised kernel against the reference kernel, over shapes that do not divide evenly.
#include <cmath>
#include <limits>
#include <set>

#include "engine/kernels/kernel.h"
#include "tests/ops/c_run_node.h"

namespace lathe {
namespace {

struct Case {
  std::string op;
  int version;
  std::vector<Shape> inputs;
  std::map<std::string, AttributeValue> attributes;
  std::vector<size_t> constants;  ///< inputs known at compile time
  double scale = 4.0;             ///< inputs lie in [-scale / 2, scale / 2)
  double tolerance = 1e-5;        ///< of the largest magnitude
};

using Ints = std::vector<int64_t>;

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const int64_t n : {1, 3, 17, 1000, 70001}) {
    all.push_back({"Erf", 13, {{n}}, {}, {}, 12.0, 4e-7});
    for (const char* op : {"Relu", "Sigmoid", "Tanh", "HardSwish"}) all.push_back({op, 14, {{1, n}}, {}, {}});
  }
  for (const Ints& shape : {Ints{1, 1, 7, 9}, Ints{2, 3, 16, 17}, Ints{1, 5, 33, 8}}) {
    for (const int64_t kernel : {2, 3})
      for (const int64_t stride : {1, 2})
        for (const int64_t pad : {0, 1}) {
          const std::map<std::string, AttributeValue> window = {{"kernel_shape", Ints{kernel, kernel}},
                                                                {"strides", Ints{stride, stride}},
                                                                {"pads", Ints{pad, pad, pad, pad}}};
          for (const char* op : {"MaxPool", "AveragePool"}) all.push_back({op, 12, {shape}, window, {}});
        }
    all.push_back({"MaxPool", 12, {shape}, {{"kernel_shape", Ints{3, 2}}, {"dilations", Ints{2, 3}}}, {}});
    all.push_back({"MaxPool",
                   12,
                   {shape},
                   {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 3}}, {"ceil_mode", int64_t{1}}},
                   {}});
    all.push_back({"GlobalAveragePool", 1, {shape}, {}, {}});
    all.push_back({"Softmax", 13, {shape}, {{"axis", int64_t{-1}}}, {}});
    all.push_back({"Softmax", 13, {shape}, {{"axis", int64_t{1}}}, {}});
    all.push_back({"LayerNormalization", 17, {shape, {shape[3]}, {shape[3]}}, {{"epsilon", 1e-5F}}, {1, 2}});
    for (const char* op : {"Add", "Mul", "Sub"}) {
      all.push_back({op, 14, {shape, shape}, {}, {}});
      all.push_back({op, 14, {shape, {shape[1], 1, 1}}, {}, {1}});
      all.push_back({op, 14, {{1}, shape}, {}, {}});
    }
  }
  for (const int64_t channels : {1, 3, 16})
    for (const int64_t stride : {1, 2})
      for (const bool constant : {false, true})
        all.push_back({"Conv",
                       11,
                       {{2, channels, 13, 11}, {5, channels, 3, 3}, {5}},
                       {{"strides", Ints{stride, stride}}, {"pads", Ints{1, 0, 1, 2}}},
                       constant ? std::vector<size_t>{1, 2} : std::vector<size_t>{}});
  all.push_back({"Conv", 11, {{1, 6, 9, 9}, {6, 1, 3, 3}}, {{"group", int64_t{6}}}, {1}});
  all.push_back({"Conv", 11, {{1, 6, 9, 9}, {4, 3, 3, 3}}, {{"group", int64_t{2}}}, {1}});
  all.push_back({"Conv", 11, {{1, 4, 19}, {3, 4, 5}, {3}}, {{"dilations", Ints{2}}}, {1, 2}});
  all.push_back({"MatMul", 13, {{7, 5}, {5, 3}}, {}, {}});
  all.push_back({"MatMul", 13, {{2, 3, 7, 5}, {5, 3}}, {}, {1}});
  all.push_back({"MatMul", 13, {{2, 3, 7, 5}, {3, 5, 9}}, {}, {}});
  all.push_back(
      {"Gemm", 13, {{5, 7}, {3, 5}, {3}}, {{"transA", int64_t{1}}, {"transB", int64_t{1}}}, {1, 2}});
  return all;
}

std::string describe(const Case& test) {
  std::string text = test.op;
  for (const Shape& shape : test.inputs) text += " " + to_string(shape);
  for (const auto& [name, value] : test.attributes)
    if (const auto* ints = std::get_if<Ints>(&value)) text += " " + name + to_string(*ints);
  return text;
}

Tensor scaled(Tensor tensor, double scale) {
  for (float& element : tensor.mutable_data<float>()) element *= static_cast<float>(scale);
  return tensor;
}

/// Aligned memory for a kernel's scratch.
Tensor bytes(size_t count) {
  return Tensor::allocate(ElementType::u8, {static_cast<int64_t>(count)}).value();
}

void run_case(const Case& test, std::set<std::string>& accepted) {
  SCOPED_TRACE(describe(test));
  Node node = test::make_node(test.op.c_str(), test.version);
  for (const auto& [name, value] : test.attributes) node.attributes.set(name, value);
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < test.inputs.size(); ++i)
    inputs.push_back(scaled(test::noise(test.inputs[i], static_cast<uint32_t>(i + 1)), test.scale));
  const auto expected = test::run_node(node, inputs);
  ASSERT_TRUE(expected.ok()) << expected.error().text();
  const Tensor& want = (*expected)[0].tensor;

  uint32_t id = 0;
  for (size_t i = 0; i < inputs.size(); ++i) node.inputs.push_back(ValueId(id++));
  node.outputs.push_back(ValueId(id));
  KernelRequest request;
  request.node = &node;
  request.plain_layouts = true;
  for (size_t i = 0; i < inputs.size(); ++i) {
    request.inputs.push_back({inputs[i].type(), inputs[i].shape(), {}});
    const bool constant = std::find(test.constants.begin(), test.constants.end(), i) != test.constants.end();
    request.constants.push_back(constant ? &inputs[i] : nullptr);
  }
  request.outputs.push_back({want.type(), want.shape(), {}});
  for (const KernelCandidate& candidate : kernels().find(node.qualified_type())) {
    Prepared prepared = candidate.prepare(request);
    auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared);
    if (kernel == nullptr) continue;
    accepted.insert(std::string(candidate.name));
    SCOPED_TRACE((*kernel)->name());
    Tensor output = Tensor::allocate(want.type(), want.shape()).value();
    Tensor scratch = bytes((*kernel)->scratch_bytes());
    std::vector<const std::byte*> from;
    for (const Tensor& input : inputs) from.push_back(input.raw());
    std::byte* to = output.mutable_raw();
    const Status status = (*kernel)->run({from, {&to, 1}, scratch.mutable_raw()});
    ASSERT_TRUE(status.ok()) << status.error().text();
    double largest = 0;
    for (const double element : want.to_double()) largest = std::max(largest, std::fabs(element));
    test::expect_near(output, want, test.tolerance * std::max(largest, 1e-3));
  }
}

TEST(Kernels, GiveWhatTheReferenceGives) {
  std::set<std::string> accepted;
  for (const Case& test : cases()) run_case(test, accepted);
  for (const char* name : {"simd:erf", "simd:max_pool", "onednn:conv", "onednn:matmul", "onednn:eltwise",
                           "onednn:pool", "onednn:softmax", "onednn:binary"})
    EXPECT_TRUE(accepted.contains(name)) << name << " took none of the cases";
}

TEST(Kernels, ErfOfSpecialValues) {
  Node node = test::make_node("Erf", 13);
  node.inputs = {ValueId(0)};
  node.outputs = {ValueId(1)};
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::from<float>({5}, {infinity, -infinity, NAN, 0.0F, -0.0F});
  KernelRequest request;
  request.node = &node;
  request.inputs = request.outputs = {{ElementType::f32, {5}, {}}};
  request.constants = {nullptr};
  Prepared prepared = kernels().find("Erf").front().prepare(request);
  auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared);
  ASSERT_NE(kernel, nullptr);
  float y[5] = {};
  const std::byte* from = x.raw();
  auto* to = reinterpret_cast<std::byte*>(y);
  ASSERT_TRUE((*kernel)->run({{&from, 1}, {&to, 1}, nullptr}).ok());
  EXPECT_EQ(y[0], 1.0F);
  EXPECT_EQ(y[1], -1.0F);
  EXPECT_TRUE(std::isnan(y[2]));
  EXPECT_EQ(y[3], 0.0F);
  EXPECT_TRUE(std::signbit(y[4]));
}

}  // namespace
}  // namespace lathe
