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

template <class Holds>
SliceMatches collect(const Trace& trace, Holds&& holds) {
  SliceMatches matches;
  for (size_t i = 0; i < trace.slice_count(); ++i)
    if (const SliceId id(i); holds(id)) matches.slices.push_back(id.index);
  return matches;
}

SliceMatches collectByArgs(const Trace& trace, const std::vector<bool>& args) {
  if (std::find(args.begin(), args.end(), true) == args.end()) return {};
  return collect(trace, [&](SliceId id) { return args[trace.args_id(id).index]; });
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

bool SliceMatches::containsAny(SliceId first, uint32_t count) const {
  const auto found = std::lower_bound(slices.begin(), slices.end(), first.index);
  return found != slices.end() && *found - first.index < count;
}

SliceId SliceMatches::earliest(const Trace& trace) const {
  SliceId best;
  const auto key = [&](SliceId id) { return std::tuple(trace.start(id), -trace.duration(id), id.index); };
  for (const uint32_t slice : slices)
    if (const SliceId id{size_t{slice}}; !best.valid() || key(id) < key(best)) best = id;
  return best;
}

SliceId SliceMatches::next(const Trace& trace, SliceId from, bool forward) const {
  SliceId best;
  for (const uint32_t slice : slices) {
    const SliceId id{size_t{slice}};
    const auto place = placeOf(trace, id);
    if (from.valid() && (id == from || (place > placeOf(trace, from)) != forward)) continue;
    if (!best.valid() || (place < placeOf(trace, best)) == forward) best = id;
  }
  return best;
}

SliceMatches slicesOfNode(const Trace& trace, std::string_view node) {
  const StringId one = trace.find_text("node"), several = trace.find_text("nodes");
  if (!one.valid() && !several.valid()) return {};
  const StringId name = trace.find_text(node);
  const std::string quoted = '"' + std::string(node) + '"';
  return collectByArgs(trace, argsWith(trace, [&](const Arg& arg) {
                         if (one.valid() && arg.key == one)
                           return name.valid() && arg.kind == ArgKind::string && arg.text() == name;
                         return several.valid() && arg.key == several && arg.kind == ArgKind::json &&
                                trace.text(arg.text()).find(quoted) != std::string_view::npos;
                       }));
}

SliceMatches slicesOfModule(const Trace& trace, std::string_view path) {
  const StringId key = trace.find_text("module");
  if (!key.valid()) return {};
  const auto within = [&](std::string_view module) {
    return path.empty() ||
           (module.starts_with(path) && (module.size() == path.size() || module[path.size()] == '.'));
  };
  return collectByArgs(trace, argsWith(trace, [&](const Arg& arg) {
                         return arg.key == key && arg.kind == ArgKind::string &&
                                within(trace.text(arg.text()));
                       }));
}

SliceMatches slicesWithText(const Trace& trace, std::string_view text) {
  if (text.empty()) return {};
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), lower);
  std::vector<bool> names(trace.text_count());
  for (size_t i = 0; i < names.size(); ++i) names[i] = holdsText(trace.text(StringId(i)), lowered);
  std::vector<StringId> keys;
  for (const char* key : {"node", "module", "op_type", "kernel"})
    if (const StringId id = trace.find_text(key); id.valid()) keys.push_back(id);
  const std::vector<bool> args = argsWith(trace, [&](const Arg& arg) {
    return arg.kind == ArgKind::string && names[arg.text().index] &&
           std::find(keys.begin(), keys.end(), arg.key) != keys.end();
  });
  return collect(trace,
                 [&](SliceId id) { return names[trace.name(id).index] || args[trace.args_id(id).index]; });
}

}  // namespace lathe
