// SPDX-License-Identifier: Apache-2.0
#include "gui/document/coloring.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "gui/document/document.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr std::array allKinds = {OperatorKind::Convolution,   OperatorKind::MatrixProduct,
                                 OperatorKind::Normalization, OperatorKind::Activation,
                                 OperatorKind::Elementwise,   OperatorKind::Reduction,
                                 OperatorKind::Movement,      OperatorKind::Quantization,
                                 OperatorKind::ControlFlow,   OperatorKind::Other};

const std::unordered_map<std::string_view, OperatorKind>& kindsByOperator() {
  using enum OperatorKind;
  static const std::unordered_map<std::string_view, OperatorKind> kinds = [] {
    std::unordered_map<std::string_view, OperatorKind> made;
    const auto add = [&](OperatorKind kind, std::initializer_list<std::string_view> names) {
      for (const std::string_view name : names) made[name] = kind;
    };
    add(Convolution, {"Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "FusedConv", "DeformConv"});
    add(MatrixProduct,
        {"MatMul", "Gemm", "Einsum", "MatMulInteger", "QLinearMatMul", "FusedMatMul", "FusedGemm",
         "Attention", "MultiHeadAttention", "GroupQueryAttention", "LSTM", "GRU", "RNN"});
    add(Normalization, {"BatchNormalization", "LayerNormalization", "InstanceNormalization",
                        "GroupNormalization", "RMSNormalization", "SkipLayerNormalization", "LpNormalization",
                        "LRN", "Softmax", "LogSoftmax", "FusedLayerNorm"});
    add(Activation, {"Relu", "Sigmoid", "Tanh", "Gelu", "FastGelu", "FusedGelu", "Erf", "LeakyRelu", "Elu",
                     "Selu", "HardSigmoid", "HardSwish", "Mish", "PRelu", "Clip", "Softplus", "Swish"});
    add(Reduction,
        {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "ArgMax", "ArgMin",
         "GlobalAveragePool", "AveragePool", "MaxPool", "GlobalMaxPool", "CumSum", "TopK"});
    add(Movement, {"Reshape",   "Transpose",       "Concat",         "Split",
                   "Slice",     "Gather",          "GatherElements", "GatherND",
                   "Scatter",   "ScatterElements", "ScatterND",      "Squeeze",
                   "Unsqueeze", "Flatten",         "Expand",         "Tile",
                   "Pad",       "Resize",          "Identity",       "Shape",
                   "Constant",  "ConstantOfShape", "Cast",           "reorder",
                   "copy"});
    add(Quantization, {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"});
    add(ControlFlow,
        {"If", "Loop", "Scan", "NonZero", "NonMaxSuppression", "SequenceAt", "SequenceConstruct"});
    add(Elementwise,
        {"Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Exp", "Log", "Where", "Equal", "Greater", "Less",
         "And", "Or",  "Not", "Neg", "Abs", "Min",  "Max", "Sin", "Cos",   "Floor", "Ceil",    "Reciprocal"});
    return made;
  }();
  return kinds;
}

QColor kindColor(OperatorKind kind) {
  const auto& colors = theme().categories;
  return kind == OperatorKind::Other ? theme().neutral : colors[static_cast<size_t>(kind) % colors.size()];
}

QColor precisionColor(std::string_view precision) {
  const auto& colors = theme().categories;
  if (precision.empty()) return {};
  if (precision.starts_with("f32") || precision.starts_with("fp32")) return colors[1];
  if (precision.starts_with("f16") || precision.starts_with("fp16")) return colors[2];
  if (precision.starts_with("bf16")) return colors[3];
  if (precision.find('8') != std::string_view::npos) return colors[4];
  return theme().neutral;
}

}  // namespace

OperatorKind operatorKind(std::string_view opType) {
  // Domain and fusion notes do not change the kind: "com.microsoft.FusedConv", "Conv + Relu".
  opType = opType.substr(0, opType.find_first_of(" +"));
  if (const size_t dot = opType.rfind('.'); dot != std::string_view::npos) opType.remove_prefix(dot + 1);
  const auto found = kindsByOperator().find(opType);
  return found == kindsByOperator().end() ? OperatorKind::Other : found->second;
}

QString operatorKindName(OperatorKind kind) {
  switch (kind) {
    case OperatorKind::Convolution:
      return Coloring::tr("Convolution");
    case OperatorKind::MatrixProduct:
      return Coloring::tr("Matrix product");
    case OperatorKind::Normalization:
      return Coloring::tr("Normalization");
    case OperatorKind::Activation:
      return Coloring::tr("Activation");
    case OperatorKind::Elementwise:
      return Coloring::tr("Elementwise");
    case OperatorKind::Reduction:
      return Coloring::tr("Pooling, reduction");
    case OperatorKind::Movement:
      return Coloring::tr("Data movement");
    case OperatorKind::Quantization:
      return Coloring::tr("Quantization");
    case OperatorKind::ControlFlow:
      return Coloring::tr("Control flow, data-dependent");
    case OperatorKind::Other:
      break;
  }
  return Coloring::tr("Other");
}

Coloring::Coloring(const Document& document, QObject* parent) : QObject(parent), m_document(document) {
  const auto again = [this] {
    collect();
    emit changed();
  };
  connect(&document, &Document::activeTraceChanged, this, again);
  connect(&document, &Document::modelChanged, this, again);
  connect(&document, &Document::moduleStatesChanged, this, [this] {
    if (m_by == ColorBy::Status) emit changed();
  });
}

void Coloring::setBy(ColorBy by) {
  if (by == m_by) return;
  m_by = by;
  emit changed();
}

void Coloring::collect() {
  m_nodeShare.clear();
  m_moduleShare.clear();
  m_nodePrecision.clear();
  const TraceEntry* entry = m_document.active();
  if (entry == nullptr) return;
  const Statistics& statistics = entry->statistics;
  int64_t slowest = 1;
  for (const StatisticsEntry& node : statistics.nodes) slowest = std::max(slowest, node.self_ns);
  for (const StatisticsEntry& node : statistics.nodes)
    m_nodeShare[node.name] = static_cast<double>(node.self_ns) / static_cast<double>(slowest);
  const auto whole = static_cast<double>(std::max<int64_t>(statistics.op_ns, 1));
  for (const StatisticsEntry& module : statistics.modules)
    m_moduleShare[module.name] = static_cast<double>(module.op_total_ns) / whole;
  const Trace& trace = *entry->trace;
  for (size_t i = 0; i < trace.slice_count(); ++i) {
    const SliceId id(i);
    const std::string_view precision = trace.arg_text(id, "precision");
    if (!precision.empty()) m_nodePrecision[std::string(trace.arg_text(id, "node"))] = precision;
  }
}

QColor Coloring::heat(double share) const {
  const double t = std::clamp(std::sqrt(share), 0.0, 1.0);
  const QColor &low = theme().heatLow, &high = theme().heatHigh;
  const auto mix = [t](int a, int b) { return static_cast<int>(std::lround(a + (b - a) * t)); };
  return {mix(low.red(), high.red()), mix(low.green(), high.green()), mix(low.blue(), high.blue())};
}

QColor Coloring::status(ModuleId module) const {
  switch (m_document.moduleState(module)) {
    case ModuleState::Success:
    case ModuleState::Covered:
      return theme().success;
    case ModuleState::Failed:
      return theme().error;
    case ModuleState::Ignored:
      return theme().neutral;
    case ModuleState::Trying:
      return theme().accent;
    case ModuleState::None:
      break;
  }
  return {};
}

QColor Coloring::node(NodeId id) const {
  const Model* model = m_document.model();
  if (model == nullptr || !id.valid()) return {};
  const Node& node = model->graph.node(id);
  switch (m_by) {
    case ColorBy::OperatorKind:
      return kindColor(operatorKind(node.op_type));
    case ColorBy::Time: {
      const auto found = m_nodeShare.find(node.name);
      return found == m_nodeShare.end() ? QColor() : heat(found->second);
    }
    case ColorBy::Precision: {
      const auto found = m_nodePrecision.find(node.name);
      return found == m_nodePrecision.end() ? QColor() : precisionColor(found->second);
    }
    case ColorBy::Status: {
      const QColor color = status(node.module);
      // A failed module's own nodes stay eager; those of a converted one run in its engine.
      return color;
    }
  }
  return {};
}

QColor Coloring::module(ModuleId id) const {
  const Model* model = m_document.model();
  if (model == nullptr || !id.valid()) return {};
  const Module& module = model->modules[id];
  switch (m_by) {
    case ColorBy::Time: {
      const auto found = m_moduleShare.find(module.path);
      return found == m_moduleShare.end() ? QColor() : heat(found->second);
    }
    case ColorBy::Precision: {
      const ModuleOutcome* outcome = m_document.outcome(id);
      return outcome != nullptr && outcome->status != ModuleStatus::failed
                 ? precisionColor(outcome->precision)
                 : QColor();
    }
    case ColorBy::Status:
      return status(id);
    case ColorBy::OperatorKind: {
      // A leaf takes the colour of its most telling node.
      if (!module.children.empty()) return {};
      OperatorKind best = OperatorKind::Other;
      for (const NodeId node : module.nodes)
        best = std::min(best, operatorKind(model->graph.node(node).op_type));
      return kindColor(best);
    }
  }
  return {};
}

QColor Coloring::slice(const Trace& trace, SliceId id) const {
  const std::string_view category = trace.text(trace.category(id));
  const std::string_view opType = trace.arg_text(id, "op_type");
  const Model* model = m_document.model();
  const auto moduleOf = [&]() -> QColor {
    const auto found = model != nullptr && trace.arg(id, "module") != nullptr
                           ? model->modules.find(trace.arg_text(id, "module"))
                           : std::nullopt;
    return found ? module(*found) : QColor();
  };
  if (category == "module" || category == "engine") return moduleOf();
  switch (m_by) {
    case ColorBy::OperatorKind:
      return kindColor(operatorKind(opType.empty() ? trace.text(trace.name(id)) : opType));
    case ColorBy::Time: {
      const auto found = m_nodeShare.find(std::string(trace.arg_text(id, "node")));
      return found == m_nodeShare.end() ? QColor() : heat(found->second);
    }
    case ColorBy::Precision:
      return precisionColor(trace.arg_text(id, "precision"));
    case ColorBy::Status:
      return moduleOf();
  }
  return {};
}

std::vector<std::pair<QString, QColor>> Coloring::legend() const {
  std::vector<std::pair<QString, QColor>> entries;
  switch (m_by) {
    case ColorBy::OperatorKind:
      for (const OperatorKind kind : allKinds) entries.emplace_back(operatorKindName(kind), kindColor(kind));
      break;
    case ColorBy::Time:
      for (const double share : {0.0, 0.1, 0.5, 1.0})
        entries.emplace_back(tr("%1 % of the slowest").arg(share * 100), heat(share));
      break;
    case ColorBy::Precision:
      for (const char* name : {"f32", "f16", "bf16", "int8"})
        entries.emplace_back(QString::fromLatin1(name), precisionColor(name));
      break;
    case ColorBy::Status:
      entries = {{tr("in an engine"), theme().success},
                 {tr("failed"), theme().error},
                 {tr("kept eager"), theme().neutral},
                 {tr("being built"), theme().accent}};
      break;
  }
  return entries;
}

}  // namespace lathe
