// SPDX-License-Identifier: Apache-2.0
// keep_eager: a module and all under it stay out of every engine. Done only when asked: it gains nothing.
#include <algorithm>

#include "engine/convert/remedies/remedy.h"

namespace lathe {
namespace {

Result<std::string> keep(RemedyContext& context) {
  const std::string& path = context.step.subject;
  if (path.empty() || !context.model.modules.find(path)) return usage_error("", "there is no such module");
  std::vector<std::string>& excluded = context.configuration.exclude;
  if (std::find(excluded.begin(), excluded.end(), path) == excluded.end()) excluded.push_back(path);
  return "keeps '" + path + "' eager";
}

}  // namespace

void register_keep_eager(RemedyRegistry& registry) {
  RemedyAction action{Remedy::Kind::keep_eager, false, true, module_subjects, keep};
  action.setting = true;
  registry.add(action);
}

}  // namespace lathe
