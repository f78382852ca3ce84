// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/activation.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <limits>
#include <utility>

namespace lathe {
namespace {

constexpr std::array<std::pair<std::string_view, ActivationKind>, 18> names{{
    {"", ActivationKind::none},
    {"none", ActivationKind::none},
    {"relu", ActivationKind::relu},
    {"sigmoid", ActivationKind::sigmoid},
    {"tanh", ActivationKind::tanh},
    {"gelu", ActivationKind::gelu},
    {"gelutanh", ActivationKind::gelu_tanh},
    {"clip", ActivationKind::clip},
    {"leakyrelu", ActivationKind::leaky_relu},
    {"elu", ActivationKind::elu},
    {"hardswish", ActivationKind::hard_swish},
    {"hardsigmoid", ActivationKind::hard_sigmoid},
    {"swish", ActivationKind::swish},
    {"affine", ActivationKind::affine},
    {"thresholdedrelu", ActivationKind::thresholded_relu},
    {"scaledtanh", ActivationKind::scaled_tanh},
    {"softsign", ActivationKind::softsign},
    {"softplus", ActivationKind::softplus},
}};

template <class A>
A sigmoid(A x) {
  // Of the magnitude, so that exp never overflows.
  const A e = std::exp(-std::abs(x));
  return x >= 0 ? A(1) / (A(1) + e) : e / (A(1) + e);
}

template <class A>
A evaluate(const Activation& f, A x) {
  const A alpha = f.alpha, beta = f.beta;
  switch (f.kind) {
    case ActivationKind::none:
      return x;
    case ActivationKind::relu:
      return x < 0 ? A(0) : x;
    case ActivationKind::sigmoid:
      return std::isnan(x) ? x : sigmoid(x);
    case ActivationKind::tanh:
      return std::tanh(x);
    case ActivationKind::gelu:
      return A(0.5) * x * (A(1) + std::erf(x * A(0.70710678118654752440)));
    case ActivationKind::gelu_tanh:
      return A(0.5) * x * (A(1) + std::tanh(A(0.79788456080286535588) * (x + A(0.044715) * x * x * x)));
    case ActivationKind::clip:
      return x < alpha ? std::min(alpha, beta) : x > beta ? beta : x;
    case ActivationKind::leaky_relu:
      return x < 0 ? alpha * x : x;
    case ActivationKind::elu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case ActivationKind::hard_swish:
      return x * std::clamp(x / A(6) + A(0.5), A(0), A(1));
    case ActivationKind::hard_sigmoid:
      return std::clamp(alpha * x + beta, A(0), A(1));
    case ActivationKind::swish:
      return x * sigmoid(alpha * x);
    case ActivationKind::affine:
      return alpha * x + beta;
    case ActivationKind::thresholded_relu:
      return x > alpha ? x : A(0);
    case ActivationKind::scaled_tanh:
      return alpha * std::tanh(beta * x);
    case ActivationKind::softsign:
      return x / (A(1) + std::abs(x));
    case ActivationKind::softplus:
      return std::max(x, A(0)) + std::log1p(std::exp(-std::abs(x)));
  }
  return x;
}

}  // namespace

Activation::Activation(ActivationKind kind) : kind(kind) {
  switch (kind) {
    case ActivationKind::clip:
      alpha = std::numeric_limits<float>::lowest();
      beta = std::numeric_limits<float>::max();
      break;
    case ActivationKind::leaky_relu:
      alpha = 0.01f;
      break;
    case ActivationKind::hard_sigmoid:
      alpha = 0.2f;
      beta = 0.5f;
      break;
    case ActivationKind::elu:
    case ActivationKind::swish:
    case ActivationKind::thresholded_relu:
    case ActivationKind::affine:
      alpha = 1.0f;
      break;
    case ActivationKind::scaled_tanh:
      alpha = beta = 1.0f;
      break;
    default:
      break;
  }
}

std::optional<ActivationKind> parse_activation_kind(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [known, kind] : names)
    if (known == lower) return kind;
  return std::nullopt;
}

Result<Activation> parse_activation(const Node& node, std::string_view alpha, std::string_view beta) {
  const std::string name = node.attributes.get_string("activation", "");
  const auto kind = parse_activation_kind(name);
  if (!kind)
    return bad_input("node '" + node.name + "' (" + node.qualified_type() + ")",
                     "has an unknown activation '" + name + "'");
  Activation activation(*kind);
  activation.alpha = node.attributes.get_float(alpha, activation.alpha);
  activation.beta = node.attributes.get_float(beta, activation.beta);
  return activation;
}

float activate(const Activation& activation, float x) {
  return evaluate(activation, x);
}
double activate(const Activation& activation, double x) {
  return evaluate(activation, x);
}

void activate(const Activation& activation, std::span<float> elements) {
  if (activation.kind == ActivationKind::none) return;
  for (float& element : elements) element = evaluate(activation, element);
}
void activate(const Activation& activation, std::span<double> elements) {
  if (activation.kind == ActivationKind::none) return;
  for (double& element : elements) element = evaluate(activation, element);
}

}  // namespace lathe
