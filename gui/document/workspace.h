// SPDX-License-Identifier: Apache-2.0
// The window's state and what a person can start: everything a view is given.
#pragma once

#include <QObject>
#include <QStringList>
#include <functional>

#include "gui/document/coloring.h"
#include "gui/document/document.h"
#include "gui/document/plugins.h"
#include "gui/document/recent_files.h"
#include "gui/document/selection.h"
#include "gui/jobs/job_runner.h"

namespace lathe {

/// A message for the person, shown above the views until dismissed.
struct Notice {
  enum class Kind { Info, Success, Error };
  Kind kind = Kind::Info;
  QString text;       ///< what happened, and where
  QStringList hints;  ///< what to do
};

/// How a conversion is asked for, beside the configuration.
struct ConversionTarget {
  QString folder;       ///< to write
  QString data;         ///< dataset file, or empty
  QString metric;       ///< or empty: the dataset's
  int sampleLimit = 0;  ///< 0: all
};

/// UI thread only. Starts jobs; their results arrive as signals of Document.
class Workspace : public QObject {
  Q_OBJECT
 public:
  explicit Workspace(QObject* parent = nullptr);

  Document& document() { return m_document; }
  const Document& document() const { return m_document; }
  Selection& selection() { return m_selection; }
  Coloring& coloring() { return m_coloring; }
  JobRunner& jobs() { return m_jobs; }
  RecentFiles& recentFiles() { return m_recent; }
  Plugins& plugins() { return m_plugins; }

  /// Models, converted folders and traces, by what is in them. What cannot be opened gives a notice and
  /// leaves everything as it was.
  void open(const QStringList& paths);
  /// Infers types and costs again with the shapes of the configuration.
  void refreshShapes();
  void profile(RunMode mode);
  void dryRun();
  void convert(const ConversionTarget& target);
  /// Stops the conversion or dry run that is under way.
  void cancelConversion();
  bool converting() const;
  /// It is one that builds and writes: nothing else may take its place.
  bool building() const { return converting() && !m_dryRunning; }
  /// Dry runs and conversions take remedies that failures offer, as long as more converts.
  bool takesWhatHelps() const { return m_takesWhatHelps; }
  void setTakesWhatHelps(bool takes) { m_takesWhatHelps = takes; }
  void writeHtmlReport(const QString& file);
  /// Copies the named files of the conversion's folder (all when empty) into `folder`.
  void exportConversion(const QString& folder, const QStringList& names);
  void saveActiveTrace(const QString& file);

  void notify(const Notice& notice);
  void notifyError(const Error& error);
  void log(const QString& line);
  /// Brings a view to the front by its id.
  void showView(const QString& id) { emit viewRequested(id); }
  /// Asks the convert panel to take it, or to ask for what is missing.
  void requestRemedy(const Remedy& remedy) { emit remedyRequested(remedy); }

 signals:
  void noticed(const lathe::Notice& notice);
  void logged(const QString& line);
  void viewRequested(const QString& id);
  void remedyRequested(const lathe::Remedy& remedy);
  void conversionStarted(bool dryRun);
  void conversionEnded(bool ok);  ///< also when cancelled
  void exported(const QString& path);

 private:
  void openModel(const QString& path);
  void openTrace(const QString& path);
  void openFolder(const QString& path);
  void startConversion(ConvertRequest request, const QString& title);
  void takeConversion(const ConvertRequest& request, std::shared_ptr<const ConvertReport> report);
  void lookAhead(const ConvertRequest& request, std::shared_ptr<const ConvertReport> report);
  RunRequest runRequest(RunMode mode) const;

  Document m_document;
  Selection m_selection;
  Coloring m_coloring;
  JobRunner m_jobs;
  RecentFiles m_recent;
  Plugins m_plugins;
  QString m_refused;  ///< a model that asks for operators this build lacks, until one opens
  int m_conversionJob = 0;
  bool m_dryRunning = false;
  bool m_takesWhatHelps = false;
};

}  // namespace lathe
