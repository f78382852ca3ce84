// SPDX-License-Identifier: Apache-2.0
// Reads trace events as JSON (object and array form) in one pass.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "profiler/trace/event_threads.h"
#include "profiler/trace/formats.h"
#include "profiler/trace/json_scanner.h"

namespace lathe {
namespace {

/// One event as it stands in the file.
struct Event {
  char phase = 0;
  std::optional<int64_t> time, duration;
  StringId name, category;
  ThreadKey thread;
  bool has_thread = false;
  uint64_t id = 0;
  char scope = 't';
  bool enclosing = false;  ///< bp "e"
  bool flow_in = false, flow_out = false;
  std::optional<uint64_t> bind_id;
};

class JsonTraceReader {
 public:
  JsonTraceReader(std::string_view text, TraceBuilder& builder, const JobContext& job)
      : text_(text), in_(text), builder_(builder), job_(job), threads_(builder) {}

  Status read() {
    const char first = in_.peek();
    bool ok = false;
    if (first == '[')
      ok = events(true);
    else if (first == '{')
      ok = document();
    else
      ok = in_.fail("no JSON object or array");
    LATHE_TRY(job_.check());
    if (ok && (first == '{' || !cut_off_) && in_.peek() != '\0')
      ok = in_.fail("text after the end of the trace");
    if (!ok) return bad_input("", "damaged at byte " + std::to_string(in_.offset()) + ": " + in_.error());
    close_open_slices();
    if (skipped_ > 0)
      builder_.info.notes.push_back(std::to_string(skipped_) +
                                    " events without a usable time or name were left out");
    return {};
  }

 private:
  bool document();
  bool top_level(std::string_view key);
  bool metadata();
  bool json_text(std::string& out);
  bool events(bool may_be_cut);
  bool event();
  bool event_field(std::string_view key, Event& event);
  bool time(std::optional<int64_t>& out);
  bool thread_part(int64_t& number, StringId& text);
  bool identity(uint64_t& out);
  bool short_text(std::string_view& out);
  bool flag(bool& out);
  bool arguments();
  bool argument(StringId key);
  void handle(const Event& event);
  void slice(const Event& event);
  void begin_or_end(const Event& event);
  void async(const Event& event);
  void counter(const Event& event);
  void flow(const Event& event);
  void name_thread(const Event& event);
  void close_open_slices();
  const Arg* find(std::string_view key) const;
  LaneId lane(const Event& event) { return threads_.lane(event.thread); }

  struct Open {
    int64_t start;
    StringId name, category;
    ArgsId args;
  };

  std::string_view text_;
  JsonScanner in_;
  TraceBuilder& builder_;
  const JobContext& job_;
  EventThreads threads_;
  std::vector<Arg> args_;  ///< of the event at hand
  std::string scratch_;
  std::unordered_map<LaneId, std::vector<Open>> open_;
  std::map<std::pair<StringId, uint64_t>, std::pair<LaneId, std::vector<Open>>> open_async_;
  int64_t last_time_ = 0;
  size_t events_ = 0, skipped_ = 0;
  bool cut_off_ = false;
  bool seen_events_ = false;
};

bool JsonTraceReader::document() {
  if (!in_.expect('{')) return false;
  while (!in_.take('}')) {
    std::string_view key;
    if (!in_.string(key)) return false;
    const std::string own(key);
    if (!in_.expect(':') || !top_level(own)) return false;
    if (!in_.take(',') && in_.peek() != '}') return in_.expect('}');
  }
  return seen_events_ || in_.fail("no \"traceEvents\" in the object");
}

bool JsonTraceReader::json_text(std::string& out) {
  scratch_.clear();
  if (!in_.copy_value(scratch_)) return false;
  out = to_valid_utf8(scratch_);
  return true;
}

bool JsonTraceReader::top_level(std::string_view key) {
  TraceInfo& info = builder_.info;
  std::string_view text;
  if (key == "traceEvents") {
    seen_events_ = true;
    return in_.peek() == '[' ? events(false) : in_.fail("\"traceEvents\" is no array");
  }
  if (key == "metadata" && in_.peek() == '{') return metadata();
  if ((key == "displayTimeUnit" || key == "traceName") && in_.peek() == '"') {
    if (!in_.string(text)) return false;
    if (key == "traceName")
      info.trace_name = to_valid_utf8(text);
    else if (text == "ms" || text == "ns")
      info.display_time_unit = text;
    return true;
  }
  std::string json;
  if (!json_text(json)) return false;
  if (key == "baseTimeNanoseconds")
    info.base_time_ns = parse_json_integer(json).value_or(0);
  else if (key == "deviceProperties" && json[0] == '[')
    info.device_properties = json;
  else if (key != "schemaVersion")
    info.properties.emplace_back(to_valid_utf8(key), json);
  return true;
}

bool JsonTraceReader::metadata() {
  if (!in_.expect('{')) return false;
  while (!in_.take('}')) {
    std::string_view text;
    if (!in_.string(text)) return false;
    std::string key = to_valid_utf8(text), json;
    if (!in_.expect(':') || !json_text(json)) return false;
    builder_.info.metadata.emplace_back(std::move(key), std::move(json));
    if (!in_.take(',') && in_.peek() != '}') return in_.expect('}');
  }
  return true;
}

bool JsonTraceReader::events(bool may_be_cut) {
  const auto cut = [&] {  // the file ends within the array: what came before counts
    if (!may_be_cut || !in_.at_end()) return false;
    cut_off_ = true;
    builder_.info.notes.push_back("the file is cut off at byte " + std::to_string(text_.size()));
    return true;
  };
  if (!in_.expect('[')) return false;
  while (!in_.take(']')) {
    if (++events_ % 32768 == 0) {
      if (job_.stop_requested()) return false;
      job_.report(static_cast<double>(in_.offset()) / static_cast<double>(text_.size()), "reading the trace");
    }
    if (!event()) return cut();
    if (in_.take(',') || in_.peek() == ']') continue;
    in_.peek();
    if (cut()) return true;
    return in_.expect(']');
  }
  return true;
}

bool JsonTraceReader::event() {
  if (in_.peek() == '\0' && in_.at_end()) return in_.fail("the text ends inside the events");
  if (!in_.expect('{')) return false;
  Event event;
  args_.clear();
  while (!in_.take('}')) {
    std::string_view key;
    if (!in_.string(key)) return false;
    // Keys are short: kept in place, since the next string may overwrite the scanner's scratch.
    char own[16];
    const size_t size = std::min(key.size(), sizeof own);
    key.copy(own, size);
    const std::string_view short_key =
        key.size() <= sizeof own ? std::string_view(own, size) : std::string_view("?");
    if (!in_.expect(':') || !event_field(short_key, event)) return false;
    if (!in_.take(',') && in_.peek() != '}') return in_.expect('}');
  }
  handle(event);
  return true;
}

bool JsonTraceReader::event_field(std::string_view key, Event& event) {
  std::string_view text;
  if (key == "ph") {
    if (!short_text(text)) return false;
    event.phase = text.empty() ? '\0' : text[0];
    return true;
  }
  if (key == "name" || key == "cat") {
    if (!short_text(text)) return false;
    (key == "name" ? event.name : event.category) = builder_.string(text);
    return true;
  }
  if (key == "ts") return time(event.time);
  if (key == "dur") return time(event.duration);
  if (key == "pid") return event.has_thread = true, thread_part(event.thread.pid, event.thread.pid_text);
  if (key == "tid") return event.thread.has_tid = true, thread_part(event.thread.tid, event.thread.tid_text);
  if (key == "args") return arguments();
  if (key == "id" || key == "id2") return identity(event.id);
  if (key == "bind_id") return identity(event.bind_id.emplace());
  if (key == "flow_in") return flag(event.flow_in);
  if (key == "flow_out") return flag(event.flow_out);
  if (key == "s" || key == "bp") {
    if (!short_text(text)) return false;
    if (key == "bp")
      event.enclosing = text == "e";
    else if (text == "g" || text == "p")
      event.scope = text[0];
    return true;
  }
  return in_.skip_value();
}

/// A string, or the text of any other scalar; lists and objects give an empty text.
bool JsonTraceReader::short_text(std::string_view& out) {
  if (in_.peek() == '"') return in_.string(out);
  scratch_.clear();
  if (!in_.copy_value(scratch_)) return false;
  out = scratch_.empty() || scratch_[0] == '{' || scratch_[0] == '[' || scratch_ == "null"
            ? std::string_view()
            : scratch_;
  return true;
}

bool JsonTraceReader::time(std::optional<int64_t>& out) {
  std::string_view text;
  const char c = in_.peek();
  if (c == '-' || (c >= '0' && c <= '9')) {
    if (!in_.number(text)) return false;
  } else if (!short_text(text)) {
    return false;
  }
  out = parse_microseconds(text);
  return true;
}

bool JsonTraceReader::thread_part(int64_t& number, StringId& name) {
  std::string_view text;
  if (!short_text(text)) return false;
  if (const std::optional<int64_t> value = parse_json_integer(text)) {
    number = *value < 0 ? 0 - std::max(*value, -max_trace_time)
                        : *value;  // as Kineto does with negative thread ids
  } else if (const std::optional<double> real = parse_json_real(text); real && *real >= 0 && *real < 1e15) {
    number = static_cast<int64_t>(*real);
  } else {
    name = builder_.string(text);
    number = -1;
  }
  return true;
}

/// A number, a hexadecimal text ("0x1f"), or any other text or object by its hash.
bool JsonTraceReader::identity(uint64_t& out) {
  std::string_view text;
  scratch_.clear();
  if (in_.peek() == '{') {
    if (!in_.copy_value(scratch_)) return false;
    out = hash_bytes(scratch_.data(), scratch_.size());
    return true;
  }
  const bool quoted = in_.peek() == '"';
  if (!short_text(text)) return false;
  const std::optional<int64_t> number = quoted ? std::nullopt : parse_json_integer(text);
  out = number ? static_cast<uint64_t>(*number) : hash_bytes(text.data(), text.size());
  return true;
}

bool JsonTraceReader::flag(bool& out) {
  std::string_view text;
  if (!short_text(text)) return false;
  out = text == "true" || text == "1";
  return true;
}

bool JsonTraceReader::arguments() {
  args_.clear();
  if (in_.peek() != '{') return in_.skip_value();
  if (!in_.expect('{')) return false;
  while (!in_.take('}')) {
    std::string_view key;
    if (!in_.string(key)) return false;
    const StringId id = builder_.string(key);
    if (!in_.expect(':') || !argument(id)) return false;
    if (!in_.take(',') && in_.peek() != '}') return in_.expect('}');
  }
  return true;
}

bool JsonTraceReader::argument(StringId key) {
  std::string_view text;
  const char c = in_.peek();
  if (c == '"') {
    if (!in_.string(text)) return false;
    args_.push_back(Arg::string(key, builder_.string(text)));
  } else if (c == '{' || c == '[') {
    scratch_.clear();
    if (!in_.copy_value(scratch_)) return false;
    args_.push_back(Arg::json(key, builder_.string(scratch_)));
  } else if (c == 't' || c == 'f') {
    if (!in_.literal(text)) return false;
    args_.push_back(Arg::boolean(key, text == "true"));
  } else if (c == '-' || (c >= '0' && c <= '9')) {
    if (!in_.number(text)) return false;
    if (const std::optional<int64_t> integer = parse_json_integer(text))
      args_.push_back(Arg::integer(key, *integer));
    else if (const std::optional<double> real = parse_json_real(text))
      args_.push_back(Arg::real(key, *real));
    else
      return in_.fail("not a number");
  } else {
    scratch_.clear();
    if (!in_.copy_value(scratch_)) return false;
    args_.push_back(Arg::null(key));
  }
  return true;
}

const Arg* JsonTraceReader::find(std::string_view key) const {
  for (const Arg& arg : args_)
    if (builder_.text(arg.key) == key) return &arg;
  return nullptr;
}

void JsonTraceReader::handle(const Event& event) {
  if (event.phase == 'M') return name_thread(event);
  if (event.phase == 0) {
    skipped_ += event.name.valid() ? 1 : 0;  // a bare {} closes some streams
    return;
  }
  if (!event.time) {
    ++skipped_;
    return;
  }
  last_time_ = std::max(last_time_, *event.time + event.duration.value_or(0));
  switch (event.phase) {
    case 'X':
      return slice(event);
    case 'B':
    case 'E':
      return begin_or_end(event);
    case 'b':
    case 'e':
      return async(event);
    case 'C':
      return counter(event);
    case 's':
    case 't':
    case 'f':
      return flow(event);
    case 'i':
    case 'I':
    case 'R':
    case 'n':
      return builder_.add_instant({*event.time, event.name.valid() ? event.name : builder_.string("instant"),
                                   event.category, lane(event), builder_.args(args_), event.scope});
    default:
      return;  // object events, clock marks: nothing to draw
  }
}

void JsonTraceReader::slice(const Event& event) {
  if (!event.duration || !event.name.valid()) {
    ++skipped_;
    return;
  }
  const LaneId lane = this->lane(event);
  builder_.add_slice(lane, *event.time, *event.duration, event.name, event.category, builder_.args(args_));
  if (!event.bind_id || (!event.flow_in && !event.flow_out)) return;
  const FlowKind kind = event.flow_in && event.flow_out ? FlowKind::step
                        : event.flow_out                ? FlowKind::start
                                                        : FlowKind::end;
  builder_.add_flow(
      {*event.time, *event.bind_id, builder_.string("flow"), builder_.string("flow"), lane, {}, kind});
}

void JsonTraceReader::begin_or_end(const Event& event) {
  const LaneId lane = this->lane(event);
  std::vector<Open>& open = open_[lane];
  if (event.phase == 'B') {
    open.push_back({*event.time, event.name, event.category, builder_.args(args_)});
  } else if (open.empty()) {
    ++skipped_;
  } else {
    const Open& begun = open.back();
    const StringId name = begun.name.valid() ? begun.name : event.name;
    builder_.add_slice(lane, begun.start, *event.time - begun.start,
                       name.valid() ? name : builder_.string("(unnamed)"), begun.category, begun.args);
    open.pop_back();
  }
}

void JsonTraceReader::async(const Event& event) {
  auto& [lane, open] = open_async_[{event.category, event.id}];
  if (event.phase == 'b') {
    if (open.empty()) lane = threads_.async_lane(event.thread, event.category);
    open.push_back({*event.time, event.name, event.category, builder_.args(args_)});
  } else if (open.empty()) {
    ++skipped_;
  } else {
    const Open begun = open.back();
    open.pop_back();
    builder_.add_slice(lane, begun.start, *event.time - begun.start,
                       begun.name.valid() ? begun.name : builder_.string("(unnamed)"), begun.category,
                       begun.args);
  }
}

void JsonTraceReader::counter(const Event& event) {
  const ProcessId process = threads_.process(event.thread);
  for (const Arg& arg : args_) {
    if (arg.is_number()) {
      builder_.add_counter(process, event.name, arg.key, *event.time, arg.number());
    } else if (arg.kind == ArgKind::string) {
      if (const std::optional<double> value = parse_json_real(builder_.text(arg.text())))
        builder_.add_counter(process, event.name, arg.key, *event.time, *value);
    }
  }
}

void JsonTraceReader::flow(const Event& event) {
  const FlowKind kind = event.phase == 's'   ? FlowKind::start
                        : event.phase == 't' ? FlowKind::step
                                             : FlowKind::end;
  builder_.add_flow({*event.time, event.id, event.name, event.category, lane(event), {}, kind});
}

void JsonTraceReader::name_thread(const Event& event) {
  if (!event.name.valid() || args_.empty()) return;
  const std::string_view what = builder_.text(event.name);
  const bool of_process = what.starts_with("process_");
  if (!of_process && !what.starts_with("thread_")) return;
  const ProcessId process = threads_.process(event.thread);
  if (what == "process_name" || what == "thread_name" || what == "process_labels") {
    const Arg* text = find(what == "process_labels" ? "labels" : "name");
    if (text == nullptr || text->kind != ArgKind::string) return;
    if (what == "process_name")
      builder_.edit(process).name = text->text();
    else if (what == "process_labels")
      builder_.edit(process).label = text->text();
    else
      builder_.edit(lane(event)).name = text->text();
    return;
  }
  const Arg* index = find("sort_index");
  if (index == nullptr || index->kind != ArgKind::integer) return;
  if (what == "process_sort_index")
    builder_.edit(process).sort_index = index->bits;
  else if (what == "thread_sort_index")
    builder_.edit(lane(event)).sort_index = index->bits;
}

/// A recording that stopped inside calls: they last as long as it did.
void JsonTraceReader::close_open_slices() {
  std::vector<std::pair<LaneId, Open>> left;
  for (const auto& [lane, open] : open_)
    for (const Open& begun : open) left.emplace_back(lane, begun);
  for (const auto& [key, value] : open_async_)
    for (const Open& begun : value.second) left.emplace_back(value.first, begun);
  std::stable_sort(left.begin(), left.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [lane, begun] : left)
    builder_.add_slice(lane, begun.start, last_time_ - begun.start,
                       begun.name.valid() ? begun.name : builder_.string("(unnamed)"), begun.category,
                       begun.args);
  if (!left.empty())
    builder_.info.notes.push_back(std::to_string(left.size()) + " slices were begun but not ended");
}

}  // namespace

Status read_json_trace(std::string_view text, TraceBuilder& builder, const JobContext& job) {
  return JsonTraceReader(text, builder, job).read();
}

}  // namespace lathe
