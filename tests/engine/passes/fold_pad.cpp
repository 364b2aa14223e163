// fold_pad: zero padding moves into windows, where that means the same.
#include <algorithm>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

using Attributes = GraphBuilder::Attributes;

// x (1, 2, 6, 6) → [Relu] → Pad → Conv or MaxPool, written to `graph_`.
struct PadCase {
  std::initializer_list<std::int64_t> pads = {0, 0, 1, 1, 0, 0, 1, 1};
  bool relu = false;
  bool pool = false;
  Attributes window = {};
  float value = 0;
  std::string mode = "constant";

  Graph graph() const {
    GraphBuilder b;
    ValueId x = b.input("x", {1, 2, 6, 6});
    if (relu) x = b.node("Relu", "relu", {x});
    const ValueId padded =
        b.node("Pad", "pad", {x, b.integers("pads", pads), b.number("value", value)}, {{"mode", mode}});
    Attributes attributes = window;
    if (pool) attributes.emplace_back("kernel_shape", ints({3, 3}));
    b.output(pool ? b.node("MaxPool", "window", {padded}, attributes)
                  : b.conv("window", padded, {3, 2, 3, 3}, attributes));
    return b.build();
  }
};

void expect_folded(const PadCase& example, const std::vector<std::int64_t>& pads) {
  Graph graph = example.graph();
  EXPECT_EQ(run_pass(graph, "fold_pad").rewrites, 1);
  const Node& window = node_named(graph, "window");
  EXPECT_EQ(graph.producers()[static_cast<std::size_t>(window.inputs[0])], example.relu ? 0 : kNoNode);
  const auto folded = window.attributes.integers("pads");
  EXPECT_EQ(std::vector(folded.begin(), folded.end()), pads);
  EXPECT_EQ(window.origins, (Names{"pad", "window"}));
  expect_pass_keeps_results(example.graph(), "fold_pad", {whole_numbers({1, 2, 6, 6}, 3)});
}

void expect_left(const PadCase& example, std::string_view reason) {
  Graph graph = example.graph();
  const PassLog log = run_pass(graph, "fold_pad");
  EXPECT_EQ(log.rewrites, 0);
  EXPECT_NE(joined_lines(log).find(reason), std::string::npos) << joined_lines(log);
  EXPECT_EQ(std::ranges::count(ops_of(graph), "Pad"), 1);
  expect_pass_keeps_results(example.graph(), "fold_pad", {whole_numbers({1, 2, 6, 6}, 3)});
}

TEST(FoldPad, IntoAConvolution) {
  expect_folded({}, {1, 1, 1, 1});
  expect_folded({.pads = {0, 0, 0, 1, 0, 0, 2, 3}}, {0, 1, 2, 3});
  expect_folded({.window = {{"pads", ints({1, 2, 3, 4})}}}, {2, 3, 4, 5});
  expect_folded({.window = {{"auto_pad", std::string("VALID")}, {"strides", ints({2, 2})}}}, {1, 1, 1, 1});
}

TEST(FoldPad, IntoMaxPoolBehindRelu) {
  expect_folded({.relu = true, .pool = true, .window = {{"strides", ints({2, 2})}}}, {1, 1, 1, 1});
  expect_folded({.pads = {0, 0, 2, 2, 0, 0, 2, 2}, .relu = true, .pool = true}, {2, 2, 2, 2});
}

TEST(FoldPad, KnowsAClampThatWasFusedBefore) {
  GraphBuilder b;
  const ValueId conv = b.conv("conv", b.input("x", {1, 2, 6, 6}), {2, 2, 1, 1});
  const ValueId clip = b.node("Clip", "clip", {conv, b.number("low", 0), b.number("high", 6)});
  const ValueId padded = b.node("Pad", "pad", {clip, b.integers("pads", {0, 0, 1, 1, 0, 0, 1, 1})});
  b.output(b.node("MaxPool", "pool", {padded}, {{"kernel_shape", ints({3, 3})}}));
  Graph graph = b.build();
  run_pass(graph, "fuse_activation");
  EXPECT_EQ(run_pass(graph, "fold_pad").rewrites, 1);
}

TEST(FoldPad, LeavesMaxPoolWherePaddingCouldShow) {
  expect_left({.pool = true}, "its input may be negative");
  expect_left({.pads = {0, 0, 3, 0, 0, 0, 0, 0}, .relu = true, .pool = true}, "wholly in the padding");
  expect_left({.relu = true, .pool = true, .window = {{"pads", ints({2, 2, 0, 0})}}},
              "wholly in the padding");
  expect_left({.relu = true, .pool = true, .window = {{"dilations", ints({2, 2})}}}, "dilated");
  expect_left({.relu = true, .pool = true, .window = {{"ceil_mode", std::int64_t{1}}}}, "ceil_mode");
}

TEST(FoldPad, LeavesWhatIsNotZeroPaddingOfSpatialAxes) {
  expect_left({.value = 1}, "something else than zero");
  expect_left({.mode = "reflect"}, "something else than zero");
  expect_left({.mode = "edge"}, "something else than zero");
  expect_left({.pads = {1, 0, 1, 1, 0, 0, 1, 1}}, "more than spatial axes");
  expect_left({.pads = {0, 0, -1, 1, 0, 0, 1, 1}}, "cuts");
  expect_left({.window = {{"auto_pad", std::string("SAME_UPPER")}}}, "auto_pad");
}

TEST(FoldPad, OfNamedAxes) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 2, 6, 6});
  const ValueId padded =
      b.node("Pad", "pad", {x, b.integers("pads", {1, 2}), kNoValue, b.integers("axes", {-1})});
  b.output(b.conv("conv", padded, {3, 2, 3, 3}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fold_pad").rewrites, 1);
  const auto pads = graph.nodes[0].attributes.integers("pads");
  EXPECT_EQ(std::vector(pads.begin(), pads.end()), ints({0, 1, 0, 2}));
  expect_pass_keeps_results(b.build(), "fold_pad", {whole_numbers({1, 2, 6, 6}, 3)});
}

TEST(FoldPad, KeepsThePadForOtherReaders) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 2, 6, 6});
  const ValueId padded = b.node("Pad", "pad", {x, b.integers("pads", {0, 0, 1, 1, 0, 0, 1, 1})});
  b.output(b.conv("conv", padded, {3, 2, 3, 3})).output(b.node("Relu", "relu", {padded}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fold_pad").rewrites, 1);
  EXPECT_EQ(ops_of(graph), (Names{"Pad", "Conv", "Relu"}));
  EXPECT_EQ(node_named(graph, "conv").origins, Names{"conv"}) << "the pad's work is still the pad's";
  expect_pass_keeps_results(b.build(), "fold_pad", {whole_numbers({1, 2, 6, 6}, 3)});
}

}  // namespace
}  // namespace godwit::engine
