// SPDX-License-Identifier: Apache-2.0
// FractionalMaxPool, which only a library computes, gives way to MaxPool where what that costs may be lost.
#include <gmock/gmock.h>

#include "engine/ops/plugin/load_plugin.h"
#include "tests/convert/planted.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr const char* pool_name = "com.example.pool.FractionalMaxPool2d";

std::shared_ptr<const Model> pooled() {
  Planter plant;
  const ValueId x = plant.input("x", to_dims(std::vector<int64_t>{1, 1, 9, 7}));
  const ValueId made = plant.node(pool_name, {x}, {{"output_size", std::vector<int64_t>{4, 3}}}, "pool");
  plant.output(plant.node("Relu", {made}), "y");
  return plant.finish();
}

Result<Conversion> approximated(const std::vector<float>& image, std::optional<double> tolerance) {
  Configuration configuration;
  configuration.remedies.push_back(
      {Remedy::Kind::approximate_operator, pool_name, std::nullopt, std::nullopt, tolerance});
  ConvertOptions options;
  options.samples.emplace_back()["x"] = RuntimeValue(Tensor::from<float>({1, 1, 9, 7}, image));
  return on_executor([&] { return convert(pooled(), configuration, options, JobContext()); });
}

/// A bright image: the largest of one window is about that of the next.
std::vector<float> image(float contrast) {
  std::vector<float> pixels;
  for (int i = 0; i < 63; ++i) pixels.push_back(1 + contrast * static_cast<float>(i * 37 % 63) / 63);
  return pixels;
}

TEST(PluginApproximation, IsKeptOrRefusedByWhatItCostsOnTheData) {
  const auto plugin = register_plugin(std::string(TEST_PLUGINS) + "/plugin_fractional_pool.so");
  ASSERT_TRUE(plugin.ok()) << plugin.error().text();
  const auto kept = approximated(image(0.02F), std::nullopt);
  ASSERT_TRUE(kept.ok()) << kept.error().text();
  EXPECT_EQ(kept->converted, kept->total);
  EXPECT_THAT(operators_in(*kept->model), AllOf(Contains("MaxPool"), Not(Contains(pool_name))));
  EXPECT_THAT(kept->remedies[0].text, HasSubstr("by MaxPool with even windows: an SNR of"));
  NamedValues inputs;
  inputs["x"] = RuntimeValue(Tensor::from<float>({1, 1, 9, 7}, image(0.02F)));
  const auto outputs = on_executor([&] { return kept->runnable->run(inputs, RunOptions()); });
  ASSERT_TRUE(outputs.ok()) << outputs.error().text();
  EXPECT_EQ(outputs->at("y").tensor.shape(), (Shape{1, 1, 4, 3}));  // as many windows as before
  const auto refused = approximated(image(5), std::nullopt);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().text(), AllOf(HasSubstr(pool_name), HasSubstr("where 0.01 is allowed")));
}

}  // namespace
}  // namespace lathe
