// SPDX-License-Identifier: Apache-2.0
// report.html of a conversion made by hand, with everything a page can show and names that need escaping.
#include <gmock/gmock.h>
#include <regex>

#include "engine/formats/onnx/onnx.h"
#include "profiler/report/html.h"

namespace lathe {
namespace {

using testing::HasSubstr;
using testing::Lt;
using testing::Not;

class Page : public testing::Test {
 protected:
  void SetUp() override {
    model_->path = "/somewhere/odd <name>.onnx";
    model_->opsets[""] = 17;
    const ModuleId odd = model_->modules.add("<b>&\""), inner = model_->modules.add("<b>&\".inner"),
                   plain = model_->modules.add("head");
    GraphEditor editor(model_->graph);
    const ValueId x = editor.add_input("x&y", TypeInfo::tensor(ElementType::f32));
    ValueId at = x;
    for (const ModuleId module : {odd, inner, plain, ModuleTree::root()}) {
      Node node;
      node.name = "node<" + std::to_string(module.index) + ">";
      node.op_type = "Relu";
      node.module = module;
      node.inputs = {at};
      at = editor.add_value("v", TypeInfo::tensor(ElementType::f32));
      node.outputs = {at};
      const NodeId id = editor.add_node(std::move(node));
      model_->modules.edit(module).nodes.push_back(id);
    }
    editor.add_output(at);
    conversion_.model = model_;
    conversion_.total = 4;
    conversion_.converted = 1;
    conversion_.engines = 1;
    add(ModuleTree::root(), ModuleStatus::failed, "a 'reason' <i>");
    add(odd, ModuleStatus::failed, "a 'reason' <i>");
    add(inner, ModuleStatus::success, nullptr);
    add(plain, ModuleStatus::ignored, nullptr);
    conversion_.notes.push_back({Severity::note, "code", "", "a note", "", {}});
    conversion_.precision.nodes.push_back(
        {"node<1>", {}, odd, "Relu", ElementType::bf16, "asked", "asked", false});
    conversion_.precision.ranking.push_back({odd, 21.5, 1000, true});
    data_.module_accuracy.samples = 2;
    data_.module_accuracy.data = "<samples>";
    data_.module_accuracy.borders = {{"<b>&\"", "v<1>", true, 12.25, 40, 0.99, 0.25}};
    data_.module_accuracy.first_wrong = 0;
    conversion_.configuration.data = "<data>";
    conversion_.partition.pieces.push_back({"inner", inner, {}});
    conversion_.remedies.push_back({{}, "Pinned <y>.", 0.0});
    data_.conversion = &conversion_;
    data_.before = side(10'000'000);
    data_.after = side(5'000'000);
    for (const ModuleId module : {ModuleTree::root(), odd, inner, plain})
      data_.before.modules[module] = {100, 200, 1, 1};
  }

  void add(ModuleId module, ModuleStatus status, const char* sentence) {
    ModuleOutcome outcome;
    outcome.module = module;
    outcome.status = status;
    if (sentence != nullptr) {
      outcome.failure.emplace();
      outcome.failure->cause = FailureCause::dynamic_shape;
      outcome.failure->sentence = sentence;
      outcome.failure->chain = {"input 'x' <chain>"};
      outcome.failure->evidence.push_back({{}, "", "node<1>", "Relu", "(f32[?])", "file.py:1"});
      outcome.failure->remedies.push_back({Remedy::Kind::pin_shapes, "Pin <x>.", "x"});
    }
    conversion_.outcomes.push_back(std::move(outcome));
  }

  static MeasuredSide side(int64_t ns) {
    MeasuredSide made;
    made.latency = distribution({ns, ns + 10'000, ns + 20'000, ns + 500'000});
    made.accuracy = {{"AP", 0.5}, {"<metric>", 1.0}};
    made.balance.latency_ns = static_cast<double>(ns);
    made.balance.parts = {{"engine steps", 0.6 * static_cast<double>(ns), 10},
                          {"boundary copies", 0.1 * static_cast<double>(ns), 2}};
    StatisticsEntry entry;
    entry.name = "Relu<>";
    entry.calls = 4;
    entry.self_ns = ns;
    made.statistics.operators.push_back(entry);
    return made;
  }

  std::shared_ptr<Model> model_ = std::make_shared<Model>();
  Conversion conversion_;
  ReportData data_;
};

TEST_F(Page, HasEverySectionAndLinksToIt) {
  const std::string page = report_html(data_);
  for (const char* id :
       {"remedies", "failures", "next-steps", "balance", "latency", "accuracy", "precision",
        "module-accuracy", "graph", "operators", "modules", "notes", "machine", "configuration"}) {
    EXPECT_THAT(page, HasSubstr("<section id=\"" + std::string(id) + "\">"));
    EXPECT_THAT(page, HasSubstr("<a href=\"#" + std::string(id) + "\">"));
  }
  EXPECT_THAT(page, HasSubstr("1 of 4"));
  EXPECT_THAT(page, HasSubstr("2.00 times as fast"));
  EXPECT_THAT(page, HasSubstr("kept wide"));
  EXPECT_THAT(page, HasSubstr("<td class=\"n\">0.5000</td>"));
  EXPECT_THAT(page, HasSubstr("a note"));
  // 5 ms, of which 3 and 0.5 are explained.
  EXPECT_THAT(page, HasSubstr("unexplained"));
  EXPECT_THAT(page, HasSubstr("1.50 ms</td><td class=\"n\">30.0 %"));
}

TEST_F(Page, RefersToNothingOutsideItself) {
  const std::string page = report_html(data_);
  for (const char* reference :
       {"http:", "https:", "//", "@import", "url(", "<script", "<link", "<img", "src="})
    EXPECT_THAT(page, Not(HasSubstr(reference))) << reference;
  const std::regex anchors("href=\"(?!#)");
  EXPECT_FALSE(std::regex_search(page, anchors));
}

TEST_F(Page, EscapesEveryName) {
  const std::string page = report_html(data_);
  for (const char* raw : {"<b>&", "odd <name>", "<chain>", "Pin <x>", "Pinned <y>", "node<1>", "Relu<>",
                          "<metric>", "<data>", "x&y", "<i>"})
    EXPECT_THAT(page, Not(HasSubstr(raw))) << raw;
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;&amp;&quot;"));
  EXPECT_THAT(page, HasSubstr("odd &lt;name&gt;.onnx"));
}

TEST_F(Page, ElementsThatAreOpenedAreClosed) {
  const std::string page = report_html(data_);
  for (const char* element : {"section", "table",  "thead", "tbody",   "tr",   "td",     "th", "svg",
                              "g",       "figure", "div",   "details", "ul",   "ol",     "li", "p",
                              "pre",     "title",  "text",  "nav",     "main", "header", "h2", "h3"}) {
    const auto count = [&](const std::string& pattern) {
      const std::regex expression(pattern);
      return std::distance(std::sregex_iterator(page.begin(), page.end(), expression),
                           std::sregex_iterator());
    };
    EXPECT_EQ(count("<" + std::string(element) + "[ >]"), count("</" + std::string(element) + ">"))
        << element;
  }
}

TEST_F(Page, LacksWhatWasNotMeasured) {
  data_.before = data_.after = {};
  conversion_.precision = {};
  data_.module_accuracy = {};
  conversion_.notes.clear();
  const std::string page = report_html(data_);
  for (const char* id :
       {"balance", "latency", "accuracy", "precision", "module-accuracy", "operators", "notes"})
    EXPECT_THAT(page, Not(HasSubstr("<section id=\"" + std::string(id) + "\">"))) << id;
  EXPECT_THAT(page, HasSubstr("no data set given"));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
}

TEST_F(Page, OfALargeModelStaysSmall) {
  for (int i = 0; i < 1000; ++i) {
    const std::string path = "layer." + std::to_string(i) + ".self_attn.out_proj";
    add(model_->modules.add(path), ModuleStatus::failed, "the shape of an input is not fixed");
    conversion_.precision.nodes.push_back({"/" + path + "/MatMul",
                                           {},
                                           ModuleTree::root(),
                                           "MatMul",
                                           ElementType::f32,
                                           "angles",
                                           "is an angle",
                                           false});
  }
  EXPECT_THAT(report_html(data_).size(), Lt(1'000'000U));
}

TEST(HtmlText, ReplacesWhatNoPageMayHold) {
  EXPECT_EQ(html_text("a\x01"
                      "b\xFF"
                      "c\xC3"),
            "a\uFFFDb\uFFFDc\uFFFD");
  EXPECT_EQ(html_text("\u00E4\u20AC\U0001F600 it's"), "\u00E4\u20AC\U0001F600 it&#39;s");
  EXPECT_EQ(html_text("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(html_short("abcd", 4), "abcd");
  EXPECT_EQ(html_short("abcde", 4), "abc\u2026");
  EXPECT_EQ(html_short("\u00E4\u00E4\u00E4", 2), "\u00E4\u2026");
}

}  // namespace
}  // namespace lathe
