// SPDX-License-Identifier: Apache-2.0
// Strong index types, so that a node's number cannot be passed where a value's is wanted.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace lathe {

/// An index into a table of things named by Tag. Default-constructed: refers to nothing.
template <class Tag>
struct Id {
  static constexpr uint32_t none = 0xffffffffu;
  uint32_t index = none;

  constexpr Id() = default;
  constexpr explicit Id(size_t i) : index(static_cast<uint32_t>(i)) {}
  constexpr bool valid() const { return index != none; }
  constexpr explicit operator bool() const { return valid(); }
  friend constexpr auto operator<=>(Id, Id) = default;
};

using NodeId = Id<struct NodeTag>;  ///< a node of one graph
using ValueId =
    Id<struct ValueTag>;  ///< a value (tensor, sequence, ...) of one graph; invalid = absent optional
using ModuleId = Id<struct ModuleTag>;  ///< a module of one model's module tree; 0 is the root

}  // namespace lathe

template <class Tag>
struct std::hash<lathe::Id<Tag>> {
  size_t operator()(lathe::Id<Tag> id) const noexcept { return std::hash<uint32_t>{}(id.index); }
};
