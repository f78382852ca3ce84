// SPDX-License-Identifier: Apache-2.0
// What became of a module in the conversion, why, and what to do about it, as rows of the inspector's pages.
#pragma once

#include "gui/document/document.h"
#include "gui/views/html_page.h"

namespace lathe {

/// With links remedy:<module index>:<number> where the window can take a remedy.
void conversionRows(const Document& document, ModuleId module, HtmlPage& page);

}  // namespace lathe
