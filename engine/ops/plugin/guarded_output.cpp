// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/plugin/guarded_output.h"

#include <algorithm>
#include <cstring>

namespace lathe {

Result<GuardedOutput> GuardedOutput::make(ElementType type, Shape shape, const PluginCall& call,
                                          size_t index) {
  // The size of a tensor is checked where tensors are made.
  size_t bytes = element_size(type);
  for (const int64_t size : shape) {
    if (size < 0) return call.error("infer cannot tell a size of output " + std::to_string(index));
    if (size != 0 && bytes > max_bytes / static_cast<size_t>(size))
      return resource_error(call.error("").where, "output " + std::to_string(index) + " would be too large");
    bytes *= static_cast<size_t>(size);
  }
  GuardedOutput made;
  made.type_ = type;
  made.shape_ = std::move(shape);
  made.bytes_ = bytes;
  const size_t padded = (bytes + 63) / 64 * 64;
  LATHE_ASSIGN(made.buffer_, Buffer::allocate(padded + 2 * guard));
  std::memset(made.buffer_.mutable_data(), pattern, guard);
  std::memset(made.buffer_.mutable_data() + guard + bytes, pattern, padded - bytes + guard);
  return made;
}

LathePluginOutput GuardedOutput::view() {
  return {static_cast<int32_t>(type_), static_cast<int32_t>(shape_.size()), shape_.data(),
          buffer_.mutable_data() + guard};
}

bool GuardedOutput::overrun() const {
  const auto clean = [](std::byte each) { return each == static_cast<std::byte>(pattern); };
  const std::byte *data = buffer_.data(), *end = data + buffer_.size();
  return !std::all_of(data, data + guard, clean) || !std::all_of(data + guard + bytes_, end, clean);
}

}  // namespace lathe
