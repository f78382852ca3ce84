// SPDX-License-Identifier: Apache-2.0
// Why a module could not become an engine: a cause from a closed list, evidence and remedies.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/tensor/shape.h"

namespace lathe {

enum class FailureCause {
  dynamic_shape,
  data_dependent_shape,
  data_dependent_control_flow,
  unsupported_operator,
  unsupported_attribute,
  unsupported_input_type,
  unsupported_output_type,
  not_separable,
  precision_loss,
  resource_limit,
  build_error,
  excluded,
};
/// "dynamic_shape" etc., as written in reports.
const char* to_string(FailureCause cause);

/// Something a person (or the workbench) can do about a failure.
struct Remedy {
  enum class Kind {
    pin_shapes,
    give_profile,
    pad,
    keep_eager,
    cut_postprocessing,
    split_input,
    replace_operator,
    approximate_operator,
    register_operator,
    raise_precision,
    upgrade_opset,
    fold_constants,
    inline_branch,
    unroll_loop,
    filter_to_topk,
    include_module,
  };
  Kind kind;
  std::string text;     ///< one sentence for a person: "Pin img to 1x3x96x96: --shape img=1x3x96x96."
  std::string subject;  ///< input name, module path, node or operator it applies to
  std::optional<Shape> shape = std::nullopt;  ///< pin_shapes: the one proposed
};
const char* to_string(Remedy::Kind kind);
std::optional<Remedy::Kind> parse_remedy_kind(std::string_view text);
/// Every kind's name, for "did you mean".
std::vector<std::string> remedy_kind_names();

struct Failure {
  FailureCause cause = FailureCause::build_error;
  std::string sentence;            ///< without names or numbers, so that rows group
  std::vector<std::string> chain;  ///< from the input to the first offending node, readable
  struct Evidence {
    NodeId node;
    std::string module, name, op_type, shapes, source;
  };
  std::vector<Evidence> evidence;  ///< offending nodes, first one first
  std::vector<Remedy> remedies;

  /// "<cause>: <sentence>"
  std::string error() const;
  /// Chain lines, then one line per evidence node.
  std::string traceback() const;
};

}  // namespace lathe
