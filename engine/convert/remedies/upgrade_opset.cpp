// SPDX-License-Identifier: Apache-2.0
// upgrade_opset: the model rewritten for the newest opset that it can be written in.
#include "engine/convert/remedies/remedy.h"
#include "engine/precision/raise_opset.h"

namespace lathe {
namespace {

Result<std::string> upgrade(RemedyContext& context) {
  const int before = context.model.opsets[""];
  const OpsetLimit limit = reachable_opset(context.model, operators().newest_version(""));
  if (limit.version <= before)
    return usage_error("", limit.blocker.empty() ? "the model is in the newest opset already"
                                                 : limit.blocker + " stands against a newer opset");
  LATHE_TRY(raise_opset(context.model, limit.version));
  return "upgraded from opset " + std::to_string(before) + " to " + std::to_string(limit.version);
}

}  // namespace

void register_upgrade_opset(RemedyRegistry& registry) {
  registry.add({Remedy::Kind::upgrade_opset, true, true, nullptr, upgrade});
}

}  // namespace lathe
