// SPDX-License-Identifier: Apache-2.0
// Rules that keep a product out of 8 bit, each with a reason. The first one that speaks decides.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/ops/inference.h"

namespace lathe {

struct Int8RuleContext {
  const Graph& graph;
  const InferenceResult& types;
  const Node& node;       ///< Conv, MatMul or Gemm in f32
  const Tensor* weights;  ///< input 1 when it is constant, else null
};

struct Int8Rule {
  std::string_view name;
  std::optional<std::string> (*keeps_wide)(const Int8RuleContext&) = nullptr;
};

std::span<const Int8Rule> int8_rules();

}  // namespace lathe
