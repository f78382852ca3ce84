// SPDX-License-Identifier: Apache-2.0
// AttributeProto -> AttributeValue.
#pragma once

#include <functional>
#include <optional>

#include "engine/formats/onnx/lathe_onnx.pb.h"
#include "engine/formats/onnx/tensor_reader.h"
#include "engine/graph/graph.h"

namespace lathe {

using GraphReader = std::function<std::shared_ptr<Graph>(onnx::GraphProto&)>;

/// The stated type, or the one that follows from the field that is set (files before IR 2 state none).
int attribute_type(const onnx::AttributeProto& proto);

/// Sub-graphs go through `read_graph`; sparse tensors become dense. May take data out of `proto`.
Result<AttributeValue> read_attribute(onnx::AttributeProto& proto, const TensorReader& tensors,
                                      const GraphReader& read_graph);

/// Rewrites value_float, value_ints, sparse_value ... of a Constant node to the one form `value`, a tensor.
void normalize_constant(Attributes& attributes);

}  // namespace lathe
