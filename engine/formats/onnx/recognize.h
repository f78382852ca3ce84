// SPDX-License-Identifier: Apache-2.0
// What a file that is not an ONNX model looks like.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "engine/base/result.h"

namespace lathe {

/// An error for files that bear the mark of another format, with a hint how to get ONNX from it.
std::optional<Error> recognize_foreign(std::span<const std::byte> bytes);
/// "is not an ONNX model (starts with ...)".
Error not_onnx(std::span<const std::byte> bytes);

}  // namespace lathe
