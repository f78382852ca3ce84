// SPDX-License-Identifier: Apache-2.0
// Small questions that pattern passes ask of a graph.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/passes/pass.h"

namespace lathe {

/// The ai.onnx node that makes `value`, if it is of this type; else null.
const Node* producer(const Graph& graph, ValueId value, std::string_view op_type);
/// Any node that makes the value; else null.
const Node* producer(const Graph& graph, ValueId value);
/// The one node that reads `value`, when the value is no graph output; else null.
const Node* sole_consumer(const Graph& graph, ValueId value);
/// The value has one reader and is no graph output: whoever takes over its producer may drop it.
bool used_once(const Graph& graph, ValueId value);
/// The number a value holds when it is a constant with one floating-point element.
std::optional<float> scalar(const Graph& graph, ValueId value);
bool is_scalar(const Graph& graph, ValueId value, float expected, float tolerance = 1e-6F);
/// The same bytes, for reading them once: an aligned copy that has to be made for that goes with the tensor
/// given back instead of staying with the model.
Tensor read_once(const Tensor& constant);
/// For a node with two inputs, (constant scalar, other) in either order.
struct ScalarAndValue {
  float scalar;
  ValueId value;
};
std::optional<ScalarAndValue> scalar_and_value(const Graph& graph, const Node& node);
/// The input of a two-input node that is not `value`; invalid when neither is.
ValueId other_input(const Node& node, ValueId value);
/// Concrete shape of a value, if static.
std::optional<Shape> static_shape(const PassContext& context, ValueId value);
bool is_f32(const PassContext& context, ValueId value);
/// A type that fused operators have kernels for. (Others have become f32: pass `widen`.)
bool is_f32_or_bf16(const PassContext& context, ValueId value);
bool same_element(const PassContext& context, ValueId a, ValueId b);
bool is_op(const Node& node, std::string_view op_type);        ///< of ai.onnx
bool is_internal(const Node& node, std::string_view op_type);  ///< of Lathe's own domain
/// A constant with one f32 number per column.
bool is_row(const PassContext& context, ValueId value, int64_t columns);
/// The row as a constant of one axis, a new one of this name where it has more.
ValueId as_vector(PassContext& context, ValueId row, const std::string& name);
/// Makes the one Add of a row behind `product`, f32, its input `at`, where it has none yet. False when there
/// is no such Add.
bool take_bias(PassContext& context, const Node& product, size_t at);
/// Offers every living node that has outputs, new ones too, to `rewrite`, which says whether it changed the
/// graph; what is added meanwhile is of unknown type. The number of changes.
size_t rewrite_nodes(PassContext& context, const std::function<bool(const Node&)>& rewrite);
/// Whether `from` is made, by any way, from what `target` makes; true as well when that takes more than
/// `budget` nodes to tell. Giving `target` another input that it reaches would make a cycle.
bool reaches(const Graph& graph, ValueId from, NodeId target, int budget = 4096);

}  // namespace lathe
