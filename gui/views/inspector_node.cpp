// SPDX-License-Identifier: Apache-2.0
#include "gui/views/inspector_node.h"

#include <QCoreApplication>
#include <algorithm>
#include <type_traits>

#include "gui/models/module_tree_model.h"
#include "gui/models/problems_model.h"
#include "gui/widgets/format.h"
#include "gui/widgets/theme.h"
#include "profiler/stats/roofline.h"

namespace lathe {
namespace {

constexpr qsizetype listed = 12;        ///< elements and edges; the rest is counted
constexpr qsizetype longestText = 240;  ///< characters of one attribute or metadata entry

struct Words {
  Q_DECLARE_TR_FUNCTIONS(lathe::Inspector)
};
QString tr(const char* text, int n = -1) {
  return Words::tr(text, nullptr, n);
}

QString shortened(const QString& text) {
  return (text.size() > longestText ? text.left(longestText) + QStringLiteral("…") : text).toHtmlEscaped();
}

template <class T>
QString elementText(const T& element) {
  if constexpr (std::is_same_v<T, std::string>)
    return '"' + QString::fromStdString(element) + '"';
  else if constexpr (std::is_floating_point_v<T>)
    return formatReal(static_cast<double>(element));
  else
    return QString::number(element);
}

template <class T>
QString listText(const std::vector<T>& elements) {
  QStringList texts;
  for (const T& element : elements) {
    if (texts.size() == listed) {
      texts << tr("… (%1)").arg(elements.size());
      break;
    }
    texts << elementText(element);
  }
  return '[' + texts.join(QStringLiteral(", ")) + ']';
}

/// "[0, 1, -1]" of few numbers; empty of any other.
QString contents(const Tensor& tensor) {
  if (!tensor.defined() || tensor.count() > listed) return {};
  if (tensor.type() == ElementType::string) return listText(tensor.strings());
  if (is_integer(tensor.type()) || tensor.type() == ElementType::boolean) {
    const std::vector<int64_t> all = tensor.to_int64();
    return tensor.rank() == 0 && all.size() == 1 ? QString::number(all[0]) : listText(all);
  }
  const std::vector<double> all = tensor.to_double();
  return tensor.rank() == 0 && all.size() == 1 ? formatReal(all[0]) : listText(all);
}

QString tensorText(const Tensor& tensor) {
  const QString inside = contents(tensor);
  return QStringLiteral("%1 %2 %3")
      .arg(QLatin1String(to_string(tensor.type())), formatShape(tensor.shape()), inside)
      .trimmed();
}

QString attributeText(const AttributeValue& value) {
  return std::visit(
      [](const auto& held) -> QString {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::string> || std::is_arithmetic_v<T>)
          return elementText(held);
        else if constexpr (std::is_same_v<T, Tensor>)
          return tensorText(held);
        else if constexpr (std::is_same_v<T, std::shared_ptr<Graph>>)
          return held ? tr("sub-graph of %n node(s)", static_cast<int>(held->node_count())) : QString();
        else if constexpr (std::is_same_v<T, TypeInfo>)
          return formatElement(held) + ' ' + formatShape(held);
        else if constexpr (std::is_same_v<T, std::vector<Tensor>>)
          return tr("%n tensor(s)", static_cast<int>(held.size()));
        else if constexpr (std::is_same_v<T, std::vector<std::shared_ptr<Graph>>>)
          return tr("%n sub-graph(s)", static_cast<int>(held.size()));
        else
          return listText(held);
      },
      value);
}

QString timeText(const NodeRun& run) {
  QStringList about;
  if (run.calls > 1) about << tr("%1 calls").arg(run.calls, 0, 'g', 3);
  if (run.flops > 0 && run.ns > 0) about << formatFlopRate(run.flops / (run.ns * 1e-9));
  if (run.share > 0) about << tr("%1 % of this machine's best").arg(qRound(100 * run.share));
  if (!run.kernel.empty()) about << escaped(run.kernel);
  if (!run.precision.empty()) about << escaped(run.precision);
  if (run.fused > 1) about << tr("one step of %n nodes: ", run.fused) + escaped(run.op);
  return strong(formatDuration(run.ns)) +
         (about.isEmpty() ? QString() : QStringLiteral("<br>") + muted(about.join(QStringLiteral(" · "))));
}

void edges(const OpenedModel& opened, const QString& title, const std::vector<ValueId>& values,
           HtmlPage& page) {
  if (values.empty()) return;
  page.section(title);
  qsizetype shown = 0;
  for (const ValueId value : values) {
    if (shown++ == listed * 2) {
      page.item(muted(tr("%1 more").arg(values.size() - static_cast<size_t>(listed) * 2)));
      break;
    }
    page.item(value.valid() ? valueLine(opened, value) : muted(tr("(not given)")));
  }
}

void costAndKernel(const Document& document, const NodeFacts& facts, HtmlPage& page) {
  const NodeCost& cost = facts.details.cost;
  page.section(tr("Cost"));
  if (cost.flops < 0 && cost.bytes < 0)
    page.item(muted(tr("Not known: its shapes are not. Give shapes in the convert panel.")));
  if (cost.flops >= 0) page.row(tr("Work"), formatFlops(cost.flops));
  if (cost.bytes >= 0) page.row(tr("Memory traffic"), formatBytes(cost.bytes));
  if (cost.flops > 0 && cost.bytes > 0)
    page.row(tr("Intensity"),
             tr("%1 FLOP a byte")
                 .arg(formatReal(static_cast<double>(cost.flops) / static_cast<double>(cost.bytes))));
  if (facts.before) page.row(tr("Time, %1").arg(shownTimes(document).label), timeText(*facts.before));
  if (facts.after) page.row(tr("Time, after"), timeText(*facts.after));
  if (facts.details.kernel.empty() && facts.details.declined.empty()) return;
  page.section(tr("Kernel"));
  page.row(tr("Eager run uses"), strong(escaped(facts.details.kernel)));
  for (const NodeDetails::Declined& declined : facts.details.declined)
    page.row(QString::fromStdString(declined.kernel), tr("declined: ") + escaped(declined.reason));
}

}  // namespace

QString valueLine(const OpenedModel& opened, ValueId id) {
  const Value& value = opened.model->graph.value(id);
  const TypeInfo& type = id.index < opened.types.types.size() ? opened.types.type(id) : value.type;
  QStringList about{formatElement(type)};
  if (const QString shape = formatShape(type); !shape.isEmpty()) about << shape.toHtmlEscaped();
  if (const Tensor* constant = opened.model->graph.constant(id)) {
    const QString inside = contents(*constant);
    about << (inside.isEmpty() ? tr("weight, %1").arg(formatBytes(static_cast<int64_t>(constant->bytes())))
                               : QStringLiteral("= ") + shortened(inside));
  } else if (const auto known = opened.types.contents.find(id); known != opened.types.contents.end()) {
    QStringList sizes;
    for (const Dim& dim : known->second) sizes << QString::fromStdString(dim.text());
    if (sizes.size() <= listed)
      about << QStringLiteral("= [%1]").arg(sizes.join(QStringLiteral(", "))).toHtmlEscaped();
  }
  return link(id, QString::fromStdString(value.name)) + QStringLiteral("<br>") +
         muted(about.join(QStringLiteral(" · ")));
}

void nodeRows(const Document& document, NodeId id, const NodeFacts* facts, HtmlPage& page) {
  const OpenedModel& opened = *document.opened();
  const Node& node = opened.model->graph.node(id);
  page.title(QString::fromStdString(node.qualified_type()), QString::fromStdString(node.name));
  if (node.module.valid()) {
    const Module& module = opened.model->modules[node.module];
    page.row(tr("Module"),
             link(node.module, moduleTitle(document, node.module)) + ' ' + muted(escaped(module.class_name)));
  }
  page.row(tr("Source"), escaped(node.source));
  page.row(tr("Opset"), node.version > 0 ? QString::number(node.version) : QString());
  page.row(tr("Note"), shortened(QString::fromStdString(node.doc)));
  edges(opened, tr("Inputs"), node.inputs, page);
  edges(opened, tr("Outputs"), node.outputs, page);
  edges(opened, tr("Used by its sub-graphs"), node.captured, page);
  if (!node.attributes.all().empty()) {
    page.section(tr("Attributes"));
    for (const auto& [name, value] : node.attributes.all())
      page.row(QString::fromStdString(name), shortened(attributeText(value)));
  }
  if (facts != nullptr) costAndKernel(document, *facts, page);
}

void nodeEnd(const Document& document, NodeId id, const NodeFacts* facts, HtmlPage& page) {
  const OpenedModel& opened = *document.opened();
  const Node& node = opened.model->graph.node(id);
  QStringList findings;
  for (const Finding& finding : opened.findings)
    if (finding.node == id && findings.size() < listed)
      findings << severityName(finding.severity) + QStringLiteral(": ") + escaped(finding.message) +
                      (finding.remedy.empty() ? QString()
                                              : QStringLiteral("<br>") + muted(escaped(finding.remedy)));
  if (!findings.isEmpty()) page.section(tr("Findings"));
  for (const QString& line : std::as_const(findings)) page.item(line);
  if (facts != nullptr && !facts->details.documentation.empty()) {
    page.section(tr("Operator"));
    page.item(escaped(facts->details.documentation));
  }
  if (!node.metadata.empty()) page.section(tr("Noted by the exporter"));
  for (const auto& [key, value] : node.metadata)
    page.row(QString::fromStdString(key).section('.', -1), shortened(QString::fromStdString(value)));
}

void valueRows(const Document& document, ValueId id, HtmlPage& page) {
  const OpenedModel& opened = *document.opened();
  const Graph& graph = opened.model->graph;
  const Value& value = graph.value(id);
  const TypeInfo& type = id.index < opened.types.types.size() ? opened.types.type(id) : value.type;
  const Tensor* constant = graph.constant(id);
  const QString role = value.is_input    ? tr("Input of the model")
                       : value.is_output ? tr("Output of the model")
                       : constant        ? tr("Weight")
                                         : tr("Tensor");
  page.title(QString::fromStdString(value.name), role);
  page.row(tr("Type"), formatElement(type));
  page.row(tr("Shape"), formatShape(type).toHtmlEscaped());
  if (constant != nullptr) {
    page.row(tr("Elements"), formatCount(constant->count()));
    page.row(tr("Size"), formatBytes(static_cast<int64_t>(constant->bytes())));
    page.row(tr("Contents"), shortened(contents(*constant)));
  }
  if (type.is_tensor() && type.dims)
    for (const Dim& dim : *type.dims)
      for (const std::string& symbol : dim.symbols()) {
        const auto origin = opened.types.symbols.find(symbol);
        if (origin == opened.types.symbols.end()) continue;
        const SymbolOrigin& from = origin->second;
        if (from.kind == SymbolOrigin::Kind::input_axis && from.input.valid())
          page.row(QString::fromStdString(symbol),
                   tr("axis %1 of input ").arg(from.axis) +
                       link(from.input, QString::fromStdString(graph.value(from.input).name)));
        else if (from.kind == SymbolOrigin::Kind::data_dependent && from.node.valid())
          page.row(QString::fromStdString(symbol),
                   tr("depends on data, made by ") +
                       link(from.node, QString::fromStdString(graph.node(from.node).name)));
      }
  if (value.producer.valid()) {
    const Node& node = graph.node(value.producer);
    page.section(tr("Made by"));
    page.item(link(node.id, QString::fromStdString(node.qualified_type())) + ' ' + muted(escaped(node.name)));
  }
  if (value.consumers.empty()) return;
  page.section(tr("Used by (%1)").arg(value.consumers.size()));
  for (size_t i = 0; i < value.consumers.size(); ++i) {
    if (i == static_cast<size_t>(listed)) {
      page.item(muted(tr("%1 more").arg(value.consumers.size() - i)));
      break;
    }
    const Node& node = graph.node(value.consumers[i]);
    page.item(link(node.id, QString::fromStdString(node.qualified_type())) + ' ' + muted(escaped(node.name)));
  }
}

void sliceRows(const TraceEntry& entry, SliceId slice, HtmlPage& page) {
  const Trace& trace = *entry.trace;
  if (slice.index >= trace.slice_count()) return;
  const auto text = [&](StringId id) {
    const std::string_view view = trace.text(id);
    return QString::fromUtf8(view.data(), static_cast<qsizetype>(view.size()));
  };
  page.title(text(trace.name(slice)), tr("Slice of %1, %2").arg(entry.label, text(trace.category(slice))));
  page.row(tr("Duration"), strong(formatDuration(static_cast<double>(trace.duration(slice)))));
  page.row(tr("Start"), formatDuration(static_cast<double>(trace.start(slice) - trace.begin_time())));
  page.row(tr("Lane"), text(trace.lane(trace.lane_of(slice)).name).toHtmlEscaped());
  for (const Arg& arg : trace.args(slice)) {
    const QString key = text(arg.key);
    const QString value = arg.kind == ArgKind::string || arg.kind == ArgKind::json
                              ? shortened(text(arg.text()))
                          : arg.kind == ArgKind::boolean  ? (arg.bits != 0 ? tr("yes") : tr("no"))
                          : !arg.is_number()              ? QString()
                          : key == QLatin1String("flops") ? formatFlops(static_cast<int64_t>(arg.number()))
                          : key == QLatin1String("bytes") ? formatBytes(static_cast<int64_t>(arg.number()))
                          : arg.kind == ArgKind::integer  ? QString::number(arg.bits)
                                                          : formatReal(arg.number());
    page.row(key, value);
  }
}

static double argNumber(const Trace& trace, SliceId id, const char* key) {
  const Arg* arg = trace.arg(id, key);
  return arg != nullptr && arg->is_number() ? arg->number() : 0;
}

std::optional<NodeRun> findRun(const Trace& trace, int runs, std::string_view node) {
  const std::string quoted = '"' + std::string(node) + '"';
  NodeRun run;
  SliceId longest;
  const std::optional<MachinePeak> peak = machine_peak(trace);
  double least_ns = 0;
  for (size_t i = 0; i < trace.slice_count(); ++i) {
    const SliceId id(i);
    if (trace.text(trace.category(id)) != "op") continue;
    const bool alone = trace.arg_text(id, "node") == node;
    if (!alone && trace.arg_text(id, "nodes").find(quoted) == std::string_view::npos) continue;
    run.ns += static_cast<double>(trace.duration(id));
    run.calls += 1;
    const double flops = argNumber(trace, id, "flops"), bytes = argNumber(trace, id, "bytes");
    run.flops += flops;
    if (peak) least_ns += peak->least_ns(flops, bytes, trace.arg_text(id, "precision"));
    if (!longest.valid() || trace.duration(id) > trace.duration(longest)) longest = id;
  }
  if (!longest.valid()) return std::nullopt;
  if (run.ns > 0) run.share = least_ns / run.ns;
  run.flops /= std::max(runs, 1);
  run.ns /= std::max(runs, 1);
  run.calls /= std::max(runs, 1);
  run.op = trace.arg_text(longest, "op_type");
  run.kernel = trace.arg_text(longest, "kernel");
  run.precision = trace.arg_text(longest, "precision");
  const std::string_view nodes = trace.arg_text(longest, "nodes");  // a JSON list of names
  for (size_t at = nodes.find("\",\""); at != std::string_view::npos; at = nodes.find("\",\"", at + 3))
    ++run.fused;
  return run;
}

}  // namespace lathe
