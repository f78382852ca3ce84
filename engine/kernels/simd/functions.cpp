// SPDX-License-Identifier: Apache-2.0
// Operators that are functions of one f32 tensor, and Pow by a constant.
#include "engine/kernels/simd/functions.h"

#include <cmath>

#include "engine/kernels/simd/elementwise_kernel.h"

namespace lathe {
namespace simd {
namespace {

Prepared prepare_task(const KernelRequest& request, const char* name, const FunctionTask& task) {
  return prepare_elementwise(
      request, std::string("simd:") + name,
      [task](const float* from, float* to, size_t count) { map_function(task, from, to, count); });
}

/// An operator, and what its attributes are without being given; those without a name are fixed.
struct Entry {
  const char* op;
  FunctionTask task;
  const char* alpha = nullptr;
  const char* beta = nullptr;
};

constexpr Entry entries[] = {
    {"Log", {Function::log}},
    {"Sin", {Function::sin}},
    {"Cos", {Function::cos}},
    {"Softplus", {Function::softplus}},
    {"Mish", {Function::mish}},
    {"Swish", {Function::swish, 1.0F}, "alpha"},
    {"Elu", {Function::elu, 1.0F, 1.0F}, "alpha"},
    {"Selu", {Function::elu, 1.67326319217681884765625F, 1.05070102214813232421875F}, "alpha", "gamma"},
    {"Celu", {Function::celu, 1.0F}, "alpha"},
    {"HardSigmoid", {Function::hard_sigmoid, 0.2F, 0.5F}, "alpha", "beta"},
    {"ThresholdedRelu", {Function::thresholded_relu, 1.0F}, "alpha"},
    {"Floor", {Function::floor}},
    {"Ceil", {Function::ceil}},
    {"Round", {Function::round}},
    {"Sign", {Function::sign}},
};

Prepared prepare_function(const KernelRequest& request) {
  const Node& node = *request.node;
  for (const Entry& entry : entries) {
    if (node.op_type != entry.op) continue;
    FunctionTask task = entry.task;
    if (entry.alpha != nullptr) task.alpha = node.attributes.get_float(entry.alpha, task.alpha);
    if (entry.beta != nullptr) task.beta = node.attributes.get_float(entry.beta, task.beta);
    return prepare_task(request, "function", task);
  }
  return Decline{DeclineReason::attribute, node.op_type};
}

Prepared prepare_power(const KernelRequest& request) {
  const Tensor* exponent = request.constants.size() > 1 ? request.constants[1] : nullptr;
  if (exponent == nullptr) return Decline{DeclineReason::not_constant, "exponent"};
  if (exponent->count() != 1) return Decline{DeclineReason::shape, to_string(exponent->shape())};
  const double value = exponent->to_double()[0];
  const auto alpha = static_cast<float>(value);
  if (!std::isfinite(alpha) || static_cast<double>(alpha) != value)
    return Decline{DeclineReason::attribute, "exponent " + std::to_string(value)};
  FunctionTask task{Function::power, alpha, 0};
  if (std::abs(alpha) == 0.5F) task.function = Function::power_root;
  if (std::abs(alpha) <= 16 && alpha == std::trunc(alpha)) task.function = Function::power_whole;
  return prepare_task(request, "power", task);
}

}  // namespace
}  // namespace simd

void register_functions(KernelRegistry& registry) {
  KernelCandidate functions{"simd:function", {}, simd::prepare_function};
  for (const simd::Entry& entry : simd::entries) functions.operators.emplace_back(entry.op);
  registry.add(std::move(functions));
  registry.add({"simd:power", {"Pow"}, simd::prepare_power});
}

}  // namespace lathe
