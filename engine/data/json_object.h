// SPDX-License-Identifier: Apache-2.0
// Reading JSON objects with every mistake named: file, key, what was expected. Internal to data.
#pragma once

#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace lathe {

/// Parses a file. `skipped_key`: values under this key are dropped while reading.
Result<nlohmann::json> parse_json_file(const std::string& path, const char* skipped_key = nullptr);

/// One object at a place in a file. Getters return nullopt for an absent key; a value of another type is an
/// error kept until finish(), so that reading code stays straight.
class JsonObject {
 public:
  /// `where`: file and key path, e.g. "a.json: inputs.img".
  JsonObject(const nlohmann::json& json, std::string where);

  std::optional<double> number(const char* key);
  std::optional<int64_t> integer(const char* key);
  std::optional<bool> boolean(const char* key);
  std::optional<std::string> text(const char* key);
  /// A number or a list of numbers.
  std::optional<std::vector<double>> numbers(const char* key);
  std::optional<std::vector<int64_t>> integers(const char* key);
  std::optional<std::vector<std::string>> texts(const char* key);
  /// Any value; null when absent.
  const nlohmann::json* any(const char* key);
  /// One of the named choices; an unknown one is an error naming the nearest.
  template <class Enum>
  std::optional<Enum> choice(const char* key, std::initializer_list<std::pair<const char*, Enum>> choices) {
    std::vector<std::string> names;
    for (const auto& [name, value] : choices) names.emplace_back(name);
    const int index = choice_index(key, names);
    return index < 0 ? std::nullopt : std::optional<Enum>(choices.begin()[index].second);
  }
  /// Records an error about a key, unless there is one already.
  void fail(const std::string& key, const std::string& what);
  /// Takes over the error of an object inside this one, unless there is one already.
  void adopt(Status inner) {
    if (status_.ok()) status_ = std::move(inner);
  }
  /// `where` of the value under `key`.
  std::string where_of(const std::string& key) const {
    return where_ + (where_.find(": ") == std::string::npos ? ": " : ".") + key;
  }

  /// The first error, or an unknown key: every key that was never asked for is unknown.
  Status finish();

 private:
  const nlohmann::json* find(const char* key);
  int choice_index(const char* key, const std::vector<std::string>& names);
  template <class T, class Check>
  std::optional<std::vector<T>> list(const char* key, bool single_allowed, const char* expected, Check check);

  const nlohmann::json& json_;
  std::string where_;
  std::vector<std::string> known_;
  Status status_;
};

}  // namespace lathe
