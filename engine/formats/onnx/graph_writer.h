// SPDX-License-Identifier: Apache-2.0
// Graph -> GraphProto.
#pragma once

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "engine/formats/onnx/lathe_onnx.pb.h"
#include "engine/graph/graph.h"

namespace lathe {

/// The name each value of one graph bears in the file. Captured values bear the outer value's, whatever a
/// rename has made of either; names of a sub-graph's own values that would hide a captured one are changed.
class GraphNames {
 public:
  explicit GraphNames(const Graph& graph);
  GraphNames(const Graph& graph, const GraphNames& outer);
  const std::string& operator[](ValueId id) const;

 private:
  std::vector<std::string> names_;
  std::unordered_set<std::string> visible_;  ///< here and in the graphs around
};

/// Everything but the main graph's initializers, which the caller streams; sub-graphs are complete.
Status write_graph(const Graph& graph, const GraphNames& names, onnx::GraphProto& proto);

void write_metadata(const std::map<std::string, std::string>& metadata,
                    google::protobuf::RepeatedPtrField<onnx::StringStringEntryProto>& props);

}  // namespace lathe
