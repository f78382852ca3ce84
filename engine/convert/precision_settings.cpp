// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/precision_settings.h"

namespace lathe {

Result<PrecisionRequest> precision_request(const Configuration& configuration) {
  PrecisionRequest request;
  request.exclude = configuration.exclude;
  for (const auto& [path, settings] : configuration.modules) {
    const std::string where = path.empty() ? "" : "module '" + path + "'";
    if (settings.fp16 == true && settings.bf16 == true)
      return usage_error(where, "is asked to be fp16 and bf16 at once: choose one");
    if (settings.int8 == true)
      request.modules[path] = ElementType::i8;
    else if (settings.fp16 == true)
      request.modules[path] = ElementType::f16;
    else if (settings.bf16 == true)
      request.modules[path] = ElementType::bf16;
    else if (settings.fp16 || settings.bf16 || settings.int8)
      request.modules[path] = ElementType::f32;
  }
  return request;
}

PrecisionRequest rest_request(const Configuration& configuration) {
  PrecisionRequest request;
  request.exclude = configuration.exclude;
  for (const auto& [path, settings] : configuration.modules) {
    if (settings.fp16 == true)
      request.modules[path] = ElementType::f16;
    else if (settings.bf16 == true)
      request.modules[path] = ElementType::bf16;
    else if (settings.fp16 || settings.bf16)
      request.modules[path] = ElementType::f32;
  }
  return request;
}

std::string module_precision(const ModuleTree& tree, ModuleId module, const PrecisionReport& report) {
  size_t f16 = 0, bf16 = 0, i8 = 0;
  for (const NodePrecision& node : report.nodes) {
    if (node.inserted || !tree.contains(module, node.module)) continue;
    f16 += node.precision == ElementType::f16;
    bf16 += node.precision == ElementType::bf16;
    i8 += node.precision == ElementType::i8;
  }
  if (i8 > 0) return to_string(ElementType::i8);
  if (f16 == 0 && bf16 == 0) return to_string(ElementType::f32);
  return to_string(bf16 >= f16 ? ElementType::bf16 : ElementType::f16);
}

}  // namespace lathe
