// SPDX-License-Identifier: Apache-2.0
// Engines for what converted, eager for the rest, run as one model.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/runtime/engine.h"
#include "engine/runtime/runnable.h"

namespace lathe {

/// Which nodes of the main graph each engine covers. Uncovered nodes run eagerly.
struct Partition {
  struct Piece {
    std::string name;  ///< module path ("" = root)
    ModuleId module;
    std::vector<NodeId> nodes;  ///< in topological order
  };
  std::vector<Piece> pieces;
};

/// Lowest and highest size allowed per axis of an input.
struct ShapeBounds {
  Shape min, max;
};

class ConvertedModel : public Runnable {
 public:
  virtual const Partition& partition() const = 0;
  /// Engines of the shapes last run or prepared, one per piece; null before.
  virtual const Engine* engine(size_t piece) const = 0;
  /// Compiles for these input shapes ahead of the first run; reports Progress{subject = piece's name, state =
  /// building| success}. On failure `failed_piece`, if given, gets the number of the piece that could not be
  /// built.
  virtual Status prepare(const std::map<std::string, Shape>& shapes, const JobContext* job,
                         size_t* failed_piece = nullptr) = 0;
};

/// Engines are compiled per concrete shapes of the model's inputs and kept in a small cache. Inputs outside
/// `bounds` (by input name) are refused naming input, axis, value and bounds. Executor thread only.
Result<std::unique_ptr<ConvertedModel>> make_converted(std::shared_ptr<const Model> model,
                                                       Partition partition,
                                                       std::map<std::string, ShapeBounds> bounds = {});

/// The whole model as one engine.
Result<std::unique_ptr<ConvertedModel>> make_engine_model(std::shared_ptr<const Model> model);

}  // namespace lathe
