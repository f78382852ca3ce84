// SPDX-License-Identifier: Apache-2.0
// Activation functions that fused and recurrent operators apply to their results.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "engine/base/result.h"
#include "engine/graph/graph.h"

namespace lathe {

enum class ActivationKind {
  none,
  relu,
  sigmoid,
  tanh,
  gelu,
  gelu_tanh,
  clip,
  leaky_relu,
  elu,
  hard_swish,
  hard_sigmoid,
  swish,
  // In recurrent operators only:
  affine,
  thresholded_relu,
  scaled_tanh,
  softsign,
  softplus,
};

/// A function with its parameters: clip [alpha, beta]; leaky_relu, elu, thresholded_relu: alpha; hard_sigmoid
/// and affine: alpha * x + beta; swish: x * sigmoid(alpha * x); scaled_tanh: alpha * tanh(beta * x).
struct Activation {
  ActivationKind kind = ActivationKind::none;
  float alpha = 0, beta = 0;

  /// With ONNX's default parameters.
  explicit Activation(ActivationKind kind = ActivationKind::none);
};

/// By the name used in attributes ("Relu", "GeluTanh"; "" and "none" are none), case-insensitive.
std::optional<ActivationKind> parse_activation_kind(std::string_view name);
/// From a node's attributes `activation` and the named parameters, or an error naming the unknown function.
Result<Activation> parse_activation(const Node& node, std::string_view alpha = "alpha",
                                    std::string_view beta = "beta");

float activate(const Activation& activation, float x);
double activate(const Activation& activation, double x);
void activate(const Activation& activation, std::span<float> elements);
void activate(const Activation& activation, std::span<double> elements);

}  // namespace lathe
