// SPDX-License-Identifier: Apache-2.0
// Tensor -> TensorProto.
#pragma once

#include <string>

#include "engine/base/buffer.h"
#include "engine/formats/onnx/lathe_onnx.pb.h"
#include "engine/tensor/tensor.h"

namespace lathe {

/// Bytes of the elements as files hold them: 4- and 2-bit ones packed, all others as they are (shared, not
/// copied). Not for strings.
Result<Buffer> packed_elements(const Tensor& tensor);

/// Type, shape and name; no elements.
onnx::TensorProto tensor_header(const std::string& name, const Tensor& tensor);
/// The whole tensor inside the message: raw data, or string_data.
Status write_tensor(const std::string& name, const Tensor& tensor, onnx::TensorProto& proto);

}  // namespace lathe
