// SPDX-License-Identifier: Apache-2.0
// Internal to plugin: one call of infer or compute, with what its arguments point to and a check of what
// comes back.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "engine/ops/plugin/plugin_operators.h"

namespace lathe {

class PluginCall {
 public:
  PluginCall(const Node& node, const PluginOperator& op, size_t inputs);
  PluginCall(const PluginCall&) = delete;
  PluginCall& operator=(const PluginCall&) = delete;

  /// Inputs that are not set are absent. `dims` nullopt: not even the rank is known.
  void set_input(size_t i, ElementType type, std::optional<std::vector<int64_t>> dims, const void* data);
  /// Both catch exceptions; errors are located at the node.
  Status infer();
  Status compute(const std::vector<LathePluginOutput>& outputs);

  /// What infer said of output i.
  const LathePluginType& type(size_t i) const { return types_[i]; }
  /// An element type that exists and is no string, a rank within limits, sizes that are numbers, unknown, or
  /// those of an input's axis.
  Status check_type(size_t i) const;
  /// Sizes of output i, those of inputs filled in; -1 where infer does not know. After check_type.
  Shape concrete_shape(size_t i) const;

  /// The input and axis that a size below -1 stands for.
  struct SizeSource {
    size_t input = 0, axis = 0;
  };
  static SizeSource source_of(int64_t size);

  Error error(const std::string& what) const;

 private:
  template <class Function>
  Status enter(const char* what, Function&& function);

  const Node& node_;
  const PluginOperator& op_;
  LathePluginCall call_{};
  std::array<char, 1024> message_{};
  std::vector<LathePluginTensor> inputs_;
  std::vector<std::vector<int64_t>> dims_;
  std::vector<LathePluginType> types_;
};

}  // namespace lathe
