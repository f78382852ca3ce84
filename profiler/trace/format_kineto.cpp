// SPDX-License-Identifier: Apache-2.0
#include "profiler/trace/formats.h"

namespace lathe {

// Times are relative to baseTimeNanoseconds; pids of span events are texts.
void register_kineto(TraceFormatRegistry& registry) {
  registry.add({"kineto", "PyTorch profiler (Kineto)",
                [](std::string_view head) {
                  return mentions(head, "schemaVersion") &&
                         (mentions(head, "deviceProperties") || mentions(head, "traceEvents"));
                },
                read_json_trace});
}

}  // namespace lathe
