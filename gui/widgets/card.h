// SPDX-License-Identifier: Apache-2.0
// One number worth a look: a title, the value, and a line about it.
#pragma once

#include <QFrame>

class QHBoxLayout;
class QLabel;

namespace lathe {

class Card : public QFrame {
  Q_OBJECT
 public:
  explicit Card(const QString& title, QWidget* parent = nullptr);

  /// `detail` may be empty. Shown as plain text.
  void setValue(const QString& value, const QString& detail = {});
  QString value() const;
  /// Puts a small picture (a ring) left of the text; takes ownership.
  void setPicture(QWidget* picture);

  enum class Tone { Plain, Good, Bad };
  /// Of the detail line: whether the change it tells of is welcome.
  void setTone(Tone tone);

 protected:
  void changeEvent(QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;

 private:
  void applyColors();
  QHBoxLayout* m_row;
  QLabel* m_title;
  QLabel* m_value;
  QLabel* m_detail;
  Tone m_tone = Tone::Plain;
};

}  // namespace lathe
