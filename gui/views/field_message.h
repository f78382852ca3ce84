// SPDX-License-Identifier: Apache-2.0
// How forms say that a field is wrong, and how their headings look: the same everywhere.
#pragma once

class QLabel;
class QLineEdit;
class QString;
class QWidget;

namespace lathe {

/// A red border for the field and a red line below it, or back to plain. Call again when the palette changes.
void markField(QLineEdit* field, QLabel* message, bool isProblem);
/// A bold line above a group of controls.
QLabel* makeHeading(const QString& text, QWidget* parent);
/// Secondary text that wraps.
QLabel* makeHint(const QString& text, QWidget* parent);

}  // namespace lathe
