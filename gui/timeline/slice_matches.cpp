// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline/slice_matches.h"

#include <algorithm>
#include <string>
#include <tuple>

namespace lathe {
namespace {

/// Arguments are stored once a set, so a test of each set and a look at a bit for each slice is fast even for
/// millions of slices.
template <class Test>
std::vector<bool> argsWith(const Trace& trace, Test&& test) {
  std::vector<bool> with(trace.args_count());
  for (size_t i = 0; i < with.size(); ++i) {
    const auto args = trace.args(ArgsId(i));
    with[i] = std::any_of(args.begin(), args.end(), test);
  }
  return with;
}

SliceMatches collect(const Trace& trace, const std::vector<bool>& args) {
  SliceMatches matches;
  if (std::find(args.begin(), args.end(), true) == args.end()) return matches;
  for (size_t i = 0; i < trace.slice_count(); ++i) {
    const SliceId id(i);
    if (!args[trace.args_id(id).index]) continue;
    matches.slices.push_back(id.index);
    if (!matches.longest || trace.duration(id) > trace.duration(matches.longest)) matches.longest = id;
  }
  return matches;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool holdsText(std::string_view text, std::string_view lowered) {
  const auto found = std::search(text.begin(), text.end(), lowered.begin(), lowered.end(),
                                 [](char a, char b) { return lower(a) == b; });
  return found != text.end();
}

auto placeOf(const Trace& trace, SliceId id) {
  return std::tuple(trace.lane_of(id).index, trace.start(id), id.index);
}

}  // namespace

bool SliceMatches::contains(SliceId id) const {
  return std::binary_search(slices.begin(), slices.end(), id.index);
}

SliceMatches slicesOfNode(const Trace& trace, std::string_view node) {
  const StringId one = trace.find_text("node"), several = trace.find_text("nodes");
  if (!one.valid() && !several.valid()) return {};
  const StringId name = trace.find_text(node);
  const std::string quoted = '"' + std::string(node) + '"';
  return collect(trace, argsWith(trace, [&](const Arg& arg) {
                   if (one.valid() && arg.key == one)
                     return name.valid() && arg.kind == ArgKind::string && arg.text() == name;
                   return several.valid() && arg.key == several && arg.kind == ArgKind::json &&
                          trace.text(arg.text()).find(quoted) != std::string_view::npos;
                 }));
}

SliceMatches slicesOfModule(const Trace& trace, std::string_view path) {
  const StringId key = trace.find_text("module"), value = trace.find_text(path);
  if (!key.valid() || !value.valid()) return {};
  return collect(trace, argsWith(trace, [&](const Arg& arg) {
                   return arg.key == key && arg.kind == ArgKind::string && arg.text() == value;
                 }));
}

SliceSearch::SliceSearch(const Trace& trace, std::string_view text) {
  if (text.empty()) return;
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), lower);
  m_names.resize(trace.text_count());
  for (size_t i = 0; i < m_names.size(); ++i) m_names[i] = holdsText(trace.text(StringId(i)), lowered);
  std::vector<StringId> keys;
  for (const char* key : {"node", "module", "op_type", "kernel"})
    if (const StringId id = trace.find_text(key); id.valid()) keys.push_back(id);
  m_args = argsWith(trace, [&](const Arg& arg) {
    return arg.kind == ArgKind::string && m_names[arg.text().index] &&
           std::find(keys.begin(), keys.end(), arg.key) != keys.end();
  });
  for (size_t i = 0; i < trace.slice_count(); ++i) m_count += holds(trace, SliceId(i)) ? 1 : 0;
}

bool SliceSearch::holds(const Trace& trace, SliceId id) const {
  return m_names[trace.name(id).index] || m_args[trace.args_id(id).index];
}

SliceId SliceSearch::next(const Trace& trace, SliceId from, bool forward) const {
  SliceId best;
  if (m_count == 0) return best;
  for (size_t i = 0; i < trace.slice_count(); ++i) {
    const SliceId id(i);
    if (!holds(trace, id)) continue;
    const auto place = placeOf(trace, id);
    if (from.valid() && (id == from || (place > placeOf(trace, from)) != forward)) continue;
    if (!best.valid() || (place < placeOf(trace, best)) == forward) best = id;
  }
  return best;
}

}  // namespace lathe
