// SPDX-License-Identifier: Apache-2.0
#include "tests/report/json_schema.h"

#include <algorithm>
#include <set>

namespace lathe {
namespace {

using nlohmann::json;

class SchemaCheck {
 public:
  SchemaCheck(const json& root, bool closed) : root_(root), closed_(closed) {}

  std::vector<std::string> run(const json& document) {
    check(root_, document, "");
    return std::move(errors_);
  }

 private:
  void fail(const std::string& where, const std::string& what) {
    errors_.push_back((where.empty() ? "/" : where) + ": " + what);
  }

  static bool is_of_type(const json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    if (type == "integer") return value.is_number_integer();
    return type == "number" && value.is_number();
  }

  void check_type(const json& type, const json& value, const std::string& where) {
    const json types = type.is_array() ? type : json::array({type});
    if (std::none_of(types.begin(), types.end(), [&](const json& each) { return is_of_type(value, each); }))
      fail(where, std::string("is ") + value.type_name() + ", not " + type.dump());
  }

  void check_keywords(const json& schema, const std::string& where) {
    static const std::set<std::string> known = {
        "$schema", "$defs",    "$ref",     "title",    "description",
        "type",    "const",    "enum",     "required", "properties",
        "items",   "minItems", "maxItems", "minimum",  "additionalProperties"};
    for (const auto& [keyword, value] : schema.items())
      if (!known.contains(keyword)) fail(where, "keyword '" + keyword + "' is not understood");
  }

  void check_object(const json& schema, const json& value, const std::string& where) {
    for (const json& key : schema.value("required", json::array()))
      if (!value.contains(key)) fail(where, "misses " + key.dump());
    const json properties = schema.value("properties", json::object());
    for (const auto& [key, each] : value.items()) {
      const std::string inside = where + "/" + key;
      if (properties.contains(key))
        check(properties[key], each, inside);
      else if (schema.contains("additionalProperties") && schema["additionalProperties"].is_object())
        check(schema["additionalProperties"], each, inside);
      else if (schema.value("additionalProperties", json(true)) == json(false) ||
               (closed_ && schema.contains("properties")))
        fail(inside, "is not in the schema");
    }
  }

  void check_array(const json& schema, const json& value, const std::string& where) {
    if (value.size() < schema.value("minItems", size_t{0})) fail(where, "has too few items");
    if (value.size() > schema.value("maxItems", SIZE_MAX)) fail(where, "has too many items");
    if (!schema.contains("items")) return;
    for (size_t i = 0; i < value.size(); ++i)
      check(schema["items"], value[i], where + "/" + std::to_string(i));
  }

  void check(const json& schema, const json& value, const std::string& where) {
    check_keywords(schema, where);
    if (schema.contains("$ref")) {
      const std::string reference = schema["$ref"];
      return check(root_.at(json::json_pointer(reference.substr(1))), value, where);
    }
    if (schema.contains("type")) check_type(schema["type"], value, where);
    if (schema.contains("const") && value != schema["const"]) fail(where, "is not " + schema["const"].dump());
    if (schema.contains("enum")) {
      const json& allowed = schema["enum"];
      if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
        fail(where, "is " + value.dump() + ", not one of " + allowed.dump());
    }
    if (schema.contains("minimum") && value.is_number() && value < schema["minimum"])
      fail(where, "is below " + schema["minimum"].dump());
    if (value.is_object()) check_object(schema, value, where);
    if (value.is_array()) check_array(schema, value, where);
  }

  const json& root_;
  bool closed_;
  std::vector<std::string> errors_;
};

}  // namespace

std::vector<std::string> schema_errors(const json& schema, const json& document, bool closed) {
  return SchemaCheck(schema, closed).run(document);
}

}  // namespace lathe
