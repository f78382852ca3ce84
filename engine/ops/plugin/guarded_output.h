// SPDX-License-Identifier: Apache-2.0
// Internal to plugin: memory for one output between two regions that nobody may write.
#pragma once

#include "engine/ops/plugin/plugin_call.h"

namespace lathe {

class GuardedOutput {
 public:
  /// Errors: a size that is not known; too large; out of memory.
  static Result<GuardedOutput> make(ElementType type, Shape shape, const PluginCall& call, size_t index);

  LathePluginOutput view();
  /// Bytes were written before or behind the output.
  bool overrun() const;
  size_t bytes() const { return bytes_; }
  RuntimeValue value() const {
    return RuntimeValue(Tensor::wrap(type_, shape_, buffer_.slice(guard, bytes_)));
  }

 private:
  static constexpr size_t guard = 4096, max_bytes = size_t{1} << 46;
  static constexpr int pattern = 0xA5;
  ElementType type_ = ElementType::undefined;
  Shape shape_;
  size_t bytes_ = 0;
  Buffer buffer_;
};

}  // namespace lathe
