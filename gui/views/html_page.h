// SPDX-License-Identifier: Apache-2.0
// Writes the rich text of the inspector: titles, sections, rows of key and value, links.
#pragma once

#include <QString>
#include <string>

#include "engine/base/ids.h"

namespace lathe {

/// "&lt;" and so on.
inline QString escaped(const std::string& text) {
  return QString::fromStdString(text).toHtmlEscaped();
}
QString muted(const QString& html);
QString strong(const QString& html);
QString colored(const QString& html, const class QColor& color);
/// Links of the inspector; `text` is plain.
QString link(NodeId node, const QString& text);
QString link(ValueId value, const QString& text);
QString link(ModuleId module, const QString& text);

class HtmlPage {
 public:
  /// Plain texts: a name and what it is.
  void title(const QString& text, const QString& about);
  void section(const QString& title);
  /// In the section's table. `key` is plain, `value` HTML; a row without a value is left out.
  void row(const QString& key, const QString& value);
  /// Over the whole width.
  void item(const QString& html);
  /// In a fixed font, plain.
  void code(const QString& text);
  QString html();

 private:
  void closeTable();
  QString m_html;
  bool m_inTable = false;
};

}  // namespace lathe
