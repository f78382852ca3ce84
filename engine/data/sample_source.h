// SPDX-License-Identifier: Apache-2.0
// Where samples for evaluation and calibration come from: an .npz, a dataset manifest or a folder of images.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/finding.h"
#include "engine/base/result.h"
#include "engine/data/coco.h"
#include "engine/data/metric_spec.h"
#include "engine/tensor/tensor.h"

namespace lathe {

/// What a model says about one of its inputs.
struct InputSpec {
  struct Axis {
    int64_t size = -1;   ///< -1: not fixed
    std::string symbol;  ///< name of a size that is not fixed; the same name means the same size
  };
  std::string name;
  ElementType type = ElementType::f32;
  std::optional<std::vector<Axis>> axes;  ///< nullopt: rank not known
};

/// How an image became an input: prepared = original * scale + offset, in pixels along each axis.
struct ImageGeometry {
  int64_t original_width = 0, original_height = 0;
  double scale_x = 1, scale_y = 1;
  double offset_x = 0, offset_y = 0;
};

struct Sample {
  std::map<std::string, Tensor> inputs;   ///< batch axis of 1, types as the model declares
  std::optional<ImageGeometry> geometry;  ///< of the first input made of an image or resized array
};

/// Samples are made when asked for; a source holds its arrays in memory and opens image files as they are
/// needed. Const and safe to use from several threads.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual size_t count() const = 0;
  /// k < count(). Errors name file, key or array, and the sample.
  virtual Result<Sample> sample(size_t k) const = 0;
  /// The label of sample k, of any shape; undefined where there are no labels.
  virtual Tensor label(size_t k) const = 0;
  virtual bool has_labels() const = 0;
  /// Object annotations, images()[k] for sample k; null where there are none.
  virtual const CocoLabels* coco() const = 0;
  /// The metric its manifest asks for; name empty where it asks for none.
  virtual const MetricSpec& metric() const = 0;
  /// As opened, for messages.
  virtual const std::string& name() const = 0;
  /// E.g. manifest entries for inputs that the model does not have.
  virtual const Findings& notes() const = 0;
};

/// `path` is an .npz whose arrays bear the inputs' names (plus `label`), a dataset manifest (.json), or a
/// folder of images, in which sub-folders are classes in alphabetical order. Sample k is array[k] with a
/// batch axis of 1 (left out where the input has one axis less than the array). `inputs` are those of the
/// model, all of which must be fed.
Result<std::unique_ptr<SampleSource>> open_dataset(const std::filesystem::path& path,
                                                   std::vector<InputSpec> inputs);

}  // namespace lathe
