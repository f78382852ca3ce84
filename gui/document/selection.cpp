// SPDX-License-Identifier: Apache-2.0
#include "gui/document/selection.h"

#include "gui/document/document.h"

namespace lathe {

bool operator==(const Selected& a, const Selected& b) {
  const auto range = [](const Selected& s) {
    return s.range ? std::pair(s.range->begin, s.range->end) : std::pair<int64_t, int64_t>(0, -1);
  };
  return a.kind == b.kind && a.module == b.module && a.node == b.node && a.value == b.value &&
         a.trace == b.trace && a.slice == b.slice && range(a) == range(b);
}

Selection::Selection(const Document& document, QObject* parent) : QObject(parent), m_document(document) {
  m_history.push_back(m_current);
}

void Selection::set(const Selected& selected) {
  if (selected == m_current) return;
  m_current = selected;
  m_history.resize(m_at + 1);
  m_history.push_back(selected);
  ++m_at;
  emit changed(m_current);
}

void Selection::selectModule(ModuleId module) {
  Selected selected;
  selected.kind = Selected::Kind::Module;
  selected.module = module;
  set(selected);
}

void Selection::selectNode(NodeId node) {
  const Model* model = m_document.model();
  if (model == nullptr || !node.valid() || node.index >= model->graph.nodes().size()) return;
  Selected selected;
  selected.kind = Selected::Kind::Node;
  selected.node = node;
  selected.module = model->graph.node(node).module;
  set(selected);
}

void Selection::selectValue(ValueId value) {
  const Model* model = m_document.model();
  if (model == nullptr || !value.valid() || value.index >= model->graph.values().size()) return;
  Selected selected;
  selected.kind = Selected::Kind::Value;
  selected.value = value;
  const NodeId producer = model->graph.value(value).producer;
  if (producer.valid()) {
    selected.node = producer;
    selected.module = model->graph.node(producer).module;
  }
  set(selected);
}

void Selection::selectSlice(int trace, SliceId slice) {
  if (trace < 0 || static_cast<size_t>(trace) >= m_document.traces().size() || !slice.valid()) return;
  Selected selected;
  selected.kind = Selected::Kind::Slice;
  selected.trace = trace;
  selected.slice = slice;
  if (const Model* model = m_document.model()) {
    const Trace& events = *m_document.traces()[static_cast<size_t>(trace)].trace;
    const std::string_view node = events.arg_text(slice, "node");
    const Arg* module = events.arg(slice, "module");
    if (!node.empty())
      if (const auto found = model->graph.find_node(node)) selected.node = *found;
    if (module != nullptr)
      if (const auto found = model->modules.find(events.arg_text(slice, "module"))) selected.module = *found;
    if (selected.node.valid() && !selected.module.valid())
      selected.module = model->graph.node(selected.node).module;
  }
  set(selected);
}

void Selection::selectRange(int trace, TraceRange range) {
  Selected selected;
  selected.kind = Selected::Kind::Range;
  selected.trace = trace;
  selected.range = range;
  set(selected);
}

void Selection::clear() {
  m_current = {};
  m_history.assign(1, m_current);
  m_at = 0;
  emit changed(m_current);
}

void Selection::back() {
  if (!canGoBack()) return;
  m_current = m_history[--m_at];
  emit changed(m_current);
}

void Selection::forward() {
  if (!canGoForward()) return;
  m_current = m_history[++m_at];
  emit changed(m_current);
}

}  // namespace lathe
