// SPDX-License-Identifier: Apache-2.0
// The dock in which a conversion is set up, tried, started and watched.
#pragma once

#include <QWidget>

#include "gui/document/workspace.h"

class QCheckBox;
class QComboBox;
class QFormLayout;
class QLabel;
class QPushButton;
class QScrollArea;
class QSpinBox;
class QVBoxLayout;

namespace lathe {

class FailureList;
class PathEdit;
class ShapesBox;

class ConvertPanel : public QWidget {
  Q_OBJECT
 public:
  explicit ConvertPanel(Workspace& workspace, QWidget* parent = nullptr);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void makeShapes(QVBoxLayout* column);
  void makeRemedies(QVBoxLayout* column);
  void makeModules(QVBoxLayout* column);
  void makeData(QFormLayout* form);
  void makeOutput(QFormLayout* form);
  QWidget* makeSettingsMenu();
  void makeFooter(QVBoxLayout* column);

  void takeModel();
  void showConfiguration();
  void editText(const QString& what, std::string Configuration::*field, const QString& text);
  QString defaultFolder() const;
  /// Says under each field what is wrong, and enables the buttons accordingly.
  void checkFields();
  QString dataProblem(const QString& file) const;
  QString folderProblem() const;
  void dryRun();
  void convert();
  void takeRemedy(const Remedy& remedy);
  void removeRemedy(int step);
  /// Edits the settings and tries them; `text` names the edit.
  void tryOut(const QString& text, Configuration configuration);
  void tryAgain(const QString& what, const QString& hint);
  void tryRestored();
  bool readyToTry();
  void tellOutcome(bool ok);
  void loadSettings();
  void saveSettings();
  void showSettingsText();

  Workspace& m_workspace;
  QScrollArea* m_scroll;
  ShapesBox* m_shapes;
  FailureList* m_failures;
  QWidget* m_failureSection;
  PathEdit* m_data;
  PathEdit* m_calibration;
  QWidget* m_calibrationRow;  ///< shown with its label while a module is to be int8
  QWidget* m_calibrationLabel;
  QComboBox* m_calibrator;
  QComboBox* m_metric;
  QSpinBox* m_limit;
  QCheckBox* m_tune;
  PathEdit* m_folder;
  QLabel* m_reason;
  QPushButton* m_dryRun;
  QPushButton* m_convert;
  QPushButton* m_cancel;
  std::map<std::string, Shape> m_inferredFor;  ///< shapes the types shown were inferred with
  std::map<std::string, std::map<int, int64_t>> m_inferredAxes;
  struct Trial {
    QString what, hint;
    int before = 0;  ///< modules that converted without it
  };
  Trial m_trial;  ///< what the dry run under way is for
};

}  // namespace lathe
