// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/precision_settings.h"

#include <algorithm>

namespace lathe {
namespace {

/// What the module computes in where that is not fp32; null where it is.
const char* lowered_to(const ModuleSettings& settings) {
  if (settings.int8 == true) return "int8";
  if (settings.fp16 == true) return "fp16";
  return settings.bf16 == true ? "bf16" : nullptr;
}

Error two_precisions(const Module& module, WeightForm form, const char* precision) {
  const std::string where = module.path.empty() ? "" : "module '" + module.path + "'";
  return usage_error(where, std::string("is asked to be ") + precision + " and to have its weights in " +
                                to_string(form) + ", which go with fp32")
      .hint(std::string("choose one, or set \"") + precision + "\": false or \"weights\": null there");
}

}  // namespace

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

Result<WeightsRequest> weights_request(const Configuration& configuration, const ModuleTree& tree) {
  WeightsRequest request;
  bool blocks = false;
  for (const Module& module : tree.modules()) {
    const ModuleSettings settings = configuration.effective(tree, module.id);
    WeightWish wish;
    wish.form = settings.excluded ? WeightForm::full : settings.weights.value_or(WeightForm::full);
    wish.block_size = settings.block_size.value_or(default_block_size);
    wish.says = settings.excluded ? "the module is excluded" : "no weights in fewer bits are asked for here";
    const char* precision = lowered_to(settings);
    if (wish.form != WeightForm::full && precision != nullptr)
      return two_precisions(module, wish.form, precision);
    blocks = blocks || wish.form == WeightForm::int4;
    request.modules.push_back(std::move(wish));
  }
  const bool sized = std::any_of(configuration.modules.begin(), configuration.modules.end(),
                                 [](const auto& entry) { return entry.second.block_size.has_value(); });
  if (sized && !blocks)
    return usage_error("", "'block_size' is given, but no weights are to be stored in int4");
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
