// SPDX-License-Identifier: Apache-2.0
// The pages of the inspector as rich text. Links: node:<index>, value:<index>, module:<index>,
// remedy:<module index>:<number>.
#pragma once

#include <QString>
#include <optional>

#include "gui/document/document.h"
#include "gui/document/selection.h"

namespace lathe {

/// One node in one recording.
struct NodeRun {
  double ns = 0;     ///< a run
  double calls = 0;  ///< a run
  std::string op, kernel, precision;
  int fused = 1;     ///< nodes that the step computes together, itself included
  double flops = 0;  ///< a run
  double share = 0;  ///< of what the machine can do, as the recording measured it; 0: not known
};
/// Nullopt where the recording has no step of the node. Reads the whole trace: not for the UI thread.
std::optional<NodeRun> findRun(const Trace& trace, int runs, std::string_view node);

/// What it takes a job to find out about a node.
struct NodeFacts {
  NodeDetails details;
  std::optional<NodeRun> before, after;
};

/// Whole page of what is selected; the model's own page when nothing is. `facts` of the selected node, null
/// while they are being found out. Empty without a model.
QString inspectorPage(const Document& document, const Selected& selected, const NodeFacts* facts);

/// Where a remedy link leads; null for any other link.
const Remedy* remedyOf(const Document& document, const QString& link);

}  // namespace lathe
