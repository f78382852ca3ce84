// SPDX-License-Identifier: Apache-2.0
// Small models and data for tests of int8.
#pragma once

#include <cmath>
#include <memory>
#include <random>
#include <string>

#include "engine/precision/int8_search.h"
#include "engine/runtime/converted.h"
#include "engine/tensor/compare.h"
#include "tests/precision/make_model.h"

namespace lathe {

inline constexpr int64_t width = 64;

inline Tensor random_tensor(Shape shape, uint32_t seed, float scale) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw(0, scale);
  Tensor tensor = std::move(Tensor::allocate(ElementType::f32, std::move(shape))).value();
  for (float& element : tensor.mutable_data<float>()) element = draw(random);
  return tensor;
}

/// x -> a -> b -> c, each a product and a Tanh or Relu. `outlier`: what b reads has one column that large.
inline ModelMaker chain(float outlier) {
  ModelMaker maker(17);
  maker.input("x", {8, width});
  const char* names[] = {"a", "b", "c"};
  std::string from = "x";
  for (uint32_t i = 0; i < 3; ++i) {
    const std::string name = names[i];
    Tensor weights = random_tensor({width, width}, i + 1, 0.125F);
    Tensor bias = random_tensor({width}, i + 10, 0.1F);
    if (i == 0) bias.mutable_data<float>()[7] = outlier;
    if (i == 1 && outlier != 0)  // the column bears nothing the result needs
      for (int64_t k = 0; k < width; ++k) weights.mutable_data<float>()[7 * width + k] = 0;
    maker.constant(name + ".w", std::move(weights));
    maker.constant(name + ".bias", std::move(bias));
    maker.node("Gemm", {from, name + ".w", name + ".bias"}, name + ".y");
    maker.module(name);
    from = name + ".y";
    if (i == 2) break;
    maker.node("Relu", {from}, name + ".r");
    maker.module(name);
    from = name + ".r";
  }
  maker.output(from);
  return maker;
}

inline CalibrationData random_data(const Model& model, size_t count) {
  CalibrationData data;
  data.name = "test";
  for (size_t k = 0; k < count; ++k)
    data.samples.push_back(std::move(random_inputs(model, {}, {}, k)).value());
  return data;
}

inline PrecisionRequest all_int8() {
  PrecisionRequest request;
  request.modules[""] = ElementType::i8;
  return request;
}

/// Minus the relative error of the outputs, in per cent of the signal's root mean square.
inline Score closeness(std::shared_ptr<const Model> model, NamedValues inputs) {
  return [model, inputs](Runnable& runnable) -> Result<double> {
    LATHE_ASSIGN(const auto reference, make_engine_model(model));
    LATHE_ASSIGN(const NamedValues expected, reference->run(inputs, {}));
    LATHE_ASSIGN(const NamedValues got, runnable.run(inputs, {}));
    LATHE_ASSIGN(const TensorDifference difference,
                 compare_tensors(expected.begin()->second.tensor, got.begin()->second.tensor));
    return -std::sqrt(difference.sums.noise / difference.sums.signal);
  };
}

inline size_t count(const Graph& graph, const std::string& op_type) {
  size_t found = 0;
  for (const Node& node : graph.nodes()) found += node.alive && node.op_type == op_type;
  return found;
}

}  // namespace lathe
