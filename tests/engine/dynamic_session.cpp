// One model on inputs of many shapes: same bits as a plan of its own, memory within the limit.
#include "engine/dynamic_session.h"

#include <gtest/gtest.h>
#include <random>

#include "tests/engine/helpers.h"
#include "tests/support/random.h"

namespace godwit::engine {
namespace {

// Images of any size: a convolution, and twice their size again.
Graph network() {
  GraphBuilder b;
  Graph& graph = b.graph();
  const ValueId x = b.input("image", {graph.symbol("N"), 3, graph.symbol("H"), graph.symbol("W")});
  const ValueId w = b.constant("w", support::random_tensor({8, 3, 3, 3}, 4));
  const ValueId y = b.node("Relu", "relu", {b.node("Conv", "conv", {x, w}, {{"pads", ints({1, 1, 1, 1})}})});
  b.output(b.node("MaxPool", "pool", {y}, {{"kernel_shape", ints({2, 2})}, {"strides", ints({2, 2})}}));
  return b.build();
}

TEST(DynamicSession, GivesTheBitsOfAPlanForEachShape) {
  const Graph graph = network();
  DynamicSession session(compile(graph), {.threads = 1});
  std::mt19937 random(7);
  std::uniform_int_distribution<std::int64_t> side(2, 40), batch(1, 3);
  for (unsigned i = 0; i < 40; ++i) {
    const Shape shape{batch(random), 3, side(random), side(random)};
    const Tensor image = support::random_tensor(shape, i);
    const auto alone = compile(graph, {.shapes = {{"image", shape}}});
    const std::vector<Tensor> expected = run_plan(alone, {image});
    const auto results = session.run({&image, 1});
    ASSERT_EQ(results.size(), 1U);
    EXPECT_TRUE(same_bytes(results[0], expected[0])) << shape.to_string();
    EXPECT_EQ(results[0].shape(), expected[0].shape());
  }
}

TEST(DynamicSession, KeepsWhatWasUsedLatelyWithinItsLimit) {
  constexpr std::size_t kLimit = 200'000;
  DynamicSession session(compile(network()), {.threads = 1}, kLimit);
  const auto run = [&](std::int64_t side) {
    const Tensor image = support::random_tensor({1, 3, side, side}, 1);
    session.run({&image, 1});
    return session.counts().compiled;
  };
  EXPECT_EQ(run(16), 1);
  EXPECT_EQ(run(17), 2);
  EXPECT_EQ(run(16), 2) << "kept";
  for (std::int64_t side = 18; side < 60; ++side) {
    run(side);
    run(16);
    EXPECT_LE(session.counts().bytes, kLimit) << side;
  }
  EXPECT_GT(session.counts().dropped, 0);
  EXPECT_EQ(session.counts().compiled, 2 + 42) << "the size between all others was never dropped";
  EXPECT_EQ(run(17), 2 + 42 + 1) << "the oldest was";
  // One that is larger than the limit still runs.
  run(200);
  EXPECT_EQ(session.counts().sessions, 1U);
  EXPECT_GT(session.counts().bytes, kLimit);
}

TEST(DynamicSession, RefusalsLeaveItUsable) {
  DynamicSession session(compile(network()), {.threads = 1});
  const Tensor image = support::random_tensor({1, 3, 8, 8}, 1),
               wide = support::random_tensor({1, 4, 8, 8}, 1);
  session.run({&image, 1});
  EXPECT_EQ(error_of([&] { session.run({}); }), "0 inputs are given, expected 1");
  EXPECT_NE(error_of([&] { session.run({&wide, 1}); }), "");
  EXPECT_EQ(session.counts().sessions, 1U);
  session.run({&image, 1});
  EXPECT_EQ(session.counts().compiled, 1);
}

}  // namespace
}  // namespace godwit::engine
