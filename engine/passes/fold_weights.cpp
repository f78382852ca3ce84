// SPDX-License-Identifier: Apache-2.0
// Weights stored in 8 bit that no quantised operator took become f32.
#include "engine/passes/fold.h"

namespace lathe {
namespace {

Result<size_t> fold_weights(PassContext& context) {
  return fold(context, true);
}

}  // namespace

void register_fold_weights(PassRegistry& registry) {
  registry.add({"fold_weights", false, fold_weights});
}

}  // namespace lathe
