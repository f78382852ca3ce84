// SPDX-License-Identifier: Apache-2.0
// include_module: a module is taken off the list of those that stay eager. Done only when asked: somebody put
// it there.
#include "engine/convert/remedies/remedy.h"

namespace lathe {
namespace {

Result<std::string> include(RemedyContext& context) {
  const std::string& path = context.step.subject;
  if (!context.model.modules.find(path)) return usage_error("", "there is no such module");
  // Where the list is without it already, as in a configuration that was written afterwards, all is done.
  std::erase(context.configuration.exclude, path);
  return "takes '" + path + "' off the excluded modules";
}

}  // namespace

void register_include_module(RemedyRegistry& registry) {
  RemedyAction action{Remedy::Kind::include_module, false, true, module_subjects, include};
  action.setting = true;
  registry.add(action);
}

}  // namespace lathe
