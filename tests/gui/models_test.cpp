// SPDX-License-Identifier: Apache-2.0
// The item models of the side panels, each under QAbstractItemModelTester while everything around it changes.
#include <QAbstractItemModelTester>
#include <QApplication>
#include <QSortFilterProxyModel>
#include <QTest>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

#include "gui/document/workspace.h"
#include "gui/models/jobs_model.h"
#include "gui/models/module_accuracy_model.h"
#include "gui/models/module_tree_model.h"
#include "gui/models/problems_model.h"
#include "gui/models/weight_statistics.h"
#include "gui/views/inspector_pages.h"
#include "gui/widgets/format.h"

namespace lathe {
namespace {

using OpenedPtr = std::shared_ptr<const OpenedModel>;
using Tester = QAbstractItemModelTester;
constexpr auto fatal = Tester::FailureReportingMode::Fatal;

OpenedPtr openExample(const std::string& name) {
  const std::string folder = std::string(LATHE_SOURCE_DIR) + "/resources/examples/";
  auto opened = open_model(folder + name + "/" + name + "_script17.onnx", {}, JobContext());
  if (!opened) throw std::runtime_error(opened.error().text());
  return *opened;
}

std::shared_ptr<const ConvertReport> dryRun(const OpenedPtr& opened) {
  ConvertRequest request;
  request.opened = opened;
  request.dry_run = true;
  auto report = convert_model(request, JobContext());
  if (!report) throw std::runtime_error(report.error().text());
  return *report;
}

/// Two modules with times: the root and the one at `path`, over two runs.
TraceEntry timesOf(const std::string& path) {
  TraceEntry entry;
  entry.label = QStringLiteral("eager");
  entry.trace = std::make_shared<const Trace>();
  entry.statistics.runs = 2;
  entry.statistics.op_ns = 8000;
  StatisticsEntry root, part;
  root.op_total_ns = 8000;
  part.name = path;
  part.self_ns = 1000;
  part.op_total_ns = 2000;
  entry.statistics.modules = {root, part};
  return entry;
}

/// A window's worth of state, without a window.
class GuiModels : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    qputenv("QT_QPA_PLATFORM", "offscreen");
    static int count = 1;
    static char name[] = "test", *arguments[] = {name, nullptr};
    if (QApplication::instance() == nullptr) new QApplication(count, arguments);
  }

  Document document_;
  Coloring coloring_{document_};
};

TEST_F(GuiModels, moduleTreeStaysConsistentThroughEverything) {
  ModuleTreeModel model(document_, coloring_);
  const Tester tester(&model, fatal);
  QSortFilterProxyModel proxy;
  proxy.setSourceModel(&model);
  proxy.setRecursiveFilteringEnabled(true);
  proxy.setFilterRole(ModuleTreeModel::FilterRole);
  proxy.setSortRole(ModuleTreeModel::SortRole);
  const Tester proxyTester(&proxy, fatal);
  EXPECT_EQ(model.rowCount(), 0);

  const OpenedPtr detr = openExample("digits_detr_anysize");
  document_.setModel(QStringLiteral("/somewhere/detr.onnx"), detr);
  proxy.setFilterFixedString(QStringLiteral("layer1"));
  proxy.sort(ModuleTreeModel::Parameters);
  document_.setModuleState(QStringLiteral("detr.backbone"), ModuleState::Trying);
  document_.setConversion(dryRun(detr));
  coloring_.setBy(ColorBy::Status);
  document_.addTrace(timesOf("detr.backbone"));
  document_.refreshModel(detr);
  proxy.setFilterFixedString(QString());
  document_.setModel(QStringLiteral("/somewhere/resnet.onnx"), openExample("digits_resnet"));
  EXPECT_EQ(model.rowCount(), 1);
  EXPECT_FALSE(model.hasData(ModuleTreeModel::Time));
}

TEST_F(GuiModels, moduleTreeShowsWhatTheModelHolds) {
  ModuleTreeModel model(document_, coloring_);
  const OpenedPtr opened = openExample("digits_resnet");
  document_.setModel(QStringLiteral("/somewhere/resnet.onnx"), opened);
  const QModelIndex root = model.index(0, ModuleTreeModel::Name);
  EXPECT_EQ(root.data().toString(), QStringLiteral("resnet.onnx"));
  EXPECT_EQ(root.siblingAtColumn(ModuleTreeModel::Parameters).data(ModuleTreeModel::SortRole).toLongLong(),
            opened->summary.parameters.elements);
  int shown = 0;
  for (const Module& module : opened->model->modules.modules()) {
    const QModelIndex index = model.indexOf(module.id);
    if (!index.isValid()) continue;
    ++shown;
    EXPECT_EQ(model.moduleOf(index), module.id);
    EXPECT_EQ(model.moduleOf(index.parent()), module.parent);
    EXPECT_EQ(model.index(index.row(), 0, index.parent()), index);
  }
  EXPECT_GT(shown, 10);
}

TEST_F(GuiModels, moduleTreeComparesTimes) {
  ModuleTreeModel model(document_, coloring_);
  document_.setModel(QStringLiteral("/somewhere/detr.onnx"), openExample("digits_detr_anysize"));
  document_.addTrace(timesOf("detr.backbone"));
  const auto backbone = document_.model()->modules.find("detr.backbone");
  ASSERT_TRUE(backbone);
  const QModelIndex root = model.index(0, ModuleTreeModel::Time);
  const QModelIndex part = model.indexOf(*backbone, ModuleTreeModel::Time);
  EXPECT_TRUE(model.hasData(ModuleTreeModel::Time));
  EXPECT_FALSE(model.hasData(ModuleTreeModel::After));
  EXPECT_EQ(root.data().toString(), formatDuration(4000));
  EXPECT_EQ(part.data().toString(), formatDuration(1000));
  EXPECT_DOUBLE_EQ(root.data(ModuleTreeModel::BarRole).toDouble(), 1);
  EXPECT_DOUBLE_EQ(part.data(ModuleTreeModel::BarRole).toDouble(), 0.25);
  EXPECT_DOUBLE_EQ(part.data(ModuleTreeModel::BarPartRole).toDouble(), 0.125);
  EXPECT_FALSE(part.siblingAtColumn(ModuleTreeModel::Class).data(ModuleTreeModel::BarRole).isValid());
}

TEST_F(GuiModels, deepestFailuresAreFailedWithoutFailedChildren) {
  ModuleTreeModel model(document_, coloring_);
  const OpenedPtr opened = openExample("digits_detr_anysize");
  document_.setModel(QStringLiteral("/somewhere/detr.onnx"), opened);
  EXPECT_TRUE(model.deepestFailures().empty());
  document_.setConversion(dryRun(opened));
  const std::vector<ModuleId> failures = model.deepestFailures();
  ASSERT_FALSE(failures.empty());  // its shapes are open
  for (const ModuleId module : failures) {
    EXPECT_EQ(document_.moduleState(module), ModuleState::Failed);
    for (const ModuleId child : opened->model->modules[module].children)
      EXPECT_NE(document_.moduleState(child), ModuleState::Failed);
    EXPECT_FALSE(model.indexOf(module, ModuleTreeModel::State).data().toString().isEmpty());
  }
}

TEST_F(GuiModels, problemsAreListedWorstFirst) {
  ProblemsModel model(document_);
  const Tester tester(&model, fatal);
  auto opened = std::make_shared<OpenedModel>(*openExample("digits_detr_anysize"));
  opened->findings = {{Severity::note, "a", "here", "a note", "", NodeId()},
                      {Severity::error, "b", "there", "an error", "mend it", NodeId(size_t{3})}};
  document_.setModel(QStringLiteral("/somewhere/detr.onnx"), opened);
  ASSERT_EQ(model.rowCount(), 2);
  EXPECT_EQ(model.problem(0).message, QStringLiteral("an error"));
  EXPECT_EQ(model.problem(0).node, NodeId(size_t{3}));
  EXPECT_EQ(model.count(Severity::note), 1);

  document_.setConversion(dryRun(opened));
  EXPECT_GT(model.count(Severity::warning), 0);
  for (int row = 1; row < model.rowCount(); ++row)
    EXPECT_GE(model.problem(row - 1).severity, model.problem(row).severity);
  for (int row = 0; row < model.rowCount(); ++row) {
    const ModuleId module = model.problem(row).module;
    if (module.valid()) {
      EXPECT_EQ(document_.moduleState(module), ModuleState::Failed);
    }
  }
  document_.setConversion(nullptr);
  EXPECT_EQ(model.rowCount(), 2);
}

TEST_F(GuiModels, jobsAppearRunAndEnd) {
  JobRunner runner;
  JobsModel model(runner);
  const Tester tester(&model, fatal);
  const auto waitForStop = [](const JobContext& job) -> Result<int> {
    job.report(0.5, "half way");
    while (!job.stop_requested()) QTest::qSleep(1);
    return interrupted();
  };
  const int first = runner.start<int>(QStringLiteral("first"), QString(), waitForStop, [](Result<int>) {});
  runner.start<int>(
      QString(), QString(), [](const JobContext&) -> Result<int> { return 1; }, [](Result<int>) {});
  runner.start<int>(
      QStringLiteral("second"), QString(),
      [](const JobContext&) -> Result<int> { return bad_input("file", "is bad"); }, [](Result<int>) {});
  ASSERT_EQ(model.rowCount(), 2);  // the one without a title is not listed
  EXPECT_EQ(model.index(0, JobsModel::Title).data().toString(), QStringLiteral("second"));
  const QModelIndex row = model.index(1, JobsModel::Progress);
  ASSERT_TRUE(QTest::qWaitFor([&] { return row.data(JobsModel::FractionRole).toDouble() == 0.5; }));
  EXPECT_EQ(row.data(JobsModel::JobRole).toInt(), first);
  ASSERT_TRUE(QTest::qWaitFor([&] { return model.runningCount() == 1; }));
  runner.cancel(first);
  ASSERT_TRUE(QTest::qWaitFor([&] { return model.runningCount() == 0; }));
  EXPECT_EQ(row.data(JobsModel::StateRole).toInt(), static_cast<int>(JobInfo::State::Cancelled));
  EXPECT_EQ(model.index(0, JobsModel::Message).data().toString(), QStringLiteral("file: is bad"));
}

TEST(WeightStatisticsTest, countsWhatIsOdd) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  const Tensor weight = Tensor::from<float>({2, 4}, {0, nan, -1, 3, infinity, 0, -infinity, 3});
  const auto made = weightStatistics(weight, JobContext());
  ASSERT_TRUE(made);
  EXPECT_EQ(made->count, 8);
  EXPECT_EQ(made->zeros, 2);
  EXPECT_EQ(made->nans, 1);
  EXPECT_EQ(made->infinities, 2);
  EXPECT_EQ(made->min, -1);
  EXPECT_EQ(made->max, 3);
  EXPECT_DOUBLE_EQ(made->mean, 1);
  EXPECT_DOUBLE_EQ(made->deviation, std::sqrt((1 + 4 + 4 + 1 + 4) / 5.0));
  EXPECT_EQ(made->bins.front(), 1);
  EXPECT_EQ(made->bins.back(), 2);
}

TEST(WeightStatisticsTest, largeWeightsAreReadInParts) {
  std::vector<int8_t> values(200'000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int8_t>(static_cast<int>(i % 200) - 100);
  const Tensor weight = Tensor::from<int8_t>({200, 1000}, std::span<const int8_t>(values));
  const auto made = weightStatistics(weight, JobContext());
  ASSERT_TRUE(made);
  EXPECT_EQ(made->min, -100);
  EXPECT_EQ(made->max, 99);
  EXPECT_NEAR(made->mean, -0.5, 1e-9);
  double counted = 0;
  for (const double bin : made->bins) counted += bin;
  EXPECT_EQ(counted, 200'000);
}

TEST(WeightStatisticsTest, refusesTextAndStops) {
  EXPECT_FALSE(weightStatistics(Tensor::of_strings({1}, {"a"}), JobContext()));
  JobContext stopped;
  stopped.request_stop();
  const auto result = weightStatistics(Tensor::from<float>({2}, {1, 2}), stopped);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::interrupted);
}

TEST_F(GuiModels, inspectorTellsWhyAndWhatToDo) {
  EXPECT_TRUE(inspectorPage(document_, {}, nullptr).isEmpty());
  const OpenedPtr opened = openExample("digits_detr_anysize");
  document_.setModel(QStringLiteral("/somewhere/<b>.onnx"), opened);
  EXPECT_THAT(inspectorPage(document_, {}, nullptr).toStdString(), testing::HasSubstr("&lt;b&gt;.onnx"));
  document_.setConversion(dryRun(opened));
  ModuleTreeModel model(document_, coloring_);
  ASSERT_FALSE(model.deepestFailures().empty());
  Selected selected;
  selected.kind = Selected::Kind::Module;
  selected.module = model.deepestFailures().front();
  const std::string page = inspectorPage(document_, selected, nullptr).toStdString();
  const ModuleOutcome* outcome = document_.outcome(selected.module);
  EXPECT_THAT(page, testing::HasSubstr(outcome->failure->sentence));
  const QString link = QStringLiteral("remedy:%1:0").arg(selected.module.index);
  EXPECT_THAT(page, testing::HasSubstr(link.toStdString()));
  EXPECT_EQ(remedyOf(document_, link), &outcome->failure->remedies[0]);
  EXPECT_EQ(remedyOf(document_, QStringLiteral("remedy:0:99")), nullptr);
  EXPECT_EQ(remedyOf(document_, QStringLiteral("node:1")), nullptr);
}

TEST_F(GuiModels, accuracyByModuleFollowsTheConversion) {
  ModuleAccuracyModel model(document_);
  const Tester tester(&model, fatal);
  QSortFilterProxyModel sorted;
  sorted.setSourceModel(&model);
  sorted.setSortRole(ModuleAccuracyModel::SortRole);
  const Tester sortedTester(&sorted, fatal);
  const OpenedPtr opened = openExample("digits_detr_anysize");
  document_.setModel(QStringLiteral("/somewhere/detr.onnx"), opened);
  document_.setConversion(dryRun(opened));
  EXPECT_EQ(model.rowCount(), 0) << "a dry run lowers nothing";
  EXPECT_FALSE(model.notable().isValid());
  auto report = std::make_shared<ConvertReport>(*dryRun(opened));
  report->module_accuracy.samples = 2;
  report->module_accuracy.borders = {{"detr.backbone", "f", true, 40, 200, 0.9999, 0.01},
                                     {"no.such.module", "g", true, 12.5, 40, 0.9, 0.5},
                                     {"", "scores", false, -200, 12.5, 0, 1.5}};
  report->module_accuracy.first_wrong = report->module_accuracy.steepest = 1;
  document_.setConversion(report);
  ASSERT_EQ(model.rowCount(), 3);
  const auto at = [&](int row, int column) { return model.index(row, column); };
  const ModuleId backbone = *opened->model->modules.find("detr.backbone");
  EXPECT_EQ(at(0, ModuleAccuracyModel::Module).data(ModuleAccuracyModel::ModuleRole).toULongLong(),
            backbone.index);
  EXPECT_EQ(at(1, 0).data(ModuleAccuracyModel::ModuleRole).toInt(), -1);
  EXPECT_EQ(at(2, 0).data().toString(), QStringLiteral("detr.onnx"));
  EXPECT_EQ(at(0, ModuleAccuracyModel::Leaving).data().toString(), QStringLiteral("40.0 dB"));
  EXPECT_EQ(at(0, ModuleAccuracyModel::Entering).data().toString(), QStringLiteral("same"));
  EXPECT_EQ(at(1, ModuleAccuracyModel::Lost).data().toString(), QStringLiteral("27.5 dB"));
  EXPECT_EQ(at(2, ModuleAccuracyModel::Leaving).data().toString(), QStringLiteral("no match"));
  EXPECT_FALSE(at(0, 0).data(ModuleAccuracyModel::WrongRole).toBool());
  EXPECT_TRUE(at(1, 0).data(ModuleAccuracyModel::WrongRole).toBool());
  EXPECT_EQ(model.notable().row(), 1);
  EXPECT_EQ(model.indexOf(backbone).row(), 0);
  sorted.sort(ModuleAccuracyModel::Leaving);
  EXPECT_EQ(sorted.index(0, ModuleAccuracyModel::Tensor).data().toString(), QStringLiteral("scores"));
  Selected selected;
  selected.kind = Selected::Kind::Module;
  selected.module = backbone;
  const std::string page = inspectorPage(document_, selected, nullptr).toStdString();
  EXPECT_THAT(page, testing::HasSubstr("Beside fp32"));
  EXPECT_THAT(page, testing::HasSubstr("40.0 dB"));
  document_.setModel(QStringLiteral("/somewhere/resnet.onnx"), openExample("digits_resnet"));
  EXPECT_EQ(model.rowCount(), 0);
}

TEST_F(GuiModels, inspectorShowsEveryNodeAndValue) {
  const OpenedPtr opened = openExample("digits_detr_anysize");
  document_.setModel(QStringLiteral("/somewhere/detr.onnx"), opened);
  Selected selected;
  selected.kind = Selected::Kind::Node;
  for (const Node& node : opened->model->graph.nodes()) {
    selected.node = node.id;
    selected.module = node.module;
    EXPECT_THAT(inspectorPage(document_, selected, nullptr).toStdString(), testing::HasSubstr(node.op_type));
  }
  selected = {};
  selected.kind = Selected::Kind::Value;
  for (const Value& value : opened->model->graph.values()) {
    selected.value = value.id;
    EXPECT_FALSE(inspectorPage(document_, selected, nullptr).isEmpty());
  }
}

TEST(Format, threeDigitsAndAUnit) {
  const QChar space(QChar::Nbsp);
  EXPECT_EQ(formatDuration(740), QStringLiteral("740%1ns").arg(space));
  EXPECT_EQ(formatDuration(12'340'000), QStringLiteral("12.3%1ms").arg(space));
  EXPECT_EQ(formatDuration(999'999), QStringLiteral("1.00%1ms").arg(space));
  EXPECT_EQ(formatCount(812), QStringLiteral("812"));
  EXPECT_EQ(formatCount(25'557'032), QStringLiteral("25.6%1M").arg(space));
  EXPECT_EQ(formatCount(-1), QStringLiteral("–"));
  EXPECT_EQ(formatBytes(1536), QStringLiteral("1.50%1KiB").arg(space));
  EXPECT_EQ(formatFlops(4'120'000'000), QStringLiteral("4.12%1GFLOP").arg(space));
  EXPECT_EQ(formatPercent(0.123), QStringLiteral("12.3%1%").arg(space));
  EXPECT_EQ(formatPercent(0.00041), QStringLiteral("0.04%1%").arg(space));
  EXPECT_EQ(formatPercent(1), QStringLiteral("100%1%").arg(space));
  EXPECT_EQ(formatShape(std::vector<int64_t>{1, 3, 224}), QStringLiteral("1 × 3 × 224"));
  EXPECT_EQ(formatShape(std::vector<int64_t>{}), QStringLiteral("scalar"));
}

}  // namespace
}  // namespace lathe
