// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/settings.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/strings.h"

namespace lathe {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

const std::vector<std::string> setting_keys = {
    "rt_mode",      "auto",      "fp16",     "bf16",       "int8",        "input_names", "input_shapes",
    "dynamic_axes", "use_dla",   "children", "calibrator", "calibration", "exclude",     "accuracy_budget",
    "data",         "metric",    "merge",    "remedies",   "plugins",     "input_args",  "weights",
    "block_size",   "symmetric", "tune"};
const std::vector<std::string> calibrators = {"minmax", "entropy", "percentile", "mse"};

bool is_setting(const std::string& key) {
  return std::find(setting_keys.begin(), setting_keys.end(), key) != setting_keys.end();
}

class Parser {
 public:
  Parser(const ModuleTree& tree, std::string where) : tree_(tree), where_(std::move(where)) {}

  Result<Configuration> run(std::string_view text) {
    const json document = json::parse(text, nullptr, false);
    if (document.is_discarded()) return bad_input(where_, "is not valid JSON" + position(text));
    if (!document.is_object()) return bad_input(where_, "is not a JSON object");
    LATHE_TRY(object(document, ""));
    return std::move(configuration_);
  }

 private:
  /// nlohmann tells the byte only through its exception.
  static std::string position(std::string_view text) {
    try {
      const json ignored = json::parse(text);
    } catch (const json::parse_error& error) {
      return " (byte " + std::to_string(error.byte) + ")";
    }
    return "";
  }

  Error error(const std::string& path, const std::string& key, std::string what) const {
    return bad_input(where_,
                     (path.empty() ? "" : "module '" + path + "': ") + "'" + key + "' " + std::move(what));
  }
  Error unknown(const std::string& path, const std::string& key) const {
    std::vector<std::string> candidates = setting_keys;
    for (const Module& module : tree_.modules())
      if (!module.path.empty()) candidates.push_back(module.path);
    Error failure = error(path, key, "is neither a setting nor a module of this model");
    const std::string nearest =
        nearest_name(path.empty() || is_setting(key) ? key : path + "." + key, candidates);
    return nearest.empty() ? failure : failure.hint("did you mean '" + nearest + "'?");
  }

  Status object(const json& node, const std::string& path) {
    for (const auto& [key, value] : node.items()) {
      if (key == "children") {
        if (value.is_null()) continue;
        if (!value.is_object()) return error(path, key, "should be an object of modules");
        for (const auto& [child, settings] : value.items()) LATHE_TRY(module(path, child, settings));
      } else if (is_setting(key)) {
        LATHE_TRY(setting(path, key, value));
      } else {
        LATHE_TRY(module(path, key, value));
      }
    }
    return {};
  }

  Status module(const std::string& path, const std::string& key, const json& value) {
    const std::string full = path.empty() ? key : path + "." + key;
    if (!tree_.find(full)) return unknown(path, key);
    if (!value.is_object()) return error(path, key, "should be an object of settings");
    configuration_.modules[full];
    return object(value, full);
  }

  Status setting(const std::string& path, const std::string& key, const json& value);
  Status top_level(const std::string& key, const json& value);
  Status flag(const std::string& path, const std::string& key, const json& value,
              std::optional<bool>& target) {
    if (!value.is_boolean()) return error(path, key, "should be true or false");
    target = value.get<bool>();
    return {};
  }
  Status text(const std::string& key, const json& value, std::string& target) {
    if (!value.is_string()) return error("", key, "should be a text");
    target = value.get<std::string>();
    return {};
  }
  Status run_mode(const std::string& path, const json& value);
  Status weights(const std::string& path, const json& value);
  Status block_size(const std::string& path, const json& value);
  Status shapes(const json& value);
  Status axes(const json& value);
  Status excluded(const json& value);
  Status texts(const std::string& key, const json& value, std::vector<std::string>& list);
  Status remedies(const json& value);
  Result<RemedyStep> remedy(const json& value) const;

  const ModuleTree& tree_;
  std::string where_;
  Configuration configuration_;
};

Status Parser::run_mode(const std::string& path, const json& value) {
  ModuleSettings& settings = configuration_.modules[path];
  if (value.is_null()) {
    settings.convert = false;
    return {};
  }
  const std::string mode = value.is_string() ? value.get<std::string>() : "";
  if (mode != "onnx" && mode != "torch2trt") return error(path, "rt_mode", "should be \"onnx\" or null");
  if (mode == "torch2trt")
    configuration_.notes.push_back(
        {Severity::note, "torch2trt", where_, "rt_mode torch2trt is read as onnx", "", {}});
  settings.convert = true;
  return {};
}

Status Parser::weights(const std::string& path, const json& value) {
  std::optional<WeightForm>& target = configuration_.modules[path].weights;
  target = WeightForm::full;
  if (value.is_null()) return {};
  const std::string name = value.is_string() ? value.get<std::string>() : value.dump();
  target = parse_weight_form(name);
  if (target) return {};
  Error failure = error(path, "weights", "should be \"int8\", \"int4\" or null, not '" + name + "'");
  const std::string nearest = nearest_name(name, weight_form_names());
  return nearest.empty() ? failure : failure.hint("did you mean '" + nearest + "'?");
}

Status Parser::block_size(const std::string& path, const json& value) {
  if (!value.is_number_integer() || !is_block_size(value.get<int64_t>()))
    return error(path, "block_size", "should be 16, 32, 64, 128 or 256");
  configuration_.modules[path].block_size = value.get<int64_t>();
  return {};
}

Status Parser::setting(const std::string& path, const std::string& key, const json& value) {
  if (key == "rt_mode") return run_mode(path, value);
  if (key == "weights") return weights(path, value);
  if (key == "block_size") return block_size(path, value);
  ModuleSettings& settings = configuration_.modules[path];
  if (key == "auto") return flag(path, key, value, settings.recurse);
  if (key == "fp16") return flag(path, key, value, settings.fp16);
  if (key == "bf16") return flag(path, key, value, settings.bf16);
  if (key == "int8") return flag(path, key, value, settings.int8);
  if (key == "use_dla" || key == "input_args") {
    configuration_.notes.push_back({Severity::note, key, where_, key + " is ignored", "", {}});
    return {};
  }
  if (!path.empty()) return error(path, key, "belongs at the top level");
  return top_level(key, value);
}

Status Parser::top_level(const std::string& key, const json& value) {
  if (key == "input_shapes") return shapes(value);
  if (key == "dynamic_axes") return axes(value);
  if (key == "exclude") return excluded(value);
  if (key == "plugins") return texts(key, value, configuration_.plugins);
  if (key == "data") return text(key, value, configuration_.data);
  if (key == "metric") return text(key, value, configuration_.metric);
  if (key == "calibration") return text(key, value, configuration_.calibration);
  if (key == "calibrator") {
    if (value.is_null()) return {};
    LATHE_TRY(text(key, value, configuration_.calibrator));
    if (std::find(calibrators.begin(), calibrators.end(), configuration_.calibrator) != calibrators.end())
      return {};
    return error("", key, "should be one of " + join(calibrators, ", "));
  }
  if (key == "accuracy_budget") {
    if (!value.is_number()) return error("", key, "should be a number");
    configuration_.accuracy_budget = value.get<double>();
    return {};
  }
  const std::map<std::string, bool*> switches = {{"merge", &configuration_.merge},
                                                 {"symmetric", &configuration_.symmetric_activations},
                                                 {"tune", &configuration_.tune}};
  if (const auto found = switches.find(key); found != switches.end()) {
    if (!value.is_boolean()) return error("", key, "should be true or false");
    *found->second = value.get<bool>();
    return {};
  }
  if (key == "remedies") return remedies(value);
  if (key == "input_names") {
    if (!value.is_array()) return error("", key, "should be a list of names");
    for (const json& name : value)
      if (name.is_string()) configuration_.input_names.push_back(name.get<std::string>());
    return {};
  }
  return bad_input(where_, "'" + key + "' is not supported by this build yet");
}

Status Parser::shapes(const json& value) {
  if (value.is_null()) return {};
  if (!value.is_object()) return error("", "input_shapes", "should be an object {input: [sizes]}");
  for (const auto& [input, sizes] : value.items()) {
    Shape shape;
    if (!sizes.is_array()) return error("", "input_shapes", "of '" + input + "' should be a list of sizes");
    for (const json& size : sizes) {
      if (!size.is_number_integer() || size.get<int64_t>() < 0)
        return error("", "input_shapes", "of '" + input + "' should hold sizes of 0 or more");
      shape.push_back(size.get<int64_t>());
    }
    configuration_.input_shapes[input] = std::move(shape);
  }
  return {};
}

Status Parser::axes(const json& value) {
  if (value.is_null()) return {};
  if (!value.is_object())
    return error("", "dynamic_axes", "should be an object {input: {axis: name or [name, min, max]}}");
  for (const auto& [input, by_axis] : value.items()) {
    if (!by_axis.is_object())
      return error("", "dynamic_axes", "of '" + input + "' should be an object {axis: ...}");
    for (const auto& [axis, range] : by_axis.items()) {
      int64_t number = 0;
      if (!parse_int(axis, number) || number < 0)
        return error("", "dynamic_axes", "of '" + input + "': '" + axis + "' is no axis");
      Configuration::DynamicAxis made;
      const auto size = [&](size_t i) { return range[i].is_number_integer() ? range[i].get<int64_t>() : -1; };
      if (range.is_string())
        made.name = range.get<std::string>();
      else if (range.is_array() && (range.size() == 3 || range.size() == 4) && range[0].is_string()) {
        made.name = range[0].get<std::string>();
        made.min = size(1);
        made.max = size(range.size() - 1);
        if (range.size() == 4) made.opt = size(2);
        const int64_t opt = made.opt < 0 ? made.min : made.opt;
        if (made.min < 0 || made.max < made.min || opt < made.min || opt > made.max)
          return error("", "dynamic_axes",
                       "of '" + input + "' axis " + axis +
                           " should be [name, min, max] or [name, min, opt, max] in order");
      } else {
        return error("", "dynamic_axes",
                     "of '" + input + "' axis " + axis + " should be a name or [name, min, opt, max]");
      }
      configuration_.dynamic_axes[input][static_cast<int>(number)] = std::move(made);
    }
  }
  return {};
}

Status Parser::texts(const std::string& key, const json& value, std::vector<std::string>& list) {
  if (!value.is_array()) return error("", key, "should be a list of texts");
  for (const json& item : value) {
    if (!item.is_string()) return error("", key, "should be a list of texts");
    list.push_back(item.get<std::string>());
  }
  return {};
}

Status Parser::excluded(const json& value) {
  if (!value.is_array()) return error("", "exclude", "should be a list of module paths");
  for (const json& item : value) {
    const std::string path = item.is_string() ? item.get<std::string>() : "";
    if (!tree_.find(path) || path.empty()) return unknown("", path);
    configuration_.exclude.push_back(path);
  }
  return {};
}

Status Parser::remedies(const json& value) {
  if (value.is_null()) return {};
  if (!value.is_array()) return error("", "remedies", "should be a list of {\"kind\", \"subject\"}");
  for (const json& item : value) {
    LATHE_ASSIGN(RemedyStep step, remedy(item));
    configuration_.remedies.push_back(std::move(step));
  }
  return {};
}

/// Whether the subject exists is told when the remedy is taken: an earlier one may have made it.
Result<RemedyStep> Parser::remedy(const json& value) const {
  if (!value.is_object() || !value.contains("kind") || !value["kind"].is_string())
    return error("", "remedies", "should hold objects with a \"kind\"");
  const std::string name = value["kind"];
  const auto kind = parse_remedy_kind(name);
  if (!kind) {
    Error unknown_kind = error("", "remedies", "names '" + name + "', which is no kind of remedy");
    const std::string nearest = nearest_name(name, remedy_kind_names());
    return unknown_kind.hint(nearest.empty() ? "kinds: " + join(remedy_kind_names(), ", ")
                                             : "did you mean '" + nearest + "'?");
  }
  RemedyStep step;
  step.kind = *kind;
  for (const auto& [key, given] : value.items()) {
    const std::string what = "of '" + name + "': '" + key + "' ";
    if (key == "kind") continue;
    if (key == "subject") {
      if (!given.is_string()) return error("", "remedies", what + "should be a text");
      step.subject = given.get<std::string>();
    } else if (key == "shape") {
      if (!given.is_array()) return error("", "remedies", what + "should be a list of sizes");
      step.shape.emplace();
      for (const json& size : given) {
        if (!size.is_number_integer() || size.get<int64_t>() < 0)
          return error("", "remedies", what + "should hold sizes of 0 or more");
        step.shape->push_back(size.get<int64_t>());
      }
    } else if (key == "count") {
      if (!given.is_number_integer() || given.get<int64_t>() < 1)
        return error("", "remedies", what + "should be a number of 1 or more");
      step.count = given.get<int64_t>();
    } else if (key == "tolerance") {
      if (!given.is_number() || given.get<double>() < 0)
        return error("", "remedies", what + "should be a number of 0 or more");
      step.tolerance = given.get<double>();
    } else {
      const std::vector<std::string> keys = {"kind", "subject", "shape", "count", "tolerance"};
      Error unknown_key = error("", "remedies", what + "is not known");
      const std::string nearest = nearest_name(key, keys);
      return nearest.empty() ? unknown_key : unknown_key.hint("did you mean '" + nearest + "'?");
    }
  }
  return step;
}

}  // namespace

std::optional<ShapeRange> Configuration::range(const std::string& input) const {
  const auto pinned = input_shapes.find(input);
  const auto dynamic = dynamic_axes.find(input);
  if (pinned == input_shapes.end() && dynamic == dynamic_axes.end()) return std::nullopt;
  ShapeRange range;
  if (pinned != input_shapes.end()) range.min = range.opt = range.max = pinned->second;
  if (dynamic == dynamic_axes.end()) return range;
  for (const auto& [axis, sizes] : dynamic->second) {
    const auto at = static_cast<size_t>(axis);
    if (sizes.min < 0) continue;
    for (Shape* shape : {&range.min, &range.opt, &range.max})
      if (shape->size() <= at) shape->resize(at + 1, -1);
    range.min[at] = sizes.min;
    range.max[at] = sizes.max;
    // Without an opt of its own an axis takes the sample's size, else the smallest.
    const int64_t sample =
        pinned != input_shapes.end() && at < pinned->second.size() ? pinned->second[at] : sizes.min;
    range.opt[at] = sizes.opt >= 0 ? sizes.opt : std::clamp(sample, sizes.min, sizes.max);
  }
  return range;
}

ModuleSettings Configuration::effective(const ModuleTree& tree, ModuleId module) const {
  const bool anything_asked = std::any_of(modules.begin(), modules.end(),
                                          [](const auto& entry) { return entry.second.convert.has_value(); });
  std::vector<ModuleId> chain;
  for (ModuleId at = module; at.valid(); at = tree[at].parent) chain.push_back(at);
  ModuleSettings now;
  now.convert = !anything_asked;
  now.recurse = !anything_asked;
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    // A child of a module that is not to be taken apart is not asked for.
    if (at != chain.rbegin() && now.convert == true && now.recurse == false) now.convert = false;
    const Module& each = tree[*at];
    now.excluded = now.excluded || std::find(exclude.begin(), exclude.end(), each.path) != exclude.end();
    const auto own = modules.find(each.path);
    if (own == modules.end()) continue;
    const ModuleSettings& settings = own->second;
    if (settings.convert) {
      now.convert = settings.convert;
      if (!settings.recurse) now.recurse = false;
    }
    if (settings.recurse) now.recurse = settings.recurse;
    if (settings.fp16) now.fp16 = settings.fp16;
    if (settings.bf16) now.bf16 = settings.bf16;
    if (settings.int8) now.int8 = settings.int8;
    if (settings.weights) now.weights = settings.weights;
    if (settings.block_size) now.block_size = settings.block_size;
  }
  return now;
}

Result<Configuration> parse_configuration(std::string_view text, const ModuleTree& tree,
                                          const std::string& where) {
  return Parser(tree, where).run(text);
}

std::string to_json(const Configuration& configuration) {
  const auto write_settings = [](const ModuleSettings& settings, ordered_json& target) {
    if (settings.convert)
      target["rt_mode"] = *settings.convert ? ordered_json("onnx") : ordered_json(nullptr);
    if (settings.recurse) target["auto"] = *settings.recurse;
    if (settings.fp16) target["fp16"] = *settings.fp16;
    if (settings.bf16) target["bf16"] = *settings.bf16;
    if (settings.int8) target["int8"] = *settings.int8;
    if (settings.weights)
      target["weights"] = *settings.weights == WeightForm::full ? ordered_json(nullptr)
                                                                : ordered_json(to_string(*settings.weights));
    if (settings.block_size) target["block_size"] = *settings.block_size;
  };
  ordered_json document = ordered_json::object();
  const auto top = configuration.modules.find("");
  if (top != configuration.modules.end()) write_settings(top->second, document);
  if (!configuration.input_names.empty()) document["input_names"] = configuration.input_names;
  if (!configuration.input_shapes.empty()) document["input_shapes"] = configuration.input_shapes;
  for (const auto& [input, by_axis] : configuration.dynamic_axes)
    for (const auto& [axis, sizes] : by_axis) {
      ordered_json& target = document["dynamic_axes"][input][std::to_string(axis)];
      if (sizes.min < 0)
        target = sizes.name;
      else if (sizes.opt < 0)
        target = ordered_json::array({sizes.name, sizes.min, sizes.max});
      else
        target = ordered_json::array({sizes.name, sizes.min, sizes.opt, sizes.max});
    }
  if (!configuration.exclude.empty()) document["exclude"] = configuration.exclude;
  if (!configuration.plugins.empty()) document["plugins"] = configuration.plugins;
  if (!configuration.data.empty()) document["data"] = configuration.data;
  if (!configuration.metric.empty()) document["metric"] = configuration.metric;
  if (!configuration.calibration.empty()) document["calibration"] = configuration.calibration;
  if (!configuration.calibrator.empty()) document["calibrator"] = configuration.calibrator;
  if (configuration.symmetric_activations) document["symmetric"] = true;
  if (configuration.tune) document["tune"] = true;
  if (configuration.accuracy_budget) document["accuracy_budget"] = *configuration.accuracy_budget;
  if (!configuration.merge) document["merge"] = false;
  for (const RemedyStep& step : configuration.remedies) {
    ordered_json made = {{"kind", to_string(step.kind)}, {"subject", step.subject}};
    if (step.shape) made["shape"] = *step.shape;
    if (step.count) made["count"] = *step.count;
    if (step.tolerance) made["tolerance"] = *step.tolerance;
    document["remedies"].push_back(std::move(made));
  }
  for (const auto& [path, settings] : configuration.modules) {
    if (path.empty()) continue;
    ordered_json target = ordered_json::object();
    write_settings(settings, target);
    document[path] = std::move(target);
  }
  return document.dump(2) + "\n";
}

}  // namespace lathe
