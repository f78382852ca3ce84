// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/operator.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>

#include "engine/ops/extend_operators.h"
#include "engine/ops/operator_list.h"

namespace lathe {
namespace {

std::string key(std::string_view domain, std::string_view name) {
  return std::string(canonical_domain(domain)) + "." + std::string(name);
}

}  // namespace

std::optional<std::vector<int64_t>> InferContext::known_ints(size_t i) const {
  const std::vector<Dim>* elements = has_input(i) ? contents(i) : nullptr;
  if (elements == nullptr) {
    const Tensor* tensor = has_input(i) ? constant(i) : nullptr;
    if (tensor == nullptr || !is_integer(tensor->type())) return std::nullopt;
    return tensor->to_int64();
  }
  std::vector<int64_t> numbers;
  for (const Dim& element : *elements) {
    if (!element.known()) return std::nullopt;
    numbers.push_back(element.value());
  }
  return numbers;
}

void OperatorRegistry::add(Operator op) {
  by_name_[key(op.domain, op.name)].push_back(operators_.size());
  int& newest = newest_versions_[std::string(op.domain)];
  newest = std::max(newest, op.versions.back());
  operators_.push_back(std::move(op));
}

const Operator* OperatorRegistry::find(std::string_view domain, std::string_view name, int version) const {
  const auto found = by_name_.find(key(domain, name));
  if (found == by_name_.end()) return nullptr;
  // Several rows may share a name where versions differ too much for one function: take the newest that fits.
  const Operator* best = nullptr;
  for (const size_t index : found->second) {
    const Operator& candidate = operators_[index];
    if (candidate.versions.front() > version) continue;
    if (best == nullptr || candidate.versions.front() > best->versions.front()) best = &candidate;
  }
  return best;
}

int OperatorRegistry::newest_version(std::string_view domain) const {
  const auto found = newest_versions_.find(std::string(canonical_domain(domain)));
  return found == newest_versions_.end() ? 0 : found->second;
}

std::vector<std::string> OperatorRegistry::names(std::string_view domain) const {
  std::vector<std::string> found;
  for (const Operator& op : operators_)
    if (op.domain == canonical_domain(domain)) found.emplace_back(op.name);
  return found;
}

namespace {

/// The registry in force. Earlier ones stay, because there may be references to them.
struct Registries {
  Registries() {
    auto first = std::make_unique<OperatorRegistry>();
    register_all_operators(*first);
    current = first.get();
    all.push_back(std::move(first));
  }
  std::atomic<const OperatorRegistry*> current;
  std::mutex mutex;  ///< of `all`
  std::vector<std::unique_ptr<const OperatorRegistry>> all;
};

Registries& registries() {
  static Registries made;
  return made;
}

}  // namespace

const OperatorRegistry& operators() {
  return *registries().current.load(std::memory_order_acquire);
}

void extend_operators(std::span<const Operator> more) {
  Registries& known = registries();
  const std::scoped_lock lock(known.mutex);
  auto extended = std::make_unique<OperatorRegistry>(*known.all.back());
  for (const Operator& op : more) extended->add(op);
  known.current.store(extended.get(), std::memory_order_release);
  known.all.push_back(std::move(extended));
}

std::string_view canonical_domain(std::string_view domain) {
  return domain == "ai.onnx" ? std::string_view() : domain;
}

}  // namespace lathe
