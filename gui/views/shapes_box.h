// SPDX-License-Identifier: Apache-2.0
// The shapes of a conversion: one line per input with dynamic axes, and a table of min, opt and max.
#pragma once

#include <QTimer>
#include <QWidget>
#include <vector>

#include "gui/models/shape_profile_model.h"

class QFormLayout;
class QLabel;
class QLineEdit;
class QTableView;

namespace lathe {

class Workspace;

/// Writes the configuration a moment after typing ends, and at once with commit(). What is wrong is said
/// below the line and not taken.
class ShapesBox : public QWidget {
  Q_OBJECT
 public:
  explicit ShapesBox(Workspace& workspace, QWidget* parent = nullptr);

  /// Takes what was typed last. False while a line is wrong.
  bool commit();
  bool isValid() const;
  void focusInput(const QString& input);
  void editProfile(const QString& input);

 signals:
  void validityChanged();

 protected:
  void changeEvent(QEvent* event) override;

 private:
  struct Line {
    DynamicInput input;
    QLineEdit* edit;
    QLabel* message;
    bool wrong = false;
  };
  void rebuild();
  void showConfiguration();
  void check(Line& line);
  void fitTable();
  Workspace& m_workspace;
  QFormLayout* m_form;
  QLabel* m_hint;
  QTableView* m_table;
  ShapeProfileModel* m_model;
  std::vector<Line> m_lines;
  QTimer m_typing;
};

}  // namespace lathe
