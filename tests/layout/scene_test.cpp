// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <gtest/gtest.h>

#include "profiler/layout/scene_index.h"

namespace lathe {
namespace {

/// `blocks` modules "layers.k" of `size` nodes each in a chain, with a skip around each; weights and a
/// Constant node between.
Model chain_model(int blocks, int size) {
  Model model;
  GraphEditor editor(model.graph);
  ValueId last = editor.add_input("x", TypeInfo::tensor(ElementType::f32));
  for (int b = 0; b < blocks; ++b) {
    const ModuleId module = model.modules.add("layers." + std::to_string(b));
    const ModuleId inner = model.modules.add("layers." + std::to_string(b) + ".inner");
    const ValueId skip = last;
    for (int i = 0; i < size; ++i) {
      Node node;
      node.op_type = i + 1 == size ? "Add" : "Relu";
      node.inputs = {last};
      if (i + 1 == size) node.inputs.push_back(skip);
      node.outputs = {last = editor.add_value("")};
      node.module = i % 2 == 0 ? module : inner;
      const ModuleId owner = node.module;
      const NodeId id = editor.add_node(std::move(node));
      model.modules.edit(owner).nodes.push_back(id);
    }
  }
  editor.add_output(last);
  return model;
}

void expect_sound(const SceneLayout& scene) {
  for (size_t i = 0; i < scene.boxes.size(); ++i) {
    const SceneBox& box = scene.boxes[i];
    if (box.parent >= 0) {
      EXPECT_LT(box.parent, static_cast<int>(i));
      EXPECT_TRUE(scene.boxes[static_cast<size_t>(box.parent)].rect.contains(box.rect));
    }
    for (size_t k = i + 1; k < scene.boxes.size(); ++k) {
      if (scene.boxes[k].parent == box.parent) {
        EXPECT_FALSE(scene.boxes[k].rect.overlaps(box.rect)) << box.title << " " << scene.boxes[k].title;
      }
    }
  }
  for (const SceneEdge& edge : scene.edges) {
    ASSERT_GE(edge.points.size(), 2u);
    EXPECT_TRUE(scene.boxes[static_cast<size_t>(edge.from)].rect.contains(edge.points.front()));
    EXPECT_TRUE(scene.boxes[static_cast<size_t>(edge.to)].rect.contains(edge.points.back()));
    EXPECT_NE(scene.boxes[static_cast<size_t>(edge.from)].kind, SceneBox::Kind::frame);
  }
}

TEST(Scene, ClosedModulesAreOneBox) {
  const Model model = chain_model(4, 6);
  const SceneLayout scene = layout_scene(model, {}).value();
  ASSERT_EQ(scene.boxes.size(), 3u);  // x, layers, output
  EXPECT_EQ(scene.boxes[2].title, "layers");
  EXPECT_EQ(scene.boxes[2].node_count, 24u);
  EXPECT_EQ(scene.edges.size(), 2u);
  EXPECT_EQ(scene.box_of(NodeId(size_t{5})), 2);
  expect_sound(scene);
}

TEST(Scene, OpenModulesAreFramesAndEdgesPassThem) {
  const Model model = chain_model(4, 6);
  SceneOptions options;
  for (const char* path : {"layers", "layers.1", "layers.2", "layers.2.inner"})
    options.expanded.insert(*model.modules.find(path));
  const SceneLayout scene = layout_scene(model, options).value();
  expect_sound(scene);
  size_t frames = 0;
  for (const SceneBox& box : scene.boxes) frames += box.kind == SceneBox::Kind::frame ? 1 : 0;
  EXPECT_EQ(frames, 4u);
  EXPECT_EQ(layout_scene(model, options)->edges.back().points, scene.edges.back().points);
}

TEST(Scene, FlatShowsEveryNode) {
  const Model model = chain_model(4, 6);
  SceneOptions options;
  options.flat = true;
  const SceneLayout scene = layout_scene(model, options).value();
  EXPECT_EQ(scene.boxes.size(), 26u);
  EXPECT_EQ(scene.edges.size(), 24u + 4u + 1u);
  expect_sound(scene);
}

TEST(Scene, HiddenAncestorsHideOpenModules) {
  const Model model = chain_model(2, 4);
  SceneOptions options;
  options.expanded = {*model.modules.find("layers.1")};
  EXPECT_EQ(layout_scene(model, options)->boxes.size(), 3u);
}

TEST(SceneIndex, AgreesWithLooking) {
  const Model model = chain_model(30, 10);
  SceneOptions options;
  options.flat = true;
  const SceneLayout scene = layout_scene(model, options).value();
  const SceneIndex index(scene);
  for (size_t i = 0; i < scene.boxes.size(); ++i) {
    const Rect& r = scene.boxes[i].rect;
    EXPECT_EQ(index.box_at(scene, {r.center_x(), r.y + r.height / 2}), static_cast<int>(i));
  }
  EXPECT_EQ(index.box_at(scene, {-100, -100}), -1);
  EXPECT_EQ(index.boxes_in(scene, {0, 0, scene.width, scene.height}).size(), scene.boxes.size());
  EXPECT_EQ(index.edges_in(scene, {0, 0, scene.width, scene.height}).size(), scene.edges.size());
  const std::vector<Point>& line = scene.edges[7].points;
  const Point middle{(line[0].x + line[1].x) / 2 + 1, (line[0].y + line[1].y) / 2};
  const int found = index.edge_at(scene, middle, 5);
  ASSERT_GE(found, 0);
  EXPECT_LE(distance_to(scene.edges[static_cast<size_t>(found)].points, middle), 1.0);
}

TEST(Scene, HundredThousandNodesByModuleInTime) {
  const Model model = chain_model(1000, 100);
  SceneOptions options;
  options.expanded = {*model.modules.find("layers")};
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(layout_scene(model, options).ok());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  RecordProperty("milliseconds", static_cast<int>(seconds * 1000));
#ifdef NDEBUG
  EXPECT_LT(seconds, 1.0);
#endif
}

}  // namespace
}  // namespace lathe
