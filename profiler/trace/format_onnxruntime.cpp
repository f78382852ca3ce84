// SPDX-License-Identifier: Apache-2.0
#include "profiler/trace/formats.h"

namespace lathe {
namespace {

/// Start and duration are cut to whole microseconds apart, so that a child may seem to outlast its parent.
constexpr int64_t rounding_ns = 2000;

Status read(std::string_view text, TraceBuilder& builder, const JobContext& job) {
  builder.set_overlap_tolerance(rounding_ns);
  return read_json_trace(text, builder, job);
}

}  // namespace

void register_onnxruntime(TraceFormatRegistry& registry) {
  registry.add({"onnxruntime", "ONNX Runtime profile",
                [](std::string_view head) {
                  return mentions(head, "cat", "\"Session\"") ||
                         (mentions(head, "cat", "\"Node\"") && mentions(head, "op_name"));
                },
                read});
}

}  // namespace lathe
