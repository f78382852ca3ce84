// SPDX-License-Identifier: Apache-2.0
// The files of a conversion, with their size and what each is for.
#pragma once

#include <QTreeWidget>
#include <filesystem>
#include <vector>

namespace lathe {

class FilesWritten : public QTreeWidget {
  Q_OBJECT
 public:
  explicit FilesWritten(QWidget* parent = nullptr);
  void setFiles(const std::vector<std::filesystem::path>& files);
};

}  // namespace lathe
