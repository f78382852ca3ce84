// SPDX-License-Identifier: Apache-2.0
// What reports and traces say about the machine and this build.
#pragma once

#include <string>

namespace lathe {

std::string cpu_name();      ///< "AMD EPYC 9654", from the system
int physical_cores();        ///< at least 1; respects the process's affinity
size_t peak_memory_bytes();  ///< resident, of this process so far

}  // namespace lathe
