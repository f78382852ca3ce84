// SPDX-License-Identifier: Apache-2.0
// Where in the user's Python code a node comes from.
#pragma once

#include <string>
#include <string_view>

namespace lathe {

/// "file.py:123" of the innermost frame of a Python traceback that is not inside a library; where all are,
/// the innermost. Empty when there is none.
std::string innermost_user_frame(std::string_view traceback);

}  // namespace lathe
