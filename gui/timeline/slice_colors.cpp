// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline/slice_colors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "gui/widgets/theme.h"

namespace lathe {
namespace {

struct Hint {
  OperatorKind kind;
  std::string_view part;
};

/// The first that a lower-case name holds decides: what is told more precisely comes first.
constexpr std::array hints = {
    Hint{OperatorKind::Movement, "convert"},        Hint{OperatorKind::Quantization, "quant"},
    Hint{OperatorKind::Convolution, "conv"},        Hint{OperatorKind::Convolution, "fprop"},
    Hint{OperatorKind::MatrixProduct, "gemm"},      Hint{OperatorKind::MatrixProduct, "matmul"},
    Hint{OperatorKind::MatrixProduct, "::mm"},      Hint{OperatorKind::MatrixProduct, "bmm"},
    Hint{OperatorKind::MatrixProduct, "addmm"},     Hint{OperatorKind::MatrixProduct, "linear"},
    Hint{OperatorKind::MatrixProduct, "attention"}, Hint{OperatorKind::MatrixProduct, "attn"},
    Hint{OperatorKind::MatrixProduct, "fmha"},      Hint{OperatorKind::MatrixProduct, "cutlass"},
    Hint{OperatorKind::Normalization, "norm"},      Hint{OperatorKind::Normalization, "softmax"},
    Hint{OperatorKind::Activation, "relu"},         Hint{OperatorKind::Activation, "gelu"},
    Hint{OperatorKind::Activation, "sigmoid"},      Hint{OperatorKind::Activation, "tanh"},
    Hint{OperatorKind::Activation, "silu"},         Hint{OperatorKind::Activation, "clamp"},
    Hint{OperatorKind::Activation, "dropout"},      Hint{OperatorKind::Reduction, "reduce"},
    Hint{OperatorKind::Reduction, "pool"},          Hint{OperatorKind::Reduction, "mean"},
    Hint{OperatorKind::Reduction, "::sum"},         Hint{OperatorKind::Reduction, "cumsum"},
    Hint{OperatorKind::Reduction, "argmax"},        Hint{OperatorKind::Reduction, "topk"},
    Hint{OperatorKind::Movement, "copy"},           Hint{OperatorKind::Movement, "memcpy"},
    Hint{OperatorKind::Movement, "memset"},         Hint{OperatorKind::Movement, "transpose"},
    Hint{OperatorKind::Movement, "permute"},        Hint{OperatorKind::Movement, "reshape"},
    Hint{OperatorKind::Movement, "view"},           Hint{OperatorKind::Movement, "::cat"},
    Hint{OperatorKind::Movement, "concat"},         Hint{OperatorKind::Movement, "slice"},
    Hint{OperatorKind::Movement, "select"},         Hint{OperatorKind::Movement, "gather"},
    Hint{OperatorKind::Movement, "index"},          Hint{OperatorKind::Movement, "expand"},
    Hint{OperatorKind::Movement, "squeeze"},        Hint{OperatorKind::Movement, "stack"},
    Hint{OperatorKind::Movement, "::to"},           Hint{OperatorKind::Movement, "empty"},
    Hint{OperatorKind::Movement, "fill"},           Hint{OperatorKind::Movement, "zero"},
    Hint{OperatorKind::Elementwise, "elementwise"}, Hint{OperatorKind::Elementwise, "::add"},
    Hint{OperatorKind::Elementwise, "::mul"},       Hint{OperatorKind::Elementwise, "::sub"},
    Hint{OperatorKind::Elementwise, "::div"},       Hint{OperatorKind::Elementwise, "sqrt"},
    Hint{OperatorKind::Elementwise, "::exp"},       Hint{OperatorKind::Elementwise, "::pow"},
    Hint{OperatorKind::Elementwise, "::sin"},       Hint{OperatorKind::Elementwise, "::cos"},
};

}  // namespace

QColor mixed(const QColor& a, const QColor& b, double share) {
  const auto mix = [share](int x, int y) { return static_cast<int>(std::lround(x + (y - x) * share)); };
  return {mix(a.red(), b.red()), mix(a.green(), b.green()), mix(a.blue(), b.blue())};
}

OperatorKind foreignOperatorKind(std::string_view name) {
  std::string lowered(name);
  for (char& c : lowered)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const Hint& hint : hints)
    if (lowered.find(hint.part) != std::string::npos) return hint.kind;
  return OperatorKind::Other;
}

SliceColors::SliceColors(const Trace& trace, const Coloring& coloring)
    : m_trace(trace), m_coloring(coloring), m_repeats(trace.args_count() < trace.slice_count() / 4) {
  if (coloring.by() != ColorBy::OperatorKind || trace.info().format == "lathe") return;
  m_kinds.assign(static_cast<size_t>(OperatorKind::Other) + 1, theme().neutral.rgb());
  const auto legend = coloring.legend();
  for (size_t kind = 0; kind < m_kinds.size(); ++kind)
    for (const auto& [name, color] : legend)
      if (name == operatorKindName(static_cast<OperatorKind>(kind))) m_kinds[kind] = color.rgb();
}

QRgb SliceColors::of(SliceId slice) {
  if (m_colors.empty()) m_colors.resize(m_trace.slice_count(), 0);
  QRgb& color = m_colors[slice.index];
  if (color == 0) color = find(slice);
  return color;
}

QRgb SliceColors::find(SliceId slice) {
  if (!m_repeats) return lookUp(slice);
  const auto [found, added] =
      m_alike.try_emplace({m_trace.name(slice), m_trace.category(slice), m_trace.args_id(slice)}, 0);
  if (added) found->second = lookUp(slice);
  return found->second;
}

QRgb SliceColors::lookUp(SliceId slice) const {
  // What only encloses others, or is of no kind in another tool's trace (its Python frames), stands back.
  const QRgb quiet = mixed(theme().surface, theme().neutral, 0.4).rgb();
  if (!m_kinds.empty()) {
    // ONNX Runtime tells the type apart from the name.
    OperatorKind kind = operatorKind(m_trace.arg_text(slice, "op_name"));
    if (kind == OperatorKind::Other) kind = foreignOperatorKind(m_trace.text(m_trace.name(slice)));
    return kind == OperatorKind::Other ? quiet : m_kinds[static_cast<size_t>(kind)];
  }
  const QColor color = m_coloring.slice(m_trace, slice);
  return color.isValid() ? color.rgb() : quiet;
}

}  // namespace lathe
