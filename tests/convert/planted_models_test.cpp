// SPDX-License-Identifier: Apache-2.0
// Each cause of failure is found exactly where it was planted, with the remedies that help, and taking the
// first one makes the model convert where that is possible.
#include "tests/convert/planted_models.h"

#include <gmock/gmock.h>
#include <set>

#include "engine/convert/remedies/remedy.h"
#include "tests/convert/fragile_module.h"

namespace lathe {
namespace {

using testing::ElementsAreArray;

struct Planted {
  const char* name;
  std::shared_ptr<const Model> (*make)();
  FailureCause cause;
  std::vector<std::string> evidence;   ///< nodes
  std::vector<Remedy::Kind> remedies;  ///< in order
  bool converts = false;               ///< whole, once remedies were taken
  bool compared = true;                ///< outputs could be compared with those of before
  const char* module = "";             ///< that fails for this cause
  const char* excluded = nullptr;      ///< by the configuration
  bool builds = false;                 ///< only the compiler finds it
  size_t steps = 1;                    ///< remedies it takes
  double bf16_budget = 0;              ///< of what closeness() judges; 0: fp32
};

std::ostream& operator<<(std::ostream& out, const Planted& planted) {
  return out << planted.name;
}

using Kind = Remedy::Kind;
std::shared_ptr<const Model> constant_branch() {
  return branches(true);
}
std::shared_ptr<const Model> data_branch() {
  return branches(false);
}
std::shared_ptr<const Model> known_scan() {
  return constant_scan();
}
std::shared_ptr<const Model> open_scan() {
  return constant_scan(true);
}
std::shared_ptr<const Model> known_foreign() {
  return foreign_operator("their.Mish");
}
std::shared_ptr<const Model> unknown_foreign() {
  return foreign_operator("their.Wobble");
}
std::shared_ptr<const Model> near_foreign() {
  Planter plant;
  const ValueId x = plant.input("x", sizes({1, 2, 7, 9}));
  const ValueId made = plant.node("their.FractionalMaxPool2d", {x}, {}, "pool");
  plant.editor().set_type(made, TypeInfo::tensor(ElementType::f32, sizes({1, 2, 3, 4})));
  plant.output(plant.node("Relu", {made}), "y");
  return plant.finish();
}
std::shared_ptr<const Model> newer_operator() {
  return foreign_operator("Gelu");
}

const Planted all_planted[] = {
    {"open_size",
     open_size,
     FailureCause::dynamic_shape,
     {"/Relu"},
     {Kind::pin_shapes, Kind::give_profile, Kind::keep_eager},
     true},
    {"constant_filter",
     constant_filter,
     FailureCause::data_dependent_shape,
     {"/NonZero", "/Squeeze", "/Gather"},
     {Kind::fold_constants, Kind::filter_to_topk, Kind::keep_eager},
     true},
    {"data_filter",
     data_filter,
     FailureCause::data_dependent_shape,
     {"/NonZero", "/Squeeze", "/Gather_6"},
     {Kind::cut_postprocessing, Kind::filter_to_topk, Kind::keep_eager}},
    {"constant_branch",
     constant_branch,
     FailureCause::data_dependent_control_flow,
     {"/If"},
     {Kind::inline_branch, Kind::keep_eager},
     true},
    {"data_branch",
     data_branch,
     FailureCause::data_dependent_control_flow,
     {"/If"},
     {Kind::cut_postprocessing, Kind::keep_eager}},
    {"constant_loop",
     constant_loop,
     FailureCause::data_dependent_control_flow,
     {"/Loop"},
     {Kind::unroll_loop, Kind::keep_eager},
     true},
    {"known_scan",
     known_scan,
     FailureCause::data_dependent_control_flow,
     {"/Scan"},
     {Kind::unroll_loop, Kind::keep_eager},
     true},
    {"open_scan",
     open_scan,
     FailureCause::data_dependent_control_flow,
     {"/Scan"},
     {Kind::pin_shapes, Kind::give_profile, Kind::keep_eager},
     true,
     true,
     "",
     nullptr,
     false,
     2},
    {"known_foreign",
     known_foreign,
     FailureCause::unsupported_operator,
     {"act/Mish"},
     {Kind::replace_operator, Kind::register_operator, Kind::keep_eager},
     true,
     false},
    {"unknown_foreign",
     unknown_foreign,
     FailureCause::unsupported_operator,
     {"act/Wobble"},
     {Kind::replace_operator, Kind::register_operator, Kind::keep_eager},
     false,
     false},
    {"near_foreign",
     near_foreign,
     FailureCause::unsupported_operator,
     {"pool/FractionalMaxPool2d"},
     {Kind::replace_operator, Kind::approximate_operator, Kind::register_operator, Kind::keep_eager},
     false,
     false},
    {"newer_operator",
     newer_operator,
     FailureCause::unsupported_operator,
     {"act/Gelu"},
     {Kind::upgrade_opset, Kind::replace_operator, Kind::approximate_operator, Kind::register_operator,
      Kind::keep_eager},
     true,
     false},
    {"bad_attribute",
     bad_attribute,
     FailureCause::unsupported_attribute,
     {"/Concat"},
     {Kind::replace_operator, Kind::keep_eager},
     false,
     false},
    {"contradiction",
     contradiction,
     FailureCause::build_error,
     {"/MatMul"},
     {Kind::replace_operator, Kind::keep_eager},
     false,
     false},
    {"sequence_inside",
     sequence_inside,
     FailureCause::unsupported_input_type,
     {"/SequenceAt", "/SequenceInsert", "/ConcatFromSequence"},
     {Kind::split_input, Kind::cut_postprocessing, Kind::keep_eager},
     true},
    {"sequence_output",
     sequence_output,
     FailureCause::unsupported_output_type,
     {"/SplitToSequence"},
     {Kind::split_input, Kind::cut_postprocessing, Kind::keep_eager},
     true},
    {"optional_output",
     optional_output,
     FailureCause::unsupported_output_type,
     {"/Optional"},
     {Kind::split_input, Kind::cut_postprocessing, Kind::keep_eager},
     true},
    {"interleaved",
     interleaved,
     FailureCause::not_separable,
     {"b/Exp"},
     {Kind::keep_eager},
     false,
     true,
     "a",
     "b"},
    {"excluded", interleaved, FailureCause::excluded, {}, {Kind::include_module}, true, false, "", "b"},
    {"fragile",
     with_fragile_module,
     FailureCause::precision_loss,
     {"fragile/Add", "fragile/Sub"},
     {Kind::raise_precision, Kind::keep_eager},
     true,
     false,
     "fragile",
     nullptr,
     true,
     1,
     0.05},
    {"too_large",
     too_large,
     FailureCause::resource_limit,
     {"/Expand"},
     {Kind::keep_eager},
     false,
     false,
     "",
     nullptr,
     true},
};

class PlantedModels : public testing::TestWithParam<Planted> {
 protected:
  Configuration configuration() const {
    Configuration made;
    if (GetParam().excluded != nullptr) made.exclude.push_back(GetParam().excluded);
    if (GetParam().bf16_budget > 0) {
      ModuleSettings& all = made.modules[""];
      all.convert = all.recurse = all.bf16 = true;
      made.accuracy_budget = GetParam().bf16_budget;
    }
    return made;
  }
  static Result<Conversion> converted(const std::shared_ptr<const Model>& model,
                                      const Configuration& configuration, bool apply, bool dry) {
    ConvertOptions options;
    options.apply_remedies = apply;
    options.dry_run = dry && GetParam().bf16_budget == 0;
    if (GetParam().bf16_budget > 0) options.score = closeness;
    return on_executor([&] { return convert(model, configuration, options, JobContext()); });
  }
};

TEST_P(PlantedModels, FailWithExactlyTheirCause) {
  const Planted& planted = GetParam();
  const auto model = planted.make();
  const auto conversion = converted(model, configuration(), false, !planted.builds);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  const ModuleOutcome* outcome = conversion->find(*model->modules.find(planted.module));
  ASSERT_NE(outcome, nullptr);
  EXPECT_EQ(outcome->status, ModuleStatus::failed);
  ASSERT_TRUE(outcome->failure.has_value());
  const Failure& failure = *outcome->failure;
  EXPECT_STREQ(to_string(failure.cause), to_string(planted.cause)) << failure.traceback();
  std::vector<std::string> nodes;
  for (const auto& each : failure.evidence) nodes.push_back(each.name);
  EXPECT_THAT(nodes, ElementsAreArray(planted.evidence)) << failure.traceback();
  std::vector<Remedy::Kind> kinds;
  for (const Remedy& remedy : failure.remedies) kinds.push_back(remedy.kind);
  EXPECT_THAT(kinds, ElementsAreArray(planted.remedies)) << failure.traceback();
}

void expect_same(const Tensor& expected, const NamedValues& outputs, const std::string& name) {
  ASSERT_TRUE(outputs.contains(name)) << name;
  const Tensor& given = outputs.at(name).tensor;
  ASSERT_EQ(given.shape(), expected.shape()) << name;
  const auto a = expected.to_double(), b = given.to_double();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5) << name << " element " << i;
}

TEST_P(PlantedModels, RemediesMakeThemConvertWherePossible) {
  const Planted& planted = GetParam();
  if (planted.builds && !planted.converts) GTEST_SKIP() << "nothing there is to be done by Lathe";
  const auto model = planted.make();
  // What is done only when asked is asked for.
  Configuration asked = configuration();
  const bool by_hand = planted.converts && planted.cause == FailureCause::excluded;
  if (by_hand) asked.remedies.push_back({planted.remedies[0], planted.excluded, std::nullopt, std::nullopt});
  const auto conversion = converted(model, asked, !by_hand, true);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->converted == conversion->total, planted.converts);
  if (!planted.converts) return;
  ASSERT_EQ(conversion->remedies.size(), planted.steps);
  EXPECT_EQ(conversion->remedies[0].step.kind, planted.remedies.front());
  EXPECT_FALSE(conversion->remedies[0].text.empty());
  EXPECT_EQ(conversion->remedies[0].loss.has_value(), planted.compared);

  // What the configuration says repeats it, and the engine gives what the model gave.
  Configuration again = configuration();
  again.remedies = conversion->configuration.remedies;
  const auto repeated = converted(model, again, false, false);
  ASSERT_TRUE(repeated.ok()) << repeated.error().text();
  EXPECT_EQ(repeated->converted, repeated->total);
  EXPECT_EQ(operators_in(*repeated->model), operators_in(*conversion->model));
  const auto inputs = random_inputs(*repeated->model, {}, {}, 5);
  ASSERT_TRUE(inputs.ok()) << inputs.error().text();
  const auto engine = on_executor([&] { return repeated->runnable->run(*inputs, RunOptions()); });
  ASSERT_TRUE(engine.ok()) << engine.error().text();
  if (!planted.compared) return;
  const auto eager = run_eagerly(model, *inputs);
  ASSERT_TRUE(eager.ok()) << eager.error().text();
  for (const auto& [name, value] : *eager) {
    if (!value.is_tensor()) {
      for (size_t k = 0; k < value.sequence->size(); ++k)
        expect_same((*value.sequence)[k].tensor, *engine, name + "." + std::to_string(k));
      continue;
    }
    expect_same(value.tensor, *engine, name);
  }
}
INSTANTIATE_TEST_SUITE_P(Causes, PlantedModels, testing::ValuesIn(all_planted),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(PlantedCauses, AreAllThere) {
  std::set<FailureCause> there;
  for (const Planted& planted : all_planted) there.insert(planted.cause);
  for (int cause = 0; cause <= static_cast<int>(FailureCause::excluded); ++cause)
    EXPECT_TRUE(there.contains(static_cast<FailureCause>(cause)))
        << to_string(static_cast<FailureCause>(cause));
}

TEST(PlantedMish, IsReplacedByItsDefinition) {
  const auto conversion = convert_planted(known_foreign(), {}, true);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  NamedValues inputs;
  inputs["x"] = Tensor::from<float>({4}, {-2.0F, -0.5F, 0.5F, 2.0F});
  const auto outputs = on_executor([&] { return conversion->runnable->run(inputs, RunOptions()); });
  ASSERT_TRUE(outputs.ok()) << outputs.error().text();
  // x * tanh(log(1 + exp(x))), below zero cut off by the Relu.
  const auto y = outputs->at("y").tensor.to_double();
  EXPECT_NEAR(y[0], 0, 1e-6);
  EXPECT_NEAR(y[2], 0.375245, 1e-5);
  EXPECT_NEAR(y[3], 1.943959, 1e-5);
}

}  // namespace
}  // namespace lathe
