// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/trial_log.h"

#include "engine/base/files.h"
#include "engine/precision/byte_stream.h"

namespace lathe {
namespace {

constexpr std::string_view magic = "lathe trials 1\n";

/// Nothing where the text is damaged or of another key.
std::map<std::string, double> parse(std::string_view text, const std::string& key) {
  if (!text.starts_with(magic)) return {};
  ByteReader reader(text.substr(magic.size()));
  std::string of;
  if (!reader.text(of) || of != key) return {};
  std::map<std::string, double> values;
  while (!reader.at_end()) {
    std::string trial;
    if (!reader.text(trial) || !reader.real(values[trial])) return {};
  }
  return values;
}

}  // namespace

TrialLog::TrialLog(std::filesystem::path file, std::string key)
    : file_(std::move(file)), key_(std::move(key)) {
  std::error_code ignored;
  if (file_.empty() || !std::filesystem::exists(file_, ignored)) return;
  if (const auto text = read_file(file_); text.ok()) values_ = parse(*text, key_);
  found_ = values_.size();
}

std::optional<double> TrialLog::find(const std::string& trial) const {
  const auto found = values_.find(trial);
  return found == values_.end() ? std::nullopt : std::optional(found->second);
}

Status TrialLog::add(const std::string& trial, double value) {
  values_[trial] = value;
  if (file_.empty()) return {};
  std::string text(magic);
  ByteWriter writer(text);
  writer.text(key_);
  for (const auto& [name, each] : values_) {
    writer.text(name);
    writer.real(each);
  }
  return write_file_atomic(file_, text);
}

}  // namespace lathe
