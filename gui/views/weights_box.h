// SPDX-License-Identifier: Apache-2.0
// The inspector's look into weights: one of them chosen, its statistics and histogram.
#pragma once

#include <QWidget>
#include <map>
#include <memory>
#include <vector>

#include "gui/document/workspace.h"
#include "gui/models/weight_statistics.h"

class QComboBox;
class QLabel;

namespace lathe {

class HistogramView;

/// Hidden while there is nothing to choose from. Statistics are found out by a job and kept.
class WeightsBox : public QWidget {
  Q_OBJECT
 public:
  WeightsBox(Workspace& workspace, QWidget* parent);
  void setWeights(const std::vector<ValueId>& weights);

 private:
  using StatisticsPtr = std::shared_ptr<const WeightStatistics>;
  void choose();
  void show(const StatisticsPtr& statistics);
  Workspace& m_workspace;
  QComboBox* m_choice;
  QLabel* m_text;
  HistogramView* m_histogram;
  std::vector<ValueId> m_weights;
  std::map<ValueId, StatisticsPtr> m_known;
};

/// Constants with something to look at: those of a node's inputs, of a module and everything under it
/// (largest first, not more than two hundred), or the value itself.
std::vector<ValueId> weightsOf(const Model& model, const Selected& selected);

}  // namespace lathe
