// SPDX-License-Identifier: Apache-2.0
#include "profiler/compare/compare_attributes.h"

#include <cstring>
#include <fmt/format.h>

#include "engine/base/strings.h"
#include "engine/graph/text_form.h"

namespace lathe {
namespace {

constexpr size_t most_elements = 8;

std::string text(int64_t value) {
  return std::to_string(value);
}
std::string text(float value) {
  return fmt::format("{}", value);
}
std::string text(const std::string& value) {
  return "'" + value + "'";
}
std::string text(const Tensor& value) {
  return std::string(to_string(value.type())) + "[" + to_string(value.shape()) + "]";
}
std::string text(const std::shared_ptr<Graph>& value) {
  return value == nullptr ? "no graph" : fmt::format("graph of {} nodes", value->node_count());
}
std::string text(const TypeInfo& value) {
  return to_string(value);
}
template <class T>
std::string text(const std::vector<T>& values) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < values.size() && i < most_elements; ++i) parts.push_back(text(values[i]));
  if (values.size() > most_elements) parts.push_back(fmt::format("... {} in all", values.size()));
  return "[" + join(parts, ", ") + "]";
}

bool same(const Tensor& a, const Tensor& b) {
  if (a.type() != b.type() || a.shape() != b.shape()) return false;
  if (!a.defined()) return true;
  if (a.type() == ElementType::string) return a.strings() == b.strings();
  return a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}
bool same(const std::shared_ptr<Graph>& a, const std::shared_ptr<Graph>& b) {
  return a == b || (a != nullptr && b != nullptr && to_text(*a) == to_text(*b));
}
bool same(const TypeInfo& a, const TypeInfo& b) {
  return to_string(a) == to_string(b);
}
bool same(float a, float b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}
template <class T>
bool same(const T& a, const T& b) {
  return a == b;
}
template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i])) return false;
  return true;
}

std::string text_of(const AttributeValue& value) {
  return std::visit([](const auto& held) { return text(held); }, value);
}

bool same_value(const AttributeValue& a, const AttributeValue& b) {
  return a.index() == b.index() && std::visit(
                                       [&](const auto& held) {
                                         using Held = std::decay_t<decltype(held)>;
                                         return same(held, *std::get_if<Held>(&b));
                                       },
                                       a);
}

}  // namespace

std::vector<std::string> attribute_changes(const Node& a, const Node& b) {
  std::vector<std::string> changes;
  const bool constant = a.op_type == "Constant" && b.op_type == "Constant";
  for (const auto& [name, value] : a.attributes.all()) {
    if (constant && name == "value") continue;
    const AttributeValue* other = b.attributes.find(name);
    if (other == nullptr) {
      changes.push_back("attribute '" + name + "': " + text_of(value) + " -> not set");
    } else if (!same_value(value, *other)) {
      const std::string before = text_of(value), after = text_of(*other);
      changes.push_back("attribute '" + name +
                        "': " + (before == after ? before + ", other contents" : before + " -> " + after));
    }
  }
  for (const auto& [name, value] : b.attributes.all())
    if (!a.attributes.has(name)) changes.push_back("attribute '" + name + "': not set -> " + text_of(value));
  return changes;
}

}  // namespace lathe
