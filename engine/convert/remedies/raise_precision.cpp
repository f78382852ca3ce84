// SPDX-License-Identifier: Apache-2.0
// raise_precision: a module computes in fp32 although the rest is to be narrower.
#include "engine/convert/remedies/remedy.h"

namespace lathe {
namespace {

Result<std::string> raise(RemedyContext& context) {
  const std::string& path = context.step.subject;
  if (!context.model.modules.find(path)) return usage_error("", "there is no such module");
  ModuleSettings& settings = context.configuration.modules[path];
  settings.fp16 = settings.bf16 = settings.int8 = false;
  return (path.empty() ? std::string("the model") : "'" + path + "'") + " computes in fp32";
}

}  // namespace

void register_raise_precision(RemedyRegistry& registry) {
  RemedyAction action{Remedy::Kind::raise_precision, false, true, module_subjects, raise};
  action.setting = true;
  registry.add(action);
}

}  // namespace lathe
