// SPDX-License-Identifier: Apache-2.0
// Remedies in the words of this window, and how one is taken here.
#pragma once

#include <QString>
#include <vector>

#include "gui/document/document.h"

namespace lathe {

enum class RemedyWay {
  Apply,   ///< a change of the settings that is known in full
  Edit,    ///< the convert panel has to ask for something: a shape, a range
  Person,  ///< nothing that the window can do
};
RemedyWay remedyWay(const Remedy& remedy);

/// Whether there is any point in offering it for this failure.
bool isUseful(const Remedy& remedy, const Failure& failure, const Configuration& configuration);

/// One sentence, without the options of the command line.
QString remedyText(const Remedy& remedy);
/// A few words, as in a menu: "Unroll “loop”".
QString stepText(const RemedyStep& step);
RemedyStep stepOf(const Remedy& remedy);

/// Null where it is not known (yet).
const Forecast* forecastOf(const Document& document, const Remedy& remedy);
/// "92 of 92 modules convert, about 1.6 times as fast"; empty where that is not known or no more would.
QString forecastText(const Document& document, const Remedy& remedy);
/// With the shape that looking ahead found in the data set's samples.
Remedy withForecast(const Document& document, Remedy remedy);

/// `configuration` with a remedy taken whose way is Apply: shapes, exclusions and precisions where the
/// convert panel has them, anything else as a step.
Configuration withRemedy(Configuration configuration, const Remedy& remedy);
/// `configuration` with these steps instead of its own; shapes that they pin become input shapes.
Configuration withSteps(Configuration configuration, const std::vector<RemedyStep>& steps);

/// Remedies of all failures that Lathe can take and that more might convert with, each once.
std::vector<Remedy> offeredRemedies(const Conversion& conversion);

}  // namespace lathe
