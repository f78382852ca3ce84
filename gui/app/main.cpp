// SPDX-License-Identifier: Apache-2.0
// The desktop program: lathe-gui [FILE...]
#include <QApplication>
#include <QCommandLineParser>
#include <QSettings>

#include "gui/app/main_window.h"
#include "gui/widgets/theme.h"

int main(int argc, char** argv) {
  QApplication application(argc, argv);
  QApplication::setApplicationName(QStringLiteral("lathe"));
  QApplication::setOrganizationName(QStringLiteral("lathe"));
  QApplication::setApplicationVersion(QString::fromStdString(lathe::lathe_version()));
  QCommandLineParser parser;
  parser.setApplicationDescription(
      QCoreApplication::translate("main", "A workbench for people who ship neural networks."));
  parser.addHelpOption();
  parser.addVersionOption();
  parser.addPositionalArgument(
      QStringLiteral("files"),
      QCoreApplication::translate("main", "Models, converted folders or traces to open."),
      QStringLiteral("[FILE...]"));
  const QCommandLineOption noPlugins(
      QStringLiteral("no-plugins"),
      QCoreApplication::translate("main", "Load no operator plugins, not even those for every start."));
  parser.addOption(noPlugins);
  parser.process(application);
  lathe::applyTheme(application,
                    static_cast<lathe::ThemeChoice>(QSettings().value(QStringLiteral("theme"), 0).toInt()));
  lathe::MainWindow window;
  window.restoreGeometry(QSettings().value(QStringLiteral("geometry")).toByteArray());
  window.show();
  window.start(parser.positionalArguments(), !parser.isSet(noPlugins));
  return QApplication::exec();
}
