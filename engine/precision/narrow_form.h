// SPDX-License-Identifier: Apache-2.0
// Which operators exist in fp16 and bf16, since which opset, and what they are to a precision plan.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/graph/graph.h"

namespace lathe {

struct NarrowForm {
  enum class Role : uint8_t {
    product,   ///< worth narrowing for its own sake: convolutions, matrix products, attention
    computes,  ///< narrow where its surroundings are
    moves,     ///< hands elements on: has the precision of what it moves
  };
  std::string_view op_type;  ///< of ai.onnx
  Role role;
  int f16_since, bf16_since;   ///< opset; 0: never
  uint32_t fixed_inputs = 0;   ///< bit i: input i keeps its type
  uint32_t fixed_outputs = 0;  ///< bit i: output i keeps its type

  int since(ElementType narrow) const { return narrow == ElementType::f16 ? f16_since : bf16_since; }
};

/// Null for operators that are not known to be safe to narrow, whatever their types.
const NarrowForm* narrow_form(const Node& node);
/// Reads elements of any type and makes none of that type (Shape, a Cast to another type): needs no cast.
bool takes_any_type(const Node& node);
/// A Cast, ConstantOfShape: the output's type is said by an attribute.
bool type_is_attribute(const Node& node);
/// Input i of the node is of the type that narrowing changes.
bool is_narrowed_input(const Node& node, const NarrowForm& form, size_t i);
bool is_narrowed_output(const NarrowForm& form, size_t i);

}  // namespace lathe
