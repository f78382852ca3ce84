// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "profiler/trace/format_list.h"
#include "profiler/trace/formats.h"
#include "profiler/trace/text_file.h"

namespace lathe {
namespace {

Error located(Error error, const std::string& name) {
  if (error.where.empty() && error.kind != ErrorKind::interrupted) error.where = name;
  return error;
}

}  // namespace

TraceFormatRegistry trace_formats() {
  TraceFormatRegistry registry;
  register_all_trace_formats(registry);
  return registry;
}

bool mentions(std::string_view head, std::string_view key, std::string_view value) {
  const std::string quoted = '"' + std::string(key) + '"';
  const auto skip_space = [&](size_t at) {
    return std::min(head.find_first_not_of(" \t\r\n", at), head.size());
  };
  for (size_t at = head.find(quoted); at != head.npos; at = head.find(quoted, at + 1)) {
    const size_t colon = skip_space(at + quoted.size());
    if (colon == head.size() || head[colon] != ':') continue;
    if (head.substr(skip_space(colon + 1)).starts_with(value)) return true;
  }
  return false;
}

Result<Trace> parse_trace(std::string_view text, const std::string& name, const JobContext& job) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // byte order mark
  const std::string_view head = text.substr(0, trace_head_bytes);
  const TraceFormatRegistry formats = trace_formats();
  for (const TraceFormat& format : formats.all()) {
    if (!format.recognizes(head)) continue;
    TraceBuilder builder;
    builder.info.format = format.name;
    builder.reserve_slices(std::min<size_t>(text.size() / 256, size_t{1} << 24));
    if (Status status = format.read(text, builder, job); !status.ok())
      return located(std::move(status).error(), name);
    Result<Trace> trace = builder.build(job);
    if (!trace.ok()) return located(std::move(trace).error(), name);
    return trace;
  }
  Error error = bad_input(name, text.empty() ? "is empty" : "is not a trace of a known format");
  std::string known;
  for (const TraceFormat& format : formats.all()) known += (known.empty() ? "" : ", ") + format.description;
  return error.hint("known formats: " + known);
}

Result<Trace> read_trace(const std::filesystem::path& path, const JobContext& job,
                         const TraceReadOptions& options) {
  LATHE_ASSIGN(const InputText input, InputText::open(path, options.max_bytes, job));
  return parse_trace(input.text(), path.string(), job);
}

}  // namespace lathe
