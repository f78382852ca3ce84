// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/npz.h"

/// The first byte chooses the declared type, the rest is the file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto declared = lathe::element_type_from_onnx(data[0] % 27);
  const auto file = std::as_bytes(std::span(data + 1, size - 1));
  [[maybe_unused]] const auto read_or_refused = lathe::read_npy(file, "fuzz", declared);
  return 0;
}
