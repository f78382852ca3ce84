// SPDX-License-Identifier: Apache-2.0
#include "gui/views/html_page.h"

#include <QColor>

#include "gui/widgets/theme.h"

namespace lathe {
namespace {

QString anchor(const char* kind, uint32_t index, const QString& text) {
  return QStringLiteral("<a href=\"%1:%2\">%3</a>")
      .arg(QLatin1String(kind))
      .arg(index)
      .arg(text.toHtmlEscaped());
}

}  // namespace

QString colored(const QString& html, const QColor& color) {
  return QStringLiteral("<span style=\"color:%1\">%2</span>").arg(color.name(), html);
}

QString muted(const QString& html) {
  return colored(html, theme().mutedText);
}

QString strong(const QString& html) {
  return QStringLiteral("<b>%1</b>").arg(html);
}

QString link(NodeId node, const QString& text) {
  return anchor("node", node.index, text);
}

QString link(ValueId value, const QString& text) {
  return anchor("value", value.index, text);
}

QString link(ModuleId module, const QString& text) {
  return anchor("module", module.index, text);
}

void HtmlPage::title(const QString& text, const QString& about) {
  closeTable();
  m_html += QStringLiteral("<p style=\"margin:4px 2px 0 2px; font-size:large\"><b>%1</b></p>")
                .arg(text.toHtmlEscaped());
  if (!about.isEmpty())
    m_html += QStringLiteral("<p style=\"margin:0 2px 4px 2px\">%1</p>").arg(muted(about.toHtmlEscaped()));
}

void HtmlPage::section(const QString& title) {
  closeTable();
  m_html += QStringLiteral(
                "<table width=\"100%\" cellspacing=\"0\" cellpadding=\"2\" style=\"margin-top:8px; "
                "margin-bottom:2px\"><tr><td bgcolor=\"%1\"><b>%2</b></td></tr></table>")
                .arg(theme().raised.name(), title.toHtmlEscaped());
}

void HtmlPage::row(const QString& key, const QString& value) {
  if (value.isEmpty()) return;
  if (!m_inTable) m_html += QStringLiteral("<table width=\"100%\" cellspacing=\"0\" cellpadding=\"2\">");
  m_inTable = true;
  m_html +=
      QStringLiteral("<tr><td width=\"30%\">%1</td><td>%2</td></tr>").arg(muted(key.toHtmlEscaped()), value);
}

void HtmlPage::item(const QString& html) {
  closeTable();
  m_html += QStringLiteral("<p style=\"margin:2px\">%1</p>").arg(html);
}

void HtmlPage::code(const QString& text) {
  closeTable();
  m_html += QStringLiteral("<p style=\"margin:2px; white-space:pre-wrap; font-family:monospace\">%1</p>")
                .arg(text.toHtmlEscaped().replace(QLatin1Char('\n'), QStringLiteral("<br>")));
}

void HtmlPage::closeTable() {
  if (m_inTable) m_html += QStringLiteral("</table>");
  m_inTable = false;
}

QString HtmlPage::html() {
  closeTable();
  return m_html;
}

}  // namespace lathe
