// SPDX-License-Identifier: Apache-2.0
#include "profiler/trace/formats.h"

namespace lathe {

// Our own writer puts its metadata before the events.
void register_lathe(TraceFormatRegistry& registry) {
  registry.add({"lathe", "Lathe", [](std::string_view head) { return mentions(head, "lathe_version"); },
                read_json_trace});
}

}  // namespace lathe
