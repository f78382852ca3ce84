// SPDX-License-Identifier: Apache-2.0
// The type that covers two: of branches, of a loop's rounds, of a sequence's items.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "engine/graph/graph.h"

namespace lathe {

/// Sizes that differ become fresh(), or make the shape unknown where `fresh` is empty. Inside sequences and
/// optionals they always do: one symbol would say that all items have the same size.
inline TypeInfo join_types(const TypeInfo& a, const TypeInfo& b, const std::function<Dim()>& fresh = {}) {
  if (a.kind == TypeInfo::Kind::unknown || b.kind == TypeInfo::Kind::unknown) {
    TypeInfo known = a.kind == TypeInfo::Kind::unknown ? b : a;
    known.dims.reset();
    return known;
  }
  if (a.kind != b.kind) return a;
  TypeInfo joined = a;
  if (!a.is_tensor()) {
    if (a.inner && b.inner) joined.inner = std::make_shared<const TypeInfo>(join_types(*a.inner, *b.inner));
    return joined;
  }
  if (joined.element == ElementType::undefined) joined.element = b.element;
  if (!a.dims || !b.dims || a.dims->size() != b.dims->size()) {
    joined.dims.reset();
    return joined;
  }
  for (size_t i = 0; i < a.dims->size(); ++i) {
    if ((*a.dims)[i] == (*b.dims)[i]) continue;
    if (!fresh) {
      joined.dims.reset();
      return joined;
    }
    (*joined.dims)[i] = fresh();
  }
  return joined;
}

/// Same kind, element type and dims, down to the items.
inline bool same_type(const TypeInfo& a, const TypeInfo& b) {
  return to_string(a) == to_string(b);
}

/// Type of a sequence's items, or of what an optional holds; unknown when not told.
inline TypeInfo item_type(const TypeInfo& type) {
  return type.inner ? *type.inner : TypeInfo{};
}

}  // namespace lathe
