// SPDX-License-Identifier: Apache-2.0
// conformance_runner eager|engine FOLDER EXPECTED_FAILURES RESULTS
//
// FOLDER is one of test_folders.h. Exit 0: every test passes, is refused for a stated cause (engine), or is
// listed with a reason in EXPECTED_FAILURES; 1 otherwise, also when a listed one passes; 77 (skipped) when
// the folder is not there. What came out is left in the folder RESULTS for conformance_table.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include "engine/formats/onnx/onnx.h"
#include "engine/ops/inference.h"
#include "engine/runtime/converted.h"
#include "engine/runtime/executor_thread.h"
#include "engine/runtime/runnable.h"
#include "tests/conformance/results.h"
#include "tests/conformance/test_folders.h"

namespace fs = std::filesystem;
using namespace lathe;

namespace {

constexpr double relative_tolerance = 1e-3;
constexpr double absolute_tolerance = 1e-7;

struct Outcome {
  enum Kind { pass, wrong, error, refused } kind = pass;
  std::string detail;
};

/// "" when equal within tolerance, else what differs.
std::string difference(const Tensor& got, const Tensor& want, double absolute) {
  if (got.type() != want.type())
    return std::string("type ") + to_string(got.type()) + ", expected " + to_string(want.type());
  if (got.shape() != want.shape())
    return "shape " + to_string(got.shape()) + ", expected " + to_string(want.shape());
  if (got.type() == ElementType::string) return got.strings() == want.strings() ? "" : "strings differ";
  const auto close = [&](double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    if (std::isinf(a) || std::isinf(b)) return a == b;
    return std::fabs(a - b) <= absolute + relative_tolerance * std::fabs(b);
  };
  std::vector<double> a = got.to_double(), b = want.to_double();
  visit_type<std::complex<float>, std::complex<double>>(got.type(), [&](auto zero) {
    for (const auto& z : got.data<decltype(zero)>())
      a.insert(a.end(), {static_cast<double>(z.real()), static_cast<double>(z.imag())});
    for (const auto& z : want.data<decltype(zero)>())
      b.insert(b.end(), {static_cast<double>(z.real()), static_cast<double>(z.imag())});
  });
  if (a.empty() && got.count() > 0) {
    const bool same = std::equal(got.raw(), got.raw() + got.bytes(), want.raw());
    return same ? "" : "bits differ";
  }
  for (size_t i = 0; i < a.size(); ++i)
    if (!close(a[i], b[i]))
      return "element " + std::to_string(i) + " is " + std::to_string(a[i]) + ", expected " +
             std::to_string(b[i]);
  return "";
}

std::string difference(const RuntimeValue& got, const RuntimeValue& want, double absolute) {
  if (want.is_tensor())
    return got.is_tensor() ? difference(got.tensor, want.tensor, absolute) : "not a tensor";
  if (want.kind == RuntimeValue::Kind::sequence) {
    if (got.kind != want.kind || got.sequence->size() != want.sequence->size())
      return "not the sequence expected";
    for (size_t i = 0; i < got.sequence->size(); ++i) {
      const std::string inner = difference((*got.sequence)[i], (*want.sequence)[i], absolute);
      if (!inner.empty()) return "item " + std::to_string(i) + ": " + inner;
    }
    return "";
  }
  return got.kind == want.kind ? "" : "not the optional expected";
}

Outcome failed(const Error& error) {
  return {Outcome::error, error.text()};
}

Outcome run_set(const std::shared_ptr<const Model>& model, const fs::path& set, bool engine) {
  const Graph& graph = model->graph;
  NamedValues inputs;
  const auto files = conformance::numbered(set, "input_");
  for (size_t i = 0; i < files.size() && i < graph.inputs().size(); ++i) {
    const Value& input = graph.value(graph.inputs()[i]);
    auto value = read_tensor_proto(files[i], input.type);
    if (!value.ok()) return failed(value.error());
    inputs[input.name] = std::move(*value);
  }
  Result<NamedValues> outputs = on_executor([&]() -> Result<NamedValues> {
    std::unique_ptr<Runnable> runnable;
    if (engine) {
      LATHE_ASSIGN(runnable, make_engine_model(model));
    } else {
      LATHE_ASSIGN(runnable, make_eager(model));
    }
    return runnable->run(inputs, {});
  });
  if (!outputs.ok()) {
    if (engine && outputs.error().kind == ErrorKind::unsupported)
      return {Outcome::refused, outputs.error().text()};
    return failed(outputs.error());
  }
  const double absolute =
      set.string().find("dft") != std::string::npos || set.string().find("stft") != std::string::npos
          ? 1e-4
          : absolute_tolerance;
  const auto expected = conformance::numbered(set, "output_");
  for (size_t i = 0; i < expected.size() && i < graph.outputs().size(); ++i) {
    const Value& output = graph.value(graph.outputs()[i]);
    auto want = read_tensor_proto(expected[i], output.type);
    if (!want.ok()) return failed(want.error());
    const std::string what = difference(outputs->at(output.name), *want, absolute);
    if (!what.empty()) return {Outcome::wrong, "output " + output.name + ": " + what};
  }
  return {};
}

Outcome run_test(const fs::path& folder, bool engine) {
  auto imported = import_onnx(folder / "model.onnx");
  if (!imported.ok()) return failed(imported.error());
  const std::shared_ptr<const Model> model = std::move(*imported);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    Outcome outcome = run_set(model, entry.path(), engine);
    if (outcome.kind != Outcome::pass) return outcome;
  }
  return {};
}

/// What an engine's refusal is about, for counting.
constexpr const char* open_shapes = "shapes that only the data tell";
std::string cause_of(const std::string& refusal) {
  const std::pair<const char*, const char*> causes[] = {{"dynamic shape", open_shapes},
                                                        {"no static shape", open_shapes},
                                                        {"strings", "strings"},
                                                        {"sub-graphs", "sub-graphs"},
                                                        {"cannot hold", "sequences and optionals"}};
  for (const auto& [words, cause] : causes)
    if (refusal.find(words) != std::string::npos) return cause;
  return "no kernel";
}

/// Reasons by test, those of the lines that are for this folder or for any.
std::map<std::string, std::string> read_expected(const fs::path& file, const std::string& folder) {
  std::map<std::string, std::string> reasons;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = std::min(line.find(' '), line.size());
    const fs::path test = line.substr(0, space);
    if (test.has_parent_path() && test.parent_path() != folder) continue;
    reasons[test.filename()] = line.substr(std::min(space + 1, line.size()));
  }
  return reasons;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::string mode = argv[1];
  const bool engine = mode == "engine";
  const fs::path folder = conformance::resolve(argv[2]);
  conformance::Results results;
  results.folder = folder.filename();
  results.mode = mode;
  if (!fs::is_directory(folder)) {
    std::printf("skipped: %s is not there\n", folder.c_str());
    conformance::write_results(argv[4], results);
    return 77;
  }
  const auto reasons = read_expected(argv[3], results.folder);
  for (const fs::path& test : conformance::tests_in(folder)) {
    ++results.tests;
    const Outcome outcome = run_test(test, engine);
    const std::string name = test.filename().string();
    const bool listed = reasons.contains(name);
    if (outcome.kind == Outcome::pass || outcome.kind == Outcome::wrong) ++results.ran;
    if (outcome.kind == Outcome::pass && !listed) {
      ++results.passed;
    } else if (outcome.kind == Outcome::pass) {
      ++results.failed;
      std::printf("FAILED    %s: passes: take it off the list of expected failures\n", name.c_str());
    } else if (outcome.kind == Outcome::refused) {
      ++results.refused[cause_of(outcome.detail)];
      results.open_shapes += cause_of(outcome.detail) == open_shapes ? 1 : 0;
    } else if (listed) {
      ++results.expected;
      std::printf("expected  %s: %s\n          %s\n", name.c_str(), reasons.at(name).c_str(),
                  outcome.detail.c_str());
    } else {
      ++results.failed;
      std::printf("FAILED    %s: %s\n", name.c_str(), outcome.detail.c_str());
    }
  }
  conformance::write_results(argv[4], results);
  std::fputs(conformance::format_results({results}).c_str(), stdout);
  return results.failed == 0 && results.passed > 0 ? 0 : 1;
}
