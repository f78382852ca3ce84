// SPDX-License-Identifier: Apache-2.0
#include "gui/views/weights_box.h"

#include <QComboBox>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <set>

#include "gui/widgets/format.h"
#include "gui/widgets/histogram_view.h"

namespace lathe {
namespace {

constexpr size_t mostWeights = 200;
constexpr int64_t fewestElements = 2;  ///< a scalar's histogram says nothing

/// 64-bit integers are shapes and indices.
bool isWeight(const Tensor* tensor) {
  return tensor != nullptr && tensor->count() >= fewestElements &&
         (is_float(tensor->type()) || (is_integer(tensor->type()) && tensor->type() != ElementType::i64 &&
                                       tensor->type() != ElementType::u64));
}

}  // namespace

std::vector<ValueId> weightsOf(const Model& model, const Selected& selected) {
  const Graph& graph = model.graph;
  std::vector<ValueId> weights;
  const auto take = [&](ValueId value) {
    if (value.valid() && isWeight(graph.constant(value))) weights.push_back(value);
  };
  if (selected.kind == Selected::Kind::Value) {
    take(selected.value);
  } else if (selected.node.valid()) {
    for (const ValueId value : graph.node(selected.node).inputs) take(value);
  } else if (selected.module.valid()) {
    for (const NodeId node : model.modules.all_nodes(selected.module))
      for (const ValueId value : graph.node(node).inputs) take(value);
    std::stable_sort(weights.begin(), weights.end(), [&](ValueId a, ValueId b) {
      return graph.constant(a)->count() > graph.constant(b)->count();
    });
  }
  std::set<ValueId> seen;
  std::erase_if(weights, [&](ValueId value) { return !seen.insert(value).second; });
  if (weights.size() > mostWeights) weights.resize(mostWeights);
  return weights;
}

WeightsBox::WeightsBox(Workspace& workspace, QWidget* parent)
    : QWidget(parent),
      m_workspace(workspace),
      m_choice(new QComboBox(this)),
      m_text(new QLabel(this)),
      m_histogram(new HistogramView(this)) {
  setObjectName(QStringLiteral("weightsBox"));
  m_choice->setObjectName(QStringLiteral("weightChoice"));
  m_choice->setToolTip(tr("Weight to look into"));
  m_choice->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  m_choice->setMinimumContentsLength(12);
  m_histogram->setObjectName(QStringLiteral("weightHistogram"));
  m_text->setObjectName(QStringLiteral("weightText"));
  m_text->setWordWrap(true);
  m_text->setToolTip(tr("Mean and standard deviation of the finite elements"));
  m_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
  auto* logarithmic = new QToolButton(this);
  logarithmic->setObjectName(QStringLiteral("weightLog"));
  logarithmic->setText(tr("log"));
  logarithmic->setCheckable(true);
  logarithmic->setToolTip(tr("Counts on a logarithmic axis: rare outliers can be seen"));
  connect(logarithmic, &QToolButton::toggled, m_histogram, &HistogramView::setLogarithmic);

  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(6, 6, 6, 4);
  column->setSpacing(4);
  auto* row = new QHBoxLayout;
  row->addWidget(m_choice, 1);
  row->addWidget(logarithmic);
  column->addLayout(row);
  column->addWidget(m_histogram);
  column->addWidget(m_text);
  connect(m_choice, &QComboBox::currentIndexChanged, this, &WeightsBox::choose);
  connect(&workspace.document(), &Document::modelChanged, this, [this] {
    m_known.clear();
    setWeights({});
  });
  setWeights({});
}

void WeightsBox::setWeights(const std::vector<ValueId>& weights) {
  setVisible(!weights.empty());
  if (weights == m_weights) return;
  m_weights = weights;
  const QSignalBlocker blocker(m_choice);
  m_choice->clear();
  if (weights.empty()) return;
  const Graph& graph = m_workspace.document().model()->graph;
  for (const ValueId value : weights) {
    const Tensor& tensor = *graph.constant(value);
    m_choice->addItem(QStringLiteral("%1  (%2)")
                          .arg(QString::fromStdString(graph.value(value).name), formatShape(tensor.shape())));
  }
  m_choice->setCurrentIndex(0);
  choose();
}

void WeightsBox::choose() {
  const int row = m_choice->currentIndex();
  const Model* model = m_workspace.document().model();
  if (row < 0 || model == nullptr) return;
  const ValueId value = m_weights[static_cast<size_t>(row)];
  if (const auto known = m_known.find(value); known != m_known.end()) return show(known->second);
  show(nullptr);
  // The job keeps the model, whose file the weights may be mapped from.
  const auto opened = m_workspace.document().opened();
  m_workspace.jobs().start<StatisticsPtr>(
      QString(), QStringLiteral("weights"),
      [opened, value](const JobContext& job) -> Result<StatisticsPtr> {
        LATHE_ASSIGN(WeightStatistics made, weightStatistics(*opened->model->graph.constant(value), job));
        return StatisticsPtr(std::make_shared<const WeightStatistics>(std::move(made)));
      },
      [this, opened, value](Result<StatisticsPtr> result) {
        if (!result || m_workspace.document().model() != opened->model.get()) return;
        m_known[value] = *result;
        const int now = m_choice->currentIndex();
        if (now >= 0 && m_weights[static_cast<size_t>(now)] == value) show(*result);
      });
}

void WeightsBox::show(const StatisticsPtr& statistics) {
  if (statistics == nullptr) {
    m_histogram->setData({});
    m_text->setText(tr("Reading…"));
    return;
  }
  const WeightStatistics& of = *statistics;
  m_histogram->setData({of.min, of.max, of.bins});
  QStringList parts{tr("%1 elements").arg(formatCount(of.count)),
                    tr("mean %1 ± %2").arg(formatReal(of.mean), formatReal(of.deviation))};
  if (of.zeros > 0)
    parts << tr("%1 zeros").arg(formatPercent(static_cast<double>(of.zeros) / static_cast<double>(of.count)));
  if (of.nans > 0) parts << tr("%1 NaN").arg(of.nans);
  if (of.infinities > 0) parts << tr("%1 infinite").arg(of.infinities);
  m_text->setText(parts.join(QStringLiteral(" · ")));
}

}  // namespace lathe
