// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/calibration_cache.h"

#include "engine/base/files.h"
#include "engine/graph/text_form.h"
#include "engine/precision/byte_stream.h"
#include "engine/precision/content_hash.h"

namespace lathe {
namespace {

constexpr std::string_view magic = "lathe calibration 1\n";

void note(Findings& notes, Severity severity, const std::filesystem::path& file, std::string what) {
  notes.push_back({severity, "calibration_cache", file.string(), std::move(what), "", {}});
}

}  // namespace

uint64_t calibration_key(const Model& model, const std::vector<std::string>& values,
                         const CalibrationData& data) {
  ContentHash hash;
  hash.add(to_text(model.graph));
  for (const Value& value : model.graph.values())
    if (value.alive && value.constant.defined()) hash.add(value.constant);
  for (const std::string& value : values) hash.add(value);
  for (const NamedValues& sample : data.samples)
    for (const auto& [name, value] : sample) {
      hash.add(name);
      if (value.is_tensor()) hash.add(value.tensor);
    }
  return hash.value();
}

std::string write_calibration(const Calibration& calibration, uint64_t key) {
  std::string text(magic);
  ByteWriter writer(text);
  writer.fixed(key);
  writer.number(calibration.size());
  for (const auto& [name, histogram] : calibration) {
    writer.text(name);
    histogram.write(writer);
  }
  return text;
}

Result<std::optional<Calibration>> read_calibration(std::string_view text, uint64_t key,
                                                    const std::string& where) {
  if (!text.starts_with(magic)) return bad_input(where, "is no calibration of this version");
  ByteReader reader(text.substr(magic.size()));
  uint64_t stored = 0, count = 0;
  if (!reader.fixed(stored)) return bad_input(where, "ends too early");
  if (stored != key) return std::optional<Calibration>();
  Calibration calibration;
  bool whole = reader.number(count);
  for (uint64_t i = 0; whole && i < count; ++i) {
    std::string name;
    whole = reader.text(name) && calibration[name].read(reader);
  }
  if (!whole || !reader.at_end()) return bad_input(where, "is damaged");
  return std::optional(std::move(calibration));
}

Result<Calibration> calibrate_cached(const std::shared_ptr<const Model>& model,
                                     const std::vector<std::string>& values, const CalibrationData& data,
                                     const JobContext& job, Findings& notes) {
  if (data.cache.empty()) return calibrate(model, values, data, job);
  const uint64_t key = calibration_key(*model, values, data);
  std::error_code ignored;
  if (std::filesystem::exists(data.cache, ignored)) {
    LATHE_ASSIGN(const std::string text, read_file(data.cache));
    auto found = read_calibration(text, key, data.cache.string());
    if (found.ok() && *found) {
      note(notes, Severity::note, data.cache, "holds the calibration of this model and data: it was used");
      return std::move(**found);
    }
    note(notes, Severity::warning, data.cache,
         found.ok() ? "holds the calibration of another model or other data: calibrated anew"
                    : found.error().what + ": calibrated anew");
  }
  LATHE_ASSIGN(Calibration made, calibrate(model, values, data, job));
  LATHE_TRY(write_file_atomic(data.cache, write_calibration(made, key)));
  return made;
}

}  // namespace lathe
