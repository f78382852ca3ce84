// SPDX-License-Identifier: Apache-2.0
#include "profiler/trace/formats.h"

namespace lathe {
namespace {

/// The first event: an X of thread 1 of a process with a text for a pid, without arguments.
bool looks_like_layers(std::string_view head) {
  const size_t first = head.find_first_not_of(" \t\r\n");
  if (first == head.npos || head[first] != '[') return false;
  const std::string_view event = head.substr(0, head.find('}', head.find("\"args\"")));
  const size_t pid = event.find("\"pid\"");
  if (pid == event.npos || !mentions(event, "tid", "1") || !mentions(event, "args", "{")) return false;
  const size_t value = event.find_first_not_of(" \t\r\n:", pid + 5);
  return value != event.npos && event[value] == '"' && event.find("\"cat\"") == event.npos;
}

}  // namespace

// An array of layers one after the other; ts is the running sum of their times.
void register_torch_tensorrt(TraceFormatRegistry& registry) {
  registry.add({"torch_tensorrt", "Torch-TensorRT layer profile", looks_like_layers, read_json_trace});
}

}  // namespace lathe
