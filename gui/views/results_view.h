// SPDX-License-Identifier: Apache-2.0
// What came of it: cards, where the time goes, how it spreads, what failed, the tables and the files.
#pragma once

#include <QTimer>
#include <QWidget>
#include <vector>

#include "gui/document/workspace.h"

class QLabel;
class QPushButton;
class QStackedWidget;
class QVBoxLayout;

namespace lathe {

class AccuracyTable;
class BalanceBar;
class Card;
class DistributionChart;
class FailureList;
class FilesWritten;
class RemediesTaken;
class Ring;
class StatisticsTable;

class ResultsView : public QWidget {
  Q_OBJECT
 public:
  explicit ResultsView(Workspace& workspace, QWidget* parent = nullptr);

 private:
  QWidget* makeEmptyPage();
  QWidget* makeContent();
  QLayout* makeCards();
  /// A heading over `widget`, hidden and shown as one.
  QWidget* makeSection(const QString& title, const QString& tip, QWidget* widget, QVBoxLayout* column);

  /// Once for all signals of one change.
  void refresh();
  void showTitle();
  void showCards();
  void showTimes();

  Workspace& m_workspace;
  QTimer m_refresh;
  QStackedWidget* m_pages;
  QLabel* m_emptyText;
  QPushButton* m_emptyButton;
  QLabel* m_title;
  QLabel* m_about;
  QPushButton* m_openFolder;
  QWidget* m_cards;
  Ring* m_ring;
  Card* m_modules;
  Card* m_engines;
  Card* m_latency;
  Card* m_accuracy;
  Card* m_size;
  AccuracyTable* m_byModule;
  BalanceBar* m_balance;
  DistributionChart* m_chart;
  FailureList* m_failures;
  RemediesTaken* m_remedies;
  StatisticsTable* m_table;
  FilesWritten* m_files;
  QWidget *m_byModuleSection, *m_balanceSection, *m_chartSection, *m_failureSection, *m_remedySection,
      *m_tableSection, *m_fileSection;
};

}  // namespace lathe
