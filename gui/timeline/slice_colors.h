// SPDX-License-Identifier: Apache-2.0
// Colours of slices, each looked up once: Coloring reads arguments, which is too slow for every rectangle of
// every frame.
#pragma once

#include <QRgb>
#include <map>
#include <tuple>
#include <vector>

#include "gui/document/coloring.h"

namespace lathe {

/// Of one trace, which must outlive it. Foreign operators and kernels ("aten::addmm", "sm80_xmma_gemm..") get
/// the colour of the operator kind that their name tells.
class SliceColors {
 public:
  SliceColors(const Trace& trace, const Coloring& coloring);
  /// Opaque.
  QRgb of(SliceId slice);
  /// The same without keeping it: for a few slices.
  QRgb lookUp(SliceId slice) const;

 private:
  QRgb find(SliceId slice);
  const Trace& m_trace;
  const Coloring& m_coloring;
  std::vector<QRgb> m_kinds;  ///< by OperatorKind; empty unless colours are of kinds and the trace is foreign
  std::vector<QRgb> m_colors;  ///< by slice; 0: not looked up yet. Empty before of()
  bool m_repeats;              ///< many slices share their name and arguments, as in several runs of a model
  std::map<std::tuple<StringId, StringId, ArgsId>, QRgb> m_alike;  ///< by name, category, arguments; if so
};

/// What an operator or device kernel of another tool does, by its name.
OperatorKind foreignOperatorKind(std::string_view name);

/// `a` with `share` (0..1) of `b`.
QColor mixed(const QColor& a, const QColor& b, double share);

}  // namespace lathe
