// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "gui/models/remedy_choices.h"
#include "gui/views/failure_list.h"

namespace lathe {
namespace {

std::set<ModuleId> parentsOfFailures(const Conversion& conversion) {
  std::set<ModuleId> parents;
  for (const ModuleOutcome& outcome : conversion.outcomes)
    if (outcome.failure)
      if (const ModuleId parent = conversion.model->modules[outcome.module].parent; parent.valid())
        parents.insert(parent);
  return parents;
}

void addRemedies(FailureGroup& group, const Failure& failure, const Configuration& configuration) {
  for (const Remedy& remedy : failure.remedies) {
    // Each module of a group could be kept eager; said once, of the place where it broke, it is enough.
    const bool known = std::any_of(group.remedies.begin(), group.remedies.end(), [&](const Remedy& each) {
      return each.kind == remedy.kind &&
             (each.subject == remedy.subject || remedy.kind == Remedy::Kind::keep_eager);
    });
    if (!known && isUseful(remedy, failure, configuration)) group.remedies.push_back(remedy);
  }
}

}  // namespace

std::vector<FailureGroup> failureGroups(const ConvertReport& report) {
  const Conversion& conversion = report.conversion;
  const std::set<ModuleId> parents = parentsOfFailures(conversion);
  std::vector<FailureGroup> groups;
  std::map<std::string, size_t> groupOf;
  for (const bool deepest : {true, false})
    for (const ModuleOutcome& outcome : conversion.outcomes) {
      if (!outcome.failure) continue;
      // A failure starts at the bottom and stops what holds it; an exclusion starts at the top.
      const bool excluded = outcome.failure->cause == FailureCause::excluded;
      const bool origin =
          excluded ? outcome.status == ModuleStatus::ignored : !parents.contains(outcome.module);
      if (origin != deepest) continue;
      const auto [found, isNew] = groupOf.try_emplace(
          excluded ? std::string(to_string(outcome.failure->cause)) : outcome.failure->error(),
          groups.size());
      if (isNew) {
        FailureGroup& made = groups.emplace_back();
        made.cause = outcome.failure->cause;
        made.sentence = QString::fromStdString(outcome.failure->sentence);
        made.first = &outcome;
      }
      FailureGroup& group = groups[found->second];
      group.modules.push_back(outcome.module);
      group.deepest += deepest;
      addRemedies(group, *outcome.failure, conversion.configuration);
    }
  std::stable_sort(groups.begin(), groups.end(), [](const FailureGroup& a, const FailureGroup& b) {
    return a.modules.size() > b.modules.size();
  });
  return groups;
}

}  // namespace lathe
