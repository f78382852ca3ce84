// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "engine/base/checked.h"
#include "engine/base/strings.h"
#include "engine/data/image_folder.h"
#include "engine/data/manifest.h"
#include "engine/data/prepare.h"
#include "engine/data/sample_source.h"
#include "engine/tensor/npz.h"

namespace lathe {
namespace {

/// Element `k` of the outermost axis; with or without a batch axis of 1 in its place.
Result<Tensor> row(const Tensor& array, size_t k, bool batch_axis) {
  Shape shape(array.shape().begin() + 1, array.shape().end());
  if (batch_axis) shape.insert(shape.begin(), 1);
  LATHE_ASSIGN(Tensor out, Tensor::allocate(array.type(), std::move(shape)));
  const auto count = static_cast<size_t>(out.count());
  if (array.type() == ElementType::string)
    std::copy_n(array.strings().begin() + static_cast<std::ptrdiff_t>(k * count), count,
                out.mutable_strings().begin());
  else if (count > 0)
    std::memcpy(out.mutable_raw(), array.raw() + k * out.bytes(), out.bytes());
  return out;
}

/// One input and what feeds it.
struct Feed {
  InputSpec input;
  InputEntry entry;
  Tensor array;                               ///< defined when fed by an array
  std::vector<std::filesystem::path> images;  ///< not empty when fed by images

  bool constant() const { return !array.defined() && images.empty(); }
};

class Dataset : public SampleSource {
 public:
  size_t count() const override { return count_; }
  bool has_labels() const override { return labels_.defined(); }
  const CocoLabels* coco() const override { return coco_ ? &*coco_ : nullptr; }
  const MetricSpec& metric() const override { return metric_; }
  const std::string& name() const override { return name_; }
  const Findings& notes() const override { return notes_; }

  Tensor label(size_t k) const override {
    if (!labels_.defined()) return {};
    auto label = row(labels_, k, false);
    return label.ok() ? std::move(*label) : Tensor();
  }

  Result<Sample> sample(size_t k) const override {
    Sample sample;
    // Constants last: their symbolic sizes are those that the other inputs turn out to have.
    std::map<std::string, int64_t> sizes;
    for (const bool constants : {false, true}) {
      for (const Feed& feed : feeds_) {
        if (feed.constant() != constants) continue;
        auto made = make(feed, k, sizes, sample.geometry);
        Status fits = made.ok() ? check(feed.input, *made) : Status(made.error());
        if (!fits.ok()) {
          const std::string inner = fits.error().where.empty() ? "" : fits.error().where + ": ";
          fits.error().what = "input '" + feed.input.name + "', sample " + std::to_string(k) + ": " + inner +
                              fits.error().what;
          fits.error().where = name_;
          return std::move(fits).error();
        }
        note_sizes(feed.input, *made, sizes);
        sample.inputs.emplace(feed.input.name, std::move(*made));
      }
    }
    return sample;
  }

  // --- filled in by the functions that open datasets ---
  std::string name_;
  std::vector<Feed> feeds_;
  Tensor labels_;
  std::optional<CocoLabels> coco_;
  MetricSpec metric_;
  Findings notes_;

  /// Makes sure that everything has the same number of samples.
  Status count_samples() {
    const Feed* first = nullptr;
    for (const Feed& feed : feeds_) {
      if (feed.constant()) continue;
      if (feed.array.defined() && feed.array.rank() == 0)
        return bad_input(name_, "array '" + feed.entry.array + "' has no axis of samples");
      const size_t count = feed.array.defined() ? static_cast<size_t>(feed.array.dim(0)) : feed.images.size();
      if (first != nullptr && count != count_)
        return bad_input(name_, "input '" + first->input.name + "' has " + std::to_string(count_) +
                                    " samples, input '" + feed.input.name + "' has " + std::to_string(count));
      first = &feed;
      count_ = count;
    }
    if (first == nullptr)
      return bad_input(name_, "no input is fed by an array or images, so there are no samples");
    if (count_ == 0) return bad_input(name_, "has no samples");
    const auto matches = [&](size_t labels) -> Status {
      if (labels == count_) return {};
      return bad_input(name_, std::to_string(labels) + " labels for " + std::to_string(count_) + " samples");
    };
    if (labels_.defined())
      LATHE_TRY(matches(labels_.rank() == 0 || labels_.type() == ElementType::string
                            ? 0
                            : static_cast<size_t>(labels_.dim(0))));
    if (coco_) LATHE_TRY(matches(coco_->images.size()));
    return {};
  }

 private:
  static Result<Tensor> make(const Feed& feed, size_t k, const std::map<std::string, int64_t>& sizes,
                             std::optional<ImageGeometry>& geometry) {
    if (!feed.images.empty()) {
      LATHE_ASSIGN(const Image image, read_image(feed.images[k]));
      return prepare_image(image, feed.entry.recipe, feed.input, geometry);
    }
    if (feed.array.defined()) {
      // Prepared with a batch axis; where the input has none, it is taken off again.
      LATHE_ASSIGN(const Tensor raw, row(feed.array, k, true));
      LATHE_ASSIGN(const Tensor tensor, prepare_array(raw, feed.entry.recipe, feed.input.type, geometry));
      if (!feed.input.axes || feed.input.axes->size() + 1 != tensor.rank()) return tensor;
      return tensor.reshaped(Shape(tensor.shape().begin() + 1, tensor.shape().end()));
    }
    LATHE_ASSIGN(const Shape shape, constant_shape(feed, sizes));
    LATHE_ASSIGN(const Tensor one, convert_elements(Tensor::scalar(*feed.entry.constant), feed.input.type));
    LATHE_ASSIGN(Tensor tensor, Tensor::allocate(feed.input.type, shape));
    for (int64_t i = 0; i < tensor.count(); ++i)
      std::memcpy(tensor.mutable_raw() + static_cast<size_t>(i) * one.bytes(), one.raw(), one.bytes());
    return tensor;
  }

  static Result<Shape> constant_shape(const Feed& feed, const std::map<std::string, int64_t>& sizes) {
    if (feed.entry.shape) return *feed.entry.shape;
    Shape shape;
    for (size_t axis = 0; feed.input.axes && axis < feed.input.axes->size(); ++axis) {
      const InputSpec::Axis& wanted = (*feed.input.axes)[axis];
      const auto known = sizes.find(wanted.symbol);
      if (wanted.size >= 0)
        shape.push_back(wanted.size);
      else if (!wanted.symbol.empty() && known != sizes.end())
        shape.push_back(known->second);
      else if (axis == 0)
        shape.push_back(1);
      else
        return bad_input(
            "", "the size of axis " + std::to_string(axis) + " is not known; give the constant a \"shape\"");
    }
    if (!feed.input.axes)
      return bad_input("", "the input's shape is not known; give the constant a \"shape\"");
    return shape;
  }

  static Status check(const InputSpec& input, const Tensor& tensor) {
    if (!input.axes) return {};
    bool fits = input.axes->size() == tensor.rank();
    std::string wanted;
    for (size_t axis = 0; axis < input.axes->size(); ++axis) {
      const InputSpec::Axis& declared = (*input.axes)[axis];
      if (fits && declared.size >= 0 && declared.size != tensor.dim(axis)) fits = false;
      wanted += (axis > 0 ? "x" : "") + (declared.size >= 0        ? std::to_string(declared.size)
                                         : declared.symbol.empty() ? "?"
                                                                   : declared.symbol);
    }
    if (fits) return {};
    return bad_input("", "has shape " + to_string(tensor.shape()) + ", the model takes " +
                             (wanted.empty() ? "scalar" : wanted));
  }

  static void note_sizes(const InputSpec& input, const Tensor& tensor,
                         std::map<std::string, int64_t>& sizes) {
    for (size_t axis = 0; input.axes && axis < input.axes->size(); ++axis)
      if (!(*input.axes)[axis].symbol.empty()) sizes.emplace((*input.axes)[axis].symbol, tensor.dim(axis));
  }

  size_t count_ = 0;
};

template <class Map>
std::vector<std::string> names_of(const Map& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  return names;
}

Error missing(const std::string& where, const std::string& what, const std::string& name,
              const std::vector<std::string>& present) {
  Error error = bad_input(where, "there is no " + what + " '" + name + "'");
  const std::string nearest = nearest_name(name, present);
  if (!nearest.empty())
    error.hint("did you mean '" + nearest + "'?");
  else
    error.hint("there are: " + join(present, ", "));
  return error;
}

Result<Tensor> take_array(const NamedTensors& arrays, const std::string& name, const std::string& where) {
  const auto found = arrays.find(name);
  if (found == arrays.end()) return missing(where, "array", name, names_of(arrays));
  return found->second;
}

Result<std::unique_ptr<SampleSource>> finished(std::unique_ptr<Dataset> dataset) {
  LATHE_TRY(dataset->count_samples());
  return std::unique_ptr<SampleSource>(std::move(dataset));
}

Result<std::unique_ptr<SampleSource>> open_arrays(const std::filesystem::path& path,
                                                  std::vector<InputSpec> inputs) {
  std::map<std::string, ElementType> declared;
  for (const InputSpec& input : inputs) declared[input.name] = input.type;
  LATHE_ASSIGN(NamedTensors arrays, read_npz(path, declared));
  auto dataset = std::make_unique<Dataset>();
  dataset->name_ = path.string();
  std::unordered_set<std::string> used = {"label"};
  for (InputSpec& input : inputs) {
    Feed feed{std::move(input), {}, {}, {}};
    feed.entry.array = feed.input.name;
    used.insert(feed.input.name);
    LATHE_ASSIGN(feed.array, take_array(arrays, feed.input.name, path.string()));
    dataset->feeds_.push_back(std::move(feed));
  }
  if (const auto label = arrays.find("label"); label != arrays.end()) dataset->labels_ = label->second;
  for (const auto& [name, array] : arrays)
    if (!used.contains(name))
      dataset->notes_.push_back({Severity::note,
                                 "unused_array",
                                 "array '" + name + "'",
                                 "the model has no input of this name; ignored",
                                 "",
                                 {}});
  return finished(std::move(dataset));
}

/// The array or images of one manifest entry.
Status open_feed(Feed& feed, const Manifest& manifest, const NamedTensors& arrays, const Dataset& dataset) {
  Recipe& recipe = feed.entry.recipe;
  if (!feed.entry.array.empty()) {
    if (recipe.array_layout && !recipe.layout) recipe.layout = layout_of(feed.input);
    const std::string where = dataset.name_ + ": inputs." + feed.input.name;
    if (manifest.arrays.empty())
      return bad_input(where, "an array is asked for, but key 'arrays' names no file");
    LATHE_ASSIGN(feed.array, take_array(arrays, feed.entry.array, where));
  } else if (!feed.entry.images.empty()) {
    LATHE_ASSIGN(feed.images, list_images(manifest.folder, feed.entry.images, dataset.coco()));
  }
  return {};
}

Result<std::unique_ptr<SampleSource>> open_manifest(const std::filesystem::path& path,
                                                    std::vector<InputSpec> inputs) {
  LATHE_ASSIGN(Manifest manifest, read_manifest(path));
  auto dataset = std::make_unique<Dataset>();
  dataset->name_ = path.string();
  dataset->metric_ = manifest.metric;
  if (!manifest.coco.empty()) {
    LATHE_ASSIGN(dataset->coco_, read_coco(manifest.folder / manifest.coco));
  }
  NamedTensors arrays;
  if (!manifest.arrays.empty()) {
    std::map<std::string, ElementType> declared;
    for (const InputSpec& input : inputs)
      if (const auto entry = manifest.inputs.find(input.name); entry != manifest.inputs.end())
        declared[entry->second.array] = input.type;
    LATHE_ASSIGN(arrays, read_npz(manifest.folder / manifest.arrays, declared));
  }
  if (!manifest.label_array.empty()) {
    LATHE_ASSIGN(dataset->labels_, take_array(arrays, manifest.label_array, path.string() + ": labels"));
  }
  for (InputSpec& input : inputs) {
    const auto entry = manifest.inputs.find(input.name);
    if (entry == manifest.inputs.end())
      return missing(path.string() + ": inputs", "entry for the model's input", input.name,
                     names_of(manifest.inputs));
    Feed feed{std::move(input), std::move(entry->second), {}, {}};
    manifest.inputs.erase(entry);
    LATHE_TRY(open_feed(feed, manifest, arrays, *dataset));
    dataset->feeds_.push_back(std::move(feed));
  }
  for (const auto& [name, entry] : manifest.inputs)
    dataset->notes_.push_back({Severity::note,
                               "unused_input",
                               "inputs." + name,
                               "the model has no input of this name; ignored",
                               "",
                               {}});
  return finished(std::move(dataset));
}

Result<std::unique_ptr<SampleSource>> open_image_folder(const std::filesystem::path& path,
                                                        std::vector<InputSpec> inputs) {
  if (inputs.size() != 1 || !inputs[0].axes || inputs[0].axes->size() != 4)
    return Error(bad_input(path.string(),
                           "a folder of images can only feed a model with one input of four axes"))
        .hint("write a dataset manifest that says which images feed which input");
  auto dataset = std::make_unique<Dataset>();
  dataset->name_ = path.string();
  LATHE_ASSIGN(ImageFolder folder, scan_image_folder(path));
  if (!folder.classes.empty())
    dataset->labels_ = Tensor::from<int64_t>({static_cast<int64_t>(folder.labels.size())}, folder.labels);
  Feed feed{std::move(inputs[0]), {}, {}, std::move(folder.files)};
  feed.entry.recipe = image_recipe(feed.input);
  dataset->feeds_.push_back(std::move(feed));
  return finished(std::move(dataset));
}

}  // namespace

Result<std::unique_ptr<SampleSource>> open_dataset(const std::filesystem::path& path,
                                                   std::vector<InputSpec> inputs) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return open_image_folder(path, std::move(inputs));
  if (path.extension() == ".json") return open_manifest(path, std::move(inputs));
  return open_arrays(path, std::move(inputs));
}

}  // namespace lathe
