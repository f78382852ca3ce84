// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "profiler/cli/command.h"
#include "profiler/cli/reduce.h"
#include "profiler/workflow/plugins.h"
#include "profiler/workflow/shapes_from_data.h"

namespace lathe {
namespace {

struct Options {
  ModelOptions model;
  std::string out, config, data, metric, calibration, calibration_cache, calibrator;
  std::optional<double> budget;
  std::optional<std::string> weights;  ///< how they are stored
  std::optional<int64_t> block_size;
  std::optional<std::string> reduce;  ///< module; empty: the first that fails
  std::vector<std::string> min_shapes, opt_shapes, max_shapes;
  bool fp16 = false, bf16 = false, int8 = false, symmetric = false, dry_run = false, shapes_from_data = false,
       apply_remedies = false;
  size_t limit = 0;
  int runs = 0;
};

Result<std::map<std::string, Shape>> shapes_of(const std::vector<std::string>& texts) {
  ModelOptions parser;
  parser.shapes = texts;
  return parser.parsed_shapes();
}

/// --min-shape, --opt-shape and --max-shape become dynamic axes around the opt shape.
Status apply_profile(const Options& options, Configuration& configuration) {
  LATHE_ASSIGN(const auto min, shapes_of(options.min_shapes));
  LATHE_ASSIGN(const auto opt, shapes_of(options.opt_shapes));
  LATHE_ASSIGN(const auto max, shapes_of(options.max_shapes));
  for (const auto& [name, shape] : opt) {
    const auto low = min.find(name), high = max.find(name);
    if (low == min.end() || high == max.end())
      return usage_error("input '" + name + "'", "needs --min-shape, --opt-shape and --max-shape together");
    if (low->second.size() != shape.size() || high->second.size() != shape.size())
      return usage_error("input '" + name + "'", "has profile shapes of different ranks");
    configuration.input_shapes[name] = shape;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (low->second[axis] > shape[axis] || shape[axis] > high->second[axis])
        return usage_error("input '" + name + "'",
                           "axis " + std::to_string(axis) + ": the opt size is not between min and max");
      if (low->second[axis] != high->second[axis])
        configuration.dynamic_axes[name][static_cast<int>(axis)] = {
            name + "_" + std::to_string(axis), low->second[axis], shape[axis], high->second[axis]};
    }
  }
  for (const auto* side : {&min, &max})
    for (const auto& [name, shape] : *side)
      if (!opt.contains(name))
        return usage_error("input '" + name + "'", "needs --min-shape, --opt-shape and --max-shape together");
  return {};
}

Result<ConvertRequest> make_request(const Options& options, std::shared_ptr<const OpenedModel> opened) {
  ConvertRequest request;
  if (!options.config.empty()) {
    LATHE_ASSIGN(const std::string text, read_file(options.config));
    LATHE_ASSIGN(request.configuration, parse_configuration(text, opened->model->modules, options.config));
  }
  Configuration& configuration = request.configuration;
  LATHE_ASSIGN(const auto shapes, options.model.parsed_shapes());
  for (const auto& [name, shape] : shapes) configuration.input_shapes[name] = shape;
  LATHE_TRY(apply_profile(options, configuration));
  ModuleSettings& top = configuration.modules[""];
  if (options.fp16) top.fp16 = true;
  if (options.bf16) top.bf16 = true;
  if (options.int8) top.int8 = true;
  if (options.weights) top.weights = parse_weight_form(*options.weights);
  if (options.block_size) top.block_size = options.block_size;
  if (!options.calibration.empty()) configuration.calibration = options.calibration;
  if (!options.calibrator.empty()) configuration.calibrator = options.calibrator;
  if (options.symmetric) configuration.symmetric_activations = true;
  if (options.model.tune) configuration.tune = true;
  if (options.budget) configuration.accuracy_budget = options.budget;
  // A dataset named in the configuration is meant relative to the configuration.
  request.data = options.data;
  if (request.data.empty() && !configuration.data.empty())
    request.data = std::filesystem::path(options.config).parent_path() / configuration.data;
  if (options.calibration.empty() && !configuration.calibration.empty())
    configuration.calibration =
        (std::filesystem::path(options.config).parent_path() / configuration.calibration).string();
  request.metric = options.metric.empty() ? configuration.metric : options.metric;
  if (!options.data.empty()) configuration.data = options.data;
  if (!options.metric.empty()) configuration.metric = options.metric;
  request.opened = std::move(opened);
  request.out = options.out;
  request.calibration_cache = options.calibration_cache;
  request.dry_run = options.dry_run;
  request.apply_remedies = options.apply_remedies;
  request.limit = options.limit;
  request.threads = options.model.threads;
  request.seed = options.model.seed;
  request.runs = options.runs;
  return request;
}

std::string as_json(const ConvertReport& report) {
  const Conversion& conversion = report.conversion;
  nlohmann::ordered_json modules = nlohmann::ordered_json::array();
  for (const ModuleOutcome& outcome : conversion.outcomes) {
    const Module& module = conversion.model->modules[outcome.module];
    modules.push_back({{"path", module.path},
                       {"class", module.class_name},
                       {"status", to_string(outcome.status)},
                       {"precision", outcome.precision},
                       {"cause", outcome.failure ? nlohmann::ordered_json(to_string(outcome.failure->cause))
                                                 : nlohmann::ordered_json(nullptr)}});
  }
  nlohmann::ordered_json remedies = nlohmann::ordered_json::array();
  for (const AppliedRemedy& applied : conversion.remedies)
    remedies.push_back(
        {{"kind", to_string(applied.step.kind)}, {"subject", applied.step.subject}, {"text", applied.text}});
  const nlohmann::ordered_json document = {{"conversion_rate", {conversion.converted, conversion.total}},
                                           {"num_modules", conversion.engines},
                                           {"num_engines", conversion.partition.pieces.size()},
                                           {"remedies_applied", remedies},
                                           {"folder", report.folder.string()},
                                           {"modules", modules}};
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<int> convert_command(const Options& options, const GlobalOptions& global, const JobContext& job) {
  if (options.out.empty() && !options.dry_run) return usage_error("", "--out DIR is needed (or --dry-run)");
  std::vector<std::filesystem::path> plugins(options.model.plugins.begin(), options.model.plugins.end());
  LATHE_TRY(add_configured_plugins(options.config, plugins));
  LATHE_TRY(load_plugins(plugins));
  LATHE_ASSIGN(const auto opened, open(options.model, job));
  LATHE_ASSIGN(ConvertRequest request, make_request(options, opened));
  request.configuration.plugins.clear();
  for (const auto& plugin : plugins)
    request.configuration.plugins.push_back(std::filesystem::absolute(plugin).string());
  if (options.shapes_from_data) {
    LATHE_TRY(learn_shapes(request, job));
    for (const Finding& note : request.configuration.notes)
      if (note.code == "shapes_from_data" && !global.json) print(note.message + "\n");
  }
  if (options.reduce) return reduce_command(options.model, request, *options.reduce, global, job);
  LATHE_ASSIGN(const auto report, convert_model(request, job));
  print(global.json ? as_json(*report) : report->printed);
  if (!global.json && !report->files.empty()) {
    print("\nWritten to " + report->folder.string() + ":\n");
    for (const auto& file : report->files) print("  " + file.filename().string() + "\n");
  }
  return report->conversion.converted > 0 ? exit_done : exit_answer_no;
}

}  // namespace

void register_convert(CommandRegistry& registry) {
  registry.add(
      {"convert", "converts module by module, measures before and after, writes reports",
       [](CLI::App& app, const GlobalOptions& global) {
         auto options = std::make_shared<Options>();
         Options& o = *options;
         o.model.add_to(app);
         app.add_option("--out", o.out, "folder to write");
         app.add_option("--config", o.config, "config.json");
         app.add_flag("--fp16", o.fp16, "lower the graph to fp16 where it is safe");
         app.add_flag("--bf16", o.bf16, "lower the graph to bf16 where it is safe");
         app.add_flag("--int8", o.int8, "quantise convolutions and products to int8 where accuracy allows");
         app.add_option("--weights", o.weights,
                        "store the weights of products in int8 or int4, compute in fp32")
             ->check(CLI::IsMember(weight_form_names()));
         app.add_option("--block-size", o.block_size, "int4 weights that share a scale: 16 to 256 (32)")
             ->check(CLI::IsMember({16, 32, 64, 128, 256}));
         app.add_option("--min-shape", o.min_shapes, "smallest shape of an input: NAME=1x3x64x64");
         app.add_option("--opt-shape", o.opt_shapes, "shape to optimise for");
         app.add_option("--max-shape", o.max_shapes, "largest shape");
         app.add_option("--calib", o.calibration, "dataset for calibration");
         app.add_option("--calib-cache", o.calibration_cache, "file that keeps what calibration finds");
         app.add_option("--calibrator", o.calibrator, "minmax, entropy, percentile or mse")
             ->check(CLI::IsMember({"minmax", "entropy", "percentile", "mse"}));
         app.add_flag("--symmetric", o.symmetric, "int8 activations with zero point 0, as some devices want");
         app.add_option("--accuracy-budget", o.budget,
                        "how much a lower precision may lose of the metric (int8: 0.01)");
         app.add_option("--data", o.data, "dataset for accuracy and measuring");
         app.add_option("--metric", o.metric, "top1, top5, coco-ap, snr or command:...");
         app.add_option("--limit", o.limit, "evaluate at most this many samples");
         app.add_option("--runs", o.runs, "timed runs before and after (20, fewer of slow models)")
             ->check(CLI::Range(1, 100000));
         app.add_flag("--shapes-from-data", o.shapes_from_data, "learn open input shapes from the samples");
         app.add_option_function<std::string>(
                "--reduce", [&o](const std::string& module) { o.reduce = module; },
                "write the smallest failing piece of MODULE (default: the first that fails) to --out")
             ->expected(0, 1)
             ->default_str("");
         app.add_flag("--apply-remedies", o.apply_remedies,
                      "rewrite the model by what failures offer, as long as more of it converts");
         app.add_flag("--dry-run", o.dry_run, "say what would happen, compile nothing");
         return [options, &global](const JobContext& job) { return convert_command(*options, global, job); };
       }});
}

}  // namespace lathe
