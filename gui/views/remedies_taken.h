// SPDX-License-Identifier: Apache-2.0
// The remedies that a conversion took, with what was done and how much outputs differ.
#pragma once

#include <QWidget>
#include <vector>

#include "engine/convert/mend.h"

class QGridLayout;

namespace lathe {

class RemediesTaken : public QWidget {
  Q_OBJECT
 public:
  explicit RemediesTaken(QWidget* parent = nullptr);
  void setRemedies(const std::vector<AppliedRemedy>& remedies);
  bool isEmpty() const;

 private:
  QGridLayout* m_grid;
};

}  // namespace lathe
