// SPDX-License-Identifier: Apache-2.0
// A model with one module that a narrow precision ruins, and what judges it.
#pragma once

#include "tests/convert/planted.h"

namespace lathe {

inline Tensor ramp() {
  Tensor made = Tensor::allocate(ElementType::f32, {4, 8}).value();
  float at = -1.0F;
  for (float& each : made.mutable_data<float>()) each = at += 0.0625F;
  return made;
}

inline Tensor square(float scale) {
  Tensor made = Tensor::allocate(ElementType::f32, {8, 8}).value();
  int at = 0;
  for (float& each : made.mutable_data<float>()) each = scale * static_cast<float>(at++ % 9 == 0);
  return made;
}

/// x -> first -> fragile -> last. Adding 4096 and taking it away again leaves nothing of numbers around 1 in
/// bf16.
inline std::shared_ptr<const Model> with_fragile_module() {
  Planter plant;
  const ValueId x = plant.input("x", {Dim(4), Dim(8)});
  const ValueId first = plant.node("MatMul", {x, plant.constant(square(1.5F))}, {}, "first");
  const ValueId up = plant.node("Add", {first, plant.constant(Tensor::scalar(4096.0F))}, {}, "fragile");
  const ValueId down = plant.node("Sub", {up, plant.constant(Tensor::scalar(4096.0F))}, {}, "fragile");
  const ValueId last = plant.node("MatMul", {down, plant.constant(square(0.5F))}, {}, "last");
  plant.output(plant.node("MatMul", {last, plant.constant(square(1.0F))}, {}, "head"), "y");
  return plant.finish();
}

/// Minus the largest difference from what y is in fp32.
inline Result<double> closeness(Runnable& runnable) {
  NamedValues inputs;
  inputs["x"] = RuntimeValue(ramp());
  LATHE_ASSIGN(const NamedValues outputs, runnable.run(inputs, {}));
  const auto given = outputs.at("y").tensor.to_double(), wanted = ramp().to_double();
  double worst = 0;
  for (size_t i = 0; i < wanted.size(); ++i) worst = std::max(worst, std::abs(given[i] - 0.75 * wanted[i]));
  return -worst;
}

}  // namespace lathe
