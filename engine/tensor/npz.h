// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy and .npz files.
//
// Element types that NumPy does not have are kept as raw bytes: bf16 as '<V2'; float8, 4-bit and 2-bit types
// one element a byte as '|V1'. Which of those '|V1' means is not in the file: the caller says it as
// `declared`. All other arrays come in their own type whatever is declared. Object arrays and structured
// types are refused; both byte orders and both memory orders are read; what is written is little-endian,
// row-major.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "engine/base/result.h"
#include "engine/tensor/tensor.h"

namespace lathe {

/// How much an .npz may unpack to in all: `bytes`, or `ratio` times the size of the file where that is more.
/// Keeps a small file from filling the memory.
struct NpzLimits {
  size_t bytes = size_t{1} << 30;
  size_t ratio = 64;
  size_t entries = 100000;
};

using NamedTensors = std::map<std::string, Tensor>;

/// Errors name the file and the byte, key or size that is wrong.
Result<Tensor> read_npy(const std::filesystem::path& path,
                        std::optional<ElementType> declared = std::nullopt);
/// From memory; `where` names the array in errors. The tensor owns its elements.
Result<Tensor> read_npy(std::span<const std::byte> file, const std::string& where,
                        std::optional<ElementType> declared = std::nullopt);

/// Arrays by name ('.npy' taken off, otherwise exactly as in the file). Errors name file and array.
Result<NamedTensors> read_npz(const std::filesystem::path& path,
                              const std::map<std::string, ElementType>& declared = {},
                              const NpzLimits& limits = {});

/// Both write to a temporary name and rename: after an error the old file, if any, is untouched.
Status write_npy(const std::filesystem::path& path, const Tensor& tensor);
/// Uncompressed; the same arrays give the same bytes.
Status write_npz(const std::filesystem::path& path, const NamedTensors& arrays);

}  // namespace lathe
