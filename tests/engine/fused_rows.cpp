// Chains: the same bits as step by step, whatever is cut off by strips, threads and images, and what lies in
// memory meanwhile.
#include "engine/fused_rows.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/session.h"
#include "runtime/cpu.h"
#include "tests/engine/helpers.h"
#include "tests/support/random.h"

namespace godwit::engine {
namespace {

constexpr std::int64_t kSide = 24;
// Channels with which a line of kSide pixels is so large that the L2 does not hold a whole image.
std::int64_t many() {
  const auto pixels = static_cast<std::size_t>(kSide * kSide) * sizeof(float);
  return static_cast<std::int64_t>(cache_sizes().l2 / pixels / 16 + 1) * 16 + 3;
}

struct Depthwise {
  std::int64_t kernel = 3, stride = 1, pad = 1, dilation = 1;
};

class Network : public GraphBuilder {
 public:
  ValueId pointwise(const std::string& name, ValueId x, std::int64_t from, std::int64_t to) {
    const ValueId w = constant(name + ".w", support::random_tensor({to, from, 1, 1}, ++seed_, -0.2, 0.2));
    const ValueId b = constant(name + ".b", support::random_tensor({to}, ++seed_));
    return node("Conv", name, {x, w, b});
  }
  ValueId depthwise(const std::string& name, ValueId x, std::int64_t channels, const Depthwise& d) {
    const ValueId w =
        constant(name + ".w", support::random_tensor({channels, 1, d.kernel, d.kernel}, ++seed_));
    return node("Relu", name + ".relu",
                {node("Conv", name, {x, w},
                      {{"group", channels},
                       {"strides", ints({d.stride, d.stride})},
                       {"pads", ints({d.pad, d.pad, d.pad, d.pad})},
                       {"dilations", ints({d.dilation, d.dilation})}})});
  }

 private:
  int seed_ = 0;
};

// An inverted residual block: expand, depthwise, project, and the block's input added where shapes allow.
Graph block(const Depthwise& depthwise, bool residual) {
  Network b;
  const ValueId x = b.pointwise("stem", b.input("image", {kAnyDim, 3, kSide, kSide}), 3, 8);
  const ValueId wide = b.node("Relu", "expand.relu", {b.pointwise("expand", x, 8, many())});
  ValueId y = b.pointwise("project", b.depthwise("depthwise", wide, many(), depthwise), many(), 8);
  if (residual) y = b.node("Add", "sum", {y, x});
  b.output(b.node("GlobalAveragePool", "mean", {b.node("Relu", "last", {y})}));
  return b.build();
}

std::shared_ptr<const Plan> plan_of(const Graph& graph, std::int64_t batch, bool chains) {
  CompileOptions options;
  options.shapes = {{"image", {batch, 3, kSide, kSide}}};
  if (!chains) options.disabled_passes = {"stream_rows"};
  return compile(graph, options);
}

TEST(FusedRows, GivesTheBitsOfSingleSteps) {
  const Depthwise sizes[] = {{},           {3, 2, 1, 1}, {3, 2, 0, 1}, {5, 1, 2, 1},
                             {5, 2, 2, 1}, {3, 1, 2, 2}, {1, 1, 0, 1}, {2, 3, 0, 1}};
  for (const Depthwise& size : sizes) {
    const Graph graph = block(size, false);
    for (const std::int64_t batch : {1, 3}) {
      const auto chained = plan_of(graph, batch, true);
      ASSERT_FALSE(chained->fused_rows().empty());
      const std::vector<Tensor> inputs{support::random_tensor({batch, 3, kSide, kSide}, 7)};
      const std::vector<Tensor> expected = run_plan(plan_of(graph, batch, false), inputs);
      for (const int threads : {1, 2, 3, 7}) {
        SCOPED_TRACE(fmt::format("{}x{}/{} pad {}, {} images, {} threads", size.kernel, size.kernel,
                                 size.stride, size.pad, batch, threads));
        EXPECT_TRUE(same_bytes(run_plan(chained, inputs, threads)[0], expected[0]));
      }
    }
  }
}

// The block's input is read again as the residual, beside lines that a neighbour still expands from it.
TEST(FusedRows, KeepsWhatAllItsLinksRead) {
  const Graph graph = block({}, true);
  const auto chained = plan_of(graph, 2, true);
  ASSERT_EQ(chained->fused_rows().size(), 1U);
  const FusedRows& chain = chained->fused_rows()[0];
  const Step& last = chained->steps()[chain.last() - 1];
  ASSERT_EQ(last.src.back().kind, Slot::Kind::arena);
  EXPECT_EQ(last.src.back().offset, chained->steps()[chain.first()].src[0].offset);
  EXPECT_NE(last.src.back().offset, last.dst[0].offset);
  const std::vector<Tensor> inputs{support::random_tensor({2, 3, kSide, kSide}, 7)};
  const std::vector<Tensor> expected = run_plan(plan_of(graph, 2, false), inputs);
  for (int round = 0; round < 20; ++round)
    EXPECT_TRUE(same_bytes(run_plan(chained, inputs, 4)[0], expected[0]));
}

TEST(FusedRows, NeedsNoRoomInTheArena) {
  const Graph graph = block({}, true);
  const auto chained = plan_of(graph, 1, true), single = plan_of(graph, 1, false);
  const std::size_t wide = static_cast<std::size_t>(many() * kSide * kSide) * sizeof(float);
  EXPECT_GE(single->memory().arena_bytes, wide);
  EXPECT_LT(chained->memory().arena_bytes, wide / 4);
  const FusedRows& chain = chained->fused_rows()[0];
  EXPECT_EQ(chain.last() - chain.first(), 3U);
  EXPECT_GE(chained->memory().worker_scratch_bytes, chain.scratch_bytes());
  EXPECT_LT(chain.buffer_bytes(), wide);
  for (std::size_t i = chain.first(); i + 1 < chain.last(); ++i) {
    EXPECT_EQ(chained->steps()[i].dst[0].kind, Slot::Kind::none);
    EXPECT_EQ(chained->steps()[i + 1].src[0].kind, Slot::Kind::none);
  }
}

TEST(FusedRows, EveryLinkIsTimedAndRunsAlone) {
  const auto plan = plan_of(block({}, true), 1, true);
  Session session(plan, {.threads = 2, .profile = true});
  const std::vector<Tensor> inputs{support::random_tensor({1, 3, kSide, kSide}, 7)};
  const Tensor before = copy_of(session.run(inputs)[0]);
  for (const StepTime& time : session.profile()) EXPECT_GT(time.seconds, 0);
  for (std::size_t i = 0; i < plan->steps().size(); ++i) {
    session.run_steps(i, i + 1);
    session.run_steps(0, i);
  }
  EXPECT_TRUE(same_bytes(session.run(inputs)[0], before));
}

TEST(FusedRows, DividesImagesToo) {
  const Graph graph = block({}, true);
  const auto chained = plan_of(graph, 5, true);
  const std::vector<Tensor> inputs{support::random_tensor({5, 3, kSide, kSide}, 7)};
  const std::vector<Tensor> expected = run_plan(plan_of(graph, 5, false), inputs);
  for (const BatchSchedule schedule : possible_schedules(*chained, 2)) {
    Session session(chained, {.threads = 2, .schedule = schedule});
    for (int run = 0; run < 2; ++run) {
      EXPECT_TRUE(same_bytes(session.run(inputs)[0], expected[0])) << name_of(schedule);
      session.run_steps(0, chained->steps().size());
    }
  }
}

}  // namespace
}  // namespace godwit::engine
