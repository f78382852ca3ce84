// SPDX-License-Identifier: Apache-2.0
// Nodes, values and slices as rows of the inspector's pages.
#pragma once

#include "gui/views/html_page.h"
#include "gui/views/inspector_pages.h"

namespace lathe {

/// Identity, edges, attributes, cost, times and kernel.
void nodeRows(const Document& document, NodeId node, const NodeFacts* facts, HtmlPage& page);
/// What stands below the conversion: findings, documentation, what the exporter noted.
void nodeEnd(const Document& document, NodeId node, const NodeFacts* facts, HtmlPage& page);
void valueRows(const Document& document, ValueId value, HtmlPage& page);
void sliceRows(const TraceEntry& entry, SliceId slice, HtmlPage& page);

/// A value as one entry of a list: name as a link, type, shape, contents of small constants.
QString valueLine(const OpenedModel& opened, ValueId value);

}  // namespace lathe
