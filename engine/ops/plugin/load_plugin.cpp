// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/plugin/load_plugin.h"

#include <algorithm>
#include <dlfcn.h>
#include <limits>
#include <mutex>
#include <set>

#include "engine/ops/extend_operators.h"
#include "engine/ops/plugin/plugin_operators.h"
#include "engine/ops/plugin/survive.h"
#include "engine/ops/plugin/try_operator.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

struct Plugins {
  std::mutex mutex;
  std::vector<PluginInfo> all;
};

Plugins& plugins() {
  static Plugins known;
  return known;
}

std::string text_of(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

std::string qualified(const LathePluginOperator& op) {
  return (op.domain[0] == '\0' ? std::string() : std::string(op.domain) + ".") + op.name;
}

/// Whether the table can be what it says; `file` for messages.
Status check_operator(const LathePluginOperator& op, uint32_t index, const std::string& file) {
  if (op.name == nullptr || op.name[0] == '\0' || op.domain == nullptr)
    return bad_input(file, "operator " + std::to_string(index) + " of its table has no name or no domain");
  const auto error = [&](const std::string& what) {
    return bad_input(file, "operator " + qualified(op) + " " + what);
  };
  if (op.infer == nullptr || op.compute == nullptr) return error("has no infer or no compute");
  if (op.since_version < 1) return error("has the since-version " + std::to_string(op.since_version));
  const auto range = [](int32_t min, int32_t max) { return min >= 0 && (max == -1 || max >= min); };
  if (!range(op.min_inputs, op.max_inputs)) return error("takes an impossible number of inputs");
  if (!range(op.min_outputs, op.max_outputs) || op.max_outputs == 0)
    return error("makes an impossible number of outputs");
  const std::string_view domain = canonical_domain(op.domain);
  if (domain == "lathe") return error("is in the domain 'lathe', which is not for plugins");
  if (const auto other = find_plugin_operator(domain, op.name, op.since_version))
    return error("is there already: " + other->file + " has it");
  // A newer version of an operator of ours, or one more in a domain of ours, must not change what this build
  // makes of the others.
  const Operator* known = operators().find(domain, op.name, std::numeric_limits<int>::max());
  if (known != nullptr && known->run != plugin_run) return error("is there already: Lathe has it itself");
  const int newest = operators().newest_version(domain);
  const bool ours =
      std::any_of(operators().all().begin(), operators().all().end(),
                  [&](const Operator& each) { return each.domain == domain && each.run != plugin_run; });
  if (ours && op.since_version > newest)
    return error("begins with opset " + std::to_string(op.since_version) +
                 ", this build knows the domain up to " + std::to_string(newest));
  return {};
}

Result<const LathePluginTable*> table_of(void* library, const std::string& file) {
  using Entry = const LathePluginTable* (*)(uint32_t);
  const auto entry = reinterpret_cast<Entry>(::dlsym(library, "lathe_plugin_entry"));
  if (entry == nullptr) return bad_input(file, "is not a plugin: it exports no lathe_plugin_entry");
  const LathePluginTable* table = nullptr;
  try {
    table = entry(LATHE_PLUGIN_ABI_VERSION);
  } catch (...) {
    return bad_input(file, "lathe_plugin_entry threw an exception");
  }
  const std::string speaks =
      "this Lathe speaks version " + std::to_string(LATHE_PLUGIN_ABI_VERSION) + " of the interface";
  if (table == nullptr) return unsupported(file, "refuses: " + speaks);
  if (table->abi_version != LATHE_PLUGIN_ABI_VERSION)
    return unsupported(file, "was built for version " + std::to_string(table->abi_version) + ", " + speaks);
  if (table->operator_count == 0 || table->operators == nullptr || table->operator_count > 100000)
    return bad_input(file, "has no operators");
  return table;
}

Operator as_operator(const PluginOperator& op) {
  Operator made;
  made.domain = op.domain;
  made.name = op.name;
  made.versions = {op.table->since_version};
  made.min_inputs = op.table->min_inputs;
  made.max_inputs = op.table->max_inputs;
  made.min_outputs = op.table->min_outputs;
  made.max_outputs = op.table->max_outputs;
  if ((op.table->traits & LATHE_PLUGIN_DATA_DEPENDENT) != 0) made.traits |= trait_data_dependent;
  if ((op.table->traits & LATHE_PLUGIN_RANDOM) != 0) made.traits |= trait_random;
  made.infer = plugin_infer;
  made.run = plugin_run;
  return made;
}

Result<PluginInfo> add_table(const LathePluginTable& table, const fs::path& file) {
  std::set<std::pair<std::string, int>> names;
  for (uint32_t i = 0; i < table.operator_count; ++i) {
    const LathePluginOperator& op = table.operators[i];
    LATHE_TRY(check_operator(op, i, file.string()));
    if (!names.emplace(qualified(op), op.since_version).second)
      return bad_input(file.string(), "has operator " + qualified(op) + " twice");
  }
  PluginInfo info{file, text_of(table.name), text_of(table.version), {}};
  std::vector<Operator> made;
  for (uint32_t i = 0; i < table.operator_count; ++i) {
    auto op = std::make_shared<PluginOperator>();
    op->domain = canonical_domain(table.operators[i].domain);
    op->name = table.operators[i].name;
    op->file = file.filename().string();
    op->table = &table.operators[i];
    made.push_back(as_operator(*op));
    info.operators.push_back(qualified(table.operators[i]));
    add_plugin_operator(std::move(op));  // kept for good: the registry's names point into it
  }
  extend_operators(made);
  return info;
}

/// All that registering will do, and a call of each operator. In a child process: it must not touch what
/// other threads of the parent may have locked.
void try_out(const fs::path& file, const Stage& stage) {
  stage("loading");
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return;  // the parent says why
  stage("lathe_plugin_entry");
  const auto table = table_of(library, file.string());
  if (!table.ok()) return;
  for (uint32_t i = 0; i < (*table)->operator_count; ++i) {
    stage("its table of operators");
    const LathePluginOperator& op = (*table)->operators[i];
    if (op.name == nullptr || op.domain == nullptr || op.infer == nullptr || op.compute == nullptr ||
        op.min_inputs < 0)
      return;
    try_operator({op.domain, op.name, file.filename().string(), &op}, stage);
  }
}

}  // namespace

Result<PluginInfo> register_plugin(const fs::path& file) {
  std::error_code error;
  // Without a slash the loader would search its own path.
  const fs::path full = fs::weakly_canonical(file, error);
  if (error || !fs::is_regular_file(full, error))
    return bad_input(file.string(), "is no file: a plugin is expected");
  Plugins& known = plugins();
  const std::scoped_lock lock(known.mutex);
  for (const PluginInfo& info : known.all)
    if (info.file == full) return info;
  LATHE_TRY(survives(file.string(), [&](const Stage& stage) { try_out(full, stage); }));
  void* library = ::dlopen(full.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return bad_input(file.string(), "cannot be loaded: " + text_of(why));
  }
  const auto table = table_of(library, file.string());
  auto info = table.ok() ? add_table(**table, full) : Result<PluginInfo>(table.error());
  if (!info.ok()) {
    ::dlclose(library);
    return info;
  }
  known.all.push_back(*info);
  return info;
}

std::vector<PluginInfo> registered_plugins() {
  Plugins& known = plugins();
  const std::scoped_lock lock(known.mutex);
  return known.all;
}

}  // namespace lathe
