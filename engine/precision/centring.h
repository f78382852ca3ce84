// SPDX-License-Identifier: Apache-2.0
// The middle of each channel's range taken off the data of a product, and given to its bias:
// x W + b = (x - m) W + (b + m W). The model stays the same function, while the one scale that all channels
// share has to fit what varies and not how far from 0 each channel lies. What attention hands on is such
// data: an average over many tokens differs much between channels and little between tokens.
//
// The channel-wise shifting of Outlier Suppression+ (arXiv 2304.09145).
#pragma once

#include "engine/precision/bias_correction.h"

namespace lathe {

struct Centring {
  ValueId data;
  std::vector<NodeId> products;  ///< 8-bit MatMul and Gemm with bias that read it
  /// A bias whose numbers, one per channel, `data` bears as a sum: it takes the subtraction.
  std::optional<BiasPlace> source;
};

/// Data of 8-bit products with a range of its own.
std::vector<Centring> find_centring(const Graph& graph, const Int8Plan& plan);

/// Axes of the data, for channel_statistics.
ChannelAxes axes_of(const Graph& graph, const std::vector<Centring>& places);

/// How many times smaller the range of the whole tensor becomes; 1 where nothing is known.
double centring_gain(const ChannelStatistics& statistics);

/// How many times wider than what `samples` samples held a range is to be that centring made `gain` times
/// smaller. Far from 0 a range has slack for other samples; around the middle there is none, and the fewer
/// were seen the more of the next one lies beyond.
float headroom(double gain, size_t samples);

/// Changes biases of `graph`, and inserts a Sub where no bias in front takes the subtraction. Places that
/// would gain little are left alone. Returns the names of the tensors that are centred now, and their gains.
Result<std::map<std::string, double>> centre(Graph& graph, const std::vector<Centring>& places,
                                             const ChannelCalibration& statistics);

}  // namespace lathe
