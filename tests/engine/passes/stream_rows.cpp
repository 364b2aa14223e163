// stream_rows: which tensors are handed on by lines.
#include <gtest/gtest.h>

#include "engine/fused_rows.h"
#include "runtime/cpu.h"
#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

constexpr std::int64_t kSide = 16;
// Channels of an image that the L2 does not hold.
std::int64_t many() {
  const auto pixels = static_cast<std::size_t>(kSide * kSide) * sizeof(float);
  return static_cast<std::int64_t>(cache_sizes().l2 / pixels) + 8;
}

// The names of the nodes that hand on lines.
Names handing(const GraphBuilder& b) {
  Graph graph = b.build();
  run_pass(graph, "choose_layout");
  run_pass(graph, "stream_rows");
  Names names;
  for (const Node& node : graph.nodes) {
    if (node.hints.streams_rows) names.push_back(node.name);
  }
  return names;
}

TEST(ChainSteps, HandsOnWhatTheCacheDoesNotHold) {
  GraphBuilder b;
  ValueId x = b.conv("wide", b.input("image", {1, 4, kSide, kSide}), {many(), 4, 1, 1});
  x = b.conv("depthwise", x, {many(), 1, 3, 3}, {{"group", many()}, {"pads", ints({1, 1, 1, 1})}});
  x = b.conv("narrow", x, {4, many(), 1, 1});
  b.output(b.conv("small", x, {4, 4, 1, 1}));
  EXPECT_EQ(handing(b), (Names{"wide", "depthwise"}));
  Graph graph = b.build();
  run_pass(graph, "choose_layout");
  const PassLog log = run_pass(graph, "stream_rows");
  EXPECT_EQ(log.rewrites, 2);
  EXPECT_NE(joined_lines(log).find("node 'wide' (Conv) to node 'depthwise' (Conv)"), std::string::npos);
  EXPECT_NE(print(graph).find(" by lines"), std::string::npos);
}

TEST(ChainSteps, CountsOneImage) {
  GraphBuilder b;
  const ValueId x = b.conv("wide", b.input("image", {64, 4, kSide, kSide}), {many() / 32, 4, 1, 1});
  b.output(b.conv("narrow", x, {4, many() / 32, 1, 1}));
  EXPECT_EQ(handing(b), Names{});
}

TEST(ChainSteps, LeavesWhatOthersRead) {
  GraphBuilder b;
  const ValueId x = b.conv("wide", b.input("image", {1, 4, kSide, kSide}), {many(), 4, 1, 1});
  b.output(b.conv("narrow", x, {4, many(), 1, 1}));
  b.output(b.conv("other", x, {4, many(), 1, 1}));
  EXPECT_EQ(handing(b), Names{});
  GraphBuilder seen;
  const ValueId output = seen.conv("wide", seen.input("image", {1, 4, kSide, kSide}), {many(), 4, 1, 1});
  seen.output(seen.conv("narrow", output, {4, many(), 1, 1}));
  seen.output(output);
  EXPECT_EQ(handing(seen), Names{});
}

// A model may name any height, and a chain looks at every line when it is made.
TEST(ChainSteps, LeavesMoreLinesThanOneCouldLookAt) {
  for (const std::int64_t lines :
       {std::int64_t{1} << 20, (std::int64_t{1} << 20) + 1, std::int64_t{1} << 31}) {
    GraphBuilder b;
    const ValueId x = b.conv("wide", b.input("image", {1, 1, lines, 1}), {64, 1, 1, 1});
    b.output(b.conv("narrow", x, {1, 64, 1, 1}));
    EXPECT_EQ(handing(b), lines <= FusedRows::kMaxRows ? Names{"wide"} : Names{}) << lines;
  }
}

// A 3×3 convolution of all channels reads lines that its algorithm takes as a whole image.
TEST(ChainSteps, LeavesReadersOfWholeImages) {
  GraphBuilder b;
  const ValueId x = b.conv("wide", b.input("image", {1, 4, kSide, kSide}), {many(), 4, 1, 1});
  b.output(b.conv("square", x, {4, many(), 3, 3}));
  EXPECT_EQ(handing(b), Names{});
}

}  // namespace
}  // namespace godwit::engine
