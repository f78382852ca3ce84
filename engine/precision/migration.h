// SPDX-License-Identifier: Apache-2.0
// Ranges moved along a channel: what makes a tensor is divided by a number per channel and what multiplies it
// takes the number on. The model stays the same function, while channels of very different size, of which one
// scale for all fits only the largest, come nearer to each other.
//
// As SmoothQuant has it: s = sqrt(largest activation of the channel / largest weight that multiplies it).
#pragma once

#include "engine/precision/channel_statistics.h"
#include "engine/precision/int8_plan.h"

namespace lathe {

/// A constant input of a node whose axis bears the channels.
struct ChannelConstant {
  NodeId node;
  size_t input = 0;
  size_t axis = 0;
};

struct Migration {
  ValueId between;           ///< the tensor whose channels change
  int64_t channel_axis = 0;  ///< of it; -1: the last
  std::vector<ChannelConstant> divided, multiplied;
};

/// LayerNormalization whose result only 8-bit products read (transformers that normalise first).
std::vector<Migration> find_smoothing(const Graph& graph, const Int8Plan& plan);

/// One 8-bit product after another, nothing or Relu in between: equalisation of weights across layers.
std::vector<Migration> find_equalisation(const Graph& graph, const Int8Plan& plan);

/// Axes of the tensors between, for channel_statistics.
ChannelAxes axes_of(const Graph& graph, const std::vector<Migration>& migrations);

/// The number of each channel: 1 where activation or weights are 0 throughout.
std::vector<float> migration_scales(const std::vector<float>& activation, const std::vector<float>& weights);

/// Changes constants of `graph` (by new ones: others may read the old). Returns in how many places; a place
/// without statistics or with other shapes is left alone.
Result<size_t> migrate(Graph& graph, const std::vector<Migration>& migrations,
                       const ChannelCalibration& statistics);

}  // namespace lathe
