// SPDX-License-Identifier: Apache-2.0
// TypeProto <-> TypeInfo.
#pragma once

#include <string>

#include "engine/formats/onnx/lathe_onnx.pb.h"
#include "engine/graph/graph.h"

namespace lathe {

/// A dimension without a name becomes a symbol named after the value and the axis, "input_d0".
TypeInfo read_type(const onnx::TypeProto& proto, const std::string& value_name);
/// Leaves out what read_type made up for `value_name`.
void write_type(const TypeInfo& type, const std::string& value_name, onnx::TypeProto& proto);

/// Numbers of AttributeProto.type.
enum AttributeType {
  attribute_undefined = 0,
  attribute_float = 1,
  attribute_int = 2,
  attribute_string = 3,
  attribute_tensor = 4,
  attribute_graph = 5,
  attribute_floats = 6,
  attribute_ints = 7,
  attribute_strings = 8,
  attribute_tensors = 9,
  attribute_graphs = 10,
  attribute_sparse_tensor = 11,
  attribute_sparse_tensors = 12,
  attribute_type_proto = 13,
  attribute_type_protos = 14,
};

}  // namespace lathe
