// SPDX-License-Identifier: Apache-2.0
// The parts of an .npy file: a header and elements. Internal to tensor; the interface is npz.h.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/tensor/tensor.h"

namespace lathe {

struct NpyHeader {
  char kind = 0;          ///< NumPy's letter: b i u f c V U S
  size_t item_bytes = 0;  ///< of one element in the file
  bool big_endian = false;
  bool fortran_order = false;
  Shape shape;
  size_t data_offset = 0;  ///< where the elements begin
  size_t data_bytes = 0;   ///< that they take, checked against overflow
};

/// Enough of the beginning of any file to hold its header.
inline constexpr size_t npy_header_limit = size_t{1} << 20;

/// `file` is the whole file or its first bytes. Errors name `where` and what is wrong.
Result<NpyHeader> parse_npy_header(std::span<const std::byte> file, const std::string& where);
/// `data` has exactly header.data_bytes.
Result<Tensor> decode_npy(const NpyHeader& header, std::span<const std::byte> data, const std::string& where,
                          std::optional<ElementType> declared);

/// A file in two parts, so that plain elements need not be copied.
struct NpyParts {
  std::string header;
  std::string text;  ///< elements of a string tensor; `data` views it
  std::span<const std::byte> data() const { return plain.empty() ? std::as_bytes(std::span(text)) : plain; }
  std::span<const std::byte> plain;  ///< elements of any other tensor, which must stay alive
};
/// Errors: a type that .npy cannot hold, text that is not UTF-8.
Result<NpyParts> encode_npy(const Tensor& tensor);

}  // namespace lathe
