// SPDX-License-Identifier: Apache-2.0
// The one choice of what colours mean, for tree, graph and timeline alike.
#pragma once

#include <QColor>
#include <QObject>
#include <QString>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/base/ids.h"
#include "profiler/trace/trace.h"

namespace lathe {

class Document;

enum class ColorBy { OperatorKind, Time, Precision, Status };

/// UI thread only. Colours are of the theme in force.
class Coloring : public QObject {
  Q_OBJECT
 public:
  explicit Coloring(const Document& document, QObject* parent = nullptr);

  ColorBy by() const { return m_by; }
  void setBy(ColorBy by);

  /// Invalid where the choice says nothing about it (draw it neutral).
  QColor node(NodeId node) const;
  QColor module(ModuleId module) const;
  QColor slice(const Trace& trace, SliceId slice) const;

  /// What the colours in use mean, for a legend.
  std::vector<std::pair<QString, QColor>> legend() const;

 signals:
  void changed();

 private:
  void collect();
  QColor status(ModuleId module) const;
  QColor heat(double share) const;
  const Document& m_document;
  ColorBy m_by = ColorBy::OperatorKind;
  std::unordered_map<std::string, double> m_nodeShare;    ///< of the slowest node, by name
  std::unordered_map<std::string, double> m_moduleShare;  ///< of the whole, by path
  std::unordered_map<std::string, std::string> m_nodePrecision;
};

/// Families of operators that share a colour: "convolution", "matrix product", ..; one of a closed list.
enum class OperatorKind {
  Convolution,
  MatrixProduct,
  Normalization,
  Activation,
  Elementwise,
  Reduction,
  Movement,
  Quantization,
  ControlFlow,
  Other
};
OperatorKind operatorKind(std::string_view opType);
QString operatorKindName(OperatorKind kind);

}  // namespace lathe
