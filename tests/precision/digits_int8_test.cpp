// SPDX-License-Identifier: Apache-2.0
// Trained models in int8 by the search as it is: accuracy stays, most of the products are in 8 bit, by the
// precision map and by the kernels that ran.
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "engine/kernels/narrow.h"
#include "profiler/trace/formats.h"
#include "profiler/workflow/workflow.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path models() {
  const char* set = std::getenv("LATHE_MODELS");
  const char* home = std::getenv("HOME");
  return set != nullptr ? fs::path(set) : fs::path(home != nullptr ? home : ".") / ".cache/lathe/models";
}

struct Flops {
  double products = 0, in_8bit = 0;
};

/// Of the convolutions and products among the operators that ran, by what their slices say.
Flops flops_that_ran(const fs::path& file) {
  const auto trace = read_trace(file);
  EXPECT_TRUE(trace.ok());
  Flops sum;
  for (uint32_t i = 0; trace.ok() && i < trace->slice_count(); ++i) {
    const SliceId id(i);
    if (trace->text(trace->category(id)) != "op") continue;
    const std::string_view type = trace->arg_text(id, "op_type"), kernel = trace->arg_text(id, "kernel");
    const bool quantized = type == "lathe.QuantizedConv" || type == "lathe.QuantizedMatMul";
    const bool product = quantized || type == "Conv" || type == "MatMul" || type == "Gemm" ||
                         type == "lathe.FusedConv" || type == "lathe.FusedMatMul" ||
                         type == "lathe.Attention";
    const Arg* flops = trace->arg(id, "flops");
    if (!product || flops == nullptr) continue;
    const double count =
        flops->kind == ArgKind::real ? flops->real_value() : static_cast<double>(flops->bits);
    sum.products += count;
    if (!quantized) continue;
    EXPECT_EQ(trace->arg_text(id, "precision"), "int8");
    EXPECT_NE(kernel.find(":quantized_"), std::string::npos) << kernel << ": " << trace->arg_text(id, "node");
    sum.in_8bit += count;
  }
  return sum;
}

struct Converted {
  double before = 0, after = 0;
  json quantization;
  Flops flops;
};

Converted convert_digits(const std::string& model, const std::string& calibration, const std::string& data,
                         const char* value, size_t limit) {
  const TemporaryFolder folder;
  Converted made;
  const auto opened = open_model(models() / model, {}, JobContext());
  EXPECT_TRUE(opened.ok());
  if (!opened.ok()) return made;
  ConvertRequest request;
  request.opened = *opened;
  request.configuration.modules[""].convert = true;
  request.configuration.modules[""].int8 = true;
  request.configuration.calibration = (models() / calibration).string();
  request.data = models() / data;
  request.out = folder / "out";
  request.limit = limit;
  request.runs = request.active_runs = 1;
  const auto report = convert_model(request, JobContext());
  EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().text());
  if (!report.ok()) return made;
  made.before = (*report)->before.accuracy.at(value);
  made.after = (*report)->after.accuracy.at(value);
  made.flops = flops_that_ran(folder / "out/trace.json");
  made.quantization = json::parse(read_file(folder / "out/report.json").value())["quantization"];
  return made;
}

void expect_mostly_8bit(const Converted& made) {
  EXPECT_GE(made.quantization["int8_flops"].get<double>(),
            0.8 * made.quantization["product_flops"].get<double>());
  EXPECT_GT(made.flops.products, 0);
  if (multiplies_8bit()) {
    EXPECT_GE(made.flops.in_8bit, 0.8 * made.flops.products);
  }
  bool minmax = false;
  for (const json& trial : made.quantization["calibrators"])
    minmax = minmax || (trial["calibrator"] == "minmax" && trial["score"].is_number());
  EXPECT_TRUE(minmax) << "what plain minmax gives is told beside it";
  EXPECT_GT(made.quantization["judged"]["samples"].get<int>(), 0);
  EXPECT_GT(made.quantization["judged"]["unseen_samples"].get<int>(), 0);
  EXPECT_TRUE(made.quantization["judged"]["unseen_score_int8"].is_number());
}

TEST(DigitsInInt8, TheClassifierKeepsItsAccuracy) {
  if (!fs::exists(models() / "digits_resnet_script17.onnx")) GTEST_SKIP() << "digits_resnet is not there";
  const Converted made = convert_digits("digits_resnet_script17.onnx", "digits_calib.npz",
                                        "digits_eval.dataset.json", "top1", 0);
  EXPECT_GE(made.after, made.before - 0.004);
  expect_mostly_8bit(made);
}

TEST(DigitsInInt8, TheDetectorKeepsItsAccuracy) {
  if (!fs::exists(models() / "digits_detr_script17.onnx")) GTEST_SKIP() << "digits_detr is not there";
  const Converted made = convert_digits("digits_detr_script17.onnx", "digits_scenes_calib.dataset.json",
                                        "digits_scenes.dataset.json", "AP", 64);
  EXPECT_GE(made.after, made.before - 0.01);
  expect_mostly_8bit(made);
}

}  // namespace
}  // namespace lathe
