// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/source_location.h"

#include "engine/base/strings.h"

namespace lathe {
namespace {

bool is_library(std::string_view file) {
  for (const std::string_view part : {"/site-packages/", "/dist-packages/", "/torch/", "<frozen", "<string>"})
    if (file.find(part) != std::string_view::npos) return true;
  return false;
}

}  // namespace

std::string innermost_user_frame(std::string_view traceback) {
  constexpr std::string_view file_mark = "File \"", line_mark = "\", line ";
  std::string innermost, user;
  for (const std::string& text : split(traceback, '\n')) {
    const size_t file = text.find(file_mark);
    const size_t line = file == std::string::npos ? file : text.find(line_mark, file);
    if (line == std::string::npos) continue;
    const std::string path = text.substr(file + file_mark.size(), line - file - file_mark.size());
    const size_t digits = line + line_mark.size();
    const size_t end = text.find_first_not_of("0123456789", digits);
    innermost = path + ":" + text.substr(digits, end == std::string::npos ? end : end - digits);
    if (!is_library(path)) user = innermost;
  }
  return user.empty() ? innermost : user;
}

}  // namespace lathe
