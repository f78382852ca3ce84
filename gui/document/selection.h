// SPDX-License-Identifier: Apache-2.0
// The one selection that tree, graph, timeline, tables, problems and inspector share.
#pragma once

#include <QObject>
#include <optional>
#include <vector>

#include "engine/base/ids.h"
#include "profiler/stats/statistics.h"
#include "profiler/trace/trace.h"

namespace lathe {

class Document;

/// What is selected. More than one field is set: a slice also gives the node and module it belongs to, a node
/// its module. `kind` tells what the person clicked.
struct Selected {
  enum class Kind { None, Module, Node, Value, Slice, Range };
  Kind kind = Kind::None;
  ModuleId module;
  NodeId node;
  ValueId value;
  int trace = -1;  ///< index into Document::traces() of `slice` or `range`
  SliceId slice;
  std::optional<TraceRange> range;
};
bool operator==(const Selected& a, const Selected& b);

/// UI thread only. Views call select..() on a click and follow changed(); they must not select in answer to
/// it.
class Selection : public QObject {
  Q_OBJECT
 public:
  explicit Selection(const Document& document, QObject* parent = nullptr);

  const Selected& current() const { return m_current; }
  void selectModule(ModuleId module);
  void selectNode(NodeId node);
  void selectValue(ValueId value);
  /// Node and module follow from the slice's arguments where the model has them.
  void selectSlice(int trace, SliceId slice);
  void selectRange(int trace, TraceRange range);
  /// Forgets the selection and the history (another model).
  void clear();

  bool canGoBack() const { return m_at > 0; }
  bool canGoForward() const { return m_at + 1 < m_history.size(); }

 public slots:
  void back();
  void forward();

 signals:
  void changed(const lathe::Selected& selected);

 private:
  void set(const Selected& selected);
  const Document& m_document;
  Selected m_current;
  std::vector<Selected> m_history;
  size_t m_at = 0;
};

}  // namespace lathe
