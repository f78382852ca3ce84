// SPDX-License-Identifier: Apache-2.0
// Models of other programs: what a file is, and the commands that make ONNX of it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "engine/base/result.h"

namespace lathe {

/// An error for bytes that bear the mark of another format; its hints are the commands to run. `name` is the
/// file as given, "" where there is none; it only fills the commands in, or tells relatives apart.
std::optional<Error> foreign_by_content(std::span<const std::byte> bytes, const std::string& name);
/// The same for formats without a mark of their own: only for bytes that turned out to be no ONNX model.
std::optional<Error> foreign_by_name(std::span<const std::byte> bytes, const std::string& name);
/// A SavedModel, an .mlpackage or a folder of Hugging Face Transformers.
std::optional<Error> foreign_folder(const std::filesystem::path& folder);

}  // namespace lathe
