// SPDX-License-Identifier: Apache-2.0
// Traces read from and written to files. Adding a format: a file format_<name>.cpp with
// `void register_<name>(TraceFormatRegistry&)`, and its name in LATHE_TRACE_FORMATS of this folder's
// CMakeLists.txt.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"
#include "profiler/trace/trace.h"
#include "profiler/trace/trace_builder.h"

namespace lathe {

struct TraceFormat {
  std::string name;         ///< "kineto"
  std::string description;  ///< "PyTorch profiler (Kineto)"
  /// Whether a file that begins with these bytes (uncompressed, up to trace_head_bytes) is one.
  std::function<bool(std::string_view head)> recognizes;
  /// Reads the whole text into the builder. Errors say the byte offset.
  std::function<Status(std::string_view text, TraceBuilder& builder, const JobContext& job)> read;
};
inline constexpr size_t trace_head_bytes = 65536;

/// Formats in the order they are asked.
class TraceFormatRegistry {
 public:
  void add(TraceFormat format) { formats_.push_back(std::move(format)); }
  const std::vector<TraceFormat>& all() const { return formats_; }

 private:
  std::vector<TraceFormat> formats_;
};
TraceFormatRegistry trace_formats();

struct TraceReadOptions {
  size_t max_bytes = size_t{8} << 30;  ///< of text, uncompressed; more is refused
};

/// Opens a trace of any known format, gzip-compressed or not. Errors: not readable, not a trace, damaged
/// (with the byte offset in the uncompressed text), too large.
Result<Trace> read_trace(const std::filesystem::path& path, const JobContext& job = JobContext(),
                         const TraceReadOptions& options = {});
/// The same for text in memory; `name` stands in errors.
Result<Trace> parse_trace(std::string_view text, const std::string& name,
                          const JobContext& job = JobContext());

/// Writes the portable profile: object form, integer pid and tid, nested slices, raw UTF-8, microseconds with
/// three decimals from 0 on. Gzip-compressed when the name ends in .gz. Written to a temporary name and
/// renamed.
Status write_trace(const Trace& trace, const std::filesystem::path& path,
                   const JobContext& job = JobContext());
/// The same as text handed out in pieces.
using TextSink = std::function<Status(std::string_view)>;
Status write_trace_text(const Trace& trace, const TextSink& sink, const JobContext& job = JobContext());
std::string trace_to_json(const Trace& trace);

enum class MergeAlign {
  starts,     ///< every trace begins at 0: runs of different days side by side
  base_time,  ///< by their clocks
};
struct MergeSource {
  const Trace* trace = nullptr;
  std::string label;  ///< put before the names of its processes; empty: none
};
/// One trace with the processes of all; process ids that clash are renumbered when written.
Result<Trace> merge_traces(std::span<const MergeSource> sources, MergeAlign align,
                           const JobContext& job = JobContext());

// --- for format_*.cpp
// ------------------------------------------------------------------------------------------------

/// Trace events as JSON, in the object or the array form. An array form may be cut off; an object form may
/// not.
Status read_json_trace(std::string_view text, TraceBuilder& builder, const JobContext& job);
/// Whether the text holds `key` followed by ':' and, if given, `value`; white space does not matter.
bool mentions(std::string_view head, std::string_view key, std::string_view value = "");

}  // namespace lathe
