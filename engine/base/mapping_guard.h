// SPDX-License-Identifier: Apache-2.0
// Keeps the program alive when a mapped file is cut short: its missing pages then read as zeros.
#pragma once

#include <cstddef>

namespace lathe {

/// From now on a SIGBUS from these bytes puts a page of zeros in place; all others go to the handler that was
/// there before. Thread-safe. Beyond some thousand mappings at a time the rest is not guarded.
void guard_mapping(const void* data, size_t bytes);
/// Before the mapping goes away.
void unguard_mapping(const void* data);

}  // namespace lathe
