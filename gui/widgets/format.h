// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them: three significant digits and a unit.
#pragma once

#include <QString>
#include <cstdint>
#include <span>

namespace lathe {

struct TypeInfo;

/// "740 ns", "12.3 ms", "1.25 s", "3 min 20 s".
QString formatDuration(double ns);
/// "812", "25.6 M"; "–" below zero (unknown), as with the next two.
QString formatCount(int64_t count);
/// "4.12 GFLOP".
QString formatFlops(int64_t flops);
/// Binary: "512 B", "97.5 MiB".
QString formatBytes(int64_t bytes);
/// "310 GFLOP/s" from operations per second.
QString formatFlopRate(double flopsPerSecond);
/// "12.8 GB/s", decimal as memory bandwidths are told.
QString formatByteRate(double bytesPerSecond);
/// "12.3 %", "0.04 %" of a fraction in 0..1.
QString formatPercent(double fraction);
/// A plain number with four significant digits: weights, scales.
QString formatReal(double value);

/// "1 × 3 × 224 × 224"; "scalar" for rank 0.
QString formatShape(std::span<const int64_t> shape);
/// Of a tensor, symbols by name: "batch × 3 × 224 × 224"; "any rank" where unknown, "" of no tensor.
QString formatShape(const TypeInfo& type);
/// "f32", "sequence of f32", "unknown type".
QString formatElement(const TypeInfo& type);

}  // namespace lathe
