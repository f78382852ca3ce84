// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/kernel.h"

#include "engine/kernels/kernel_list.h"

namespace lathe {

const char* to_string(DeclineReason reason) {
  switch (reason) {
    case DeclineReason::element_type:
      return "element type";
    case DeclineReason::rank:
      return "rank";
    case DeclineReason::attribute:
      return "attribute";
    case DeclineReason::shape:
      return "shape";
    case DeclineReason::layout:
      return "layout";
    case DeclineReason::instruction_set:
      return "instruction set";
    case DeclineReason::not_constant:
      return "input is not constant";
    case DeclineReason::not_profitable:
      return "not profitable";
    case DeclineReason::provider_error:
      return "provider error";
  }
  return "";
}

void KernelRegistry::add(KernelCandidate candidate) {
  for (const std::string_view op : candidate.operators) by_operator_[std::string(op)].push_back(candidate);
}

std::span<const KernelCandidate> KernelRegistry::find(const std::string& qualified_type) const {
  const auto found = by_operator_.find(qualified_type);
  if (found == by_operator_.end()) return {};
  return found->second;
}

const KernelRegistry& kernels() {
  static const KernelRegistry registry = [] {
    KernelRegistry all;
    register_all_kernels(all);
    return all;
  }();
  return registry;
}

}  // namespace lathe
