// SPDX-License-Identifier: Apache-2.0
#include "engine/data/coco.h"

#include <unordered_map>

#include "engine/data/json_object.h"

namespace lathe {
namespace {

using nlohmann::json;

/// Visits the objects of the list `key`; a COCO file has many keys that do not matter here, so unknown ones
/// are fine.
template <class Visit>
Status for_each_entry(const json& root, const char* key, const std::string& file, Visit visit) {
  const auto list = root.find(key);
  if (list == root.end() || !list->is_array())
    return bad_input(file, std::string("key '") + key + "': a list is expected");
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string where = file + ": " + key + "[" + std::to_string(i) + "]";
    if (!(*list)[i].is_object()) return bad_input(where, "an object {...} is expected here");
    LATHE_TRY(visit((*list)[i], where));
  }
  return {};
}

Result<int64_t> required_integer(const json& entry, const char* key, const std::string& where) {
  const auto value = entry.find(key);
  if (value == entry.end() || !value->is_number_integer())
    return bad_input(where, std::string("key '") + key + "': a whole number is expected");
  return value->get<int64_t>();
}

Status read_image(const json& entry, const std::string& where, CocoLabels& labels) {
  CocoImage image;
  LATHE_ASSIGN(image.id, required_integer(entry, "id", where));
  LATHE_ASSIGN(image.width, required_integer(entry, "width", where));
  LATHE_ASSIGN(image.height, required_integer(entry, "height", where));
  if (const auto name = entry.find("file_name"); name != entry.end() && name->is_string())
    image.file_name = name->get<std::string>();
  labels.images.push_back(std::move(image));
  return {};
}

Result<CocoObject> read_object(const json& entry, const std::string& where) {
  CocoObject object;
  LATHE_ASSIGN(object.category, required_integer(entry, "category_id", where));
  const auto box = entry.find("bbox");
  bool good = box != entry.end() && box->is_array() && box->size() == 4;
  for (size_t i = 0; good && i < 4; ++i) good = (*box)[i].is_number();
  if (!good) return bad_input(where, "key 'bbox': four numbers [x, y, width, height] are expected");
  object.box = {(*box)[0].get<double>(), (*box)[1].get<double>(), (*box)[2].get<double>(),
                (*box)[3].get<double>()};
  const auto area = entry.find("area");
  object.area =
      area != entry.end() && area->is_number() ? area->get<double>() : object.box.width * object.box.height;
  if (const auto crowd = entry.find("iscrowd"); crowd != entry.end())
    object.crowd = crowd->is_boolean() ? crowd->get<bool>() : crowd->is_number() && crowd->get<double>() != 0;
  return object;
}

}  // namespace

Result<CocoLabels> read_coco(const std::filesystem::path& path) {
  const std::string file = path.string();
  LATHE_ASSIGN(const json root,
               parse_json_file(file, "segmentation"));  // outlines are large and not needed for boxes
  if (!root.is_object()) return bad_input(file, "is not a COCO file: an object {...} is expected");
  CocoLabels labels;
  LATHE_TRY(
      for_each_entry(root, "categories", file, [&](const json& entry, const std::string& where) -> Status {
        CocoCategory category;
        LATHE_ASSIGN(category.id, required_integer(entry, "id", where));
        if (const auto name = entry.find("name"); name != entry.end() && name->is_string())
          category.name = name->get<std::string>();
        labels.categories.push_back(std::move(category));
        return {};
      }));
  LATHE_TRY(for_each_entry(root, "images", file, [&](const json& entry, const std::string& where) {
    return read_image(entry, where, labels);
  }));
  std::unordered_map<int64_t, size_t> by_id;
  for (size_t i = 0; i < labels.images.size(); ++i)
    if (!by_id.emplace(labels.images[i].id, i).second)
      return bad_input(file, "image id " + std::to_string(labels.images[i].id) + " is there twice");
  LATHE_TRY(
      for_each_entry(root, "annotations", file, [&](const json& entry, const std::string& where) -> Status {
        LATHE_ASSIGN(const int64_t id, required_integer(entry, "image_id", where));
        const auto image = by_id.find(id);
        if (image == by_id.end())
          return bad_input(where, "image " + std::to_string(id) + " is not among the images");
        LATHE_ASSIGN(CocoObject object, read_object(entry, where));
        labels.images[image->second].objects.push_back(object);
        return {};
      }));
  return labels;
}

}  // namespace lathe
