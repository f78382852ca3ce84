// SPDX-License-Identifier: Apache-2.0
// The views of the window. Adding one: gui/views/<name>.cpp (or of another folder of gui/) with
// `void register_<name>(ViewRegistry&)`, and its name in LATHE_VIEWS of gui/CMakeLists.txt.
#pragma once

#include <QString>
#include <functional>
#include <vector>

class QWidget;

namespace lathe {

class Workspace;

struct ViewEntry {
  enum class Place { Left, Centre, Right, Bottom };
  QString id;     ///< object name of the dock or tab page, and what Workspace::showView takes
  QString title;  ///< shown; translated
  Place place = Place::Centre;
  std::function<QWidget*(Workspace& workspace, QWidget* parent)> make;
};

class ViewRegistry {
 public:
  void add(ViewEntry entry) { m_views.push_back(std::move(entry)); }
  const std::vector<ViewEntry>& views() const { return m_views; }

 private:
  std::vector<ViewEntry> m_views;
};

}  // namespace lathe
