// SPDX-License-Identifier: Apache-2.0
#include "profiler/trace/formats.h"

namespace lathe {

// Asked last: any object with traceEvents, or any array of objects.
void register_chrome(TraceFormatRegistry& registry) {
  registry.add({"chrome", "Chrome trace events",
                [](std::string_view head) {
                  const size_t first = head.find_first_not_of(" \t\r\n");
                  if (first == head.npos) return false;
                  if (head[first] == '{') return true;
                  if (head[first] != '[') return false;
                  const size_t next = head.find_first_not_of(" \t\r\n", first + 1);
                  return next == head.npos || head[next] == '{' || head[next] == ']';
                },
                read_json_trace});
}

}  // namespace lathe
