// SPDX-License-Identifier: Apache-2.0
// A line for a file or folder with a button to browse; takes drops; says below itself what is wrong.
#pragma once

#include <QWidget>

class QLabel;
class QLineEdit;

namespace lathe {

class PathEdit : public QWidget {
  Q_OBJECT
 public:
  enum class Mode { File, Folder };
  /// `name` is the object name of the line, with "Message" after it that of the message. `filter` is of the
  /// file dialog.
  PathEdit(Mode mode, const QString& name, const QString& filter, QWidget* parent = nullptr);

  QString text() const;
  /// Does not emit edited().
  void setText(const QString& text);
  QLineEdit* line() const { return m_line; }
  /// A line below the edit; empty hides it. A problem also marks the edit.
  void setMessage(const QString& text, bool isProblem);

 signals:
  void typed();   ///< at every keystroke
  void edited();  ///< when done: Enter, focus lost, a file chosen or dropped

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void browse();
  void applyColors();
  Mode m_mode;
  QString m_filter;
  QLineEdit* m_line;
  QLabel* m_message;
  bool m_isProblem = false;
};

}  // namespace lathe
