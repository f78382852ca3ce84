// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/kernel.h"

#include <algorithm>

#include "engine/kernels/kernel_list.h"
#include "engine/kernels/unfit.h"

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

std::optional<Decline> unfit_tensor(const TensorDesc& tensor, std::initializer_list<ElementType> types,
                                    size_t least_rank, size_t most_rank) {
  if (std::find(types.begin(), types.end(), tensor.type) == types.end())
    return Decline{DeclineReason::element_type, to_string(tensor.type)};
  const size_t rank = tensor.shape.size();
  if (rank < least_rank || rank > most_rank) return Decline{DeclineReason::rank, std::to_string(rank)};
  if (element_count(tensor.shape) == 0) return Decline{DeclineReason::shape, to_string(tensor.shape)};
  return std::nullopt;
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
