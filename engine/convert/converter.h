// SPDX-License-Identifier: Apache-2.0
// The walk over the module tree: what becomes an engine, and why the rest does not.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/convert/convert.h"
#include "engine/convert/input_dims.h"
#include "engine/convert/suggest_shapes.h"
#include "engine/ops/inference.h"

namespace lathe {

using Losses = std::map<std::string, Failure>;  ///< of modules that a narrow precision has made fail, by path

/// Fills in a conversion whose model and configuration are set.
class Converter {
 public:
  /// `counted` is the model whose modules are counted: a narrow precision may fold a module's nodes into
  /// others'.
  Converter(Conversion& conversion, const Losses& losses, const ConvertOptions& options,
            const JobContext& job, const Model& counted)
      : conversion_(conversion),
        model_(*conversion.model),
        given_(counted),
        tree_(model_.modules),
        losses_(losses),
        options_(options),
        job_(job) {}

  Status run();
  /// Decides only, without a word: what run() would try to build first.
  Status decide();

 private:
  Status prepare();
  Status visit(ModuleId module);
  std::optional<Failure> obstacle(ModuleId module, const std::vector<NodeId>& nodes);
  void accept(ModuleOutcome& outcome, std::vector<NodeId> nodes);
  Status build();
  Status build_modules();
  Status choose_pieces();
  Result<std::unique_ptr<ConvertedModel>> compile(const Partition& partition, size_t* failed) const;
  std::map<std::string, Shape> static_shapes() const;
  Partition merged() const;
  void take(Partition partition);
  bool cuts() const;
  void report(ModuleId module, const char* state) const;
  double progress() const;
  std::vector<NodeId> live_nodes(ModuleId module) const { return live_nodes(model_, module); }
  static std::vector<NodeId> live_nodes(const Model& model, ModuleId module);
  const std::string* excluded_below(ModuleId module) const;
  std::optional<Failure> loss_below(ModuleId module) const;
  void count();

  Conversion& conversion_;
  const Model& model_;
  const Model& given_;
  const ModuleTree& tree_;
  const Losses& losses_;
  const ConvertOptions& options_;
  const JobContext& job_;
  bool silent_ = false;
  InputDims opt_;
  InferenceResult types_;
  std::map<std::string, SuggestedShape> shapes_;  // that open inputs could be pinned to
  std::vector<bool> counted_module_;
  std::vector<ModuleId> counted_;
  std::map<std::string, Failure> build_failures_;  // by module path, from an earlier round
};

/// What would be compiled.
Result<Partition> engines_of(const Conversion& conversion, const Losses& losses, const JobContext& job);

}  // namespace lathe
