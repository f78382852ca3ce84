// SPDX-License-Identifier: Apache-2.0
#include "engine/data/json_object.h"

#include <algorithm>

#include "engine/base/files.h"
#include "engine/base/strings.h"

namespace lathe {
namespace {

constexpr size_t max_json_bytes = size_t{1} << 30;

/// The line and column of a byte, for people with an editor.
std::string position(const std::string& content, size_t byte) {
  const std::string_view before = std::string_view(content).substr(0, byte > 0 ? byte - 1 : 0);
  const size_t line = static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const size_t start = before.rfind('\n');
  const size_t column = before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

}  // namespace

Result<nlohmann::json> parse_json_file(const std::string& path, const char* skipped_key) {
  LATHE_ASSIGN(const std::string content, read_file(path, max_json_bytes));
  const auto keep = [skipped_key](int, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    return skipped_key == nullptr || event != nlohmann::json::parse_event_t::key || value != skipped_key;
  };
  try {
    return nlohmann::json::parse(content, keep);
  } catch (const nlohmann::json::parse_error& error) {
    return bad_input(path, "is not valid JSON (" + position(content, error.byte) + ")");
  } catch (const nlohmann::json::exception& error) {
    return bad_input(path, std::string("is not valid JSON: ") + error.what());
  }
}

JsonObject::JsonObject(const nlohmann::json& json, std::string where)
    : json_(json), where_(std::move(where)) {
  if (!json_.is_object()) status_ = bad_input(where_, "an object {...} is expected here");
}

void JsonObject::fail(const std::string& key, const std::string& what) {
  if (status_.ok()) status_ = bad_input(where_, "key '" + key + "': " + what);
}

const nlohmann::json* JsonObject::find(const char* key) {
  known_.emplace_back(key);
  if (!json_.is_object()) return nullptr;
  const auto found = json_.find(key);
  return found == json_.end() ? nullptr : &*found;
}

const nlohmann::json* JsonObject::any(const char* key) {
  return find(key);
}

std::optional<double> JsonObject::number(const char* key) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number()) return value->get<double>();
  fail(key, "a number is expected");
  return std::nullopt;
}

std::optional<int64_t> JsonObject::integer(const char* key) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_integer()) return value->get<int64_t>();
  fail(key, "a whole number is expected");
  return std::nullopt;
}

std::optional<bool> JsonObject::boolean(const char* key) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  fail(key, "true or false is expected");
  return std::nullopt;
}

std::optional<std::string> JsonObject::text(const char* key) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  fail(key, "text in quotes is expected");
  return std::nullopt;
}

template <class T, class Check>
std::optional<std::vector<T>> JsonObject::list(const char* key, bool single_allowed, const char* expected,
                                               Check check) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  std::vector<T> out;
  if (single_allowed && check(*value)) {
    out.push_back(value->template get<T>());
    return out;
  }
  bool good = value->is_array();
  for (size_t i = 0; good && i < value->size(); ++i) {
    good = check((*value)[i]);
    if (good) out.push_back((*value)[i].template get<T>());
  }
  if (good) return out;
  fail(key, expected);
  return std::nullopt;
}

std::optional<std::vector<double>> JsonObject::numbers(const char* key) {
  return list<double>(key, true, "a number or a list of numbers is expected",
                      [](const nlohmann::json& value) { return value.is_number(); });
}

std::optional<std::vector<int64_t>> JsonObject::integers(const char* key) {
  return list<int64_t>(key, false, "a list of whole numbers is expected",
                       [](const nlohmann::json& value) { return value.is_number_integer(); });
}

std::optional<std::vector<std::string>> JsonObject::texts(const char* key) {
  return list<std::string>(key, true, "text or a list of texts is expected",
                           [](const nlohmann::json& value) { return value.is_string(); });
}

int JsonObject::choice_index(const char* key, const std::vector<std::string>& names) {
  const auto given = text(key);
  if (!given) return -1;
  for (size_t i = 0; i < names.size(); ++i)
    if (*given == names[i]) return static_cast<int>(i);
  const std::string nearest = nearest_name(*given, names);
  fail(key, "'" + *given + "' is not one of " + join(names, ", ") +
                (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
  return -1;
}

Status JsonObject::finish() {
  if (!status_.ok()) return status_;
  for (const auto& [key, value] : json_.items()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    Error error = bad_input(where_, "unknown key '" + key + "'");
    const std::string nearest = nearest_name(key, known_);
    if (!nearest.empty())
      error.hint("did you mean '" + nearest + "'?");
    else
      error.hint("known keys: " + join(known_, ", "));
    return error;
  }
  return {};
}

}  // namespace lathe
