// SPDX-License-Identifier: Apache-2.0
// How the choices of the settings tree are read from and written to a configuration.
#include <QCoreApplication>
#include <algorithm>

#include "gui/models/settings_tree_model.h"

namespace lathe {
namespace {

QString tr(const char* text) {
  return QCoreApplication::translate("lathe::SettingsTreeModel", text);
}

PrecisionChoice precisionOf(const ModuleSettings& settings) {
  if (settings.int8 == true) return settings.fp16 == true ? PrecisionChoice::Int8F16 : PrecisionChoice::Int8;
  if (settings.bf16 == true) return PrecisionChoice::Bf16;
  return settings.fp16 == true ? PrecisionChoice::F16 : PrecisionChoice::F32;
}

bool isEmpty(const ModuleSettings& settings) {
  return !settings.convert && !settings.recurse && !settings.fp16 && !settings.bf16 && !settings.int8 &&
         !settings.excluded;
}

/// The entry of a module with nothing in it says nothing: config.json stays free of it.
void dropEmpty(Configuration& configuration, const std::string& path) {
  const auto found = configuration.modules.find(path);
  if (found != configuration.modules.end() && isEmpty(found->second)) configuration.modules.erase(found);
}

bool listed(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

QString choiceName(ConvertChoice choice) {
  switch (choice) {
    case ConvertChoice::Inherit:
      return tr("as above");
    case ConvertChoice::Convert:
      return tr("convert");
    case ConvertChoice::Skip:
      return tr("skip");
    case ConvertChoice::Exclude:
      return tr("exclude");
  }
  return {};
}

QString choiceName(PrecisionChoice choice) {
  switch (choice) {
    case PrecisionChoice::Inherit:
      return tr("as above");
    case PrecisionChoice::F32:
      return QStringLiteral("fp32");
    case PrecisionChoice::F16:
      return QStringLiteral("fp16");
    case PrecisionChoice::Bf16:
      return QStringLiteral("bf16");
    case PrecisionChoice::Int8:
      return QStringLiteral("int8");
    case PrecisionChoice::Int8F16:
      return QStringLiteral("int8 + fp16");
  }
  return {};
}

ConvertChoice ownConvert(const Configuration& configuration, const std::string& path) {
  if (listed(configuration.exclude, path)) return ConvertChoice::Exclude;
  const auto found = configuration.modules.find(path);
  if (found == configuration.modules.end() || !found->second.convert) return ConvertChoice::Inherit;
  return *found->second.convert ? ConvertChoice::Convert : ConvertChoice::Skip;
}

PrecisionChoice ownPrecision(const Configuration& configuration, const std::string& path) {
  const auto found = configuration.modules.find(path);
  if (found == configuration.modules.end()) return PrecisionChoice::Inherit;
  const ModuleSettings& settings = found->second;
  const bool said = settings.fp16 || settings.bf16 || settings.int8;
  return said ? precisionOf(settings) : PrecisionChoice::Inherit;
}

ConvertChoice convertInForce(const Configuration& configuration, const ModuleTree& tree, ModuleId module) {
  const ModuleSettings settings = configuration.effective(tree, module);
  if (settings.excluded) return ConvertChoice::Exclude;
  return settings.convert == false ? ConvertChoice::Skip : ConvertChoice::Convert;
}

PrecisionChoice precisionInForce(const Configuration& configuration, const ModuleTree& tree,
                                 ModuleId module) {
  return precisionOf(configuration.effective(tree, module));
}

Configuration withChoice(Configuration configuration, const std::string& path, ConvertChoice choice) {
  std::erase(configuration.exclude, path);
  if (const auto own = configuration.modules.find(path); own != configuration.modules.end()) {
    own->second.convert.reset();
    own->second.recurse.reset();
  }
  const bool anythingAsked = std::any_of(configuration.modules.begin(), configuration.modules.end(),
                                         [](const auto& each) { return each.second.convert.has_value(); });
  switch (choice) {
    case ConvertChoice::Inherit:
      break;
    case ConvertChoice::Exclude:
      if (!path.empty()) configuration.exclude.push_back(path);
      break;
    case ConvertChoice::Convert:
    case ConvertChoice::Skip:
      // As soon as one module is asked for, the others are not by default: say of the model what held so far.
      if (!anythingAsked && !path.empty())
        configuration.modules[""].convert = configuration.modules[""].recurse = true;
      configuration.modules[path].convert = choice == ConvertChoice::Convert;
      if (choice == ConvertChoice::Convert) configuration.modules[path].recurse = true;
      break;
  }
  dropEmpty(configuration, path);
  return configuration;
}

Configuration withChoice(Configuration configuration, const std::string& path, PrecisionChoice choice) {
  ModuleSettings& settings = configuration.modules[path];
  settings.fp16.reset();
  settings.bf16.reset();
  settings.int8.reset();
  if (choice != PrecisionChoice::Inherit) {
    // All three are said, so that nothing of a module above shines through.
    settings.fp16 = choice == PrecisionChoice::F16 || choice == PrecisionChoice::Int8F16;
    settings.bf16 = choice == PrecisionChoice::Bf16;
    settings.int8 = choice == PrecisionChoice::Int8 || choice == PrecisionChoice::Int8F16;
  }
  dropEmpty(configuration, path);
  return configuration;
}

}  // namespace lathe
