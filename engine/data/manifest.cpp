// SPDX-License-Identifier: Apache-2.0
#include "engine/data/manifest.h"

#include <algorithm>

#include "engine/data/json_object.h"

namespace lathe {
namespace {

using nlohmann::json;

/// Reads one key whose value is an object of its own.
template <class Read>
void read_object(JsonObject& parent, const char* key, Read read) {
  const json* value = parent.any(key);
  if (value == nullptr) return;
  JsonObject object(*value, parent.where_of(key));
  read(object);
  if (Status status = object.finish(); !status.ok()) parent.adopt(std::move(status));
}

/// A size that must be at least 1.
int64_t positive(JsonObject& object, const char* key, int64_t fallback) {
  const auto value = object.integer(key);
  if (!value) return fallback;
  if (*value < 1 || *value > (int64_t{1} << 30)) object.fail(key, "a size from 1 up is expected");
  return std::clamp<int64_t>(*value, 1, int64_t{1} << 30);
}

Resize read_resize(JsonObject& entry, const json& value) {
  Resize resize;
  if (value.is_array()) {
    const auto sizes = entry.integers("resize");
    if (!sizes || sizes->size() != 2 || *std::min_element(sizes->begin(), sizes->end()) < 1)
      entry.fail("resize", "[height, width] or an object is expected");
    else
      resize = {(*sizes)[0], (*sizes)[1], 0, 0, false};
    return resize;
  }
  read_object(entry, "resize", [&](JsonObject& object) {
    resize.height = positive(object, "height", 0);
    resize.width = positive(object, "width", 0);
    resize.shorter = positive(object, "shorter", 0);
    resize.longer = positive(object, "longer", 0);
    resize.keep_aspect = object.boolean("keep_aspect").value_or(false);
    const bool both = resize.height > 0 && resize.width > 0,
               neither = resize.height == 0 && resize.width == 0;
    if (!(both && resize.shorter == 0) && !(neither && resize.shorter > 0))
      object.fail("height", "either height and width, or shorter (and longer) must be given");
  });
  return resize;
}

Recipe read_recipe(JsonObject& entry) {
  Recipe recipe;
  const std::initializer_list<std::pair<const char*, Layout>> layouts = {{"NCHW", Layout::nchw},
                                                                         {"NHWC", Layout::nhwc}};
  recipe.layout = entry.choice("layout", layouts);
  recipe.array_layout = entry.choice("array_layout", layouts);
  recipe.scale = entry.number("scale").value_or(1);
  recipe.mean = entry.numbers("mean").value_or(std::vector<double>());
  recipe.std = entry.numbers("std").value_or(std::vector<double>());
  if (std::find(recipe.std.begin(), recipe.std.end(), 0.0) != recipe.std.end())
    entry.fail("std", "must not be zero");
  recipe.channels = entry
                        .choice<Channels>("channels", {{"rgb", Channels::rgb},
                                                       {"bgr", Channels::bgr},
                                                       {"grey", Channels::grey},
                                                       {"gray", Channels::grey}})
                        .value_or(Channels::rgb);
  if (const json* resize = entry.any("resize")) recipe.resize = read_resize(entry, *resize);
  read_object(entry, "repeat", [&](JsonObject& object) {
    recipe.repeat = Repeat{object.integer("axis").value_or(1), positive(object, "times", 1)};
  });
  read_object(entry, "pad", [&](JsonObject& object) {
    recipe.pad = Pad{positive(object, "height", 0), positive(object, "width", 0),
                     positive(object, "multiple", 1), object.number("value").value_or(0)};
  });
  return recipe;
}

InputEntry read_input(JsonObject& object) {
  InputEntry entry;
  entry.array = object.text("array").value_or("");
  entry.images = object.texts("images").value_or(std::vector<std::string>());
  if (const json* constant = object.any("constant")) {
    if (constant->is_boolean())
      entry.constant = constant->get<bool>() ? 1 : 0;
    else
      entry.constant = object.number("constant");
  }
  if (const auto shape = object.integers("shape")) {
    entry.shape = *shape;
    if (!checked_element_count(*shape)) object.fail("shape", "sizes from 0 up are expected");
  }
  entry.recipe = read_recipe(object);
  const int sources = !entry.array.empty() + !entry.images.empty() + entry.constant.has_value();
  if (sources != 1) object.fail("array", "exactly one of array, images and constant must be given");
  if (entry.constant && !entry.recipe.empty()) object.fail("constant", "a constant takes no preparation");
  return entry;
}

MetricSpec read_metric(JsonObject& object) {
  using M = MetricSpec;
  MetricSpec metric;
  metric.name = object.text("name").value_or("");
  metric.output = object.text("output").value_or("");
  metric.scores = object.text("scores").value_or("");
  metric.labels = object.text("labels").value_or("");
  metric.boxes = object.text("boxes").value_or("");
  metric.scores_transform =
      object
          .choice<M::Transform>("scores_transform", {{"none", M::Transform::none},
                                                     {"softmax", M::Transform::softmax},
                                                     {"sigmoid", M::Transform::sigmoid}})
          .value_or(metric.scores_transform);
  metric.no_object_class = object
                               .choice<M::NoObject>("no_object_class", {{"none", M::NoObject::none},
                                                                        {"first", M::NoObject::first},
                                                                        {"last", M::NoObject::last}})
                               .value_or(metric.no_object_class);
  metric.box_format = object
                          .choice<M::BoxFormat>("box_format", {{"cxcywh", M::BoxFormat::cxcywh},
                                                               {"xyxy", M::BoxFormat::xyxy},
                                                               {"xywh", M::BoxFormat::xywh}})
                          .value_or(metric.box_format);
  metric.box_units = object
                         .choice<M::BoxUnits>("box_units", {{"normalized", M::BoxUnits::normalized},
                                                            {"pixels", M::BoxUnits::pixels},
                                                            {"input_pixels", M::BoxUnits::input_pixels}})
                         .value_or(metric.box_units);
  metric.detections =
      object
          .choice<M::Detections>("detections",
                                 {{"every query and class", M::Detections::every_query_and_class},
                                  {"best class of every query", M::Detections::best_class_of_query}})
          .value_or(metric.detections);
  metric.score_threshold = object.number("score_threshold").value_or(0);
  metric.max_detections = positive(object, "max_detections", metric.max_detections);
  metric.category_ids = object.integers("category_ids").value_or(std::vector<int64_t>());
  if (metric.name.empty()) object.fail("name", "the metric's name is expected");
  // Whoever opens somebody's data must not run somebody's program.
  if (metric.name.starts_with("command"))
    object.fail("name", "a command is not taken from a manifest; ask for it yourself");
  return metric;
}

}  // namespace

Result<Manifest> read_manifest(const std::filesystem::path& path) {
  LATHE_ASSIGN(const json root, parse_json_file(path.string()));
  Manifest manifest;
  manifest.folder = path.parent_path();
  JsonObject object(root, path.string());
  object.text("description");
  manifest.arrays = object.text("arrays").value_or("");
  read_object(object, "labels", [&](JsonObject& labels) {
    manifest.label_array = labels.text("array").value_or("");
    manifest.coco = labels.text("coco").value_or("");
    if (manifest.label_array.empty() == manifest.coco.empty())
      labels.fail("array", "either array or coco must be given");
  });
  if (const json* metric = object.any("metric"); metric != nullptr && metric->is_string()) {
    const json wrapped = {{"name", *metric}};
    JsonObject named(wrapped, object.where_of("metric"));
    manifest.metric = read_metric(named);
    LATHE_TRY(named.finish());
  } else {
    read_object(object, "metric", [&](JsonObject& keys) { manifest.metric = read_metric(keys); });
  }
  const json* inputs = object.any("inputs");
  if (inputs == nullptr || !inputs->is_object() || inputs->empty()) {
    object.fail("inputs", "an object {\"input name\": {...}} is expected");
  } else {
    for (const auto& [name, value] : inputs->items()) {
      JsonObject entry(value, path.string() + ": inputs." + name);
      manifest.inputs.emplace(name, read_input(entry));
      LATHE_TRY(entry.finish());
    }
  }
  LATHE_TRY(object.finish());
  return manifest;
}

}  // namespace lathe
